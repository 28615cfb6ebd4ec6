//! Asks the custodian again and again: when it goes away, so do the keys; when it is back, so are they.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::gateway::{Gateway, UnlockError};
use crate::keys::{CustodianError, KeyError};
use crate::model::TenantId;

/// Least time that a custodian has to answer, however short its TTL.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(2);

/// Pause before a custodian that is away is asked the first time, and the longest one. Each is twice the one before:
/// soon enough for clients that wait, and seldom enough for a device that counts what it refuses.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Asks the custodian every `ttl`, and while the gateway is sealed every few seconds (but never later than after `ttl`).
/// When it does not stand behind the root key any more, the gateway is sealed; when it does again, the gateway opens by
/// itself. Runs until `stop`.
pub async fn watch_custodian(gateway: Arc<Gateway>, tenants: Vec<TenantId>, ttl: Duration, stop: CancellationToken) {
    let mut next_pause = FIRST_PAUSE;
    loop {
        let pause = if gateway.is_sealed() {
            let pause = next_pause;
            next_pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            pause.min(ttl)
        } else {
            next_pause = FIRST_PAUSE;
            ttl
        };
        metrics::gauge!("ecluse_sealed").set(if gateway.is_sealed() { 1.0 } else { 0.0 });
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let asked = async {
            if gateway.is_sealed() {
                gateway.unlock(&tenants).await.map(|()| tracing::info!("the custodian is back; the gateway is open"))
            } else {
                gateway.check_custodian().await
            }
        };
        // A custodian that hangs is away, too.
        let away = || CustodianError::Unavailable("it does not answer in time".to_owned());
        let outcome =
            timeout(ttl.max(SHORTEST_PATIENCE), asked).await.unwrap_or_else(|_late| Err(KeyError::from(away()).into()));
        if let Err(error @ UnlockError::Keys(_)) = outcome
            && !gateway.is_sealed()
        {
            tracing::error!(%error, "the custodian does not answer for the root key; the gateway is sealed");
            gateway.seal();
        }
    }
}
