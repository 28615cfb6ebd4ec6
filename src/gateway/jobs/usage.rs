//! Shows what clients have.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(10);

/// Sets the gauges of what each configured client has, over and over, until `stop`.
pub async fn watch_usage(gateway: Arc<Gateway>, stop: CancellationToken) {
    loop {
        match gateway.catalog.usage().await {
            Ok(all) => {
                for (client, usage) in all.iter().filter(|(client, _)| gateway.clients.find(client.as_str()).is_some())
                {
                    #[expect(clippy::cast_precision_loss, reason = "gauges; petabytes are exact enough")]
                    let set = |gauge: metrics::Gauge, value: u64| gauge.set(value as f64);
                    set(metrics::gauge!("ecluse_client_bytes", "client" => client.to_string()), usage.bytes);
                    set(metrics::gauge!("ecluse_client_objects", "client" => client.to_string()), usage.objects);
                    set(metrics::gauge!("ecluse_client_uploads", "client" => client.to_string()), usage.uploads);
                }
            }
            Err(error) => tracing::warn!(%error, "what clients have could not be read"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}
