//! A gateway that runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::open_files::OpenFiles;
use super::{assemble, clock, faults, modes};
use crate::config::Config;
use crate::front::admin::Admin;
use crate::front::azure::{AzureFront, Bearer, TokenClients};
use crate::front::s3::{S3Front, S3Settings};
use crate::front::server;
use crate::front::tls::TlsHandle;
use crate::gateway::{Clients, Fencing, Gateway, jobs};
use crate::keys::Keyring;
use crate::model::{PartBlock, Timestamp};
use crate::store::FolderAccess;
use crate::telemetry::Metrics;
use crate::text::{Exit, OperatorError};

/// How long after the start leftovers of an earlier process are looked for: its last requests have arrived by then.
const SWEEP_PAUSE: Duration = Duration::from_secs(10);
/// How long the start waits for the providers. One that does not answer is looked at later.
const ENTER_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it is time to look for leftovers once more.
const SWEEP_AGAIN: Duration = Duration::from_secs(600);
/// Pause before a sweep that failed is begun again.
const SWEEP_RETRY: Duration = Duration::from_secs(30);

/// A gateway that runs. Dropped without [`shutdown`](Self::shutdown) its tasks go on until the runtime ends.
pub struct Running {
    gateway: Arc<Gateway>,
    tls: Option<Arc<TlsHandle>>,
    token_clients: Option<TokenClients>,
    addresses: Vec<(&'static str, SocketAddr)>,
    stop_listening: CancellationToken,
    stop_jobs: CancellationToken,
    listeners: TaskTracker,
    jobs: TaskTracker,
}

/// Puts a gateway together and starts it. When this returns, every address is bound and the keyring is open.
///
/// No catalog is made, and no marker laid: that is [`init`](super::init())'s. A provider that is away does not stop the start, but nothing
/// is written before it was looked at; one that is another's does.
pub async fn start(config: Config, metrics: Metrics, fencing: Fencing) -> Result<Running, OperatorError> {
    assemble::data_folder(&config.data_dir)?;
    modes::mend(&config)?;
    let files = OpenFiles::raise(&config);
    if files.suffice() {
        tracing::info!(allowed = files.allowed, wanted = files.wanted, "open files");
    } else {
        tracing::warn!(
            allowed = files.allowed,
            wanted = files.wanted,
            "fewer files may be open than limits.connections may need; raise LimitNOFILE or lower it"
        );
    }
    let tls = assemble::tls(&config.tls)?;
    let custodian = assemble::custodian(&config.keys)?;
    tracing::info!(custodian = custodian.describe(), "custodian");
    assemble::warn_of_s3_only(&config);
    let catalog = assemble::catalog(&config)?;
    clock::resume(&catalog).await.map_err(|error| faults::catalog(&error, assemble::catalog_path(&config.catalog)))?;
    let known = assemble::known(&config);
    let access = if fencing == Fencing::ReadOnly { FolderAccess::Look } else { FolderAccess::Own };
    let quotas = assemble::quotas(&config);
    let store = assemble::store(config.providers, access)?;
    let tenants = assemble::tenants(&config.clients);
    let clients = Arc::new(Clients::new(assemble::clients(config.clients)));
    let spool = assemble::spool(&config.data_dir, &config.write)?;
    let settings = assemble::settings(&config.write, &config.limits, Some(spool), fencing);
    let sweep_pause = settings.grace.min(SWEEP_PAUSE);
    let keyring = Arc::new(Keyring::new(custodian));
    let gateway = Arc::new(Gateway::new(Arc::new(catalog), keyring, Arc::new(store), clients, settings));
    let catalog_path = assemble::catalog_path(&config.catalog);
    gateway.unlock(&tenants).await.map_err(|error| faults::unlock(&error, catalog_path))?;
    match tokio::time::timeout(ENTER_PATIENCE, gateway.enter()).await {
        Ok(Ok(())) => {}
        Ok(Err(fault)) if !fault.is_passing() => return Err(faults::fence(&fault, catalog_path)),
        Ok(Err(fault)) => tracing::warn!(error = %fault, "no writes are taken before the providers were looked at"),
        Err(_late) => tracing::warn!("no writes are taken before the providers were looked at; they do not answer"),
    }
    gateway.set_quotas(quotas).await.map_err(|error| faults::catalog(&error, catalog_path))?;
    let left_open = gateway.blocks_left_open().await.map_err(|error| faults::catalog(&error, catalog_path))?;

    let mut running = Running {
        gateway: Arc::clone(&gateway),
        tls,
        token_clients: None,
        addresses: Vec::new(),
        stop_listening: CancellationToken::new(),
        stop_jobs: CancellationToken::new(),
        listeners: TaskTracker::new(),
        jobs: TaskTracker::new(),
    };
    let limits = assemble::limits(&config.limits);
    // All are bound before one serves: a port that is taken ends the start, not half of it.
    let s3 = config.s3.map(|s3| bind(s3.listen).map(|bound| (s3, bound))).transpose()?;
    let azure = config.azure.map(|azure| Ok((bind(azure.listen)?, assemble::azure(azure)?))).transpose()?;
    let admin = config.admin.map(|admin| bind(admin.listen)).transpose()?;
    if let Some((s3, listener)) = s3 {
        let front = S3Front::new(Arc::clone(&gateway), S3Settings { domains: s3.domains, region: s3.region });
        let tls = running.tls.clone();
        running.listen("s3", listener, tls, &limits, front)?;
    }
    if let Some((listener, azure)) = azure {
        running.token_clients = azure.bearer.as_ref().map(Bearer::clients);
        let front = AzureFront::new(Arc::clone(&gateway), azure);
        let tls = running.tls.clone();
        running.listen("azure", listener, tls, &limits, front)?;
    }
    if let Some(listener) = admin {
        let loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        let tls = running.tls.clone().filter(|_| !loopback);
        running.listen("admin", listener, tls, &limits, Admin::new(Arc::clone(&gateway), metrics.clone()))?;
    }
    metrics.stand(&known);
    let stop = running.stop_jobs.clone();
    running.jobs.spawn(jobs::watch_store(Arc::clone(&gateway), stop.clone()));
    running.jobs.spawn(jobs::collect(Arc::clone(&gateway), stop.clone()));
    let look = jobs::ScrubSettings { within: config.scrub.within, sample: config.scrub.sample };
    running.jobs.spawn(jobs::scrub(Arc::clone(&gateway), look, stop.clone()));
    running.jobs.spawn(jobs::merge(Arc::clone(&gateway), stop.clone()));
    running.jobs.spawn(jobs::watch_usage(Arc::clone(&gateway), stop.clone()));
    running.jobs.spawn(jobs::watch_clock(Arc::clone(&gateway), stop.clone()));
    running.jobs.spawn(jobs::purge(Arc::clone(&gateway), stop.clone()));
    running.jobs.spawn(jobs::watch_custodian(Arc::clone(&gateway), tenants, config.keys.ttl, stop.clone()));
    if fencing != Fencing::ReadOnly {
        running.jobs.spawn(sweep(gateway, left_open, sweep_pause, stop.clone()));
    }
    running.jobs.spawn(async move { stop.run_until_cancelled(metrics.upkeep()).await });
    Ok(running)
}

impl Running {
    /// What listens where: `s3`, `azure`, `admin`.
    pub fn addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.addresses
    }

