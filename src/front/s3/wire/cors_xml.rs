//! A bucket's rules for the pages of other origins, in XML.
//!
//! Source: S3 API reference, "PutBucketCors", "CORSRule".

use crate::front::xml::{Fault, Node, Reading, root};
use crate::model::CorsRule;

use super::xml;

/// Largest document, in bytes.
pub(in crate::front::s3) const MOST_BYTES: usize = 64 * 1024;
/// Bytes of memory for such a document: what it says, and it written again, where one byte may take five.
pub(in crate::front::s3) const MOST_MEMORY: u64 = 8 * MOST_BYTES as u64;
const MOST_RULES: usize = 100;
const LONGEST_ID: usize = 255;
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/// PutBucketCors.
pub(in crate::front::s3) fn read(bytes: &[u8]) -> Result<Vec<CorsRule>, Fault> {
    let root = root(bytes, "CORSConfiguration", Reading::Strict)?;
    root.items("CORSRule")?.iter().map(rule).collect()
}

fn rule(node: &Node) -> Result<CorsRule, Fault> {
    node.no_text()?;
    let mut rule = CorsRule::default();
    for child in &node.children {
        let text = child.leaf()?.trim_ascii().to_owned();
        match child.name.as_str() {
            "ID" if rule.id.is_none() => rule.id = Some(text),
            "AllowedOrigin" => rule.origins.push(text),
            "AllowedMethod" => rule.methods.push(text),
            "AllowedHeader" => rule.headers.push(text),
            "ExposeHeader" => rule.exposed.push(text),
            "MaxAgeSeconds" if rule.max_age.is_none() => {
                rule.max_age = Some(text.parse().map_err(|_fault| Fault("an age is no number of seconds"))?);
            }
            _ => return Err(Fault("an element is unknown, or there too often")),
        }
    }
    if rule.origins.is_empty() || rule.methods.is_empty() {
        return Err(Fault("a rule has no origin, or no method"));
    }
    Ok(rule)
}

/// What is wrong with rules that can be read.
pub(in crate::front::s3) fn fault(rules: &[CorsRule]) -> Option<&'static str> {
    let wrong = |rule: &CorsRule| {
        if rule.methods.iter().any(|method| !METHODS.contains(&method.as_str())) {
            return Some("Found unsupported HTTP method in CORS config.");
        }
        if rule.exposed.iter().any(|name| name.contains('*')) {
            return Some("ExposeHeader contains wildcard. We currently do not support wildcard for ExposeHeader.");
        }
        if rule.id.as_ref().is_some_and(|id| id.len() > LONGEST_ID) {
            return Some("The ID of a rule is too long.");
        }
        (!rule.is_sound()).then_some("AllowedOrigin and AllowedHeader can not have more than one wildcard.")
    };
    if rules.is_empty() || rules.len() > MOST_RULES {
        return Some("The CORS configuration must have at least one rule and at most 100.");
    }
    rules.iter().find_map(wrong)
}

/// GetBucketCors.
pub(in crate::front::s3) fn write(rules: &[CorsRule]) -> String {
    xml::document("CORSConfiguration", |writer| {
        for rule in rules {
            writer.within("CORSRule", |writer| {
                writer.optional("ID", rule.id.as_deref());
                for (name, texts) in [
                    ("AllowedHeader", &rule.headers),
                    ("AllowedMethod", &rule.methods),
                    ("AllowedOrigin", &rule.origins),
                    ("ExposeHeader", &rule.exposed),
                ] {
                    texts.iter().for_each(|text| writer.text(name, text));
                }
                if let Some(seconds) = rule.max_age {
                    writer.number("MaxAgeSeconds", seconds.into());
                }
            });
        }
    })
}
