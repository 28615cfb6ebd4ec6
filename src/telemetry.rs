//! Logs and metrics.
//!
//! # Invariants
//! - Only our own code logs below `warn`; dependencies that know requests, names or keys are capped at `error` or
//!   silent, whatever the operator asks for.
//! - Every metric is listed in [`names`] and described; its labels take values from small fixed sets.
//! - Every counter and gauge is there from the start, with 0 ([`Metrics::stand`]).

mod standing;

pub use standing::Known;

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, filter};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logs or metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is neither a level nor a list of directives.
    #[error("the log level {given:?} is not understood")]
    Level {
        /// What was given.
        given: String,
        /// Why not.
        #[source]
        cause: filter::ParseError,
    },
    /// Logging was set up before.
    #[error("logging is already set up")]
    Logging(#[source] tracing::subscriber::SetGlobalDefaultError),
    /// The metrics recorder cannot be installed.
    #[error("metrics cannot be set up")]
    Metrics(#[source] BuildError),
}

/// Sends the process's log to standard error. `level`: `error` to `trace`, or directives such as `ecluse::seal=debug`.
/// `override_level` (the value of `ECLUSE_LOG`) goes before it.
pub fn start_logging(level: &str, override_level: Option<&str>, format: LogFormat) -> Result<(), TelemetryError> {
    let wanted = override_level.filter(|text| !text.is_empty()).unwrap_or(level);
    let subscriber = subscriber(wanted, format, io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(TelemetryError::Logging)
}

/// The log as a value: for tests, and for [`start_logging`].
pub fn subscriber<W>(
    level: &str,
    format: LogFormat,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let wanted = EnvFilter::try_new(level).map_err(|cause| TelemetryError::Level { given: level.to_owned(), cause })?;
    let allowed = filter::filter_fn(is_allowed).with_max_level_hint(filter::LevelFilter::TRACE);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let layer: Box<dyn Layer<Registry> + Send + Sync> = lines.with_filter(wanted).with_filter(allowed).boxed();
    Ok(Box::new(Registry::default().with(layer)))
}

/// From now on the report of a panic says where, and what only if that is a literal of the source: a text that was put
/// together at run time may hold a name, a key or a piece of a body.
pub fn withhold_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let said = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(withheld)");
        tracing::error!(thread = thread.name().unwrap_or_default(), location, said, "a panic");
    }));
}

/// Whether a line may be written, however low the operator set the level.
fn is_allowed(metadata: &Metadata<'_>) -> bool {
    let owner = metadata.target().split("::").next().unwrap_or_default();
    let cap = match owner {
        "ecluse" => Level::TRACE,
        // Its lines hold requests and responses.
        "s3s" => return false,
        // Their lines may hold URLs or headers.
        "hyper" | "hyper_util" | "h2" | "reqwest" | "object_store" | "rustls" | "tokio_rustls" | "quick_xml" => {
            Level::ERROR
        }
        _ => Level::WARN,
    };
    *metadata.level() <= cap
}

/// The metrics of the process, ready to be rendered. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

impl Metrics {
    /// Installs the process's recorder; the first call does, later ones give the same.
    pub fn install() -> Result<Self, TelemetryError> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = installed.as_ref() {
            return Ok(metrics.clone());
        }
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), BYTES))
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), COUNTS))
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(TelemetryError::Metrics)?;
        names::describe();
        let metrics = Self(handle);
        *installed = Some(metrics.clone());
        Ok(metrics)
    }

    /// Begins every counter and gauge at 0 that is known from the start. `known`: what the configuration says.
    pub fn stand(&self, known: &Known) {
        names::stand(known);
    }

    /// The Prometheus text format, version 0.0.4.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds recorded histogram samples, which would otherwise pile up between scrapes. Runs until dropped.
    pub async fn upkeep(self) {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            self.0.run_upkeep();
        }
    }
}

const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
const BYTES: &[f64] = &[1024.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 8_388_608.0, 67_108_864.0, 1_073_741_824.0];
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The metrics of the project. Leaves, which import nothing from here, spell theirs out; a test finds each of them in
/// this list and each of this list in the code.
///
/// Each has its labels, in the order in which they are recorded: with them every counter and gauge is there from the
/// start, so that an alarm on an increase sees the first event, too.
pub mod names {
    use super::standing::Known;
    use super::standing::Label::{Bucket, Client, Front, Listener, Of, Operation, Provider};

    const PROVIDER_OPERATIONS: &[&str] = &["put", "get", "delete", "exists", "probe", "body"];
    const PROVIDER_TRIED_AGAIN: &[&str] = &["put", "get", "delete", "exists", "probe"];
    const PROVIDER_OUTCOMES: &[&str] =
        &["ok", "not_found", "unavailable", "refused", "interrupted", "mismatch", "panic", "deadline", "turned_away"];

