//! Shows what clients have, and what limited buckets hold.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogError;
use crate::gateway::Gateway;
use crate::model::Usage;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(10);

/// Sets the gauges of what each configured client has and of what each bucket with a limit holds, over and over, until `stop`.
pub async fn watch_usage(gateway: Arc<Gateway>, stop: CancellationToken) {
    loop {
        if let Err(error) = show_usage(&gateway).await {
            tracing::warn!(%error, "what clients have could not be read");
        }
        if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}

/// Sets the gauges once.
async fn show_usage(gateway: &Gateway) -> Result<(), CatalogError> {
    let all = gateway.catalog.usage().await?;
    for (client, usage) in all.iter().filter(|(client, _)| gateway.clients.find(client.as_str()).is_some()) {
        let Usage { bytes, objects, uploads } = *usage;
        set(metrics::gauge!("ecluse_client_bytes", "client" => client.to_string()), bytes);
        set(metrics::gauge!("ecluse_client_objects", "client" => client.to_string()), objects);
        set(metrics::gauge!("ecluse_client_uploads", "client" => client.to_string()), uploads);
    }
    let limited = gateway.limited_buckets();
    let held = gateway.catalog.usage_of_buckets(limited.clone()).await?;
    for (bucket, Usage { bytes, objects, uploads }) in limited.into_iter().zip(held) {
        let (tenant, name) = (bucket.tenant.to_string(), bucket.name.to_string());
        set(metrics::gauge!("ecluse_bucket_bytes", "tenant" => tenant.clone(), "bucket" => name.clone()), bytes);
        set(metrics::gauge!("ecluse_bucket_objects", "tenant" => tenant.clone(), "bucket" => name.clone()), objects);
        set(metrics::gauge!("ecluse_bucket_uploads", "tenant" => tenant, "bucket" => name), uploads);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "gauges; petabytes are exact enough")]
fn set(gauge: metrics::Gauge, value: u64) {
    gauge.set(value as f64);
}
