//! The parts of a gateway, each made from its section of the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{faults, modes};
use crate::catalog::{Catalog, CatalogError, CatalogSettings, Failure, SqliteCatalog};
use crate::config::{
    self, AzureListener, CatalogUrl, Config, Custodian, JwksSource, Keys, Oidc, Provider, ProviderKind, Tls,
};
use crate::front::azure::{AzureFront, AzureSettings, Bearer, BearerSettings, Jwks};
use crate::front::s3::S3Front;
use crate::front::server::Limits;
use crate::front::tls::{TlsFiles, TlsHandle};
use crate::gateway::{Client, EtagMode, Fencing, Settings, Spool, UnlockError};
use crate::keys::{self, FileCustodian, Keyring};
use crate::model::{Principal, ProviderName, Quotas, TenantId};
use crate::redact::RedactedUrl;
use crate::seal::Padding;
use crate::store::{ChunkStore, FolderAccess, GuardSettings, Guarded, ObjectStoreChunks, ProviderSpec, Store};
use crate::telemetry::Known;
use crate::text::{Exit, OperatorError};

/// Smallest part of an upload but the last. Source: S3 "Multipart upload limits".
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// Checks that the data folder is there.
pub(super) fn data_folder(path: &Path) -> Result<(), OperatorError> {
    let fault = || OperatorError::new("data-folder", Exit::Configuration).arg("path", path.display().to_string());
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(fault()),
        Err(error) => Err(fault().because(&error)),
    }
}

/// Where the certificates are, unless TLS is off.
pub(super) fn tls_files(tls: &Tls) -> Option<TlsFiles> {
    match tls {
        Tls::Off => None,
        Tls::Files { certificate, private_key, client_ca } => Some(TlsFiles {
            certificate: certificate.clone(),
            private_key: private_key.clone(),
            client_ca: client_ca.clone(),
        }),
    }
}

/// Loads the certificates, unless TLS is off.
pub(super) fn tls(tls: &Tls) -> Result<Option<Arc<TlsHandle>>, OperatorError> {
    tls_files(tls).map(|files| TlsHandle::load(&files).map_err(|error| faults::tls(&error))).transpose()
}

/// Opens the custodian.
pub(super) fn custodian(keys: &Keys) -> Result<Arc<dyn keys::Custodian>, OperatorError> {
    match &keys.custodian {
        Custodian::File { path } => match FileCustodian::open(path) {
            Ok(custodian) => Ok(Arc::new(custodian)),
            Err(error) => Err(faults::custodian(&error)),
        },
    }
}

/// The tenants' keys of a catalog that is looked at: nothing is made that is not there.
pub(super) async fn opened_keys(
    custodian: Arc<dyn keys::Custodian>,
    catalog: &dyn Catalog,
    path: &Path,
) -> Result<Keyring, OperatorError> {
    let fault = |error| faults::catalog(&error, path);
    let wrong = |error| faults::unlock(&UnlockError::Keys(error), path);
    let keyring = Keyring::new(custodian);
    if let Some(canary) = catalog.canary().await.map_err(fault)? {
        keyring.check_canary(&canary).await.map_err(wrong)?;
    }
    keyring.unlock(&catalog.tenant_keys().await.map_err(fault)?).await.map_err(wrong)?;
    Ok(keyring)
}

/// Makes the catalog if there is none, and opens it: for the operator's command, never for a start.
pub(super) fn new_catalog(config: &Config) -> Result<SqliteCatalog, OperatorError> {
    let CatalogUrl::Sqlite(path) = &config.catalog;
    SqliteCatalog::open(path).map_err(|error| faults::catalog(&error, path))
}

/// Opens the catalog, which must be there. What was deleted is kept as long as the Azure front promises.
pub(super) fn catalog(config: &Config) -> Result<SqliteCatalog, OperatorError> {
    let CatalogUrl::Sqlite(path) = &config.catalog;
    let retention = config.azure.as_ref().and_then(|azure| azure.soft_delete);
    SqliteCatalog::open_existing(path, CatalogSettings::retaining(retention))
        .map_err(|error| faults::catalog(&error, path))
}

/// Opens the catalog to look at it: it is not changed, and must be there.
pub(super) fn catalog_as_it_is(config: &Config) -> Result<SqliteCatalog, OperatorError> {
    let CatalogUrl::Sqlite(path) = &config.catalog;
    SqliteCatalog::open_as_it_is(path).map_err(|error| faults::catalog(&error, path))
}

