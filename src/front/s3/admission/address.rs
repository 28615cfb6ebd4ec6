//! Which bucket and object a request is about: path style always, virtual-host style under the configured domains.

use percent_encoding::percent_decode_str;

use crate::front::s3::wire::asked::Target;
use crate::front::s3::wire::errors::invalid;
use crate::front::s3::wire::refusal::Refusal;

/// The domains under which buckets are host names.
#[derive(Debug, Clone, Default)]
pub(in crate::front::s3) struct Domains(Vec<String>);

impl Domains {
    /// Takes domains in any case, with or without a leading dot.
    pub(in crate::front::s3) fn new(domains: Vec<String>) -> Self {
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

    /// What a request to `host` for `path` (percent-encoded) is about. Names are decoded once and kept as they are: `//`,
    /// trailing slashes and dots mean themselves, and so does `+`.
    pub(in crate::front::s3) fn target(&self, host: &str, path: &str) -> Result<Target, Refusal> {
        let decoded = percent_decode_str(path).decode_utf8().ok();
        let rest = decoded.as_deref().map(|path| path.strip_prefix('/').unwrap_or(path));
        let rest = rest.ok_or_else(|| invalid("InvalidURI", "Couldn't parse the specified URI."))?;
        let (bucket, key) = match self.bucket_of(host) {
            Some(bucket) => (bucket, rest),
            None if rest.is_empty() => return Ok(Target::default()),
            None => {
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                (bucket.to_owned(), key)
            }
        };
        Ok(Target { bucket: Some(bucket), key: (!key.is_empty()).then(|| key.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> Domains {
        Domains::new(vec!["S3.example.org".into(), ".objets.chum.qc.ca".into()])
    }

    fn names(host: &str, path: &str) -> (Option<String>, Option<String>) {
        let target = domains().target(host, path).unwrap();
        (target.bucket, target.key)
    }

    #[test]
    fn a_host_under_a_domain_names_the_bucket() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(names("imaging.s3.example.org:9000", "/a/b"), (some("imaging"), some("a/b")));
        assert_eq!(names("x.y.objets.chum.qc.ca", "/k"), (some("x.y"), some("k")));
        assert_eq!(names("imaging.s3.example.org", "/"), (some("imaging"), None));
    }

    #[test]
    fn any_other_host_is_path_style() {
        let some = |text: &str| Some(text.to_owned());
        for host in ["", "s3.example.org", "localhost:9000", "[::1]:9000", "evils3.example.org"] {
            assert_eq!(names(host, "/bucket/a%2Fb%20c+"), (some("bucket"), some("a/b c+")), "{host:?}");
            assert_eq!(names(host, "/bucket/"), (some("bucket"), None));
            assert_eq!(names(host, "/bucket"), (some("bucket"), None));
            assert_eq!(names(host, "/"), (None, None));
            assert_eq!(names(host, "//a"), (some(""), some("a")));
        }
        assert_eq!(domains().target("", "/bucket/%FF").unwrap_err().code, "InvalidURI");
    }
}
