//! Merges the ends of objects that grew by many small appends.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::gateway::{Error, Gateway};

/// Merges one object after another, as appends ask for it, until `stop`. What fails is left to a later append.
pub async fn merge(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut waiting = gateway.merges.1.lock().await;
    while let Some(Some((bucket, key))) = stop.run_until_cancelled(waiting.recv()).await {
        if gateway.may_write().is_err() {
            continue;
        }
        match stop.run_until_cancelled(gateway.merge_end(&bucket, &key)).await {
            None => return,
            Some(Ok(merged)) => metrics::counter!("ecluse_slices_merged_total").increment(merged as u64),
            // The object changed or went meanwhile.
            Some(Err(Error::Conflict | Error::NoSuchKey | Error::NoSuchBucket)) => {}
            Some(Err(error)) => tracing::warn!(%error, "the end of a growing object could not be merged"),
        }
    }
}
