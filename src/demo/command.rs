//! The demonstration as a command: the real house, the operator's language, exit codes.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Commands, DemoError, DemoOptions, Outcome, Served, run};
use crate::app;
use crate::config::Config;
use crate::telemetry::Metrics;
use crate::text::{Exit, OperatorError, Texts};

/// `ecluse demo`: runs until SIGINT or SIGTERM, or to the end of the show.
pub fn command(
    options: DemoOptions,
    environment: &BTreeMap<String, String>,
    texts: &Texts,
    out: &mut dyn Write,
) -> Result<(), OperatorError> {
    let house = House { metrics: app::begin_telemetry("warn", environment)? };
    let say = |id: &str, values: &[(&str, String)]| texts.say(id, values);
    let ended = app::runtime()?.block_on(async {
        let until = stopped(listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        run(options, &house, &say, out, until).await
    });
    match ended {
        Ok(Outcome::Proven) => Ok(()),
        Ok(Outcome::Disproven) => Err(OperatorError::new("demo", Exit::Internal)),
        Err(DemoError::Command(error)) => Err(*error),
        Err(error) => Err(OperatorError::new("demo", Exit::Internal).because(&error)),
    }
}

/// Commands as the command line runs them.
struct House {
    metrics: Metrics,
}

impl Commands for House {
    async fn initialize(&self, config: &Path) -> Result<(), DemoError> {
        // A folder that an earlier version of the demonstration filled is taken over, too.
        let options = app::InitOptions { adopt: true, new_catalog: false };
        app::init(load(config)?, options).await.map(drop).map_err(failed)
    }

    async fn serve(&self, config: &Path) -> Result<Served, DemoError> {
        let running = app::start(load(config)?, self.metrics.clone(), app::Fencing::Enforced).await.map_err(failed)?;
        let addresses = ["s3", "azure", "admin"].map(|front| running.address(front));
        let [Some(s3), Some(azure), Some(admin)] = addresses else {
            running.shutdown().await;
            return Err(failed(OperatorError::new("demo", Exit::Internal)));
        };
        Ok(Served { s3, azure, admin, stop: Box::pin(running.shutdown()) })
    }
}

/// The demonstration's own file; the environment's overrides are meant for others.
fn load(path: &Path) -> Result<Config, DemoError> {
    Config::load(path, &BTreeMap::new()).map_err(|problems| {
        let mut error = OperatorError::new("demo", Exit::Internal);
        error.causes = problems.iter().map(|problem| format!("{}: {}", problem.key, problem.code)).collect();
        failed(error)
    })
}

fn failed(error: OperatorError) -> DemoError {
    DemoError::Command(Box::new(error))
}

fn listen(kind: SignalKind) -> Result<Signal, DemoError> {
    signal(kind).map_err(DemoError::Signal)
}

async fn stopped(mut interrupt: Signal, mut terminate: Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
