//! Continuation tokens: where the next page of a list begins, sealed. Who bears one can neither read nor make it.
//!
//! # Invariants
//! - A token opens for the tenant and the list that it was made for, and for nothing else. It outlives a restart, and works
//!   wherever the tenant's keys are.
//! - Its length tells the length of what it holds to the next multiple of [`STEP_BYTES`] only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Error, Gateway};
use crate::model::TenantId;

/// Contents are filled up to a multiple of this.
const STEP_BYTES: usize = 128;
/// Longest token that is looked at, in characters. A bucket, a key and what is said of them take half of it.
const LONGEST: usize = 4096;

impl Gateway {
    /// Seals `content`, at most 2 KiB, as a token of the list that `of` names: its kind, its bucket, its query.
    pub fn seal_token(&self, tenant: &TenantId, of: &[&str], content: &[u8]) -> Result<String, Error> {
        let length = u16::try_from(content.len()).map_err(|_cause| Error::Invalid("a token is too long"))?;
        let mut filled = [&length.to_be_bytes(), content].concat();
        filled.resize(filled.len().next_multiple_of(STEP_BYTES), 0);
        Ok(URL_SAFE_NO_PAD.encode(self.keyring.seal_token(tenant, of, &filled)?))
    }

    /// What a token holds; `None` when it is not one of this list's.
    pub fn open_token(&self, tenant: &TenantId, of: &[&str], token: &str) -> Result<Option<Vec<u8>>, Error> {
        if token.len() > LONGEST {
            return Ok(None);
        }
        let Ok(sealed) = URL_SAFE_NO_PAD.decode(token) else { return Ok(None) };
        let opened = self.keyring.open_token(tenant, of, &sealed)?;
        Ok(opened.and_then(|filled| {
            let (length, rest) = filled.expose().split_first_chunk()?;
            rest.get(..usize::from(u16::from_be_bytes(*length))).map(<[u8]>::to_vec)
        }))
    }
}
