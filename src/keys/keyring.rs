//! The keyring: tenant keys, opened, for as long as the custodian stands behind them.

use std::sync::Arc;

use super::{Custodian, KeyError};
use crate::model::{PartId, TenantId, WrappedKey, WrappedTenantKey};
use crate::secret::{NamingKey, PartKey};

/// Tenant keys in memory. Begins sealed.
pub struct Keyring {
    custodian: Arc<dyn Custodian>,
}

impl Keyring {
    /// A sealed keyring.
    pub fn new(custodian: Arc<dyn Custodian>) -> Self {
        Self { custodian }
    }

    /// A canary for a new catalog: a constant, wrapped under the root key.
    pub async fn new_canary(&self) -> Result<Vec<u8>, KeyError> {
        let _ = &self.custodian;
        Err(KeyError::Sealed)
    }

    /// Opens the canary under the root key, and checks that it does not open under any other tried (all zero, random).
    pub async fn check_canary(&self, _canary: &[u8]) -> Result<(), KeyError> {
        Err(KeyError::Sealed)
    }

    /// Fresh wrap and naming keys (version 1) for a tenant that has none, wrapped for the catalog.
    pub async fn new_tenant_keys(&self, _tenant: &TenantId) -> Result<Vec<WrappedTenantKey>, KeyError> {
        Err(KeyError::Sealed)
    }

    /// Unwraps all keys and replaces what the keyring held. On error the keyring stays as it was.
    pub async fn unlock(&self, _keys: &[WrappedTenantKey]) -> Result<(), KeyError> {
        Err(KeyError::Sealed)
    }

    /// Wipes every key.
    pub fn seal(&self) {}

    /// Whether the keyring holds no keys.
    pub fn is_sealed(&self) -> bool {
        true
    }

    /// A fresh part key, and the same key wrapped under the tenant's newest key.
    pub fn new_part_key(&self, _tenant: &TenantId, _part: PartId) -> Result<(PartKey, WrappedKey), KeyError> {
        Err(KeyError::Sealed)
    }

    /// Unwraps a part key.
    pub fn open_part_key(&self, _tenant: &TenantId, _part: PartId, _wrapped: &WrappedKey) -> Result<PartKey, KeyError> {
        Err(KeyError::Sealed)
    }

    /// The tenant's naming key.
    pub fn naming_key(&self, _tenant: &TenantId) -> Result<Arc<NamingKey>, KeyError> {
        Err(KeyError::Sealed)
    }
}
