//! Reading: TOML and environment overrides → [`typed::File`], with every unknown key and every wrong type reported.
//!
//! # Invariants
//! - A message never quotes the file: a line of it may hold a secret.

use std::collections::BTreeMap;

use config::builder::DefaultState;
use config::{ConfigBuilder, FileFormat, Value, ValueKind};
use serde::Deserialize;

use super::keys::{self, Shape};
use super::{Problem, typed};

/// Begins the name of an override: `ECLUSE__WRITE__MEMORY` is `write.memory`, `ECLUSE__CLIENT__0__ID` is
/// `client[0].id`.
const PREFIX: &str = "ECLUSE__";
/// No list in a configuration is longer; keeps a slip of the pen from filling the memory.
const MAX_INDEX: usize = 999;

/// What was read, with the problems found on the way.
pub(super) struct Read {
    pub(super) file: typed::File,
    pub(super) problems: Vec<Problem>,
    /// Keys whose value was left out because its type was wrong: nothing below them is worth a second complaint.
    pub(super) left_out: Vec<String>,
}

/// Reads `text` under the overrides of `environment`.
pub(super) fn read(text: &str, environment: &BTreeMap<String, String>) -> Result<Read, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut builder = config::Config::builder().add_source(config::File::from_str(text, FileFormat::Toml));
    for (name, value) in environment {
        if let Some(path) = name.strip_prefix(PREFIX) {
            builder = with_override(builder, name, path, value, &mut problems);
        }
    }
    let tree = match builder.build() {
        Ok(read) => read.cache,
        Err(error) => {
            let (line, column) = position(&error.to_string());
            problems.push(Problem::new("config-syntax", "").arg("line", line).arg("column", column));
            return Err(problems);
        }
    };
    Ok(typed(tree, problems))
}

fn with_override(
    builder: ConfigBuilder<DefaultState>,
    name: &str,
    path: &str,
    value: &str,
    problems: &mut Vec<Problem>,
) -> ConfigBuilder<DefaultState> {
    let mut key = String::new();
    for segment in path.to_ascii_lowercase().split("__") {
        match segment.parse::<usize>() {
            Ok(index) if index <= MAX_INDEX && !key.is_empty() => key.push_str(&format!("[{index}]")),
            _ if key.is_empty() => key.push_str(segment),
            _ => {
                key.push('.');
                key.push_str(segment);
            }
        }
    }
    // A secret typed here is refused like one in the file, and unknown names like unknown keys.
    match builder.clone().set_override(&key, value) {
        Ok(with) => with,
        Err(_unusable) => {
            problems.push(Problem::new("config-environment", name));
            builder
        }
    }
}

/// Deserializes, taking out each value of a wrong type in turn, so that all of them are reported.
fn typed(mut tree: Value, mut problems: Vec<Problem>) -> Read {
    let mut left_out = Vec::new();
    loop {
        let mut unknown = Vec::new();
        let mut on_unknown = |path: serde_ignored::Path<'_>| unknown.push(dotted(&path));
        let mut track = serde_path_to_error::Track::new();
        let ignoring = serde_ignored::Deserializer::new(tree.clone(), &mut on_unknown);
        let tracking = serde_path_to_error::Deserializer::new(ignoring, &mut track);
        let outcome = typed::File::deserialize(tracking);
        let error = match outcome {
            Ok(file) => {
                problems.extend(unknown.into_iter().map(unknown_key));
                // The library keeps the file's tables without an order of their own.
                problems.sort_by(|left, right| left.key.cmp(&right.key));
                return Read { file, problems, left_out };
            }
            Err(error) => error,
        };
        let path: Vec<Step> = track.path().iter().filter_map(step).collect();
        let key = key_of(&path);
        let taken = take(&mut tree, &path);
        if taken.is_none() || left_out.contains(&key) {
            // Cannot happen: each round takes one value out of a finite tree. Reported, never looped on.
            problems.push(Problem::new("config-type", key).arg("shape", "other").arg("detail", error.to_string()));
            return Read { file: typed::File::default(), problems, left_out: vec![String::new()] };
        }
        problems.push(wrong_type(&key, taken.as_ref()));
        left_out.push(key);
    }
}

enum Step {
    Key(String),
    Index(usize),
}

fn step(segment: &serde_path_to_error::Segment) -> Option<Step> {
    match segment {
        serde_path_to_error::Segment::Seq { index } => Some(Step::Index(*index)),
        serde_path_to_error::Segment::Map { key } => Some(Step::Key(key.clone())),
        _ => None,
    }
}

fn key_of(path: &[Step]) -> String {
    let mut key = String::new();
    for step in path {
        match step {
            Step::Index(index) => key.push_str(&format!("[{index}]")),
            Step::Key(name) if key.is_empty() => key.push_str(name),
            Step::Key(name) => {
                key.push('.');
                key.push_str(name);
            }
        }
    }
    key
}

/// Takes the value at `path` out of the tree; in a list an empty one of the right shape takes its place.
fn take(tree: &mut Value, path: &[Step]) -> Option<Value> {
    let (last, above) = path.split_last()?;
    let mut at = tree;
    for step in above {
        at = match (step, &mut at.kind) {
            (Step::Key(name), ValueKind::Table(table)) => table.get_mut(name)?,
            (Step::Index(index), ValueKind::Array(list)) => list.get_mut(*index)?,
            _ => return None,
        };
    }
    match (last, &mut at.kind) {
        (Step::Key(name), ValueKind::Table(table)) => table.remove(name),
        (Step::Index(index), ValueKind::Array(list)) => {
            let empty = match keys::shape(&key_of(path)) {
                Some(Shape::Table) => ValueKind::Table(config::Map::new()),
                _ => ValueKind::String(String::new()),
            };
            Some(std::mem::replace(list.get_mut(*index)?, Value::new(None, empty)))
        }
        _ => None,
    }
}

fn wrong_type(key: &str, value: Option<&Value>) -> Problem {
    let shape = keys::shape(key);
    if shape == Some(Shape::Secret) {
        return Problem::new("config-secret-inline", key);
    }
    let problem = Problem::new("config-type", key).arg("shape", shape.map_or("text", Shape::word));
    let scalar = value.map(|value| &value.kind).and_then(|kind| match kind {
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => None,
        scalar => Some(scalar.to_string()),
    });
    match (scalar, shape) {
        (Some(scalar), Some(Shape::Text | Shape::Number)) => problem.value(scalar),
        _ => problem,
    }
}

fn unknown_key(key: String) -> Problem {
    let similar = keys::similar(&key).unwrap_or_else(|| "none".to_owned());
    Problem::new("config-unknown-key", key).arg("similar", similar)
}

fn dotted(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", dotted(parent)),
        Path::Map { parent, key } => match dotted(parent) {
            above if above.is_empty() => key.clone(),
            above => format!("{above}.{key}"),
        },
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => dotted(parent),
    }
}

/// The place in "… at line 3, column 5 …": the only part of the parser's message that quotes nothing.
fn position(message: &str) -> (String, String) {
    let number_after = |word: &str| {
        let rest = message.split_once(word).map_or("", |(_, rest)| rest);
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() { "?".to_owned() } else { digits }
    };
    (number_after("at line "), number_after(", column "))
}
