//! What an address names: path style always, host style under the configured domains.
//!
//! Source: "Naming and referencing containers, blobs, and metadata"; path style: "Connect to Azurite".

use http::StatusCode;
use percent_encoding::percent_decode_str;

use crate::front::azure::wire::asked::{Target, without_port};
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::refusal::Refusal;

/// Longest name of a blob, in bytes. Azure counts 1,024 characters; names are kept as UTF-8.
const LONGEST_NAME_BYTES: usize = 1024;
const SECONDARY: &str = "-secondary";

/// The domains under which accounts are host names.
#[derive(Debug, Clone, Default)]
pub(in crate::front::azure) struct Domains(Vec<String>);

impl Domains {
    /// Takes domains in any case, with or without a leading dot.
    pub(in crate::front::azure) fn new(domains: Vec<String>) -> Self {
        let tidy = |domain: String| domain.trim_matches('.').to_ascii_lowercase();
        Self(domains.into_iter().map(tidy).filter(|domain| !domain.is_empty()).collect())
    }

    /// Whether a host is one of ours.
    pub(in crate::front::azure) fn hold(&self, host: &str) -> bool {
        self.account_of(host).is_some()
    }

    /// The account that `host` names (`account.blob.domain` or `account.domain`), and whether it is the address of another
    /// service (`account.dfs.domain`); `None`: the path names it.
    fn account_of(&self, host: &str) -> Option<(String, bool)> {
        let host = without_port(host).trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().find_map(|domain| {
            let rest = host.strip_suffix(domain.as_str())?.strip_suffix('.')?;
            let (account, dfs) = match rest.strip_suffix(".dfs") {
                Some(account) => (account, true),
                None => (rest.strip_suffix(".blob").unwrap_or(rest), false),
            };
            let fine = !account.is_empty() && account != "blob" && account != "dfs" && !account.contains('.');
            fine.then(|| (account.to_owned(), dfs))
        })
    }
}

/// What a request to `host` (as in the `Host` header) for `path` (percent-encoded, without the query) is about.
///
/// Names are decoded once and kept as they are: `//`, trailing slashes and dots mean themselves.
pub(in crate::front::azure) fn target(host: Option<&str>, path: &str, domains: &Domains) -> Result<Target, Refusal> {
    let rest = path.strip_prefix('/').ok_or_else(invalid_uri)?;
    let found = host.and_then(|host| domains.account_of(host));
    let dfs = found.as_ref().is_some_and(|(_, dfs)| *dfs);
    let (account, host_style, rest) = match found {
        Some((account, _)) => (account, true, rest),
        None => {
            let (account, rest) = rest.split_once('/').unwrap_or((rest, ""));
            // An account has letters and digits only: it needs no encoding, and has one spelling.
            if account.contains('%') {
                return Err(invalid_uri());
            }
            (account.to_owned(), false, rest)
        }
    };
    let (container, blob) = match rest.split_once('/') {
        None => (rest, ""),
        Some((container, blob)) => (container, blob),
    };
    let blob = decoded(blob)?;
    if blob.len() > LONGEST_NAME_BYTES {
        return Err(out_of_range_input());
    }
    let secondary = account.ends_with(SECONDARY);
    Ok(Target {
        account: account.strip_suffix(SECONDARY).unwrap_or(&account).to_owned(),
        secondary,
        host_style,
        dfs,
        container: Some(decoded(container)?).filter(|name| !name.is_empty()),
        blob: Some(blob).filter(|name| !name.is_empty()),
    })
}

/// 400: the address is none.
pub(in crate::front::azure) fn invalid_uri() -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        Code::InvalidUri,
        "The requested URI does not represent any resource on the server.",
    )
}

/// 400: a name is too short or too long.
pub(in crate::front::azure) fn out_of_range_input() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, Code::OutOfRangeInput, "One of the request inputs is out of range.")
}

fn decoded(text: &str) -> Result<String, Refusal> {
    percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_cause| invalid_uri())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> Domains {
        Domains::new(vec!["Objets.example.org".into()])
    }

    fn names(host: &str, path: &str) -> (String, Option<String>, Option<String>) {
        let target = target(Some(host), path, &domains()).unwrap();
        (target.account, target.container, target.blob)
    }

    #[test]
    fn a_path_names_account_container_and_blob() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(names("127.0.0.1:1", "/pacs"), ("pacs".into(), None, None));
        assert_eq!(names("[::1]:1", "/pacs/"), ("pacs".into(), None, None));
        assert_eq!(names("h", "/pacs/c"), ("pacs".into(), some("c"), None));
        assert_eq!(names("h", "/pacs/c/"), ("pacs".into(), some("c"), None));
        assert_eq!(names("h", "/pacs/c/a%2Fb//%C3%A9/"), ("pacs".into(), some("c"), some("a/b//é/")));
        assert_eq!(names("h", "/pacs/c/../x+%2B"), ("pacs".into(), some("c"), some("../x++")));
    }

    #[test]
    fn a_host_under_a_domain_names_the_account() {
        let some = |text: &str| Some(text.to_owned());
        for host in ["pacs.blob.objets.example.org:10000", "PACS.objets.example.org."] {
            assert_eq!(names(host, "/c/b"), ("pacs".into(), some("c"), some("b")), "{host}");
        }
        assert_eq!(names("a.b.objets.example.org", "/x/c/b").0, "x");
        for (host, dfs) in [("pacs.dfs.objets.example.org", true), ("pacs.blob.objets.example.org", false)] {
            let target = target(Some(host), "/c/b", &domains()).unwrap();
            assert_eq!((target.account.as_str(), target.dfs), ("pacs", dfs));
        }
        assert!(target(Some("pacs-secondary.blob.objets.example.org"), "/", &domains()).unwrap().secondary);
    }

    #[test]
    fn what_is_no_utf_8_or_too_long_is_refused() {
        assert_eq!(target(None, "/pacs/c/%FF", &domains()).unwrap_err().code, "InvalidUri");
        assert_eq!(target(None, "pacs", &domains()).unwrap_err().code, "InvalidUri");
        let long = format!("/pacs/c/{}", "x".repeat(1025));
        assert_eq!(target(None, &long, &domains()).unwrap_err().code, "OutOfRangeInput");
    }
}
