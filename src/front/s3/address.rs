//! Which bucket and object a request is about: path style always, virtual-host style under the configured domains.

use percent_encoding::percent_decode_str;
use s3s::host::{S3Host, VirtualHost};

/// The domains under which buckets are host names.
#[derive(Debug, Clone, Default)]
pub(super) struct Domains(Vec<String>);

impl Domains {
    /// Takes domains in any case, with or without a leading dot.
    pub(super) fn new(domains: Vec<String>) -> Self {
        let tidy = |domain: String| domain.trim_matches('.').to_ascii_lowercase();
        Self(domains.into_iter().map(tidy).filter(|domain| !domain.is_empty()).collect())
    }

    /// The bucket that `host` names; `None`: the path names it.
    fn bucket_of(&self, host: &str) -> Option<String> {
        let host = host
            .rsplit_once(':')
            .map_or(host, |(name, port)| if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host });
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().find_map(|domain| {
            let bucket = host.strip_suffix(domain.as_str())?.strip_suffix('.')?;
            (!bucket.is_empty()).then(|| bucket.to_owned())
        })
    }

    /// Bucket and key of a request for an object; `None` when it is for a bucket or for the service.
    pub(super) fn object(&self, host: Option<&str>, path: &str) -> Option<(String, String)> {
        let decoded = percent_decode_str(path).decode_utf8().ok()?;
        let rest = decoded.strip_prefix('/')?;
        let (bucket, key) = match host.and_then(|host| self.bucket_of(host)) {
            Some(bucket) => (bucket, rest),
            None => {
                let (bucket, key) = rest.split_once('/')?;
                (bucket.to_owned(), key)
            }
        };
        (!key.is_empty()).then(|| (bucket, key.to_owned()))
    }
}

impl S3Host for Domains {
    /// Any other host is taken for one of ours, in path style: `s3s`'s own parsers would take it for a bucket.
    fn parse_host_header<'a>(&'a self, host: &'a str) -> s3s::S3Result<VirtualHost<'a>> {
        let parsed = VirtualHost::new(host);
        Ok(match self.bucket_of(host) {
            Some(bucket) => parsed.with_bucket(bucket),
            None => parsed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> Domains {
        Domains::new(vec!["S3.example.org".into(), ".objets.chum.qc.ca".into()])
    }

    #[test]
    fn a_host_under_a_domain_names_the_bucket() {
        assert_eq!(
            domains().object(Some("imaging.s3.example.org:9000"), "/a/b"),
            Some(("imaging".into(), "a/b".into()))
        );
        assert_eq!(domains().object(Some("x.y.objets.chum.qc.ca"), "/k"), Some(("x.y".into(), "k".into())));
    }

    #[test]
    fn any_other_host_is_path_style() {
        for host in
            [None, Some("s3.example.org"), Some("localhost:9000"), Some("[::1]:9000"), Some("evils3.example.org")]
        {
            assert_eq!(
                domains().object(host, "/bucket/a%2Fb%20c"),
                Some(("bucket".into(), "a/b c".into())),
                "{host:?}"
            );
            assert_eq!(domains().object(host, "/bucket/"), None);
            assert_eq!(domains().object(host, "/bucket"), None);
            assert_eq!(domains().object(host, "/"), None);
        }
    }
}
