//! `[s3]`, `[azure]`, `[admin]` and `[tls]`: who listens where, and that nothing off loopback is plain.

use std::net::SocketAddr;

use super::rules::{Rules, address, domains};
use super::{AdminListener, AzureListener, Problem, S3Listener, Tls, azure, typed};

/// Who listens where.
pub(super) struct Listeners {
    pub(super) s3: Option<S3Listener>,
    pub(super) azure: Option<AzureListener>,
    pub(super) admin: Option<AdminListener>,
    pub(super) tls: Tls,
}

/// Understands the four sections together, because the rules span them.
pub(super) fn understand(
    s3: Option<typed::S3>,
    azure: Option<typed::Azure>,
    admin: Option<typed::Admin>,
    tls: Option<typed::Tls>,
    rules: &mut Rules<'_>,
) -> Listeners {
    if s3.is_none() && azure.is_none() {
        rules.add(Problem::new("config-no-listener", "s3"));
    }
    let s3 = s3.and_then(|typed| s3_listener(typed, rules));
    let azure = azure.and_then(|typed| azure::understand(typed, rules));
    let admin = admin
        .and_then(|typed| rules.require("admin.listen", typed.listen))
        .and_then(|listen| address("admin.listen", &listen, rules))
        .map(|listen| AdminListener { listen });
    let listeners: Vec<(&str, SocketAddr)> = [
        s3.as_ref().map(|listener| ("s3.listen", listener.listen)),
        azure.as_ref().map(|listener| ("azure.listen", listener.listen)),
        admin.map(|listener| ("admin.listen", listener.listen)),
    ]
    .into_iter()
    .flatten()
    .collect();
    for (index, (key, address)) in listeners.iter().enumerate() {
        let earlier = listeners.iter().take(index).find(|(_, earlier)| collide(*earlier, *address));
        if let Some((other, _)) = earlier {
            rules.add(Problem::new("config-address-twice", *key).value(address.to_string()).arg("other", *other));
        }
    }
    let tls = protection(tls.unwrap_or_default(), &listeners, rules);
    Listeners { s3, azure, admin, tls }
}

fn s3_listener(typed: typed::S3, rules: &mut Rules<'_>) -> Option<S3Listener> {
    let domains = domains("s3.domains", typed.domains, rules);
    if let Some(region) = &typed.region
        && (region.is_empty() || !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
    {
        rules.add(Problem::new("config-name", "s3.region").value(region).arg("rule", "region"));
    }
    let listen = rules.require("s3.listen", typed.listen)?;
    let listen = address("s3.listen", &listen, rules)?;
    Some(S3Listener { listen, domains, region: typed.region })
}

fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

fn protection(typed: typed::Tls, listeners: &[(&str, SocketAddr)], rules: &mut Rules<'_>) -> Tls {
    let off = typed.mode.as_deref().and_then(|mode| rules.choice("tls.mode", mode, &[("on", false), ("off", true)]));
    if off == Some(true) {
        for (key, address) in listeners.iter().filter(|(_, address)| !address.ip().is_loopback()) {
            rules.add(Problem::new("config-plain-listener", *key).value(address.to_string()));
        }
        let files = [
            ("tls.certificate", &typed.certificate),
            ("tls.private_key", &typed.private_key),
            ("tls.client_ca", &typed.client_ca),
        ];
        for (key, _) in files.into_iter().filter(|(_, file)| file.is_some()) {
            rules.add(Problem::new("config-tls-conflict", key));
        }
        return Tls::Off;
    }
    if typed.certificate.is_none() && typed.private_key.is_none() {
        rules.add(Problem::new("config-tls-missing", "tls"));
        return Tls::Off;
    }
    let certificate = rules.require("tls.certificate", typed.certificate);
    let private_key = rules.require("tls.private_key", typed.private_key);
    match (certificate, private_key) {
        (Some(certificate), Some(private_key)) => Tls::Files {
            certificate: rules.path(&certificate),
            private_key: rules.path(&private_key),
            client_ca: typed.client_ca.map(|file| rules.path(&file)),
        },
        _ => Tls::Off,
    }
}
