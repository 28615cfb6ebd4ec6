//! The tools of every rule: where problems are noted, and the rules that more than one section has.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::{Host, Url};

use super::Problem;
use super::paths::lexically_clean;
use super::secrets::Surroundings;

/// The problems found so far, and the tools of every rule.
pub(super) struct Rules<'a> {
    pub(super) surroundings: &'a Surroundings<'a>,
    pub(super) data_dir: PathBuf,
    problems: Vec<Problem>,
}

impl<'a> Rules<'a> {
    /// No problem yet, and no data folder.
    pub(super) fn new(surroundings: &'a Surroundings<'a>) -> Self {
        Self { surroundings, data_dir: PathBuf::new(), problems: Vec::new() }
    }

    /// The data folder and the problems, in the order in which they were found.
    pub(super) fn end(self) -> (PathBuf, Vec<Problem>) {
        (self.data_dir, self.problems)
    }

    /// Notes a problem.
    pub(super) fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Notes that the key is missing when it is.
    pub(super) fn require<T>(&mut self, key: impl Into<String>, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.add(Problem::new("config-missing", key));
        }
        value
    }

    /// A path of the file, made absolute.
    pub(super) fn path(&self, typed: &str) -> PathBuf {
        lexically_clean(&self.data_dir.join(typed))
    }

    /// A duration between `least` and `most`, or the default.
    pub(super) fn duration(
        &mut self,
        key: &str,
        typed: Option<String>,
        default: Duration,
        least: Duration,
        most: Duration,
    ) -> Duration {
        let Some(typed) = typed else { return default };
        let Ok(duration) = humantime::parse_duration(&typed) else {
            self.add(Problem::new("config-duration", key).value(typed));
            return default;
        };
        if duration < least || duration > most {
            let (least, most) = (humantime::format_duration(least), humantime::format_duration(most));
            self.add(range_problem(key, typed, least.to_string(), most.to_string()));
            return default;
        }
        duration
    }

    /// A count between `least` and `most`, or the default.
    pub(super) fn count(&mut self, key: &str, typed: Option<u64>, default: usize, least: usize, most: usize) -> usize {
        let Some(typed) = typed else { return default };
        match usize::try_from(typed) {
            Ok(count) if (least..=most).contains(&count) => count,
            _ => {
                self.add(range_problem(key, typed.to_string(), least.to_string(), most.to_string()));
                default
            }
        }
    }

    /// One of a few words, or `None` after noting what may stand there.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, typed: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = choices.iter().find(|(word, _)| *word == typed).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.add(Problem::new("config-choice", key).value(typed).arg("choices", words.join(", ")));
        }
        found
    }
}

/// A value outside of its bounds.
pub(super) fn range_problem(key: &str, value: String, least: String, most: String) -> Problem {
    Problem::new("config-range", key).value(value).arg("least", least).arg("most", most)
}

/// A size in bytes.
pub(super) fn size(key: &str, typed: String, rules: &mut Rules<'_>) -> Option<u64> {
    let parsed = typed.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64());
    if parsed.is_none() {
        rules.add(Problem::new("config-size", key).value(typed));
    }
    parsed
}

/// A name that `parse` understands, or `None` after noting that it is missing or breaks the rule.
pub(super) fn named<T>(
    key: String,
    typed: Option<String>,
    rule: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    rules: &mut Rules<'_>,
) -> Option<T> {
    let typed = rules.require(key.clone(), typed)?;
    let parsed = parse(&typed);
    if parsed.is_none() {
        rules.add(Problem::new("config-name", key).value(typed).arg("rule", rule));
    }
    parsed
}

/// Base domains of requests that name what they want in their host.
pub(super) fn domains(key: &str, typed: Option<Vec<String>>, rules: &mut Rules<'_>) -> Vec<String> {
    let domains = typed.unwrap_or_default();
    for (index, domain) in domains.iter().enumerate() {
        if !is_domain(domain) {
            rules.add(Problem::new("config-domain", format!("{key}[{index}]")).value(domain));
        }
    }
    domains
}

/// Address and port of a listener, or `None` after noting that it is none.
pub(super) fn address(key: &str, typed: &str, rules: &mut Rules<'_>) -> Option<SocketAddr> {
    let parsed = typed.parse().ok();
    if parsed.is_none() {
        rules.add(Problem::new("config-address", key).value(typed));
    }
    parsed
}

/// Whether it is a host's name in lowercase, and short enough that a bucket's or an account's fits before it.
pub(super) fn is_domain(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 190 && name.split('.').all(label) && name.parse::<std::net::IpAddr>().is_err()
}

/// An address with nothing but scheme, host, port and path.
pub(super) fn web_address(typed: &str) -> Option<Url> {
    Url::parse(typed).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// Whether nothing protects what is sent there.
pub(super) fn is_plain_abroad(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "http" && !loopback
}
