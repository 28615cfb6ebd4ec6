//! The keyring: tenant keys, opened, for as long as the custodian stands behind them. `docs/format.md` §6.
//!
//! # Invariants
//! - Sealed means that no tenant key is in memory: [`Keyring::seal`] wipes before it returns.
//! - The custodian is asked for tenant keys and the canary only, never for a part.
//! - Keys are replaced all at once or not at all; a keyring sealed while it is being unlocked stays sealed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::wrap::{PART_KEY_LABEL, ROOT_LABEL, TOKEN_LABEL, length_prefixed, open, seal, unwrap, wrap};
use super::{Custodian, CustodianError, KeyError};
use crate::model::{CatalogId, CatalogIdentity, PartId, TenantId, TenantKeyPurpose, WrappedKey, WrappedTenantKey};
use crate::secret::{CatalogSecret, NamingKey, PartKey, RootKey, SecretBytes, TenantKey, fill_random};

/// What the canary says. `docs/format.md` §6.4.
const CANARY: &[u8] = b"ecluse/1/canary: this opens under one root key only";
const CANARY_CONTEXT: &str = "canary";
const OTHER_CONTEXT: &str = "not the canary";
const IDENTITY_CONTEXT: &str = "store marker";
const TENANT_KEY_CONTEXT: &str = "tenant key";
/// Version of a tenant's first keys.
const FIRST_VERSION: u32 = 1;

/// Tenant keys in memory. Begins sealed.
pub struct Keyring {
    custodian: Arc<dyn Custodian>,
    /// Never held across an await.
    state: RwLock<State>,
}

/// What the keyring holds, and how often it was sealed.
struct State {
    seals: u64,
    catalog: Option<Arc<CatalogSecret>>,
    keys: Option<HashMap<TenantId, TenantKeys>>,
}

/// One tenant's keys by version.
#[derive(Default)]
struct TenantKeys {
    wrap: BTreeMap<u32, TenantKey>,
    name: BTreeMap<u32, Arc<NamingKey>>,
}

impl Keyring {
    /// A sealed keyring.
    pub fn new(custodian: Arc<dyn Custodian>) -> Self {
        Self { custodian, state: RwLock::new(State { seals: 0, catalog: None, keys: None }) }
    }

    /// A canary for a new catalog: a constant, wrapped under the root key.
    pub async fn new_canary(&self) -> Result<Vec<u8>, KeyError> {
        Ok(self.custodian.wrap(&length_prefixed(CANARY_CONTEXT)?, CANARY).await?)
    }

    /// Opens the canary under the root key, and checks that it does not open under any other tried (all zero, random),
    /// in another context, or damaged. Asks the custodian afresh each time: so it also shows that the custodian is
    /// there. Says [`KeyError::WrongRootKey`] when the canary or the custodian is not what it should be.
    pub async fn check_canary(&self, canary: &[u8]) -> Result<(), KeyError> {
        let context = length_prefixed(CANARY_CONTEXT)?;
        match self.custodian.unwrap(&context, canary).await {
            Ok(opened) if opened.expose() == CANARY => {}
            Ok(_) | Err(CustodianError::Refused) => return Err(KeyError::WrongRootKey),
            Err(cause) => return Err(cause.into()),
        }
        let random = RootKey::generate()?;
        if [&[0; RootKey::BYTES], random.expose()].iter().any(|key| unwrap(key, ROOT_LABEL, &context, canary).is_some())
        {
            return Err(KeyError::WrongRootKey);
        }
        let mut damaged = canary.to_vec();
        if let Some(byte) = damaged.last_mut() {
            *byte ^= 1;
        }
        self.must_refuse(&context, &damaged).await?;
        self.must_refuse(&length_prefixed(OTHER_CONTEXT)?, canary).await
    }

    /// An identity for a catalog that has none: a random id, and a random secret that the custodian wraps for it.
    pub async fn new_identity(&self) -> Result<CatalogIdentity, KeyError> {
        let mut id = CatalogId([0; 16]);
        fill_random(&mut id.0)?;
        let secret = CatalogSecret::generate()?;
        let wrapped_secret = self.custodian.wrap(&identity_context(id)?, secret.expose()).await?;
        Ok(CatalogIdentity { id, wrapped_secret })
    }

