//! From a configuration to running tasks, and back down: the only wiring.
//!
//! # Invariants
//! - Nothing listens before the keyring is open: no authentication, no listener.
//! - A reload validates everything first; a bad file changes nothing.
//! - Going down: listeners drain, jobs stop, the catalog closes, in that order.

mod assemble;
mod check;
mod clock;
mod compact;
mod core_image;
mod faults;
mod init;
mod modes;
mod open_files;
mod orphans;
mod running;
mod scrub;
mod take_over;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::telemetry::{LogFormat, Metrics, TelemetryError, start_logging};
use crate::text::{Exit, OperatorError, Texts};

pub use crate::gateway::{Fencing, Laid};
pub use check::{CheckOptions, check};
pub use clock::clock;
pub use compact::compact;
pub use core_image::forbid_core_images;
pub use init::{InitOptions, Initialized, init};
pub use orphans::orphans;
pub use running::{Running, start};
pub use scrub::scrub;
pub use take_over::take_over;

/// Serves until SIGTERM or SIGINT, then drains. SIGHUP reloads clients and certificates from `path`.
pub fn serve(
    config: Config,
    path: &Path,
    fencing: Fencing,
    environment: &BTreeMap<String, String>,
    texts: &Texts,
    out: &mut dyn Write,
) -> Result<(), OperatorError> {
    let metrics = begin_telemetry("info", environment)?;
    runtime()?.block_on(async {
        // Listened to from the first: a SIGHUP that comes during the start must not end the process.
        let mut signals = Signals::listen()?;
        let running = start(config, metrics, fencing).await?;
        for (front, address) in running.addresses() {
            let line =
                texts.say("serve-listening", &[("front", (*front).to_owned()), ("address", address.to_string())]);
            writeln!(out, "{line}").map_err(|error| faults::unwritten(&error))?;
        }
        let _flushed = out.flush();
        until_told_to_stop(&mut signals, &running, path, environment).await;
        tokio::select! {
            () = running.shutdown() => {}
            () = signals.stop() => tracing::warn!("told to stop again; requests under way are cut"),
        }
        Ok(())
    })
}

/// Logs and metrics of the process. `ECLUSE_LOG` overrides the level; `ECLUSE_LOG_FORMAT=json` chooses JSON lines.
pub fn begin_telemetry(level: &str, environment: &BTreeMap<String, String>) -> Result<Metrics, OperatorError> {
    let unfit = |name: &str, value: &str| {
        OperatorError::new("log-setting", Exit::Configuration).arg("name", name).arg("value", value)
    };
    let format = match environment.get("ECLUSE_LOG_FORMAT").map(String::as_str) {
        None | Some("" | "text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => return Err(unfit("ECLUSE_LOG_FORMAT", other)),
    };
    let fault = |error: &dyn std::error::Error| OperatorError::new("internal", Exit::Internal).because(error);
    let wanted = environment.get("ECLUSE_LOG").map(String::as_str);
    start_logging(level, wanted, format).map_err(|error| match &error {
        TelemetryError::Level { given, .. } => unfit("ECLUSE_LOG", given),
        TelemetryError::Logging(_) | TelemetryError::Metrics(_) => fault(&error),
    })?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "ecluse starts");
    Metrics::install().map_err(|error| fault(&error))
}

/// After so many polls a busy thread of the runtime looks for what has arrived.
const POLLS_BETWEEN_LOOKS: u32 = 4;

/// The runtime that everything runs on.
pub fn runtime() -> Result<tokio::runtime::Runtime, OperatorError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // A thread that is never idle looks for what arrived after so many polls only; sixty-one strides are 20 ms.
        .event_interval(POLLS_BETWEEN_LOOKS)
        .build()
        .map_err(|error| OperatorError::new("internal", Exit::Internal).because(&error))
}

/// What the administrator may say to the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> Result<Self, OperatorError> {
        let to = |kind| signal(kind).map_err(|error| OperatorError::new("internal", Exit::Internal).because(&error));
        Ok(Self {
            terminate: to(SignalKind::terminate())?,
            interrupt: to(SignalKind::interrupt())?,
            hang_up: to(SignalKind::hangup())?,
        })
    }

    /// SIGTERM or SIGINT.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn until_told_to_stop(
    signals: &mut Signals,
    running: &Running,
    path: &Path,
    environment: &BTreeMap<String, String>,
) {
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hang_up.recv() => reload(running, path, environment).await,
        }
    }
    tracing::info!("told to stop; draining");
}

/// Reads the configuration again; what is wrong goes to the log and changes nothing.
async fn reload(running: &Running, path: &Path, environment: &BTreeMap<String, String>) {
    match Config::load(path, environment) {
        Ok(config) => match running.reload(config).await {
            Ok(()) => tracing::info!("clients and certificates were reloaded; any other change waits for a restart"),
            Err(error) => tracing::error!(code = error.code, causes = ?error.causes, "reload refused; nothing changed"),
        },
        Err(problems) => {
            for problem in &problems {
                tracing::error!(code = problem.code, key = %problem.key, "reload refused; nothing changed");
            }
        }
    }
}
