//! Signs a request to Azure once more, after a header was added to it: each of `Content-MD5` and `x-ms-…` is part of what a
//! Shared Key signs, and `object_store` signs before the connector sees the request.
//!
//! Source: "Authorize with Shared Key", for requests without a query.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};

use crate::secret::SecretBytes;

/// The key of an account.
pub(super) struct AzureKey {
    account: String,
    key: SecretBytes,
}

impl fmt::Debug for AzureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AzureKey")
    }
}

impl AzureKey {
    pub(super) fn new(account: String, key: SecretBytes) -> Self {
        Self { account, key }
    }

    /// Replaces the signature of a request that has none but text headers and no query; `None`: it is not such a one.
    pub(super) fn sign<B>(&self, request: &mut Request<B>) -> Option<()> {
        if request.uri().query().is_some() {
            return None;
        }
        let text = self.text(request.method(), request.uri().path(), request.headers())?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.key.expose()), text.as_bytes());
        let signed = format!("SharedKey {}:{}", self.account, BASE64_STANDARD.encode(tag));
        let mut value = HeaderValue::from_str(&signed).ok()?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Some(())
    }

    fn text(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<String> {
        let mut text = String::from(method.as_str());
        for name in SIGNED {
            text.push('\n');
            let value = headers.get(name).map(HeaderValue::to_str).transpose().ok()?.unwrap_or_default();
            if !(name == "content-length" && value == "0") {
                text.push_str(value);
            }
        }
        text.push('\n');
        let of_azure = |name: &&HeaderName| name.as_str().starts_with("x-ms-");
        let mut names: Vec<&HeaderName> = headers.keys().filter(of_azure).collect();
        names.sort_unstable_by_key(|name| name.as_str());
        for name in names {
            text.push_str(&format!("{name}:{}\n", headers.get(name)?.to_str().ok()?.trim()));
        }
        text.push_str(&format!("/{}{path}", self.account));
        Some(text)
    }
}

/// The headers that are signed by their place, in order.
const SIGNED: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_one_that_microsoft_shows() {
        let key = AzureKey::new("myaccount".into(), SecretBytes::new(vec![1; 32]));
        let mut request = Request::put("https://myaccount.blob.core.windows.net/mycontainer/ab/cd").body(()).unwrap();
        for (name, value) in [
            ("content-length", "11"),
            ("content-md5", "XrY7u+Ae7tCTyyK7j1rNww=="),
            ("content-type", "text/plain"),
            ("x-ms-version", "2015-02-21"),
            ("x-ms-blob-type", "BlockBlob"),
            ("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"),
        ] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let text = key.text(request.method(), request.uri().path(), request.headers()).unwrap();
        assert_eq!(
            text,
            "PUT\n\n\n11\nXrY7u+Ae7tCTyyK7j1rNww==\ntext/plain\n\n\n\n\n\n\nx-ms-blob-type:BlockBlob\n\
             x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n/myaccount/mycontainer/ab/cd"
        );
        assert!(key.sign(&mut request).is_some());
        assert!(request.headers()[AUTHORIZATION].to_str().unwrap().starts_with("SharedKey myaccount:"));
        assert_eq!(format!("{key:?}"), "AzureKey");
    }

    #[test]
    fn what_has_a_query_is_left_as_it_is() {
        let key = AzureKey::new("a".into(), SecretBytes::new(vec![1; 32]));
        let mut request = Request::put("https://a.example/c/b?comp=block").body(()).unwrap();
        assert!(key.sign(&mut request).is_none());
        assert!(request.headers().is_empty());
    }
}
