//! The file as it was typed: names and shapes, nothing checked. Every key may be absent.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Default, Deserialize)]
        #[serde(default)]
        pub(super) struct $name { $(pub(super) $field: Option<$kind>,)* }

        #[cfg(test)]
        impl $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
        }
    };
}

table!(File {
    version: i64,
    data_dir: String,
    s3: S3,
    azure: Azure,
    admin: Admin,
    tls: Tls,
    catalog: Catalog,
    keys: Keys,
    provider: Vec<Provider>,
    write: Write,
    scrub: Scrub,
    limits: Limits,
    client: Vec<Client>,
    bucket: Vec<Bucket>,
});
table!(S3 {
    listen: String,
    domains: Vec<String>,
    region: String,
});
table!(Azure {
    listen: String,
    domains: Vec<String>,
    soft_delete: String,
    copy_sources: Vec<String>,
    oidc: Oidc,
});
table!(Oidc { issuer: String, audience: OneOrMore, jwks: Jwks, claim: String, clients: BTreeMap<String, String> });
table!(Jwks { file: String, url: String, ca: String });
table!(Admin { listen: String });
table!(Tls { mode: String, certificate: String, private_key: String, client_ca: String });
table!(Catalog { url: String });
table!(Keys { custodian: String, ttl: String, file: FileCustodian });
table!(FileCustodian { path: String });
table!(Provider {
    name: String,
    kind: String,
    timeout: String,
    connections: u64,
    container: String,
    account: String,
    key: Secret,
    endpoint: String,
    ca: String,
    bucket: String,
    region: String,
    access_key_id: String,
    secret_access_key: Secret,
    credentials: Secret,
    path: String,
});
table!(
    /// Where a secret is; the secret itself is never in the file.
    Secret {
        file: String,
        env: String,
    }
);
table!(Write {
    min_copies: u64,
    etag: String,
    padding: String,
    memory: String,
    grace: String,
    late: String,
    parallel_chunks: u64
});
table!(Scrub { within: String, sample: u64 });
table!(Limits {
    connections: u64,
    connections_per_client: u64,
    connections_per_address: u64,
    handshake_timeout: String,
    header_timeout: String,
    idle_timeout: String,
    drain_timeout: String,
    small_body_timeout: String,
});
table!(Client {
    id: String,
    tenant: String,
    secret: Secret,
    max_bytes: String,
    max_objects: u64,
    max_uploads: u64,
    allow: Vec<Allow>,
});
table!(Bucket { tenant: String, name: String, max_bytes: String, max_objects: u64, max_uploads: u64 });
table!(Allow {
    buckets: Vec<String>,
    prefixes: Vec<String>,
    actions: Vec<String>,
});

/// A text, or a list of texts.
#[derive(Default)]
pub(super) struct OneOrMore(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMore;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<OneOrMore, E> {
                Ok(OneOrMore(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMore, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMore(texts))
            }
        }

        deserializer.deserialize_any(Texts)
    }
}

/// How many keys are read, without the two that say where a secret is.
#[cfg(test)]
pub(super) fn fields() -> usize {
    assert_eq!(Secret::FIELDS, ["file", "env"]);
    let tables = [
        File::FIELDS,
        S3::FIELDS,
        Azure::FIELDS,
        Oidc::FIELDS,
        Jwks::FIELDS,
        Admin::FIELDS,
        Tls::FIELDS,
        Catalog::FIELDS,
        Keys::FIELDS,
        FileCustodian::FIELDS,
        Provider::FIELDS,
        Write::FIELDS,
        Scrub::FIELDS,
        Limits::FIELDS,
        Client::FIELDS,
        Bucket::FIELDS,
        Allow::FIELDS,
    ];
    tables.iter().map(|fields| fields.len()).sum()
}
