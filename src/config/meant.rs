//! From [`typed::File`] to [`Config`]: every rule is checked, every breach collected.

use std::time::Duration;

use super::paths::lexically_clean;
use super::read::Read;
use super::rules::{Rules, range_problem};
use super::secrets::Surroundings;
use super::{
    CatalogUrl, Config, Custodian, Etag, Keys, Limits, Padding, Problem, Scrub, Write, azure, buckets, clients,
    listeners, providers, typed,
};

/// One mebibyte.
const MIB: u64 = 1 << 20;

/// Understands what was read.
pub(super) fn understand(read: Read, surroundings: &Surroundings<'_>) -> Result<Config, Vec<Problem>> {
    let Read { file, problems, left_out } = read;
    let mut rules = Rules::new(surroundings);
    version(file.version, &mut rules);
    rules.data_dir = match rules.require("data_dir", file.data_dir) {
        Some(typed) => lexically_clean(&surroundings.folder.join(typed)),
        None => surroundings.folder.to_path_buf(),
    };
    let mut listeners = listeners::understand(file.s3, file.azure, file.admin, file.tls, &mut rules);
    let catalog = catalog(file.catalog.unwrap_or_default(), &mut rules);
    let keys = keys(file.keys.unwrap_or_default(), &mut rules);
    let CatalogUrl::Sqlite(catalog_file) = &catalog;
    let providers = providers::understand(file.provider.unwrap_or_default(), catalog_file, &mut rules);
    let write = write(file.write.unwrap_or_default(), &mut rules);
    let scrub = scrub(file.scrub.unwrap_or_default(), &mut rules);
    let limits = limits(file.limits.unwrap_or_default(), &mut rules);
    let typed_clients = file.client.unwrap_or_default();
    let named: Vec<String> = typed_clients.iter().filter_map(|client| client.id.clone()).collect();
    let all_named = typed_clients.len();
    let clients = clients::understand(typed_clients, &mut rules);
    let buckets = buckets::understand(file.bucket.unwrap_or_default(), &mut rules);
    if let Some(azure) = &mut listeners.azure {
        // While a client is not understood, nobody knows whether it fits.
        let understood = (clients.len() == all_named).then_some(clients.as_slice());
        azure::hold_against(azure, &named, understood, &mut rules);
        azure::name_themselves(azure, &clients);
    }

    let mut all = problems;
    let (data_dir, found) = rules.end();
    let found = found.into_iter();
    all.extend(found.filter(|problem| !left_out.iter().any(|key| problem.key.starts_with(key.as_str()))));
    if !all.is_empty() || !left_out.is_empty() {
        return Err(all);
    }
    let listeners::Listeners { s3, azure, admin, tls } = listeners;
    Ok(Config { data_dir, s3, azure, admin, tls, catalog, keys, providers, write, scrub, limits, clients, buckets })
}

fn version(typed: Option<i64>, rules: &mut Rules<'_>) {
    if let Some(version) = rules.require("version", typed)
        && version != 1
    {
        rules.add(Problem::new("config-version", "version").value(version.to_string()));
    }
}

fn catalog(typed: typed::Catalog, rules: &mut Rules<'_>) -> CatalogUrl {
    let default = "sqlite:catalog.db".to_owned();
    let url = typed.url.unwrap_or(default);
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    match (scheme, url.strip_prefix("sqlite:")) {
        (_, Some(path)) if !path.trim_start_matches('/').is_empty() => {
            return CatalogUrl::Sqlite(rules.path(path.strip_prefix("//").unwrap_or(path)));
        }
        (Some("postgres" | "postgresql"), _) => {
            rules.add(Problem::new("config-later", "catalog.url").arg("feature", "postgres"));
        }
        // The address is not shown: it may hold a password.
        _ => rules.add(Problem::new("config-catalog-url", "catalog.url")),
    }
    CatalogUrl::Sqlite(rules.path("catalog.db"))
}