    /// Opens the secret of a catalog's identity and keeps it. Asks the custodian.
    pub async fn open_catalog(&self, identity: &CatalogIdentity) -> Result<(), KeyError> {
        let seals = self.read().seals;
        let secret = match self.custodian.unwrap(&identity_context(identity.id)?, &identity.wrapped_secret).await {
            Ok(secret) => CatalogSecret::from_slice(secret.expose()).ok_or(KeyError::Refused)?,
            Err(CustodianError::Refused) => return Err(KeyError::Refused),
            Err(cause) => return Err(cause.into()),
        };
        let mut state = self.write();
        if state.seals != seals {
            return Err(KeyError::Sealed);
        }
        state.catalog = Some(Arc::new(secret));
        Ok(())
    }

    /// The catalog's secret, once it was opened.
    pub fn catalog_secret(&self) -> Result<Arc<CatalogSecret>, KeyError> {
        self.read().catalog.clone().ok_or(KeyError::Sealed)
    }

    /// Fresh wrap and naming keys (version 1) for a tenant that has none, wrapped for the catalog. They are in use
    /// after the next [`unlock`](Self::unlock) with them.
    pub async fn new_tenant_keys(&self, tenant: &TenantId) -> Result<Vec<WrappedTenantKey>, KeyError> {
        let wrap_key = TenantKey::generate()?;
        let naming_key = NamingKey::generate()?;
        Ok(vec![
            self.wrap_tenant_key(tenant, TenantKeyPurpose::Wrap, wrap_key.expose()).await?,
            self.wrap_tenant_key(tenant, TenantKeyPurpose::Name, naming_key.expose()).await?,
        ])
    }

    /// Unwraps all keys and replaces what the keyring held. On error the keyring stays as it was.
    pub async fn unlock(&self, keys: &[WrappedTenantKey]) -> Result<(), KeyError> {
        let seals = self.read().seals;
        let mut opened: HashMap<TenantId, TenantKeys> = HashMap::new();
        for key in keys {
            let context = tenant_key_context(&key.tenant, key.purpose, key.version)?;
            let secret = match self.custodian.unwrap(&context, &key.bytes).await {
                Err(CustodianError::Refused) => return Err(KeyError::Refused),
                secret => secret?,
            };
            let of_tenant = opened.entry(key.tenant.clone()).or_default();
            match key.purpose {
                TenantKeyPurpose::Wrap => {
                    let secret = TenantKey::from_slice(secret.expose()).ok_or(KeyError::Refused)?;
                    of_tenant.wrap.insert(key.version, secret);
                }
                TenantKeyPurpose::Name => {
                    let secret = NamingKey::from_slice(secret.expose()).ok_or(KeyError::Refused)?;
                    of_tenant.name.insert(key.version, Arc::new(secret));
                }
            }
        }
        let mut state = self.write();
        if state.seals != seals {
            return Err(KeyError::Sealed);
        }
        state.keys = Some(opened);
        Ok(())
    }

    /// Wipes every key. A read that has begun keeps its part keys and naming key until it ends.
    pub fn seal(&self) {
        let mut state = self.write();
        state.seals += 1;
        state.keys = None;
        state.catalog = None;
    }

    /// Whether the keyring holds no keys.
    pub fn is_sealed(&self) -> bool {
        self.read().keys.is_none()
    }

    /// A fresh part key, and the same key wrapped under the tenant's newest key.
    pub fn new_part_key(&self, tenant: &TenantId, part: PartId) -> Result<(PartKey, WrappedKey), KeyError> {
        self.with_tenant(tenant, |keys| {
            let (version, tenant_key) = keys.wrap.last_key_value().ok_or(KeyError::UnknownKey)?;
            let part_key = PartKey::generate()?;
            let context = part_key_context(tenant, part, *version)?;
            let bytes = wrap(tenant_key.expose(), PART_KEY_LABEL, &context, part_key.expose())?;
            Ok((part_key, WrappedKey { key_version: *version, bytes }))
        })
    }

    /// Unwraps a part key.
    pub fn open_part_key(&self, tenant: &TenantId, part: PartId, wrapped: &WrappedKey) -> Result<PartKey, KeyError> {
        self.with_tenant(tenant, |keys| {
            let tenant_key = keys.wrap.get(&wrapped.key_version).ok_or(KeyError::UnknownKey)?;
            let context = part_key_context(tenant, part, wrapped.key_version)?;
            unwrap(tenant_key.expose(), PART_KEY_LABEL, &context, &wrapped.bytes)
                .and_then(|secret| PartKey::from_slice(secret.expose()))
                .ok_or(KeyError::Refused)
        })
    }