/// Opens the catalog to look at it, or a snapshot of one that a gateway has open; whether it is a snapshot.
pub(super) fn catalog_or_snapshot(config: &Config) -> Result<(SqliteCatalog, bool), OperatorError> {
    let CatalogUrl::Sqlite(path) = &config.catalog;
    let opened = match SqliteCatalog::open_as_it_is(path) {
        Err(CatalogError::Failed(Failure::InUse)) => {
            SqliteCatalog::open_snapshot(path).map(|snapshot| (snapshot, true))
        }
        opened => opened.map(|catalog| (catalog, false)),
    };
    opened.map_err(|error| faults::catalog(&error, path))
}

/// What metrics can be of, beside what happens.
pub(super) fn known(config: &Config) -> Known {
    let s3 = config.s3.iter().flat_map(|_| S3Front::operations().map(|operation| ("s3", operation)));
    let azure = config.azure.iter().flat_map(|_| AzureFront::operations().map(|operation| ("azure", operation)));
    let listeners = [("s3", config.s3.is_some()), ("azure", config.azure.is_some()), ("admin", config.admin.is_some())];
    Known {
        clients: config.clients.iter().map(|client| client.id.to_string()).collect(),
        buckets: config.buckets.iter().map(|(of, _)| (of.tenant.to_string(), of.name.to_string())).collect(),
        providers: config.providers.iter().map(|provider| provider.name.to_string()).collect(),
        listeners: listeners.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect(),
        operations: s3.chain(azure).collect(),
    }
}

/// The catalog's file.
pub(super) fn catalog_path(url: &CatalogUrl) -> &Path {
    let CatalogUrl::Sqlite(path) = url;
    path
}

/// All providers, each behind its guard. `access`: what for, where a provider is a folder.
pub(super) fn store(providers: Vec<Provider>, access: FolderAccess) -> Result<Store, OperatorError> {
    let mut places: Vec<(ProviderName, Arc<dyn ChunkStore>)> = Vec::with_capacity(providers.len());
    for Provider { name, kind, timeout, connections, ca } in providers {
        if let ProviderKind::Azure { endpoint: Some(endpoint), .. }
        | ProviderKind::S3 { endpoint: Some(endpoint), .. } = &kind
        {
            tracing::info!(provider = %name, endpoint = %RedactedUrl(endpoint), "provider");
        }
        let chunks = ObjectStoreChunks::open(spec(kind, authorities(ca, &name)?, access))
            .map_err(|error| faults::provider(&error, &name))?;
        let usual = GuardSettings::default();
        let settings = GuardSettings {
            parallel_writes: connections,
            parallel_reads: connections.saturating_mul(2),
            put: timeout,
            answer: usual.answer.min(timeout),
            stall: usual.stall.min(timeout),
            ..usual
        };
        let guarded = Guarded::new(&name, Arc::new(chunks), settings);
        places.push((name, Arc::new(guarded)));
    }
    Ok(Store::new(places))
}

/// The authorities that a provider's certificate may come from, beside the system's.
fn authorities(path: Option<PathBuf>, name: &ProviderName) -> Result<Option<Vec<u8>>, OperatorError> {
    let Some(path) = path else { return Ok(None) };
    std::fs::read(&path).map(Some).map_err(|error| {
        OperatorError::new("provider-unavailable", Exit::Configuration).arg("name", name.as_str()).because(&error)
    })
}

fn spec(kind: ProviderKind, ca: Option<Vec<u8>>, access: FolderAccess) -> ProviderSpec {
    match kind {
        ProviderKind::Azure { account, container, key, endpoint } => {
            ProviderSpec::Azure { account, container, key, endpoint: endpoint.map(String::from), ca }
        }
        ProviderKind::S3 { bucket, region, endpoint, access_key_id, secret_access_key } => ProviderSpec::S3 {
            bucket,
            region,
            path_style: endpoint.is_some(),
            endpoint: endpoint.map(String::from),
            access_key_id,
            secret_access_key,
            ca,
        },
        ProviderKind::Gcs { bucket, credentials } => {
            ProviderSpec::Gcs { bucket, service_account_key: credentials, endpoint: None, ca }
        }
        ProviderKind::Dir { path } => ProviderSpec::Dir { path, access },
    }
}

/// What the Azure front needs to know.
pub(super) fn azure(azure: AzureListener) -> Result<AzureSettings, OperatorError> {
    Ok(AzureSettings {
        domains: azure.domains,
        copy_sources: azure.copy_sources,
        soft_delete: azure.soft_delete,
        bearer: azure.oidc.map(bearer).transpose()?,
    })
}

