//! What two answers to the same step must have in common, and where they differ.
//!
//! Ids, tags and times are never equal: that they are there, or not, is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::azure::wire::Answer;
use crate::compared::flat::Flat;
use crate::compared::ops::Step;

/// Headers whose values are the same.
const EQUAL: [&str; 37] = [
    "content-range",
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
    "content-md5",
    "accept-ranges",
    "x-ms-blob-content-md5",
    "x-ms-blob-content-length",
    "x-ms-blob-type",
    "x-ms-blob-append-offset",
    "x-ms-blob-committed-block-count",
    "x-ms-blob-sealed",
    "x-ms-blob-public-access",
    "x-ms-lease-state",
    "x-ms-lease-status",
    "x-ms-lease-duration",
    "x-ms-tag-count",
    "x-ms-access-tier",
    "x-ms-access-tier-inferred",
    "x-ms-archive-status",
    "x-ms-copy-status",
    "x-ms-copy-progress",
    "x-ms-copy-status-description",
    "x-ms-incremental-copy",
    "x-ms-delete-type-permanent",
    "x-ms-server-encrypted",
    "x-ms-request-server-encrypted",
    "x-ms-has-immutability-policy",
    "x-ms-has-legal-hold",
    "x-ms-sku-name",
    "x-ms-account-kind",
    "x-ms-is-hns-enabled",
    "x-ms-client-request-id",
    "x-ms-error-code",
    "allow",
];

/// Headers that are there on both sides, or on none.
const PRESENT: [&str; 13] = [
    "etag",
    "last-modified",
    "date",
    "x-ms-request-id",
    "x-ms-version",
    "x-ms-snapshot",
    "x-ms-lease-id",
    "x-ms-copy-id",
    "x-ms-copy-source",
    "x-ms-copy-completion-time",
    "x-ms-creation-time",
    "x-ms-access-tier-change-time",
    "x-ms-content-crc64",
];

/// A place where two answers differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The step, or `after` it.
    pub kind: String,
    /// The operation that was answered.
    pub on: &'static str,
    pub odd: String,
    /// `status`, `body`, `header NAME`, `xml PATH`, `tag`.
    pub what: String,
    pub ours: String,
    pub theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, on: _, odd, what, ours, theirs } = self;
        write!(to, "{kind} [{odd}]: {what}: ours {ours:?}, theirs {theirs:?}")
    }
}

/// Where two answers to a step differ. A different status or code hides the rest.
pub fn compare(step: &Step, ours: &Answer, theirs: &Answer) -> Vec<Difference> {
    let mut found = Found { step, differences: Vec::new() };
    // What one of them cannot even read it refuses without saying why; that the other says why is no difference.
    let speechless = theirs.status == 400 && theirs.code().is_empty();
    if ours.outcome() != theirs.outcome() && !(speechless && ours.status == 400) {
        found.add("status", &ours.outcome(), &theirs.outcome());
        return found.differences;
    }
    if speechless {
        return found.differences;
    }
    let failed = !ours.is_success();
    for name in EQUAL {
        // Of a refusal, how its XML is called is not of interest.
        if failed && name.starts_with("content-") && name != "content-range" {
            continue;
        }
        found.same(&format!("header {name}"), ours.find(name), theirs.find(name));
    }
    for name in PRESENT {
        let there = |answer: &Answer| answer.find(name).map(|_| "there".to_owned());
        found.same(&format!("header {name}"), there(ours).as_deref(), there(theirs).as_deref());
    }
    let time = |answer: &Answer| answer.header("x-ms-lease-time").parse::<i64>().ok();
    if let (Some(mine), Some(other)) = (time(ours), time(theirs)) {
        if (mine - other).abs() > 1 {
            found.add("header x-ms-lease-time", &mine.to_string(), &other.to_string());
        }
    } else {
        found.same("header x-ms-lease-time", ours.find("x-ms-lease-time"), theirs.find("x-ms-lease-time"));
    }
    let metadata = |answer: &Answer| -> BTreeMap<String, String> {
        let named = answer.headers.iter().filter(|(name, _)| name.starts_with("x-ms-meta-"));
        named.cloned().collect()
    };
    found.same("metadata", Some(&format!("{:?}", metadata(ours))), Some(&format!("{:?}", metadata(theirs))));
    if !failed {
        found.bodies(ours, theirs);
    }
    found.differences
}

struct Found<'s> {
    step: &'s Step,
    differences: Vec<Difference>,
}

impl Found<'_> {
    fn add(&mut self, what: &str, ours: &str, theirs: &str) {
        self.differences.push(Difference {
            kind: self.step.kind.into(),
            on: self.step.kind,
            odd: self.step.odd.clone(),
            what: what.into(),
            ours: ours.into(),
            theirs: theirs.into(),
        });
    }

    fn same(&mut self, what: &str, ours: Option<&str>, theirs: Option<&str>) {
        if ours != theirs {
            self.add(what, ours.unwrap_or("absent"), theirs.unwrap_or("absent"));
        }
    }

    fn bodies(&mut self, ours: &Answer, theirs: &Answer) {
        let is_xml = |answer: &Answer| answer.header("content-type").starts_with("application/xml");
        if !is_xml(ours) || !is_xml(theirs) || self.step.kind == "Get Blob" {
            self.same("header content-length", ours.find("content-length"), theirs.find("content-length"));
            if ours.body != theirs.body {
                let shown = |answer: &Answer| format!("{} bytes", answer.body.len());
                self.add("body", &shown(ours), &shown(theirs));
            }
            return;
        }
        let (mine, other) = (Flat::of(&ours.text()), Flat::of(&theirs.text()));
        let value = |flat: &Flat, path: &(String, String)| flat.values.get(path).cloned();
        if mine.order != other.order {
            self.add("xml order", &mine.order.join(" | "), &other.order.join(" | "));
            return;
        }
        let paths: BTreeSet<&(String, String)> = mine.values.keys().chain(other.values.keys()).collect();
        for path in paths {
            self.same(&format!("xml {}", path.1), value(&mine, path).as_deref(), value(&other, path).as_deref());
        }
    }
}