    /// The tenant's naming key: its first, because names are derived and not stored (`docs/format.md` §5).
    pub fn naming_key(&self, tenant: &TenantId) -> Result<Arc<NamingKey>, KeyError> {
        self.with_tenant(tenant, |keys| {
            keys.name.first_key_value().map(|(_version, key)| Arc::clone(key)).ok_or(KeyError::UnknownKey)
        })
    }

    /// Seals what a client carries and cannot read, under the tenant's newest key: `key version (u32, big endian) ‖` wrap.
    /// It opens in the same context only, under the same tenant's keys, wherever they are. `docs/format.md` §6.6.
    pub fn seal_token(&self, tenant: &TenantId, context: &[&str], content: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.with_tenant(tenant, |keys| {
            let (version, key) = keys.wrap.last_key_value().ok_or(KeyError::UnknownKey)?;
            let sealed = seal(key.expose(), TOKEN_LABEL, &token_context(tenant, context, *version), content)?;
            Ok([version.to_be_bytes().as_slice(), &sealed].concat())
        })
    }

    /// Undoes [`seal_token`](Self::seal_token); `None` for what was never sealed so.
    pub fn open_token(
        &self,
        tenant: &TenantId,
        context: &[&str],
        token: &[u8],
    ) -> Result<Option<SecretBytes>, KeyError> {
        self.with_tenant(tenant, |keys| {
            let opened = token.split_first_chunk().and_then(|(version, sealed)| {
                let version = u32::from_be_bytes(*version);
                let key = keys.wrap.get(&version)?;
                open(key.expose(), TOKEN_LABEL, &token_context(tenant, context, version), sealed)
            });
            Ok(opened)
        })
    }

    async fn wrap_tenant_key(
        &self,
        tenant: &TenantId,
        purpose: TenantKeyPurpose,
        key: &[u8],
    ) -> Result<WrappedTenantKey, KeyError> {
        let context = tenant_key_context(tenant, purpose, FIRST_VERSION)?;
        let bytes = self.custodian.wrap(&context, key).await?;
        Ok(WrappedTenantKey { tenant: tenant.clone(), purpose, version: FIRST_VERSION, bytes })
    }

    async fn must_refuse(&self, context: &[u8], wrapped: &[u8]) -> Result<(), KeyError> {
        match self.custodian.unwrap(context, wrapped).await {
            Err(CustodianError::Refused) => Ok(()),
            Ok(_) => Err(KeyError::WrongRootKey),
            Err(cause) => Err(cause.into()),
        }
    }

    fn with_tenant<T>(
        &self,
        tenant: &TenantId,
        work: impl FnOnce(&TenantKeys) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let state = self.read();
        let keys = state.keys.as_ref().ok_or(KeyError::Sealed)?;
        work(keys.get(tenant).ok_or(KeyError::UnknownKey)?)
    }

    // A panic elsewhere leaves the state whole: it is only ever replaced.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a wrapped part key is bound to. `docs/format.md` §6.2.
fn part_key_context(tenant: &TenantId, part: PartId, version: u32) -> Result<Vec<u8>, CustodianError> {
    Ok([length_prefixed(tenant.as_str())?.as_slice(), &part.0, &version.to_be_bytes()].concat())
}

/// What a catalog's secret is bound to. `docs/format.md` §6.7.
fn identity_context(id: CatalogId) -> Result<Vec<u8>, CustodianError> {
    Ok([length_prefixed(IDENTITY_CONTEXT)?.as_slice(), &id.0].concat())
}

/// What a sealed token is bound to: each field with its length (u64, big endian) in front. `docs/format.md` §6.6.
fn token_context(tenant: &TenantId, fields: &[&str], version: u32) -> Vec<u8> {
    let mut context = version.to_be_bytes().to_vec();
    for field in [tenant.as_str()].iter().chain(fields) {
        context.extend_from_slice(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.extend_from_slice(field.as_bytes());
    }
    context
}

/// What a wrapped tenant key is bound to. `docs/format.md` §6.3.
fn tenant_key_context(tenant: &TenantId, purpose: TenantKeyPurpose, version: u32) -> Result<Vec<u8>, CustodianError> {
    let fields = [TENANT_KEY_CONTEXT, tenant.as_str(), purpose.as_str()];
    let mut context = Vec::new();
    for field in fields {
        context.extend_from_slice(&length_prefixed(field)?);
    }
    context.extend_from_slice(&version.to_be_bytes());
    Ok(context)
}
