//! `[[provider]]`: places for chunks.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use url::Url;

use super::rules::{Rules, is_plain_abroad, web_address};
use super::{Problem, Provider, ProviderKind, secrets, typed};
use crate::model::ProviderName;
use crate::secret::SecretText;

#[derive(Clone, Copy)]
enum Kind {
    Azure,
    S3,
    Gcs,
    Dir,
}

const KINDS: &[(&str, Kind)] = &[("azure", Kind::Azure), ("s3", Kind::S3), ("gcs", Kind::Gcs), ("dir", Kind::Dir)];

/// Understands every entry. Several are refused in this version, but checked all the same.
pub(super) fn understand(typed: Vec<typed::Provider>, catalog: &Path, rules: &mut Rules<'_>) -> Vec<Provider> {
    if typed.is_empty() {
        rules.add(Problem::new("config-no-provider", "provider"));
    }
    if typed.len() > 1 {
        rules.add(Problem::new("config-later", "provider[1]").arg("feature", "providers"));
    }
    let mut names: Vec<String> = Vec::new();
    let mut providers = Vec::new();
    for (index, entry) in typed.into_iter().enumerate() {
        let key = format!("provider[{index}]");
        if let Some(name) = &entry.name {
            if let Some(first) = names.iter().position(|earlier| earlier == name) {
                let other = format!("provider[{first}].name");
                rules.add(Problem::new("config-duplicate", format!("{key}.name")).value(name).arg("other", other));
            }
            names.push(name.clone());
        }
        providers.extend(provider(&key, entry, catalog, rules));
    }
    providers
}

fn provider(key: &str, mut typed: typed::Provider, catalog: &Path, rules: &mut Rules<'_>) -> Option<Provider> {
    let at = |leaf: &str| format!("{key}.{leaf}");
    let name = rules.require(at("name"), typed.name.take()).and_then(|name| {
        let parsed = ProviderName::parse(&name).ok();
        if parsed.is_none() {
            rules.add(Problem::new("config-name", at("name")).value(name).arg("rule", "provider"));
        }
        parsed
    });
    let seconds = Duration::from_secs;
    let timeout = rules.duration(&at("timeout"), typed.timeout.take(), seconds(60), seconds(1), seconds(3600));
    let connections = rules.count(&at("connections"), typed.connections.take(), 32, 1, 1024);
    let kind = rules.require(at("kind"), typed.kind.take())?;
    let kind = rules.choice(&at("kind"), &kind, KINDS)?;
    let ca = match kind {
        Kind::Azure | Kind::S3 | Kind::Gcs => typed.ca.take().map(|typed| rules.path(&typed)),
        Kind::Dir => None,
    };
    let kind = kind_of(key, kind, &mut typed, catalog, rules);
    Some(Provider { name: name?, kind: kind?, timeout, connections, ca })
}

/// Takes what belongs to the kind; whatever is left over belongs to another.
fn kind_of(
    key: &str,
    kind: Kind,
    typed: &mut typed::Provider,
    catalog: &Path,
    rules: &mut Rules<'_>,
) -> Option<ProviderKind> {
    let at = |leaf: &str| format!("{key}.{leaf}");
    let understood = match kind {
        Kind::Azure => {
            let account = text(at("account"), typed.account.take(), rules);
            let container = text(at("container"), typed.container.take(), rules);
            let secret = secret(&at("key"), typed.key.take(), rules).filter(|s| is_base64(&at("key"), s, rules));
            let endpoint = endpoint(&at("endpoint"), typed.endpoint.take(), rules);
            azure(account, container, secret, endpoint)
        }
        Kind::S3 => {
            let bucket = text(at("bucket"), typed.bucket.take(), rules);
            let region = text(at("region"), typed.region.take(), rules);
            let access_key_id = text(at("access_key_id"), typed.access_key_id.take(), rules);
            let secret = secret(&at("secret_access_key"), typed.secret_access_key.take(), rules);
            let endpoint = endpoint(&at("endpoint"), typed.endpoint.take(), rules);
            match (bucket, region, access_key_id, secret) {
                (Some(bucket), Some(region), Some(access_key_id), Some(secret_access_key)) => {
                    Some(ProviderKind::S3 { bucket, region, endpoint, access_key_id, secret_access_key })
                }
                _ => None,
            }
        }
        Kind::Gcs => {
            let bucket = text(at("bucket"), typed.bucket.take(), rules);
            let credentials = secret(&at("credentials"), typed.credentials.take(), rules);
            bucket.zip(credentials).map(|(bucket, credentials)| ProviderKind::Gcs { bucket, credentials })
        }
        Kind::Dir => folder(&at("path"), typed.path.take(), catalog, rules),
    };
    refuse_leftovers(key, kind, typed, rules);
    understood
}