    macro_rules! metric_names {
        ($($kind:ident $name:ident = $text:literal, $unit:ident, $help:literal, $labels:expr;)+) => {
            $(#[doc = $help] pub const $name: &str = $text;)+
            /// Every name.
            pub const ALL: &[&str] = &[$($name),+];

            /// What each constant stands for.
            #[cfg(test)]
            pub(super) const CONSTANTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];

            /// Tells the recorder what each means.
            pub(super) fn describe() {
                $(metric_names!(@$kind $name, $unit, $help);)+
            }

            /// Begins each counter and gauge at 0, in every series that is known before something happened.
            pub(super) fn stand(known: &Known) {
                $(for labels in known.series(&$labels) {
                    metric_names!(@stand $kind $name, labels);
                })+
            }
        };
        (@stand counter $name:ident, $labels:ident) => {
            metrics::counter!($name, $labels).increment(0)
        };
        (@stand gauge $name:ident, $labels:ident) => {
            metrics::gauge!($name, $labels).increment(0.0)
        };
        // A histogram without a sample would say that something took no time.
        (@stand histogram $name:ident, $labels:ident) => {
            drop($labels)
        };
        (@counter $name:ident, $unit:ident, $help:literal) => {
            metrics::describe_counter!($name, metrics::Unit::$unit, $help)
        };
        (@gauge $name:ident, $unit:ident, $help:literal) => {
            metrics::describe_gauge!($name, metrics::Unit::$unit, $help)
        };
        (@histogram $name:ident, $unit:ident, $help:literal) => {
            metrics::describe_histogram!($name, metrics::Unit::$unit, $help)
        };
    }

