//! `[azure]` and `[azure.oidc]`: the Azure Blob front, and whose bearer tokens it believes.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use url::{Host, Url};

use super::rules::{self, Rules, is_domain, is_plain_abroad, range_problem, web_address};
use super::{AzureListener, Client, JwksSource, Oidc, Problem, S3Only, typed};
use crate::model::ClientId;
use crate::secret::SecretText;

const DAY: Duration = Duration::from_secs(86_400);
/// Days that what was deleted can be kept. Source: Azure "Soft delete for blobs".
const SOFT_DELETE_DAYS: u32 = 365;
/// What tokens for Azure Storage are made out to; issuers drop the last slash or keep it. Source: Azure "Authorize with
/// Microsoft Entra ID".
const AUDIENCES: [&str; 2] = ["https://storage.azure.com/", "https://storage.azure.com"];
/// "Authorized party": the client that the token was issued to. Source: OpenID Connect Core 1.0 §2.
///
/// Keycloak's service tokens carry it, and those of version 2.0 of Entra ID; AD FS and Entra ID 1.0 say `appid` instead. `sub` would
/// be the service's account, of which the issuer alone makes the name.
const CLAIM: &str = "azp";
/// Longest name of a claim, in bytes.
const CLAIM_BYTES: usize = 64;

/// Understands the section.
pub(super) fn understand(typed: typed::Azure, rules: &mut Rules<'_>) -> Option<AzureListener> {
    let domains = rules::domains("azure.domains", typed.domains, rules);
    let soft_delete = typed.soft_delete.and_then(|typed| soft_delete(typed, rules));
    let copy_sources = copy_sources(typed.copy_sources.unwrap_or_default(), rules);
    let oidc = typed.oidc.and_then(|typed| oidc(typed, rules));
    let listen = rules.require("azure.listen", typed.listen)?;
    let listen = rules::address("azure.listen", &listen, rules)?;
    Some(AzureListener { listen, domains, soft_delete, copy_sources, oidc })
}

fn soft_delete(typed: String, rules: &mut Rules<'_>) -> Option<Duration> {
    let key = "azure.soft_delete";
    match humantime::parse_duration(&typed) {
        Ok(duration) if (DAY..=DAY * SOFT_DELETE_DAYS).contains(&duration) => return Some(duration),
        Ok(_) => rules.add(range_problem(key, typed, "1day".to_owned(), format!("{SOFT_DELETE_DAYS}days"))),
        Err(_unparsable) => rules.add(Problem::new("config-duration", key).value(typed)),
    }
    None
}

/// Each as requests will name it: in lowercase, without the port that `https://` has anyway.
fn copy_sources(typed: Vec<String>, rules: &mut Rules<'_>) -> Vec<String> {
    let mut sources = Vec::with_capacity(typed.len());
    for (index, source) in typed.into_iter().enumerate() {
        match authority(&source) {
            Some(authority) => sources.push(authority),
            None => {
                let key = format!("azure.copy_sources[{index}]");
                rules.add(Problem::new("config-copy-source", key).value(source));
            }
        }
    }
    sources
}

fn authority(typed: &str) -> Option<String> {
    let url = Url::parse(&format!("https://{typed}/")).ok()?;
    if matches!(url.host()?, Host::Domain(name) if !is_domain(name)) {
        return None;
    }
    let host = url.host_str()?;
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    // What the address is understood as is what was typed: no path, no password, no other spelling of a host.
    let whole = typed == authority || typed.strip_suffix(":443") == Some(&authority);
    whole.then_some(authority)
}

fn oidc(typed: typed::Oidc, rules: &mut Rules<'_>) -> Option<Oidc> {
    let at = |leaf: &str| format!("azure.oidc.{leaf}");
    let issuer = rules.require(at("issuer"), typed.issuer.filter(|issuer| !issuer.is_empty()));
    let issuer = issuer.filter(|issuer| address(&at("issuer"), issuer, rules).is_some());
    let audiences = typed.audience.map_or_else(|| AUDIENCES.map(str::to_owned).to_vec(), |typed| typed.0);
    if audiences.is_empty() {
        rules.add(Problem::new("config-missing", at("audience")));
    }
    for (index, _) in audiences.iter().enumerate().filter(|(_, audience)| audience.is_empty()) {
        rules.add(Problem::new("config-missing", at(&format!("audience[{index}]"))));
    }
    let jwks = rules.require(at("jwks"), typed.jwks).and_then(|typed| jwks(typed, rules));
    let claim = typed.claim.unwrap_or_else(|| CLAIM.to_owned());
    if claim.is_empty() || claim.len() > CLAIM_BYTES || !claim.bytes().all(|b| b.is_ascii_graphic()) {
        rules.add(Problem::new("config-claim", at("claim")).value(&claim).arg("most", CLAIM_BYTES.to_string()));
    }
    let clients = typed.clients.unwrap_or_default().into_iter();
    let clients: BTreeMap<String, ClientId> = clients.filter_map(|(value, id)| mapped(value, &id, rules)).collect();
    Some(Oidc { issuer: issuer?, audiences, jwks: jwks?, claim, clients })
}