fn azure(
    account: Option<String>,
    container: Option<String>,
    key: Option<SecretText>,
    endpoint: Option<Url>,
) -> Option<ProviderKind> {
    Some(ProviderKind::Azure { account: account?, container: container?, key: key?, endpoint })
}

fn folder(key: &str, typed: Option<String>, catalog: &Path, rules: &mut Rules<'_>) -> Option<ProviderKind> {
    let typed = text(key.to_owned(), typed, rules)?;
    let path = rules.path(&typed);
    // A folder that holds the gateway's own files would mix keys and chunks.
    if rules.data_dir.starts_with(&path) || catalog.starts_with(&path) {
        rules.add(Problem::new("config-path-shared", key).value(typed));
        return None;
    }
    Some(ProviderKind::Dir { path })
}

fn text(key: String, typed: Option<String>, rules: &mut Rules<'_>) -> Option<String> {
    rules.require(key, typed.filter(|text| !text.trim().is_empty()))
}

fn secret(key: &str, typed: Option<typed::Secret>, rules: &mut Rules<'_>) -> Option<SecretText> {
    let typed = rules.require(key, typed)?;
    match secrets::find(key, &typed, &rules.data_dir, rules.surroundings) {
        Ok(secret) => Some(secret),
        Err(problem) => {
            rules.add(problem);
            None
        }
    }
}

fn is_base64(key: &str, secret: &SecretText, rules: &mut Rules<'_>) -> bool {
    let decoded = base64::engine::general_purpose::STANDARD.decode(secret.expose()).map(zeroize::Zeroizing::new);
    if decoded.is_err() {
        rules.add(Problem::new("config-secret-base64", key));
    }
    decoded.is_ok()
}

fn endpoint(key: &str, typed: Option<String>, rules: &mut Rules<'_>) -> Option<Url> {
    let typed = typed?;
    let Some(url) = web_address(&typed) else {
        // Not shown: it may hold a password or a signature.
        rules.add(Problem::new("config-endpoint", key));
        return None;
    };
    if is_plain_abroad(&url) {
        rules.add(Problem::new("config-endpoint-plain", key).value(typed));
        return None;
    }
    Some(url)
}

fn refuse_leftovers(key: &str, kind: Kind, typed: &typed::Provider, rules: &mut Rules<'_>) {
    let word = KINDS.iter().find(|(_, k)| std::mem::discriminant(k) == std::mem::discriminant(&kind));
    let leftovers = [
        ("container", typed.container.is_some()),
        ("account", typed.account.is_some()),
        ("key", typed.key.is_some()),
        ("endpoint", typed.endpoint.is_some()),
        ("ca", typed.ca.is_some()),
        ("bucket", typed.bucket.is_some()),
        ("region", typed.region.is_some()),
        ("access_key_id", typed.access_key_id.is_some()),
        ("secret_access_key", typed.secret_access_key.is_some()),
        ("credentials", typed.credentials.is_some()),
        ("path", typed.path.is_some()),
    ];
    for (leaf, _) in leftovers.into_iter().filter(|(_, there)| *there) {
        let kind = word.map_or("", |(word, _)| *word);
        rules.add(Problem::new("config-other-kind", format!("{key}.{leaf}")).arg("kind", kind));
    }
}
