//! Printing what must not be printed whole: addresses, headers, names.
//!
//! # Invariants
//! - A URL is printed without user, password, query and fragment: signatures travel in queries.
//! - A header is printed with its value only when the value cannot hold a name, a signature or a secret.
//! - A name of an object or bucket is printed as its length: names are health information.

use std::fmt;

use http::HeaderMap;
use url::Url;

/// A URL as far as it may be seen: scheme, host, port; and whether there was more.
pub struct RedactedUrl<'a>(pub &'a Url);

/// Headers as far as they may be seen.
pub struct RedactedHeaders<'a>(pub &'a HeaderMap);

/// A name of an object or bucket, as its length.
pub struct RedactedName<'a>(pub &'a str);

impl fmt::Display for RedactedUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0;
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or("…"))?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        if url.path().len() > 1 { f.write_str("/…") } else { f.write_str("/") }
    }
}

impl fmt::Display for RedactedHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            match value.to_str() {
                Ok(text) if SHOWN.contains(&name.as_str()) => write!(f, "{separator}{name}: {text}")?,
                _ if STANDARD.contains(&name.as_str()) || SHOWN.contains(&name.as_str()) => {
                    write!(f, "{separator}{name}: <{} bytes>", value.len())?;
                }
                // Clients choose the names of metadata headers; they may hold anything.
                _ => write!(f, "{separator}<header>: <{} bytes>", value.len())?,
            }
        }
        f.write_str("}")
    }
}

impl fmt::Display for RedactedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

/// Headers whose values are shown.
const SHOWN: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "content-range",
    "date",
    "expect",
    "range",
    "retry-after",
    "te",
    "transfer-encoding",
    "user-agent",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-ms-date",
    "x-ms-version",
];

/// Headers whose names are shown.
const STANDARD: &[&str] = &[
    "authorization",
    "content-disposition",
    "content-encoding",
    "content-md5",
    "content-type",
    "cookie",
    "etag",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-security-token",
    "x-ms-copy-source",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_neither_user_nor_path_nor_query() {
        let url = Url::parse("https://key:secret@host.example:9000/b/Tremblay?X-Amz-Signature=abc#f").unwrap();
        assert_eq!(RedactedUrl(&url).to_string(), "https://host.example:9000/…");
        let url = Url::parse("https://host.example").unwrap();
        assert_eq!(RedactedUrl(&url).to_string(), "https://host.example/");
    }

    #[test]
    fn headers_show_only_values_that_tell_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "AWS4-HMAC-SHA256 Credential=pacs".parse().unwrap());
        headers.insert("content-length", "12".parse().unwrap());
        headers.insert("x-amz-meta-tremblay", "Élise".parse().unwrap());
        let shown = RedactedHeaders(&headers).to_string();
        assert!(shown.contains("content-length: 12"), "{shown}");
        assert!(shown.contains("authorization: <32 bytes>"), "{shown}");
        for hidden in ["Credential", "pacs", "tremblay", "lise"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }

    #[test]
    fn a_name_is_shown_as_its_length() {
        assert_eq!(RedactedName("Élise").to_string(), "<6 bytes>");
    }
}
