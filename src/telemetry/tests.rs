//! Tests of logs and metrics.

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
    record_request("s3", "GetObject", 206, Duration::from_millis(3));
    record_bytes("s3", Direction::Out, 42);
    assert!(first.render().contains("ecluse_request_bytes_total{front=\"s3\",direction=\"out\"} 42"));
    let text = second.render();
    assert!(text.contains("# HELP ecluse_requests_total Requests answered"), "{text}");
    assert!(text.contains("ecluse_requests_total{front=\"s3\",operation=\"GetObject\",status=\"2xx\"} 1"), "{text}");
    assert!(
        text.contains("ecluse_request_seconds_bucket{front=\"s3\",operation=\"GetObject\",le=\"0.005\"} 1"),
        "{text}"
    );
}

#[test]
fn every_metric_is_named_as_ours() {
    assert!(names::ALL.iter().all(|name| name.starts_with("ecluse_")));
}
