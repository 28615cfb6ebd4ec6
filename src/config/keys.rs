//! Every key of the file: its path, its shape and an example. `docs/operators/configuration.md` explains them.
//!
//! # Invariants
//! - A key that [`super::typed`] reads is listed here, and the other way round (tested below).

use std::borrow::Cow;

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    Texts,
    /// A text or a list of texts.
    OneOrMore,
    /// A section whose keys are anybody's, each with a text.
    Pairs,
    Table,
    Tables,
    Secret,
}

impl Shape {
    /// The word that the texts choose by.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Texts => "texts",
            Self::OneOrMore => "one-or-more",
            Self::Pairs => "pairs",
            Self::Table => "table",
            Self::Tables => "tables",
            Self::Secret => "secret",
        }
    }
}

use Shape::{Number, OneOrMore, Pairs, Secret, Table, Tables, Text, Texts};

/// Path (`[]` stands for any index), shape, example.
pub(super) const KEYS: &[(&str, Shape, &str)] = &[
    ("version", Number, "version = 1"),
    ("data_dir", Text, "data_dir = \"/var/lib/ecluse\""),
    ("s3", Table, "[s3]"),
    ("s3.listen", Text, "listen = \"0.0.0.0:9000\""),
    ("s3.domains", Texts, "domains = [\"s3.hospital.example\"]"),
    ("s3.region", Text, "region = \"ca-central-1\""),
    ("azure", Table, "[azure]"),
    ("azure.listen", Text, "listen = \"0.0.0.0:10000\""),
    ("azure.domains", Texts, "domains = [\"azure.hospital.example\"]"),
    ("azure.soft_delete", Text, "soft_delete = \"7 days\""),
    ("azure.copy_sources", Texts, "copy_sources = [\"archive.hospital.example\"]"),
    ("azure.oidc", Table, "[azure.oidc]"),
    ("azure.oidc.issuer", Text, "issuer = \"https://login.hospital.example/realms/systems\""),
    ("azure.oidc.audience", OneOrMore, "audience = \"https://storage.azure.com/\""),
    ("azure.oidc.jwks", Table, "jwks = { file = \"tls/jwks.json\" }"),
    ("azure.oidc.jwks.file", Text, "jwks = { file = \"tls/jwks.json\" }"),
    (
        "azure.oidc.jwks.url",
        Text,
        "jwks = { url = \"https://login.hospital.example/realms/systems/protocol/openid-connect/certs\" }",
    ),
    (
        "azure.oidc.jwks.ca",
        Text,
        "jwks = { url = \"https://login.hospital.example/certs\", ca = \"tls/hospital-ca.pem\" }",
    ),
    ("azure.oidc.claim", Text, "claim = \"azp\""),
    ("azure.oidc.clients", Pairs, "\"imaging-service\" = \"pacs\""),
    ("admin", Table, "[admin]"),
    ("admin.listen", Text, "listen = \"127.0.0.1:9600\""),
    ("tls", Table, "[tls]"),
    ("tls.mode", Text, "mode = \"off\""),
    ("tls.certificate", Text, "certificate = \"tls/server.pem\""),
    ("tls.private_key", Text, "private_key = \"tls/server.key\""),
    ("tls.client_ca", Text, "client_ca = \"tls/clients.pem\""),
    ("catalog", Table, "[catalog]"),
    ("catalog.url", Text, "url = \"sqlite:catalog.db\""),
    ("keys", Table, "[keys]"),
    ("keys.custodian", Text, "custodian = \"file\""),
    ("keys.ttl", Text, "ttl = \"60s\""),
    ("keys.file", Table, "[keys.file]"),
    ("keys.file.path", Text, "path = \"root.key\""),
    ("provider", Tables, "[[provider]]"),
    ("provider[].name", Text, "name = \"azure-canada-east\""),
    ("provider[].kind", Text, "kind = \"azure\""),
    ("provider[].timeout", Text, "timeout = \"60s\""),
    ("provider[].connections", Number, "connections = 32"),
    ("provider[].container", Text, "container = \"sealed\""),
    ("provider[].account", Text, "account = \"hospitalstorage\""),
    ("provider[].key", Secret, "key = { file = \"secrets/azure\" }"),
    ("provider[].endpoint", Text, "endpoint = \"https://s3.provider.example\""),
    ("provider[].ca", Text, "ca = \"tls/provider-ca.pem\""),
    ("provider[].bucket", Text, "bucket = \"sealed\""),
    ("provider[].region", Text, "region = \"ca-central-1\""),
    ("provider[].access_key_id", Text, "access_key_id = \"AKIAEXAMPLE\""),
    ("provider[].secret_access_key", Secret, "secret_access_key = { file = \"secrets/s3\" }"),
    ("provider[].credentials", Secret, "credentials = { file = \"secrets/gcs.json\" }"),
    ("provider[].path", Text, "path = \"/srv/sealed\""),
    ("write", Table, "[write]"),
    ("write.min_copies", Number, "min_copies = 1"),
    ("write.etag", Text, "etag = \"md5\""),
    ("write.padding", Text, "padding = \"padme\""),
    ("write.memory", Text, "memory = \"512 MiB\""),
    ("write.grace", Text, "grace = \"24h\""),
    ("write.late", Text, "late = \"5min\""),
    ("write.parallel_chunks", Number, "parallel_chunks = 4"),
    ("scrub", Table, "[scrub]"),
    ("scrub.within", Text, "within = \"30 days\""),
    ("scrub.sample", Number, "sample = 1"),
    ("limits", Table, "[limits]"),
    ("limits.connections", Number, "connections = 1024"),
    ("limits.connections_per_client", Number, "connections_per_client = 768"),
    ("limits.connections_per_address", Number, "connections_per_address = 768"),
    ("limits.handshake_timeout", Text, "handshake_timeout = \"10s\""),
    ("limits.header_timeout", Text, "header_timeout = \"15s\""),
    ("limits.idle_timeout", Text, "idle_timeout = \"60s\""),
    ("limits.small_body_timeout", Text, "small_body_timeout = \"60s\""),
    ("limits.drain_timeout", Text, "drain_timeout = \"30s\""),
    ("client", Tables, "[[client]]"),
    ("client[].id", Text, "id = \"pacs\""),
    ("client[].tenant", Text, "tenant = \"chum\""),
    ("client[].secret", Secret, "secret = { file = \"secrets/pacs\" }"),
    ("client[].max_bytes", Text, "max_bytes = \"20 TiB\""),
    ("client[].max_objects", Number, "max_objects = 10000000"),
    ("client[].max_uploads", Number, "max_uploads = 1000"),
    ("client[].allow", Tables, "allow = [{ buckets = [\"imaging*\"], actions = [\"read\", \"list\"] }]"),
    ("client[].allow[].buckets", Texts, "buckets = [\"imaging*\"]"),
    ("client[].allow[].prefixes", Texts, "prefixes = [\"2026/\"]"),
    ("client[].allow[].actions", Texts, "actions = [\"read\", \"list\"]"),
    ("bucket", Tables, "[[bucket]]"),
    ("bucket[].tenant", Text, "tenant = \"chum\""),
    ("bucket[].name", Text, "name = \"imaging\""),
    ("bucket[].max_bytes", Text, "max_bytes = \"50 TiB\""),
    ("bucket[].max_objects", Number, "max_objects = 50000000"),
    ("bucket[].max_uploads", Number, "max_uploads = 5000"),
];

