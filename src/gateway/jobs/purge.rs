//! Removes what dropped buckets held, what was deleted and retained long enough, and blocks that nobody committed.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogError;
use crate::gateway::Gateway;
use crate::model::Timestamp;

/// Pause between two rounds.
const PAUSE: Duration = Duration::from_secs(10);
/// Objects removed in one transaction.
const BATCH: usize = 200;
/// Uncommitted blocks are kept for a week after the last of them came. Source: Azure "Put Block".
const BLOCKS_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Removes, round after round, until `stop`.
pub async fn purge(gateway: Arc<Gateway>, stop: CancellationToken) {
    loop {
        match stop.run_until_cancelled(round(&gateway)).await {
            None => return,
            Some(Ok(true)) => continue,
            Some(Ok(false)) => {}
            Some(Err(error)) => tracing::warn!(%error, "what is to be removed could not be; it is tried again"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}

/// `Ok(true)`: there may be more at once.
async fn round(gateway: &Gateway) -> Result<bool, CatalogError> {
    if !gateway.may_delete().await {
        return Ok(false);
    }
    let now = Timestamp::steady();
    let grace_until = gateway.grace_until();
    let more = gateway.catalog.purge(now, BATCH, grace_until).await?;
    let before = Timestamp(now.0.saturating_sub(i64::try_from(BLOCKS_KEPT.as_millis()).unwrap_or(i64::MAX)));
    let dropped = gateway.catalog.drop_stale_blocks(before, BATCH, grace_until).await?;
    Ok(more || dropped == BATCH)
}