fn keys(typed: typed::Keys, rules: &mut Rules<'_>) -> Keys {
    match typed.custodian.as_deref() {
        None | Some("file") => {}
        Some(later @ ("pkcs11" | "kmip" | "vault")) => {
            rules.add(Problem::new("config-later", "keys.custodian").value(later).arg("feature", "custodian"));
        }
        Some(other) => {
            let problem = Problem::new("config-choice", "keys.custodian").value(other).arg("choices", "file");
            rules.add(problem);
        }
    }
    let path = typed.file.unwrap_or_default().path.unwrap_or_else(|| "root.key".to_owned());
    if path.is_empty() {
        rules.add(Problem::new("config-missing", "keys.file.path"));
    }
    let minute = Duration::from_secs(60);
    let ttl = rules.duration("keys.ttl", typed.ttl, minute, Duration::from_secs(1), minute * 60);
    Keys { custodian: Custodian::File { path: rules.path(&path) }, ttl }
}

fn write(typed: typed::Write, rules: &mut Rules<'_>) -> Write {
    let min_copies = match typed.min_copies {
        None | Some(1) => 1,
        Some(other) => {
            rules.add(Problem::new("config-min-copies", "write.min_copies").value(other.to_string()));
            1
        }
    };
    let etags = [("md5", Etag::Md5), ("opaque", Etag::Opaque)];
    let etag = typed.etag.and_then(|etag| rules.choice("write.etag", &etag, &etags)).unwrap_or(Etag::Md5);
    let paddings = [("padme", Padding::Padme), ("none", Padding::None)];
    let padding = typed.padding.and_then(|padding| rules.choice("write.padding", &padding, &paddings));
    let day = Duration::from_secs(86_400);
    Write {
        min_copies,
        etag,
        padding: padding.unwrap_or(Padding::Padme),
        memory: memory(typed.memory, rules),
        grace: rules.duration("write.grace", typed.grace, day, Duration::from_secs(1), day * 30),
        late: rules.duration("write.late", typed.late, Duration::from_secs(300), Duration::ZERO, day),
        parallel_chunks: rules.count("write.parallel_chunks", typed.parallel_chunks, 4, 1, 8),
    }
}

fn scrub(typed: typed::Scrub, rules: &mut Rules<'_>) -> Scrub {
    let day = Duration::from_secs(86_400);
    let sample = rules.count("scrub.sample", typed.sample, 1, 0, 100);
    Scrub {
        within: rules.duration("scrub.within", typed.within, day * 30, Duration::from_secs(3600), day * 365),
        sample: u8::try_from(sample).unwrap_or(100),
    }
}

fn memory(typed: Option<String>, rules: &mut Rules<'_>) -> u64 {
    let (default, least, most) = (512 * MIB, 32 * MIB, 1024 * 1024 * MIB);
    let Some(typed) = typed else { return default };
    match typed.parse::<bytesize::ByteSize>() {
        Ok(size) if (least..=most).contains(&size.as_u64()) => size.as_u64(),
        Ok(_) => {
            rules.add(range_problem("write.memory", typed, "32 MiB".to_owned(), "1 TiB".to_owned()));
            default
        }
        Err(_unparsable) => {
            rules.add(Problem::new("config-size", "write.memory").value(typed));
            default
        }
    }
}

fn limits(typed: typed::Limits, rules: &mut Rules<'_>) -> Limits {
    let seconds = Duration::from_secs;
    let most = 100_000;
    let connections = rules.count("limits.connections", typed.connections, 1024, 1, most);
    let (client, address) = ("limits.connections_per_client", "limits.connections_per_address");
    // Three quarters each; one at least.
    let per_client = rules.count(client, typed.connections_per_client, (connections * 3).div_ceil(4), 1, most);
    let per_address = rules.count(address, typed.connections_per_address, (connections * 3).div_ceil(4), 1, most);
    let mut timeout = |key: &str, typed, default| rules.duration(key, typed, default, seconds(1), seconds(3600));
    Limits {
        handshake_timeout: timeout("limits.handshake_timeout", typed.handshake_timeout, seconds(10)),
        header_timeout: timeout("limits.header_timeout", typed.header_timeout, seconds(15)),
        idle_timeout: timeout("limits.idle_timeout", typed.idle_timeout, seconds(60)),
        small_body_timeout: timeout("limits.small_body_timeout", typed.small_body_timeout, seconds(60)),
        drain_timeout: timeout("limits.drain_timeout", typed.drain_timeout, seconds(30)),
        connections,
        connections_per_client: per_client,
        connections_per_address: per_address,
    }
}
