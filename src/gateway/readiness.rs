//! Whether the gateway can serve, and what keeps it from it.

use std::time::Duration;

use super::Gateway;
use super::fence::ReadOnly;
use crate::model::{ProviderName, Timestamp};

/// Longest wait for a provider's answer.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

/// Whether the gateway can serve, and what keeps it from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The keyring holds keys.
    pub keys: bool,
    /// The catalog commits.
    pub catalog: bool,
    /// Each provider, and whether it answers.
    pub providers: Vec<(ProviderName, bool)>,
    /// What keeps writes out, in a word: see [`FenceFault::word`](super::FenceFault::word).
    pub fence: Option<&'static str>,
    /// The gateway only reads: it is ready without taking writes.
    pub read_only: bool,
    /// How many seconds the system's clock is ahead of the time that is known (negative: behind), when that is more than is
    /// believed. Clients are served all the same.
    pub clock_off_seconds: Option<i64>,
}

impl Readiness {
    /// Whether clients can be served: keys, catalog, and every provider that writes need.
    pub fn is_ready(&self) -> bool {
        self.keys && self.catalog && self.fence.is_none() && self.providers.iter().all(|(_, up)| *up)
    }
}

impl Gateway {
    /// Asks keyring, catalog and providers whether they can serve.
    pub async fn readiness(&self) -> Readiness {
        let providers = self.store.providers().map(|(name, provider)| async move {
            let answer = tokio::time::timeout(PROBE_PATIENCE, provider.probe()).await;
            (name.clone(), matches!(answer, Ok(Ok(()))))
        });
        let (catalog, providers) = futures::join!(self.catalog.probe(), futures::future::join_all(providers));
        let keys = !self.keyring.is_sealed();
        if keys && providers.iter().all(|(_, up)| *up) {
            // What it finds decides; what it cannot find out changes nothing.
            let _found = tokio::time::timeout(PROBE_PATIENCE, self.look()).await;
        }
        let (fence, read_only) = match self.obstacle() {
            Ok(fault) => (fault.map(|fault| fault.word()), false),
            Err(ReadOnly) => (None, true),
        };
        let clock = Some(Timestamp::system_ahead_seconds()).filter(|ahead| Timestamp::is_doubtful(*ahead));
        Readiness { keys, catalog: catalog.is_ok(), providers, fence, read_only, clock_off_seconds: clock }
    }
}