    metric_names! {
        counter REQUESTS = "ecluse_requests_total", Count, "Requests answered, by front, operation and status.", [Operation, Of("status", &["500", "503"])];
        histogram REQUEST_SECONDS = "ecluse_request_seconds", Seconds, "Time from a request's header to the end of its answer, by front and operation.", [Operation];
        counter REQUEST_BYTES = "ecluse_request_bytes_total", Bytes, "Bytes of bodies, by front and direction (in, out).", [Front, Of("direction", &["in", "out"])];
        gauge CONNECTIONS = "ecluse_connections", Count, "Open connections, by listener.", [Listener];
        counter CONNECTIONS_REFUSED = "ecluse_connections_refused_total", Count, "Connections closed at once because their address has too many without a known client, by listener.", [Listener];
        counter CONNECTIONS_STALLED = "ecluse_connections_stalled_total", Count, "Connections aborted because the peer did not read, by listener.", [Listener];
        counter ACCEPT_ERRORS = "ecluse_accept_errors_total", Count, "Failures to accept connections, by listener.", [Listener];
        counter TLS_HANDSHAKE_FAILURES = "ecluse_tls_handshake_failures_total", Count, "TLS handshakes that failed or took too long.", [];
        counter RESPONSES_ABORTED = "ecluse_responses_aborted_total", Count, "Responses aborted in the middle of their body.", [];
        counter PANICS = "ecluse_panics_total", Count, "Requests, and pieces of the catalog's work, that ended in a panic. Any is a fault of ours.", [];
        counter PROVIDER_CALLS = "ecluse_provider_calls_total", Count, "Attempts to call a provider, by provider, operation and outcome.", [Provider, Of("operation", PROVIDER_OPERATIONS), Of("outcome", PROVIDER_OUTCOMES)];
        histogram PROVIDER_SECONDS = "ecluse_provider_call_seconds", Seconds, "Duration of attempts to call a provider, by provider and operation.", [Provider];
        counter PROVIDER_RETRIES = "ecluse_provider_retries_total", Count, "Calls tried once more, by provider and operation.", [Provider, Of("operation", PROVIDER_TRIED_AGAIN)];
        counter PROVIDER_BYTES = "ecluse_provider_bytes_total", Bytes, "Sealed bytes, by provider and direction (out: sent to it, in: received).", [Provider, Of("direction", &["in", "out"])];
        gauge PROVIDER_BREAKER = "ecluse_provider_breaker_open", Count, "1 while a provider's breaker is open, by provider.", [Provider];
        counter CATALOG_COMMITS = "ecluse_catalog_commits_total", Count, "Transactions that the catalog committed.", [];
        counter CATALOG_FAILURES = "ecluse_catalog_commit_failures_total", Count, "Transactions that the catalog could not commit.", [];
        histogram CATALOG_SECONDS = "ecluse_catalog_commit_seconds", Seconds, "Duration of the catalog's transactions.", [];
        histogram CATALOG_GROUP = "ecluse_catalog_group_size", Count, "Writes that shared a transaction.", [];
        gauge CATALOG_USED_BYTES = "ecluse_catalog_used_bytes", Bytes, "Bytes of the catalog's file that hold something.", [];
        gauge CATALOG_FREE_BYTES = "ecluse_catalog_free_bytes", Bytes, "Bytes of the catalog's file that hold nothing and wait for new rows.", [];
        counter CATALOG_CHECKPOINT_FAILURES = "ecluse_catalog_checkpoint_failures_total", Count, "Minutes in which the catalog's write-ahead log could not be emptied.", [];
        gauge MEMORY_BUDGET = "ecluse_memory_budget_bytes", Bytes, "Memory for bodies in flight, in all.", [];
        gauge MEMORY_USED = "ecluse_memory_used_bytes", Bytes, "Memory for bodies in flight, in use.", [];
        gauge MEMORY_WAITING = "ecluse_memory_waiting", Count, "Requests that wait for memory.", [];
        gauge SPOOL_BYTES = "ecluse_spool_bytes", Bytes, "Bytes of the disk that are kept for chunks of slow uploads.", [];
        counter SPOOLED_CHUNKS = "ecluse_spooled_chunks_total", Count, "Chunks of slow uploads that went through the spool.", [];
        counter INTEGRITY_INCIDENTS = "ecluse_integrity_incidents_total", Count, "Chunks that were not what was stored, by provider. Any is an incident.", [Provider];
        counter LATE_CHUNKS = "ecluse_late_chunks_total", Count, "Reads of a chunk stored a moment ago that its provider did not show yet, by provider.", [Provider];
        counter CATALOG_INCIDENTS = "ecluse_catalog_incidents_total", Count, "Wrapped keys that did not open, and slices that contradicted each other, in the catalog. Any is an incident.", [];
        counter SCRUB_PARTS = "ecluse_scrub_parts_total", Count, "Parts whose chunks were looked at, by provider.", [Provider];
        gauge SCRUB_AGE = "ecluse_scrub_age_seconds", Seconds, "How long ago the last complete round of looks began, by provider.", [Provider];
        gauge SCRUB_FAULTY = "ecluse_scrub_faulty_parts", Count, "Parts that had a fault when they were last looked at, by provider.", [Provider];
        gauge SEALED = "ecluse_sealed", Count, "1 while the gateway is sealed: the custodian is away.", [];
        gauge EPOCH = "ecluse_epoch", Count, "The epoch of the catalog that the gateway works in; 0 before it entered one.", [];
        gauge STALE = "ecluse_stale", Count, "1 while another gateway works on the same catalog in a later epoch.", [];
        gauge WRITES_REFUSED = "ecluse_writes_refused", Count, "1 while the gateway takes no writes.", [];
        gauge CLOCK_AHEAD = "ecluse_clock_ahead_seconds", Seconds, "How far the system clock is ahead of the time that is known; negative: behind.", [];
        gauge CLIENT_BYTES = "ecluse_client_bytes", Bytes, "Plaintext bytes that a client has, by client.", [Client];
        gauge CLIENT_OBJECTS = "ecluse_client_objects", Count, "Versions that a client has, by client.", [Client];
        gauge CLIENT_UPLOADS = "ecluse_client_uploads", Count, "Uploads and names with waiting blocks that a client has, by client.", [Client];
        gauge BUCKET_BYTES = "ecluse_bucket_bytes", Bytes, "Plaintext bytes that a bucket with a limit holds, by tenant and bucket.", [Bucket];
        gauge BUCKET_OBJECTS = "ecluse_bucket_objects", Count, "Versions that a bucket with a limit holds, by tenant and bucket.", [Bucket];
        gauge BUCKET_UPLOADS = "ecluse_bucket_uploads", Count, "Uploads and names with waiting blocks that a bucket with a limit holds, by tenant and bucket.", [Bucket];
        gauge DELETIONS_WAITING = "ecluse_deletions_waiting", Count, "Parts whose chunks wait to be deleted at the provider.", [];
        gauge DELETIONS_FAILING = "ecluse_deletions_failing", Count, "Those of them whose deletion has failed.", [];
        gauge DELETIONS_OVERDUE = "ecluse_deletions_overdue_seconds", Seconds, "For how long the oldest deletion has been due.", [];
        counter PARTS_DELETED = "ecluse_parts_deleted_total", Count, "Parts whose chunks were deleted at the provider.", [];
        counter SLICES_MERGED = "ecluse_slices_merged_total", Count, "Small slices at the end of growing objects that became one part.", [];
    }
}

#[cfg(test)]
mod tests;