/// Whose tokens the Azure front believes. The issuer is not asked, but what is in files is looked at.
pub(super) fn bearer(oidc: Oidc) -> Result<Bearer, OperatorError> {
    let fault = |error: &dyn std::error::Error| faults::oidc_keys(error, oidc.jwks.to_string());
    let (jwks, authorities) = match &oidc.jwks {
        JwksSource::File(path) => {
            modes::refuse_writable(path).map_err(|error| fault(&error))?;
            let keys = std::fs::read(path).map_err(|error| fault(&error))?;
            serde_json::from_slice::<serde_json::Value>(&keys).map_err(|error| fault(&error))?;
            (Jwks::File(path.clone()), None)
        }
        JwksSource::Url { url, ca } => {
            let authorities = ca.as_ref().map(std::fs::read).transpose().map_err(|error| fault(&error))?;
            (Jwks::Url(url.clone()), authorities)
        }
    };
    let settings = BearerSettings {
        issuer: oidc.issuer,
        audiences: oidc.audiences,
        jwks,
        authorities,
        claim: oidc.claim,
        clients: oidc.clients,
    };
    Bearer::new(settings).map_err(|error| faults::oidc_keys(&error, oidc.jwks.to_string()))
}

/// Says in the log which clients cannot come through the Azure front.
pub(super) fn warn_of_s3_only(config: &Config) {
    for client in config.clients.iter().filter(|_| config.azure.is_some()) {
        if let Some(reason) = client.s3_only() {
            tracing::warn!(client = client.id.as_str(), unfit = reason.word(), "not a client of the Azure front");
        }
    }
}

/// Clients as the gateway knows them.
pub(super) fn clients(clients: Vec<config::Client>) -> Vec<Client> {
    clients
        .into_iter()
        .map(|client| Client {
            principal: Principal::new(client.id, client.tenant, client.allow),
            secret: client.secret,
        })
        .collect()
}

/// How much each client may have, and each bucket may hold.
pub(super) fn quotas(config: &Config) -> Quotas {
    let clients = config.clients.iter().map(|client| (client.id.clone(), client.quota)).collect();
    Quotas { clients, buckets: config.buckets.clone() }
}

/// Every tenant that some client works in, once.
pub(super) fn tenants(clients: &[config::Client]) -> Vec<TenantId> {
    let mut tenants: Vec<TenantId> = clients.iter().map(|client| client.tenant.clone()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    tenants
}

/// The folder below the data folder where sealed bytes of slow clients lie for a moment.
const SPOOL: &str = "spool";
/// How much of the disk they may take, in multiples of `write.memory`.
const SPOOL_FACTOR: u64 = 8;

/// Opens the spool. The catalog is open: no other gateway uses the data folder.
pub(super) fn spool(data_dir: &Path, write: &config::Write) -> Result<Spool, OperatorError> {
    let folder = data_dir.join(SPOOL);
    Spool::open(folder.clone(), write.memory.saturating_mul(SPOOL_FACTOR)).map_err(|error| {
        OperatorError::new("data-folder", Exit::Configuration).arg("path", folder.display().to_string()).because(&error)
    })
}

/// What the operator decided about writing.
pub(super) fn settings(
    write: &config::Write,
    limits: &config::Limits,
    spool: Option<Spool>,
    fencing: Fencing,
) -> Settings {
    Settings {
        etag: match write.etag {
            config::Etag::Md5 => EtagMode::Md5,
            config::Etag::Opaque => EtagMode::Opaque,
        },
        padding: match write.padding {
            config::Padding::Padme => Padding::Padme,
            config::Padding::None => Padding::None,
        },
        memory: write.memory,
        spool,
        grace: write.grace,
        late: write.late,
        parallel_chunks: write.parallel_chunks,
        small_body: limits.small_body_timeout,
        min_part_bytes: MIN_PART_BYTES,
        fencing,
    }
}

/// Limits of every listener.
pub(super) fn limits(limits: &config::Limits) -> Limits {
    Limits {
        connections: limits.connections,
        strangers_of_address: limits.connections_per_address,
        connections_of_client: limits.connections_per_client,
        handshake: limits.handshake_timeout,
        header: limits.header_timeout,
        request_stall: limits.idle_timeout,
        response_stall: limits.idle_timeout,
        idle: limits.idle_timeout,
        drain: limits.drain_timeout,
        ..Limits::default()
    }
}
