//! Looks at the providers again and again: do they still belong to this catalog, and is its epoch still the newest?

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::gateway::{FenceFault, Gateway};

/// Pause between looks.
const PAUSE: Duration = Duration::from_secs(3);
/// Pause after a look that found something which may pass.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Looks, until `stop`. What is found is logged when it changes; the metrics always tell.
pub async fn watch_store(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut told: Option<&'static str> = None;
    loop {
        let found = if gateway.is_sealed() { Ok(()) } else { gateway.look().await };
        let word = found.as_ref().err().map(|fault| fault.word());
        if word != told {
            match &found {
                Ok(()) => tracing::info!("the providers are this catalog's; writes are taken"),
                Err(fault) => tell(fault),
            }
            told = word;
        }
        measure(&gateway, found.as_ref().err().map(AsRef::as_ref));
        let pause = if found.is_ok() { PAUSE } else { PAUSE_AFTER_FAILURE };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            () = gateway.look_wanted() => tokio::task::yield_now().await,
        }
    }
}

fn tell(fault: &FenceFault) {
    match fault {
        FenceFault::Stale { by, found, .. } => tracing::error!(
            error = %fault,
            entered_by = by.host.as_str(),
            entered_at_unix_ms = by.written.0,
            epoch = found,
            "STALE: another gateway works on a copy of this catalog. This one writes and deletes nothing any more. Only one of the \
             two may live: see docs/operators/recovery.md"
        ),
        FenceFault::Contested { by, .. } => tracing::error!(
            error = %fault,
            objected_by = by.host.as_str(),
            objected_at_unix_ms = by.written.0,
            "CONTESTED: another gateway works on a copy of this catalog. This one writes and deletes nothing any more. Only one of \
             the two may live: see docs/operators/recovery.md"
        ),
        fault if fault.is_passing() => tracing::warn!(error = %fault, "the providers could not be looked at"),
        fault => tracing::error!(
            error = %fault,
            "the providers are not as this catalog left them; nothing is written or deleted until they are"
        ),
    }
}

fn measure(gateway: &Gateway, fault: Option<&FenceFault>) {
    let gauge = |so: bool| if so { 1.0 } else { 0.0 };
    let stale = matches!(fault, Some(FenceFault::Stale { .. } | FenceFault::Contested { .. }));
    metrics::gauge!("ecluse_stale").set(gauge(stale));
    metrics::gauge!("ecluse_writes_refused").set(gauge(gateway.may_write().is_err()));
    #[expect(clippy::cast_precision_loss, reason = "a gauge; 2^52 starts will do")]
    metrics::gauge!("ecluse_epoch").set(gateway.epoch() as f64);
}
