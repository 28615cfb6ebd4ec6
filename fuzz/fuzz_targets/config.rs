//! A configuration is understood or refused with reasons, never a panic; what is understood keeps its promises.
//! The first line is an override, `NAME=value`; the rest is the file.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use ecluse::config::{Config, Tls};
use ecluse::secret::SecretText;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (first, text) = input.split_once('\n').unwrap_or(("", input));
    let pair = first.split_once('=').map(|(name, value)| (format!("ECLUSE__{name}"), value.to_owned()));
    let environment = BTreeMap::from_iter(pair);
    let read_file = |_: &Path| Ok(SecretText::new("YSBzZWNyZXQgb2YgdGhlIGZ1enplcg==".to_owned()));
    match Config::from_text(text, Path::new("/etc/ecluse"), &environment, &read_file) {
        Ok(config) => {
            assert!(config.data_dir.is_absolute() && config.providers.len() == 1 && !config.clients.is_empty());
            let azure = config.azure.as_ref();
            assert!(config.s3.is_some() || azure.is_some());
            assert!(azure.is_none() || config.clients.iter().any(|client| client.s3_only().is_none()));
            let (s3, admin) = (config.s3.map(|s3| s3.listen), config.admin.map(|admin| admin.listen));
            let listeners = [s3, azure.map(|azure| azure.listen), admin];
            let outside = listeners.iter().flatten().any(|listen| !listen.ip().is_loopback());
            assert!(!(outside && config.tls == Tls::Off));
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
});
