//! Asks the custodian again and again: when it goes away, so do the keys; when it is back, so are they.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;
use crate::keys::CustodianError;
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
    let mut canary: Option<Option<Vec<u8>>> = None;
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
        let patience = ttl.max(SHORTEST_PATIENCE);
        if gateway.is_sealed() {
            // The time is for the custodian and the catalog together: sealed it stays when either is late.
            if let Ok(Ok(())) = timeout(patience, gateway.unlock(&tenants)).await {
                tracing::info!("the custodian is back; the gateway is open");
            }
            continue;
        }
        match timeout(patience, gateway.canary()).await {
            Ok(Ok(found)) => canary = Some(found),
            // A catalog that is slow, or fails, says nothing of the custodian. It is asked with what the catalog said before.
            Ok(Err(error)) => tracing::warn!(%error, "the catalog's canary cannot be read"),
            Err(_late) => tracing::warn!("the catalog's canary does not come in time"),
        }
        let Some(canary) = &canary else { continue };
        // A custodian that hangs is away, too.
        let away = || CustodianError::Unavailable("it does not answer in time".to_owned());
        let asked = timeout(patience, gateway.check_custodian(canary.as_deref())).await;
        if let Err(error) = asked.unwrap_or_else(|_late| Err(away().into())) {
            tracing::error!(%error, "the custodian does not answer for the root key; the gateway is sealed");
            gateway.seal();
        }
    }
}