fn mapped(value: String, id: &str, rules: &mut Rules<'_>) -> Option<(String, ClientId)> {
    match ClientId::parse(id) {
        Ok(client) => Some((value, client)),
        Err(_unfit) => {
            let key = format!("azure.oidc.clients.{value}");
            rules.add(Problem::new("config-name", key).value(id).arg("rule", "client"));
            None
        }
    }
}

fn jwks(typed: typed::Jwks, rules: &mut Rules<'_>) -> Option<JwksSource> {
    let key = "azure.oidc.jwks";
    match (typed.file, typed.url, typed.ca) {
        (Some(file), None, None) if !file.is_empty() => Some(JwksSource::File(rules.path(&file))),
        (None, Some(url), ca) => {
            let url = address(&format!("{key}.url"), &url, rules)?;
            Some(JwksSource::Url { url, ca: ca.map(|file| rules.path(&file)) })
        }
        _ => {
            rules.add(Problem::new("config-jwks-source", key));
            None
        }
    }
}

/// An address of the issuer: HTTPS, or HTTP on this machine.
fn address(key: &str, typed: &str, rules: &mut Rules<'_>) -> Option<Url> {
    let Some(url) = web_address(typed) else {
        // Not shown: it may hold a password.
        rules.add(Problem::new("config-issuer", key));
        return None;
    };
    if is_plain_abroad(&url) {
        rules.add(Problem::new("config-issuer-plain", key).value(typed));
        return None;
    }
    Some(url)
}

/// Whether the front fits those who are to come through it. `named`: ids as they were typed; `clients`: unless some of
/// them were not understood.
pub(super) fn hold_against(azure: &AzureListener, named: &[String], clients: Option<&[Client]>, rules: &mut Rules<'_>) {
    if clients.is_some_and(|clients| !clients.is_empty() && clients.iter().all(|client| client.s3_only().is_some())) {
        rules.add(Problem::new("config-azure-no-client", "azure"));
    }
    for (value, id) in azure.oidc.iter().flat_map(|oidc| &oidc.clients) {
        let understood = clients.and_then(|clients| clients.iter().find(|client| client.id == *id));
        let reason = if named.iter().any(|named| named == id.as_str()) {
            understood.and_then(Client::s3_only).map(S3Only::word)
        } else {
            Some("absent")
        };
        if let Some(reason) = reason {
            let key = format!("azure.oidc.clients.{value}");
            rules.add(Problem::new("config-oidc-client", key).value(id.as_str()).arg("reason", reason));
        }
    }
}

/// A claim whose value is a client's id stands for that client, unless it was said to stand for another.
pub(super) fn name_themselves(azure: &mut AzureListener, clients: &[Client]) {
    let Some(oidc) = &mut azure.oidc else { return };
    for client in clients.iter().filter(|client| client.s3_only().is_none()) {
        oidc.clients.entry(client.id.as_str().to_owned()).or_insert_with(|| client.id.clone());
    }
}

/// 3 to 24 lowercase letters and digits. Source: Azure "Storage account overview", "Storage account name".
pub(super) fn is_account_name(id: &str) -> bool {
    (3..=24).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Base64, as account keys are.
pub(super) fn is_account_key(secret: &SecretText) -> bool {
    base64::engine::general_purpose::STANDARD.decode(secret.expose()).map(zeroize::Zeroizing::new).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_source_is_a_host_and_nothing_else() {
        for (typed, understood) in [
            ("archive.example", Some("archive.example")),
            ("archive.example:443", Some("archive.example")),
            ("archive.example:8443", Some("archive.example:8443")),
            ("10.0.0.7:10000", Some("10.0.0.7:10000")),
            ("[2001:db8::1]:10000", Some("[2001:db8::1]:10000")),
            ("https://archive.example", None),
            ("archive.example/", None),
            ("user@archive.example", None),
            ("Archive.example", None),
            ("10.1", None),
            ("archive.example:0443", None),
            ("*.example", None),
            ("", None),
        ] {
            assert_eq!(authority(typed).as_deref(), understood, "{typed}");
        }
    }

    #[test]
    fn account_names_are_azures() {
        for (id, is_one) in [("pacs", true), ("ab", false), ("chus-pacs", false), ("PACS", false), ("a1b2c3", true)] {
            assert_eq!(is_account_name(id), is_one, "{id}");
        }
        assert!(!is_account_name(&"a".repeat(25)));
    }
}
