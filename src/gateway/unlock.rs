//! From sealed to open: the canary, the tenants' keys, the keyring.

use super::{Error, Gateway};
use crate::catalog::CatalogError;
use crate::keys::{KeyError, Keyring};
use crate::model::{Authorized, Operation, Principal, TenantId};

/// Why the gateway did not open.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The keys are not right, or their custodian is away.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// See [`Gateway::still_allows`].
pub(super) fn check(keyring: &Keyring, principal: &Principal) -> Result<(), Error> {
    if keyring.is_sealed() {
        return Err(Error::Sealed);
    }
    if principal.still_may() { Ok(()) } else { Err(Error::AccessDenied) }
}

impl Gateway {
    /// Checks the canary (a new catalog gets one), makes keys for tenants that have none, and opens the keyring.
    /// On error nothing is served: the keyring stays as it was.
    pub async fn unlock(&self, tenants: &[TenantId]) -> Result<(), UnlockError> {
        let canary = match self.catalog.canary().await? {
            Some(canary) => canary,
            None => self.catalog.put_canary(self.keyring.new_canary().await?).await?,
        };
        self.keyring.check_canary(&canary).await?;
        let mut keys = self.catalog.tenant_keys().await?;
        for tenant in tenants {
            if !keys.iter().any(|key| key.tenant == *tenant) {
                let fresh = self.keyring.new_tenant_keys(tenant).await?;
                keys = self.catalog.add_tenant_keys(fresh).await?;
            }
        }
        if let Some(identity) = self.catalog.identity().await? {
            self.keyring.open_catalog(&identity).await?;
        }
        Ok(self.keyring.unlock(&keys).await?)
    }

    /// The catalog's canary, to ask the custodian with ([`check_custodian`](Self::check_custodian)).
    pub(super) async fn canary(&self) -> Result<Option<Vec<u8>>, CatalogError> {
        self.catalog.canary().await
    }

    /// Asks the custodian again: does it still hold the root key of the catalog that has this canary?
    pub(super) async fn check_custodian(&self, canary: Option<&[u8]>) -> Result<(), KeyError> {
        self.keyring.check_canary(canary.ok_or(KeyError::WrongRootKey)?).await
    }

    /// Where every operation begins: takes the proof apart, unless the gateway is sealed. What needs no key (names,
    /// deletions, empty objects) is not served without keys either.
    /// What writes is not begun while the providers may not be this catalog's alone.
    pub(super) fn admit<Op: Operation>(&self, op: Authorized<Op>) -> Result<(Principal, Op), Error> {
        self.still_allows(op.principal())?;
        let (principal, op) = op.into_parts();
        match self.may_write() {
            Err(refused) if op.writes() => Err(refused),
            _ => Ok((principal, op)),
        }
    }

    /// Whether what was authorized is allowed now: the gateway is not sealed, the client is configured still and granted
    /// still what the operation needs, and what it asked by stands. Asked where an operation begins, because a body may have
    /// come in between, and again before it commits.
    pub(super) fn still_allows(&self, principal: &Principal) -> Result<(), Error> {
        check(&self.keyring, principal)
    }

    /// Wipes every key: from now on clients get 503, and what they have begun is not committed.
    pub fn seal(&self) {
        self.keyring.seal();
    }

    /// Whether the gateway holds no keys.
    pub fn is_sealed(&self) -> bool {
        self.keyring.is_sealed()
    }
}
