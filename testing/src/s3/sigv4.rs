//! A signer of S3 requests (SigV4), written from the specification for hand-made requests: headers, presigned URLs,
//! chunks and trailers. Source: S3 "Authenticating Requests (AWS Signature Version 4)".

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const WITH_SLASH: &AsciiSet = &UNRESERVED.remove(b'/');

/// Who signs, for which region, and at what time.
#[derive(Clone)]
pub struct Signer {
    pub id: String,
    pub secret: String,
    pub region: String,
    pub service: String,
    pub at: OffsetDateTime,
    /// Date of the scope, where it is to differ from the time.
    pub scope_date: Option<String>,
}

impl Signer {
    pub fn new(id: &str, secret: &str) -> Self {
        Self {
            id: id.into(),
            secret: secret.into(),
            region: "ca-east-1".into(),
            service: "s3".into(),
            at: OffsetDateTime::now_utc(),
            scope_date: None,
        }
    }

    /// The same signer with its clock moved.
    pub fn shifted(&self, by: Duration) -> Self {
        Self { at: self.at + by, ..self.clone() }
    }

    pub fn timestamp(&self) -> String {
        let at = self.at;
        format!("{}T{:02}{:02}{:02}Z", self.date(), at.hour(), at.minute(), at.second())
    }

    /// Adds `x-amz-date`, `x-amz-content-sha256` and `authorization` to `headers`, which hold `host` already.
    /// Gives the signature, from which those of chunks follow.
    pub fn sign(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &mut Vec<(String, String)>,
        payload: &str,
    ) -> String {
        headers.push(("x-amz-date".into(), self.timestamp()));
        headers.push(("x-amz-content-sha256".into(), payload.into()));
        let mut signed: Vec<(String, String)> = headers.clone();
        signed.sort();
        let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let canonical = canonical(method, path, &query_string(query), &signed, &names, payload);
        let signature = self.signature(&self.string_to_sign(&canonical));
        headers.push((
            "authorization".into(),
            format!(
                "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={names}, Signature={signature}",
                self.id,
                self.scope()
            ),
        ));
        signature
    }

    /// Path and query of a presigned URL.
    pub fn presign(&self, method: &str, host: &str, path: &str, expires: &str, more: &[(&str, &str)]) -> String {
        let credential = format!("{}/{}", self.id, self.scope());
        let date = self.timestamp();
        let mut query = vec![
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", credential.as_str()),
            ("X-Amz-Date", date.as_str()),
            ("X-Amz-Expires", expires),
            ("X-Amz-SignedHeaders", "host"),
        ];
        query.extend_from_slice(more);
        let query = query_string(&query);
        let headers = [("host".to_owned(), host.to_owned())];
        let canonical = canonical(method, path, &query, &headers, "host", "UNSIGNED-PAYLOAD");
        let signature = self.signature(&self.string_to_sign(&canonical));
        format!("{}?{query}&X-Amz-Signature={signature}", encode_path(path))
    }

    /// The signature of a chunk, after the one before.
    pub fn chunk(&self, before: &str, data: &[u8]) -> String {
        self.signature(&format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{before}\n{}\n{}",
            self.timestamp(),
            self.scope(),
            sha256(b""),
            sha256(data)
        ))
    }

    /// The signature of the trailers (`name:value\n` each), after that of the last chunk.
    pub fn trailer(&self, before: &str, trailers: &str) -> String {
        self.signature(&format!(
            "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{before}\n{}",
            self.timestamp(),
            self.scope(),
            sha256(trailers.as_bytes())
        ))
    }

    fn date(&self) -> String {
        format!("{:04}{:02}{:02}", self.at.year(), u8::from(self.at.month()), self.at.day())
    }

    fn scope(&self) -> String {
        let date = self.scope_date.clone().unwrap_or_else(|| self.date());
        format!("{date}/{}/{}/aws4_request", self.region, self.service)
    }

    fn string_to_sign(&self, canonical: &str) -> String {
        format!("AWS4-HMAC-SHA256\n{}\n{}\n{}", self.timestamp(), self.scope(), sha256(canonical.as_bytes()))
    }

    fn signature(&self, text: &str) -> String {
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for field in self.scope().split('/') {
            key = hmac(&key, field.as_bytes());
        }
        hex::encode(hmac(&key, text.as_bytes()))
    }
}

/// The request target for `path` and `query`.
pub fn target(path: &str, query: &[(&str, &str)]) -> String {
    let path = encode_path(path);
    if query.is_empty() { path } else { format!("{path}?{}", query_string(query)) }
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn canonical(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(String, String)],
    names: &str,
    payload: &str,
) -> String {
    let tidy = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
    let headers: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", tidy(value))).collect();
    format!("{method}\n{}\n{query}\n{headers}\n{names}\n{payload}", encode_path(path))
}

fn query_string(query: &[(&str, &str)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let mut pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.sort();
    pairs.join("&")
}

fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, WITH_SLASH).to_string()
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}
