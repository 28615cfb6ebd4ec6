//! What an alarm can count on: every metric of the operators' page is there before anything happened.

use std::collections::BTreeSet;

use testing::client;
use testing::process::{GatewayProcess, Options};

use super::{BUCKET, ask, until};

/// A counter or gauge as the page has it: its name, and its labels in order with the values that are named, if any.
struct Documented {
    name: String,
    labels: Vec<(String, Vec<String>)>,
}

/// The counters and gauges of the page.
fn documented() -> Vec<Documented> {
    let page = include_str!("../../../docs/operators/metrics.md");
    let quoted = |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `ecluse_")?.split(" | ").collect();
        let (kind, labels) = cells[1].split_once(": ").unwrap_or((cells[1], ""));
        if kind == "histogram" {
            return None;
        }
        assert!(["counter", "gauge"].contains(&kind), "not understood: {line}");
        // Commas within parentheses part values, others part labels.
        let mut depth = 0_usize;
        let apart: String = labels
            .chars()
            .map(|letter| {
                depth = depth + usize::from(letter == '(') - usize::from(letter == ')');
                if letter == ',' && depth == 0 { '\n' } else { letter }
            })
            .collect();
        let labels = apart.lines().map(|label| {
            let mut words = quoted(label);
            let values = words.split_off(1);
            (words.remove(0), values)
        });
        let labels: Vec<_> = labels.collect();
        // One row may be of several.
        let names = cells[0].split(", ").map(|name| name.trim_matches('`').trim_start_matches("ecluse_").to_owned());
        Some(names.map(move |name| Documented { name: format!("ecluse_{name}"), labels: labels.clone() }))
    });
    rows.flatten().collect()
}

/// The series of one metric: of each its labels, in order, and its value.
fn series(text: &str, name: &str) -> Vec<(Vec<(String, String)>, f64)> {
    let lines = text.lines().filter_map(|line| {
        let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
        let labels = match labels.strip_prefix('{') {
            Some(labels) => labels.strip_suffix('}')?.split(',').map(|pair| pair.split_once('=').unwrap()).collect(),
            None if labels.is_empty() => Vec::new(),
            None => return None,
        };
        let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()));
        Some((labels.collect(), value.parse().unwrap()))
    });
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_counter_and_gauge_is_there_before_its_first_event() {
    let gateway = GatewayProcess::start(Options::folder().azure());
    let documented = documented();
    assert!(documented.len() > 25, "the page is not read right: {}", documented.len());
    let text = gateway.admin("/metrics").unwrap().1;
    let mut missing = Vec::new();
    for Documented { name, labels } in &documented {
        let found = series(&text, name);
        if found.is_empty() {
            missing.push(name.clone());
        }
        for (shown, _) in &found {
            let names: Vec<&String> = shown.iter().map(|(label, _)| label).collect();
            assert_eq!(names, labels.iter().map(|(label, _)| label).collect::<Vec<_>>(), "labels of {name}");
        }
        for (label, values) in labels {
            for value in values {
                let pair = (label.clone(), value.clone());
                if !found.iter().any(|(shown, _)| shown.contains(&pair)) {
                    missing.push(format!("{name}{{{label}={value:?}}}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "not there from the start: {missing:#?}");
    for operation in ["GetObject", "PutObject", "GetBlob", "PutBlockList", "unknown"] {
        let answers = series(&text, "ecluse_requests_total");
        let of = |(labels, _): &&(Vec<(String, String)>, f64)| labels.iter().any(|(_, value)| value == operation);
        let of_it: Vec<_> = answers.iter().filter(of).collect();
        assert!(of_it.len() >= 2 && of_it.iter().all(|(_, value)| *value == 0.0), "{operation}: {of_it:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted_in_the_series_that_were_there_from_the_start() {
    let gateway = GatewayProcess::start(Options::folder().azure());
    client::create_bucket(&gateway, BUCKET).await;
    assert_eq!(ask(&gateway, http::Method::PUT, "a", "content").await.status, 200);
    assert_eq!(ask(&gateway, http::Method::GET, "a", "").await.body, "content");
    assert_eq!(ask(&gateway, http::Method::DELETE, "a", "").await.status, 204);
    until("the answers are counted", || gateway.metric("ecluse_requests_total") >= 4.0);
    let text = gateway.admin("/metrics").unwrap().1;
    let mut seen = BTreeSet::new();
    for Documented { name, .. } in documented() {
        for (mut labels, _) in series(&text, &name) {
            labels.sort();
            assert!(
                seen.insert((name.clone(), labels.clone())),
                "twice, with its labels in another order: {name} {labels:?}"
            );
        }
    }
}
