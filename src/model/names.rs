//! Names: buckets, objects, tenants, clients, providers.

use std::fmt;
use std::sync::Arc;

/// Why a name was refused. The text is fit for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub &'static str);

/// A bucket name (Azure: container), 3 to 63 bytes: the intersection of what both protocols accept,
/// plus dots, which S3 allows.
///
/// Source: S3 "General purpose bucket naming rules"; Azure "Naming containers".
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(Arc<str>);

impl BucketName {
    /// Longest name.
    pub const MAX_BYTES: usize = 63;

    /// Checks `name` against the naming rules.
    pub fn parse(name: &str) -> Result<Self, InvalidName> {
        let bytes = name.as_bytes();
        if !(3..=Self::MAX_BYTES).contains(&bytes.len()) {
            return Err(InvalidName("a bucket name has 3 to 63 characters"));
        }
        let allowed = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
        if !bytes.iter().all(allowed) {
            return Err(InvalidName("a bucket name has lowercase letters, digits, hyphens and dots only"));
        }
        let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        if !edge(bytes.first()) || !edge(bytes.last()) || name.contains("..") {
            return Err(InvalidName("a bucket name begins and ends with a letter or digit, without two dots in a row"));
        }
        if name.parse::<std::net::Ipv4Addr>().is_ok() {
            return Err(InvalidName("a bucket name is not an IP address"));
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A bucket of one tenant: tenants have separate namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketRef {
    /// Who owns the namespace.
    pub tenant: TenantId,
    /// The bucket's name within it.
    pub name: BucketName,
}

/// An object's key: 1 to 1,024 bytes of UTF-8, compared as bytes, never normalized.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(Arc<str>);

impl ObjectKey {
    /// Longest key, in bytes. Source: S3 "Object key naming guidelines".
    pub const MAX_BYTES: usize = 1024;

    /// Checks the length of `key`.
    pub fn parse(key: &str) -> Result<Self, InvalidName> {
        if key.is_empty() {
            return Err(InvalidName("an object key has at least one byte"));
        }
        if key.len() > Self::MAX_BYTES {
            return Err(InvalidName("an object key has at most 1024 bytes"));
        }
        Ok(Self(key.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as the bytes that order it.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

macro_rules! plain_name {
    ($(#[$doc:meta])* $name:ident, $max:expr, $allowed:expr, $reason:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks length and alphabet.
            pub fn parse(name: &str) -> Result<Self, InvalidName> {
                let allowed: fn(u8) -> bool = $allowed;
                if name.is_empty() || name.len() > $max || !name.bytes().all(allowed) {
                    return Err(InvalidName($reason));
                }
                Ok(Self(name.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

plain_name!(
    /// An establishment, e.g. a CIUSSS. Bound into every key that seals its data.
    TenantId,
    64,
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'),
    "a tenant has 1 to 64 lowercase letters, digits, hyphens, underscores and dots"
);

plain_name!(
    /// A configured hospital system: S3 access key id and Azure account name.
    ClientId,
    128,
    |b| b.is_ascii_graphic() && !matches!(b, b'/' | b',' | b'='),
    "a client id has 1 to 128 printable ASCII characters without / , = or spaces"
);

plain_name!(
    /// A configured place for chunks. Stored in the catalog: renaming one is a migration.
    ProviderName,
    64,
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-',
    "a provider's name has 1 to 64 lowercase letters, digits and hyphens"
);

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
