//! Keeps the time for the next start, and says when the system's clock is not believed.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;
use crate::model::Timestamp;

/// Pause between two looks: what a crash takes from the time that is known.
const PAUSE: Duration = Duration::from_secs(60);

/// Keeps the steady clock's time in the catalog, and compares the system's with it, until `stop`.
pub async fn watch_clock(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut doubted = false;
    loop {
        let ahead = Timestamp::system_ahead_seconds();
        #[expect(clippy::cast_precision_loss, reason = "a gauge; seconds of centuries are exact enough")]
        metrics::gauge!("ecluse_clock_ahead_seconds").set(ahead as f64);
        let doubts = Timestamp::is_doubtful(ahead);
        match (doubted, doubts) {
            (false, true) => tracing::warn!(
                ahead_seconds = ahead,
                "the system's clock is far from the time that is known; what is kept for a time is kept by the latter"
            ),
            (true, false) => {
                tracing::info!(ahead_seconds = ahead, "the system's clock agrees with the time known again")
            }
            (false, false) | (true, true) => {}
        }
        doubted = doubts;
        if let Err(error) = gateway.catalog.keep_time(Timestamp::steady()).await {
            tracing::warn!(%error, "the time could not be kept; it is tried again");
        }
        if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}