/// `client[3].id` → `client[].id`.
pub(super) fn pattern(key: &str) -> Cow<'_, str> {
    if !key.contains('[') {
        return Cow::Borrowed(key);
    }
    let mut out = String::with_capacity(key.len());
    let mut within = false;
    for c in key.chars() {
        match c {
            '[' => {
                within = true;
                out.push('[');
            }
            ']' => {
                within = false;
                out.push(']');
            }
            c if !within => out.push(c),
            _ => {}
        }
    }
    Cow::Owned(out)
}

fn entry(key: &str) -> Option<&'static (&'static str, Shape, &'static str)> {
    let pattern = pattern(key);
    let pattern: &str = &pattern;
    let whole = pattern.strip_suffix("[]").unwrap_or(pattern);
    KEYS.iter().find(|(path, ..)| *path == whole).or_else(|| pairs(whole))
}

/// The section of pairs that `key` is one of.
fn pairs(key: &str) -> Option<&'static (&'static str, Shape, &'static str)> {
    let above = |path: &str| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    KEYS.iter().find(|(path, shape, _)| *shape == Pairs && above(path))
}

/// What `key` holds: for `buckets[0]` a text, for `client[0]` a table.
pub(super) fn shape(key: &str) -> Option<Shape> {
    let (path, shape, _) = entry(key)?;
    Some(match (key.ends_with(']'), shape) {
        (_, Pairs) if *path != key => Text,
        (true, Texts | OneOrMore) => Text,
        (true, Tables) => Table,
        (_, shape) => *shape,
    })
}

