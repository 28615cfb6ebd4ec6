//! A gateway on a copy of another one's catalog: a clone, a drill, a backup that was restored beside the original.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::{GatewayProcess, free_port};

impl GatewayProcess {
    /// A gateway with a home, ports and a data folder of its own, on a copy of this one's catalog as it is now, with the same root key,
    /// certificates, client and provider. Not started.
    ///
    /// # Panics
    /// When the catalog cannot be copied.
    pub fn copied(&self) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let home = files.path().to_owned();
        let data = home.join("data");
        fs::create_dir_all(&data).expect("a data directory");
        copy_catalog(&self.data.join("catalog.db"), &data.join("catalog.db"));
        fs::copy(self.data.join("root.key"), data.join("root.key")).expect("the root key");
        let mut text = fs::read_to_string(self.home.join("ecluse.toml")).expect("the configuration");
        let port_of = |endpoint: &str| endpoint.rsplit(':').next().unwrap_or_default().to_owned();
        let (s3, admin) = (free_port(), free_port());
        text = text
            .replace(&format!("data_dir = \"{}\"", self.data.display()), &format!("data_dir = \"{}\"", data.display()));
        text = text.replace(&format!("127.0.0.1:{}\"", port_of(&self.endpoint)), &format!("127.0.0.1:{s3}\""));
        text = text.replace(&format!("127.0.0.1:{}\"", self.admin_port), &format!("127.0.0.1:{admin}\""));
        let azure = self.azure_port.map(|port| {
            let other = free_port();
            text = text.replace(&format!("127.0.0.1:{port}\""), &format!("127.0.0.1:{other}\""));
            other
        });
        fs::write(home.join("ecluse.toml"), text).expect("the configuration is written");
        let scheme = self.endpoint.split(':').next().unwrap_or_default();
        Self {
            endpoint: format!("{scheme}://127.0.0.1:{s3}"),
            secret: self.secret.clone(),
            authority: self.authority.clone(),
            home,
            admin_port: admin,
            azure_port: azure,
            awaited: "/readyz",
            environment: self.environment.clone(),
            data,
            under: Vec::new(),
            open_files: None,
            arguments: vec!["serve".into()],
            child: None,
            folder_lies: true,
            _files: files,
        }
    }

    /// From the next start on it only reads.
    pub fn read_only(&mut self) {
        self.arguments = vec!["serve".into(), "--read-only".into()];
    }

    /// Puts a copy of the other's catalog, as it is now, in the place of this one's.
    ///
    /// # Panics
    /// When it runs, or the catalog cannot be copied.
    pub fn restore_from(&self, backup: &Path) {
        assert!(self.child.is_none(), "still running");
        for end in ["", "-wal", "-shm"] {
            let _not_there = fs::remove_file(self.data.join(format!("catalog.db{end}")));
        }
        fs::copy(backup, self.data.join("catalog.db")).expect("the backup");
    }

    /// Writes a copy of the catalog, as the operators' guide says.
    pub fn back_up(&self, to: &Path) {
        copy_catalog(&self.data.join("catalog.db"), to);
    }

    /// What `/readyz` says of the providers and the catalog: `ok`, or what is wrong.
    pub fn standing(&self) -> String {
        let Some((_, text)) = self.admin("/readyz") else { return "no answer".into() };
        let found = text.split_once("\"store\":\"").and_then(|(_, rest)| rest.split_once('"'));
        found.map_or(text.clone(), |(word, _)| word.to_owned())
    }
}

/// The text of a root key file that holds the SHA-256 of a sentence: for fixtures whose root key is public.
pub fn root_key_of(sentence: &str) -> String {
    let key = Sha256::digest(sentence.as_bytes());
    let sum = Sha256::new().chain_update(b"ecluse/1/root-key-checksum").chain_update(key).finalize();
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, key);
    format!("ecluse-root-key-1 {encoded} {}\n", hex::encode(&sum[..4]))
}

fn copy_catalog(from: &Path, to: &Path) {
    let db = Connection::open(from).expect("the catalog");
    db.execute_batch(&format!("VACUUM INTO '{}'", to.display())).expect("a copy");
}
