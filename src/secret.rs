//! Secrets as types: no `Clone`, `Debug`, `Display`, `Serialize` or `PartialEq`; zeroed on drop; one greppable way out.
//!
//! # Invariants
//! - The bytes leave a type only through `expose()`.
//! - Nothing here can be printed.

use zeroize::Zeroize;

/// The random source of the operating system failed. Nothing can be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random source failed")]
pub struct NoRandomness;

/// Fills `bytes` from the operating system's random source.
pub fn fill_random(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(bytes).map_err(|_cause| NoRandomness)
}

/// How deep [`wipe_stack`] reaches, in bytes: further than a checksum's calls. Without optimization those need much more.
const STACK_BYTES: usize = if cfg!(debug_assertions) { 64 * 1024 } else { 8 * 1024 };

/// Overwrites what calls that have returned left on the stack of this thread. For after what keeps bytes of a body in registers
/// and puts them there: nothing else might write over them before the next request.
#[inline(never)]
pub fn wipe_stack() {
    // Whoever might look at it must find zeros: writing them is what counts. `tests/leaks.rs` sees that it happens.
    let mut below = [0_u8; STACK_BYTES];
    std::hint::black_box(&mut below);
}

macro_rules! key_type {
    ($(#[$doc:meta])* $name:ident, $bytes:expr) => {
        $(#[$doc])*
        pub struct $name(Box<[u8; $bytes]>);

        impl $name {
            /// Length in bytes.
            pub const BYTES: usize = $bytes;

            /// A fresh random key.
            pub fn generate() -> Result<Self, NoRandomness> {
                let mut key = Self(Box::new([0; $bytes]));
                fill_random(key.0.as_mut_slice())?;
                Ok(key)
            }

            /// Copies `bytes` in; `None` when the length is wrong. The caller wipes its own copy.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                let mut key = Self(Box::new([0; $bytes]));
                if bytes.len() != $bytes {
                    return None;
                }
                key.0.copy_from_slice(bytes);
                Some(key)
            }

            /// The bytes.
            pub fn expose(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.0.as_mut_slice().zeroize();
            }
        }
    };
}

key_type!(
    /// The root key (KEK of the tenant keys). Stays inside its custodian.
    RootKey,
    32
);
key_type!(
    /// A tenant key (KEK of the part keys).
    TenantKey,
    32
);
key_type!(
    /// A tenant's naming key: makes chunk names.
    NamingKey,
    32
);
key_type!(
    /// A part key (DEK): seals the chunks of one part and nothing else.
    PartKey,
    32
);

key_type!(
    /// A catalog's own secret: names and seals its notes at providers.
    CatalogSecret,
    32
);

/// Secret bytes of any length: a client's secret, a provider's credential, a key on its way.
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Secret text: a password, an access key.
pub struct SecretText(String);

impl SecretText {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use super::*;

    /// Asserts that types lack a trait that `String` has: an inherent constant is found before that of a trait.
    macro_rules! lack {
        ($trait:path: $($type:ty),+) => {{
            trait Lacking {
                const HAS: bool = false;
            }
            impl<T> Lacking for Of<T> {}
            struct Of<T>(std::marker::PhantomData<T>);
            impl<T: $trait> Of<T> {
                const HAS: bool = true;
            }
            $(assert_eq!((<Of<String>>::HAS, <Of<$type>>::HAS), (true, false), stringify!($type: $trait));)+
        }};
    }

    #[test]
    fn secrets_cannot_be_printed_cloned_or_compared() {
        lack!(Debug: CatalogSecret, RootKey, TenantKey, NamingKey, PartKey, SecretBytes, SecretText);
        lack!(Display: CatalogSecret, RootKey, TenantKey, NamingKey, PartKey, SecretBytes, SecretText);
        lack!(Clone: CatalogSecret, RootKey, TenantKey, NamingKey, PartKey, SecretBytes, SecretText);
        lack!(PartialEq: CatalogSecret, RootKey, TenantKey, NamingKey, PartKey, SecretBytes, SecretText);
        lack!(serde::Serialize: CatalogSecret, RootKey, TenantKey, NamingKey, PartKey, SecretBytes, SecretText);
    }
}
