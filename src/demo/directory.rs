//! The demonstration's data directory: what an administrator would put there by hand.
//!
//! # Invariants
//! - Secrets are made here, once, in files of mode 0600; a data directory that is used again keeps its own.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

use super::{CLIENT, DemoError};

/// A directory, removed when dropped if it was made for this run.
pub(super) struct DataDirectory {
    path: PathBuf,
    temporary: bool,
}

/// What is in it.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    /// The configuration for `ecluse serve`.
    pub(super) config: PathBuf,
    /// The authority that clients must trust, in PEM.
    pub(super) authority: PathBuf,
    /// The client's secret.
    pub(super) secret: PathBuf,
    /// The provider's folder.
    pub(super) provider: PathBuf,
}

impl DataDirectory {
    /// The given directory, made if it is not there; or a fresh temporary one.
    pub(super) fn open(given: Option<PathBuf>) -> Result<Self, DemoError> {
        let temporary = given.is_none();
        let path = match given {
            Some(path) => std::path::absolute(&path).map_err(DemoError::file(&path))?,
            None => {
                let mut suffix = [0; 8];
                crate::secret::fill_random(&mut suffix)?;
                std::env::temp_dir().join(format!("ecluse-demo-{}", hex::encode(suffix)))
            }
        };
        // A temporary directory must be new: nobody else may have put it there.
        DirBuilder::new().mode(0o700).recursive(!temporary).create(&path).map_err(DemoError::file(&path))?;
        Ok(Self { path, temporary })
    }

    /// Fills it.
    pub(super) fn prepare(&self, listen: Option<SocketAddr>) -> Result<Setup, DemoError> {
        let setup = Setup {
            config: self.path.join("ecluse.toml"),
            authority: self.path.join("tls/ca.pem"),
            secret: self.path.join("secrets").join(CLIENT),
            provider: self.path.join("provider"),
        };
        for folder in ["tls", "secrets", "provider"] {
            let folder = self.path.join(folder);
            DirBuilder::new().mode(0o700).recursive(true).create(&folder).map_err(DemoError::file(&folder))?;
        }
        let [s3, azure, admin] = free_ports()?;
        let s3 = listen.unwrap_or(s3);
        let azure = SocketAddr::new(s3.ip(), azure.port());
        if !setup.secret.exists() {
            let mut secret = zeroize::Zeroizing::new([0; 32]);
            crate::secret::fill_random(secret.as_mut_slice())?;
            // In base64, so that it is an Azure account key, too.
            write(&setup.secret, 0o600, &zeroize::Zeroizing::new(BASE64_STANDARD.encode(secret.as_slice())))?;
        }
        self.certificates(&setup.authority, s3.ip())?;
        write(&setup.config, 0o644, &self.configuration(s3, azure, admin))?;
        Ok(setup)
    }

    fn configuration(&self, s3: SocketAddr, azure: SocketAddr, admin: SocketAddr) -> String {
        let data_dir = toml_string(&self.path.to_string_lossy());
        format!(
            r#"# Made by `ecluse demo`. Serve it again with: ecluse serve --config <this file>
version = 1
data_dir = {data_dir}

[s3]
listen = "{s3}"

[azure]
listen = "{azure}"

[admin]
listen = "{admin}"

[tls]
certificate = "tls/server.pem"
private_key = "tls/server.key"

[catalog]
url = "sqlite:catalog.db"

[keys]
custodian = "file"
[keys.file]
path = "root.key"

[[provider]]
name = "folder"
kind = "dir"
path = "provider"

[[client]]
id = "{CLIENT}"
tenant = "demo"
secret = {{ file = "secrets/{CLIENT}" }}
allow = [{{ buckets = ["*"], actions = ["read", "write", "delete", "list", "admin"] }}]
"#
        )
    }

    /// An authority, and a server certificate of it, for this machine's own names. The authority's key is not kept:
    /// a run makes both anew.
    fn certificates(&self, authority: &Path, address: IpAddr) -> Result<(), DemoError> {
        let now = time::OffsetDateTime::now_utc();
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "Écluse demo");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let mut server = CertificateParams::new(vec!["localhost".to_owned()]).map_err(DemoError::Certificate)?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        if !addresses.contains(&address) && !address.is_unspecified() {
            addresses.push(address);
        }
        server.subject_alt_names.extend(addresses.into_iter().map(SanType::IpAddress));
        for params in [&mut ca, &mut server] {
            params.not_before = now - time::Duration::days(1);
            params.not_after = now + time::Duration::days(30);
        }

        let ca_key = KeyPair::generate().map_err(DemoError::Certificate)?;
        let ca_certificate = ca.self_signed(&ca_key).map_err(DemoError::Certificate)?;
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().map_err(DemoError::Certificate)?;
        let certificate = server.signed_by(&key, &issuer).map_err(DemoError::Certificate)?;
        write(authority, 0o644, &ca_certificate.pem())?;
        write(&self.path.join("tls/server.pem"), 0o644, &certificate.pem())?;
        write(&self.path.join("tls/server.key"), 0o600, &zeroize::Zeroizing::new(key.serialize_pem()))
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the temporary directory cannot be removed");
        }
    }
}

/// Loopback ports that were free a moment ago: the configuration names them, so that it can be served again.
fn free_ports() -> Result<[SocketAddr; 3], DemoError> {
    let bound = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(DemoError::Port);
    // All at once, so that they differ.
    let [first, second, third] = [bound()?, bound()?, bound()?];
    let address = |listener: TcpListener| listener.local_addr().map_err(DemoError::Port);
    Ok([address(first)?, address(second)?, address(third)?])
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), DemoError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .map_err(DemoError::file(path))?;
    file.write_all(text.as_bytes()).map_err(DemoError::file(path))
}

/// A TOML basic string (TOML 1.0, "String").
fn toml_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