/// How `key` is written in the file; empty for the file as a whole.
pub(super) fn example(key: &str) -> &'static str {
    if let Some((_, _, example)) = entry(key) {
        return example;
    }
    // `….secret.file` and `….secret.env`: the secret's own example.
    key.rsplit_once('.').and_then(|(parent, _)| entry(parent)).map_or("", |(_, _, example)| example)
}

/// The known key that was most likely meant by the unknown `key`.
pub(super) fn similar(key: &str) -> Option<String> {
    let (parent, leaf) = key.rsplit_once('.').map_or(("", key), |(parent, leaf)| (parent, leaf));
    let parent_pattern = pattern(parent);
    if shape(parent) == Some(Secret) {
        return nearest(leaf, ["file", "env"].into_iter()).map(str::to_owned);
    }
    let beside = KEYS.iter().filter_map(|(path, ..)| {
        let (above, name) = path.rsplit_once('.').map_or(("", *path), |(above, name)| (above, name));
        (above == parent_pattern).then_some(name)
    });
    nearest(leaf, beside).map(str::to_owned).or_else(|| {
        let (path, ..) = KEYS.iter().find(|(path, ..)| path.rsplit_once('.').is_some_and(|(_, name)| name == leaf))?;
        Some((*path).to_owned())
    })
}

fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1) + 1;
    candidates.map(|c| (distance(word, c), c)).filter(|(d, _)| *d <= allowed).min().map(|(_, c)| c)
}

/// Levenshtein's distance: how many letters to insert, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        let pairs = row.iter().zip(row.iter().skip(1)).zip(&b);
        let mut left = i + 1;
        for ((diagonal, above), cb) in pairs {
            left = (diagonal + usize::from(ca != *cb)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_its_neighbour() {
        assert_eq!(similar("write.memry").as_deref(), Some("memory"));
        assert_eq!(similar("client[2].tennant").as_deref(), Some("tenant"));
        assert_eq!(similar("client[0].secret.fil").as_deref(), Some("file"));
        assert_eq!(similar("listen").as_deref(), Some("s3.listen"));
        assert_eq!(similar("colour"), None);
    }

    #[test]
    fn an_index_does_not_change_what_a_key_is() {
        assert_eq!(pattern("client[12].allow[0].buckets[3]"), "client[].allow[].buckets[]");
        assert_eq!(shape("client[12].allow[0].buckets[3]"), Some(Text));
        assert_eq!(shape("client[12]"), Some(Table));
        assert_eq!(example("client[1].secret.file"), "secret = { file = \"secrets/pacs\" }");
    }

    #[test]
    fn the_keys_of_a_section_of_pairs_are_anybodys() {
        assert_eq!(shape("azure.oidc.clients"), Some(Pairs));
        assert_eq!(shape("azure.oidc.clients.a.b[0]"), Some(Text));
        assert_eq!(shape("azure.oidc.clientsx"), None);
        assert_eq!(example("azure.oidc.clients.any"), "\"imaging-service\" = \"pacs\"");
    }

    #[test]
    fn the_keys_listed_are_the_keys_read() {
        let overrides = KEYS.iter().filter_map(|(path, shape, _)| {
            let path = path.replace("[]", "__0").replace('.', "__").to_ascii_uppercase();
            let leaf = match shape {
                Text | Number | OneOrMore => "",
                Texts => "__0",
                Pairs => "__ANY",
                Secret => "__FILE",
                Table | Tables => return None,
            };
            Some((format!("ECLUSE__{path}{leaf}"), "1".to_owned()))
        });
        let read = super::super::read::read("", &overrides.collect()).unwrap_or_else(|p| panic!("{p:?}"));
        assert_eq!(read.problems, []);
        assert_eq!(super::super::typed::fields(), KEYS.len());
    }
}
