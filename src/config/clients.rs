//! `[[client]]`: the hospital systems that may connect, and what each may do.

use super::rules::{Rules, named, size};
use super::{Client, Problem, secrets, typed};
use crate::model::{Action, ClientId, Grant, Quota, TenantId};
use crate::secret::SecretText;

/// Shortest secret of a client, in characters. `openssl rand -base64 32` makes 44.
const SECRET_CHARACTERS: usize = 16;

const ACTIONS: &[(&str, Action)] = &[
    ("read", Action::Read),
    ("write", Action::Write),
    ("delete", Action::Delete),
    ("list", Action::List),
    ("admin", Action::Admin),
];

/// Understands every entry.
pub(super) fn understand(typed: Vec<typed::Client>, rules: &mut Rules<'_>) -> Vec<Client> {
    if typed.is_empty() {
        rules.add(Problem::new("config-no-client", "client"));
    }
    let mut ids: Vec<String> = Vec::new();
    let mut clients = Vec::new();
    for (index, entry) in typed.into_iter().enumerate() {
        let key = format!("client[{index}]");
        if let Some(id) = &entry.id {
            if let Some(first) = ids.iter().position(|earlier| earlier == id) {
                let other = format!("client[{first}].id");
                rules.add(Problem::new("config-duplicate", format!("{key}.id")).value(id).arg("other", other));
            }
            ids.push(id.clone());
        }
        clients.extend(client(&key, entry, rules));
    }
    clients
}

fn client(key: &str, typed: typed::Client, rules: &mut Rules<'_>) -> Option<Client> {
    let id = named(format!("{key}.id"), typed.id, "client", |text| ClientId::parse(text).ok(), rules);
    let tenant = named(format!("{key}.tenant"), typed.tenant, "tenant", |text| TenantId::parse(text).ok(), rules);
    let secret = secret(&format!("{key}.secret"), typed.secret, rules);
    let quota = Quota {
        bytes: typed.max_bytes.and_then(|typed| size(&format!("{key}.max_bytes"), typed, rules)),
        objects: typed.max_objects,
        uploads: typed.max_uploads,
    };
    let allow_key = format!("{key}.allow");
    let allow = rules.require(allow_key.clone(), typed.allow);
    if allow.as_ref().is_some_and(Vec::is_empty) {
        rules.add(Problem::new("config-allow-empty", allow_key.clone()));
    }
    let allow = allow.unwrap_or_default();
    let grants = allow.into_iter().enumerate().map(|(i, entry)| grant(&format!("{allow_key}[{i}]"), entry, rules));
    let allow: Vec<Grant> = grants.collect();
    Some(Client { id: id?, tenant: tenant?, secret: secret?, quota, allow })
}

fn secret(key: &str, typed: Option<typed::Secret>, rules: &mut Rules<'_>) -> Option<SecretText> {
    let typed = rules.require(key, typed)?;
    match secrets::find(key, &typed, &rules.data_dir, rules.surroundings) {
        Ok(secret) if secret.expose().chars().count() < SECRET_CHARACTERS => {
            rules.add(Problem::new("config-secret-short", key).arg("least", SECRET_CHARACTERS.to_string()));
            None
        }
        Ok(secret) => Some(secret),
        Err(problem) => {
            rules.add(problem);
            None
        }
    }
}

fn grant(key: &str, typed: typed::Allow, rules: &mut Rules<'_>) -> Grant {
    let buckets = typed.buckets.unwrap_or_default();
    let words = typed.actions.unwrap_or_default();
    let prefixes = typed.prefixes.unwrap_or_default();
    for (leaf, empty) in [("buckets", buckets.is_empty()), ("actions", words.is_empty())] {
        if empty {
            rules.add(Problem::new("config-allow-empty", format!("{key}.{leaf}")));
        }
    }
    for (index, pattern) in buckets.iter().enumerate() {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.*?".contains(&b);
        if pattern.is_empty() || pattern.len() > 63 || !pattern.bytes().all(allowed) {
            rules.add(Problem::new("config-bucket-pattern", format!("{key}.buckets[{index}]")).value(pattern));
        }
    }
    for (index, prefix) in prefixes.iter().enumerate() {
        if prefix.is_empty() || prefix.len() > 1024 {
            rules.add(Problem::new("config-prefix", format!("{key}.prefixes[{index}]")).value(prefix));
        }
    }
    let actions = words
        .iter()
        .enumerate()
        .filter_map(|(index, word)| rules.choice(&format!("{key}.actions[{index}]"), word, ACTIONS))
        .collect();
    Grant::new(&buckets, prefixes, actions)
}
