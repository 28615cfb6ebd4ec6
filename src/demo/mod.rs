//! `ecluse demo`: the whole product on one machine, in a minute.
//!
//! Makes a data directory as an administrator would (configuration, root key, certificates, one client, a folder as
//! provider), starts the gateway on it, stores a small set of made-up records through the S3 front over TLS, reads
//! them back, lists them and reads one through the Azure Blob front, and shows beside each other what the hospital sees and what the provider holds.
//!
//! # Invariants
//! - Nothing is simulated: the gateway is started as `ecluse serve` starts it, the clients are ordinary ones of S3 and
//!   Azure Blob.
//! - The records are invented, and look so: numbers that no registry gives out.
//! - A temporary data directory is removed at the end, whatever happened.

mod client;
mod command;
mod compare;
mod dicom;
mod directory;
mod error;
mod records;
mod show;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;

use client::HospitalClient;
use compare::{Comparison, OtherFront};
use directory::DataDirectory;

pub use command::command;
pub use error::DemoError;
pub use records::{Record, records};

/// Says the message with this id, with these values in it. Texts are in `src/text/demo.*.ftl`.
pub type Say<'a> = dyn Fn(&str, &[(&str, String)]) -> String + 'a;

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct DemoOptions {
    /// End after the show.
    pub exit: bool,
    /// Where the S3 front listens; a free loopback port otherwise.
    pub listen: Option<SocketAddr>,
    /// Where everything is kept; a temporary directory otherwise.
    pub data_dir: Option<PathBuf>,
}

/// A gateway that runs.
pub struct Served {
    /// Where its S3 front listens.
    pub s3: SocketAddr,
    /// Where its Azure Blob front listens.
    pub azure: SocketAddr,
    /// Where its admin listener listens.
    pub admin: SocketAddr,
    /// Drains and ends it.
    pub stop: BoxFuture<'static, ()>,
}

/// The commands that the demonstration runs as a user would.
pub trait Commands {
    /// `ecluse keys init --config`.
    fn initialize(&self, config: &Path) -> impl Future<Output = Result<(), DemoError>>;
    /// `ecluse serve --config`.
    fn serve(&self, config: &Path) -> impl Future<Output = Result<Served, DemoError>>;
}

/// How the show ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every record came back byte for byte, Azure Blob shows the same, and the provider holds nothing readable.
    Proven,
    /// A record came back changed, the fronts differ, or something readable is at the provider.
    Disproven,
}

/// Runs the demonstration; after the show serves until `until` is over, unless told to exit. During the show the end
/// of `until` interrupts it.
pub async fn run(
    options: DemoOptions,
    commands: &impl Commands,
    say: &Say<'_>,
    out: &mut dyn Write,
    until: impl Future<Output = ()>,
) -> Result<Outcome, DemoError> {
    let directory = DataDirectory::open(options.data_dir)?;
    let setup = directory.prepare(options.listen)?;
    commands.initialize(&setup.config).await?;
    let served = commands.serve(&setup.config).await?;
    tokio::pin!(until);
    let shown = tokio::select! {
        shown = present(&setup, &served, say, out) => shown,
        () = &mut until => Err(DemoError::Interrupted),
    };
    let shown = match shown {
        Ok(outcome) if !options.exit => match show::commands(out, say, &setup, &served) {
            Ok(()) => {
                until.await;
                Ok(outcome)
            }
            Err(error) => Err(error),
        },
        other => other,
    };
    served.stop.await;
    shown
}

async fn present(
    setup: &directory::Setup,
    served: &Served,
    say: &Say<'_>,
    out: &mut dyn Write,
) -> Result<Outcome, DemoError> {
    show::opening(out, say, setup, served)?;
    let client = HospitalClient::new(setup, served)?;
    client.create_bucket().await?;
    let records = records();
    for record in &records {
        client.put(record).await?;
    }
    let mut returned = Vec::new();
    for record in &records {
        returned.push(client.get(record).await?);
    }
    let listed = client.list_through_azure().await?;
    let azure = match records.first() {
        Some(first) => OtherFront::make(&records, &listed, first, &client.get_through_azure(first).await?),
        None => return Ok(Outcome::Disproven),
    };
    let provider = setup.provider.clone();
    let comparison = {
        let records = records.clone();
        tokio::task::spawn_blocking(move || Comparison::make(&records, &returned, azure, &provider))
            .await
            .map_err(|_panic| DemoError::Interrupted)??
    };
    show::side_by_side(out, say, &records, &comparison)?;
    show::verdict(out, say, &comparison)?;
    Ok(comparison.outcome())
}

/// The bucket of the demonstration.
pub(crate) const BUCKET: &str = "dossiers";
/// Its client: an S3 access key id and an Azure account name.
pub(crate) const CLIENT: &str = "demo";
