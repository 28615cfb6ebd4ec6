//! Tests of logs and metrics.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::*;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn logged(level: &str, format: LogFormat, emit: impl FnOnce()) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = subscriber(level, format, move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, emit);
    lines.text()
}

#[test]
fn dependencies_cannot_be_made_to_print_requests() {
    let greedy = "trace,s3s=trace,s3s::ops=trace,hyper=trace,h2=trace,reqwest=trace,object_store::client=trace,rustls=trace,tower=trace";
    let text = logged(greedy, LogFormat::Text, || {
        tracing::error!(target: "s3s", "leak Tremblay");
        tracing::warn!(target: "s3s::ops", "leak Tremblay");
        tracing::debug!(target: "s3s::ops", "leak Tremblay");
        tracing::warn!(target: "hyper::proto::h1", "leak Tremblay");
        tracing::trace!(target: "h2::codec", "leak Tremblay");
        tracing::debug!(target: "reqwest::connect", "leak Tremblay");
        tracing::info!(target: "object_store::client::retry", "leak Tremblay");
        tracing::debug!(target: "rustls::server", "leak Tremblay");
        tracing::debug!(target: "tower::buffer", "leak Tremblay");
        tracing::trace!(target: "ecluse::seal", "ours is here");
    });
    assert!(!text.contains("leak"), "{text}");
    assert!(text.contains("ours is here"), "{text}");
}

#[test]
fn a_span_of_a_capped_dependency_does_not_appear_around_our_lines() {
    let text = logged("trace", LogFormat::Text, || {
        let span = tracing::error_span!(target: "s3s::service", "call", uri = "/bucket/Tremblay");
        let _inside = span.enter();
        tracing::info!(target: "ecluse::front", "ours is here");
    });
    assert!(text.contains("ours is here") && !text.contains("Tremblay"), "{text}");
}

#[test]
fn the_level_is_the_operators_for_our_own_lines() {
    let text = logged("info", LogFormat::Json, || {
        tracing::info!(target: "ecluse::app", count = 3, "shown");
        tracing::debug!(target: "ecluse::app", "not shown");
    });
    let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(line["message"], "shown");
    assert_eq!(line["count"], 3);
}

#[test]
fn a_level_that_is_none_is_refused() {
    assert!(matches!(
        subscriber("ecluse=loud=er", LogFormat::Text, io::sink),
        Err(TelemetryError::Level { given, .. }) if given == "ecluse=loud=er"
    ));
}

#[test]
fn metrics_are_installed_once_and_rendered_with_their_help() {
    let first = Metrics::install().unwrap();
    let second = Metrics::install().unwrap();
    metrics::counter!(names::REQUEST_BYTES, "front" => "s3", "direction" => "out").increment(42);
    metrics::histogram!(names::REQUEST_SECONDS, "front" => "s3", "operation" => "GetObject").record(0.003);
    assert!(first.render().contains("ecluse_request_bytes_total{front=\"s3\",direction=\"out\"} 42"));
    let text = second.render();
    assert!(text.contains("# HELP ecluse_request_bytes_total Bytes of bodies"), "{text}");
    assert!(
        text.contains("ecluse_request_seconds_bucket{front=\"s3\",operation=\"GetObject\",le=\"0.005\"} 1"),
        "{text}"
    );
}

/// Adds the text of every Rust file below `folder`, but for the list itself and tests.
fn sources(folder: &Path, out: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("telemetry") {
            sources(&path, out);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("telemetry.rs") {
            out.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter == '_'
}

#[test]
fn the_list_holds_exactly_the_metrics_that_the_code_records() {
    let mut code = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut code);
    let spelled = code.split("\"ecluse_").skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('"')?;
        name.chars().all(is_of_a_name).then(|| format!("ecluse_{name}"))
    });
    let mut recorded: BTreeSet<String> = spelled.collect();
    assert!(recorded.len() > 10, "the search finds nothing: {recorded:?}");
    for used in code.split("names::").skip(1) {
        let constant: String = used.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
        recorded
            .extend(names::CONSTANTS.iter().find(|(name, _)| *name == constant).map(|(_, text)| (*text).to_owned()));
    }
    let listed: BTreeSet<String> = names::ALL.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed, recorded, "left: the list; right: the code");
}

#[test]
fn both_documents_name_exactly_the_metrics_of_the_list() {
    let listed: BTreeSet<&str> = names::ALL.iter().copied().collect();
    for document in ["docs/operators/metrics.md", "docs/fr/operators/metrics.md"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
        let named: BTreeSet<&str> =
            text.split(|letter| !is_of_a_name(letter)).filter(|word| word.starts_with("ecluse_")).collect();
        assert_eq!(listed, named, "left: the list; right: {document}");
    }
}