    /// Where one front listens.
    pub fn address(&self, front: &str) -> Option<SocketAddr> {
        self.addresses.iter().find(|(name, _)| *name == front).map(|(_, address)| *address)
    }

    /// The gateway itself.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Takes over clients, quotas, those that tokens speak for, and certificates of a configuration; everything else of it waits for a
    /// restart.
    pub async fn reload(&self, config: Config) -> Result<(), OperatorError> {
        assemble::warn_of_s3_only(&config);
        let quotas = assemble::quotas(&config);
        let tenants = assemble::tenants(&config.clients);
        let catalog_path = assemble::catalog_path(&config.catalog);
        self.gateway.unlock(&tenants).await.map_err(|error| faults::unlock(&error, catalog_path))?;
        if let (Some(tls), Some(files)) = (&self.tls, assemble::tls_files(&config.tls)) {
            tls.reload(&files).map_err(|error| faults::tls(&error))?;
        }
        if let Some(token_clients) = &self.token_clients {
            // A section that is gone speaks for nobody.
            let mapped = config.azure.and_then(|azure| azure.oidc).map(|oidc| oidc.clients);
            token_clients.replace(mapped.unwrap_or_default());
        }
        self.gateway.set_quotas(quotas).await.map_err(|error| faults::catalog(&error, catalog_path))?;
        self.gateway.clients().replace(assemble::clients(config.clients));
        Ok(())
    }

    /// Drains the listeners (each within its deadline), stops the jobs, closes the catalog.
    pub async fn shutdown(self) {
        self.stop_listening.cancel();
        self.listeners.close();
        self.listeners.wait().await;
        self.stop_jobs.cancel();
        self.jobs.close();
        self.jobs.wait().await;
        self.gateway.close().await;
        tracing::info!("ecluse has stopped");
    }

    fn listen<A, B>(
        &mut self,
        name: &'static str,
        listener: tokio::net::TcpListener,
        tls: Option<Arc<TlsHandle>>,
        limits: &server::Limits,
        answer: A,
    ) -> Result<(), OperatorError>
    where
        A: server::Answer<B>,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let address =
            listener.local_addr().map_err(|error| OperatorError::new("internal", Exit::Internal).because(&error))?;
        tracing::info!(front = name, %address, tls = tls.is_some(), "listening");
        self.addresses.push((name, address));
        let stop = self.stop_listening.clone();
        self.listeners.spawn(server::serve(name, listener, tls, limits.clone(), answer, stop));
        Ok(())
    }
}

fn bind(address: SocketAddr) -> Result<tokio::net::TcpListener, OperatorError> {
    server::bind(address).map_err(|error| {
        OperatorError::new("listen", Exit::Unavailable).arg("address", address.to_string()).because(&error)
    })
}

/// Sweeps what an earlier process left, until it succeeded once.
async fn sweep(gateway: Arc<Gateway>, mut blocks: Vec<PartBlock>, pause: Duration, stop: CancellationToken) {
    let mut pause = pause;
    while !blocks.is_empty() {
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        pause = SWEEP_RETRY;
        match stop.run_until_cancelled(jobs::sweep(&gateway, &mut blocks)).await {
            None => return,
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::warn!(%error, "leftovers could not be looked for; trying again"),
        }
    }
    while stop.run_until_cancelled(tokio::time::sleep(SWEEP_AGAIN)).await.is_some() {
        if let Some(Err(error)) = stop.run_until_cancelled(jobs::sweep_again(&gateway, Timestamp::steady())).await {
            tracing::warn!(%error, "leftovers could not be looked for again; it is tried later");
        }
    }
}
