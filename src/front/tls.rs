//! Certificates of the listeners: loaded whole, checked, swapped whole.
//!
//! # Invariants
//! - A [`TlsHandle`] always holds a configuration that passed every check; a reload that fails changes nothing.
//! - TLS 1.2 and 1.3 only, on aws-lc-rs. A private key that others may read is refused.

mod validity;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};

use validity::Validity;

/// Where the certificates are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the server's certificate, then its chain.
    pub certificate: PathBuf,
    /// PEM: the private key (PKCS#8, PKCS#1 or SEC1). Not readable by others, not writable by its group.
    pub private_key: PathBuf,
    /// PEM: authorities of client certificates. When set, a client must present a certificate of theirs.
    pub client_ca: Option<PathBuf>,
}

/// Why certificates were refused.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The private key's file is open to others.
    #[error("{path} has mode {mode:04o}: others may read the private key, or its group may change it")]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file is not the PEM that it should be.
    #[error("{path} holds no {expected} in PEM")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// The certificate cannot be parsed.
    #[error("{path} holds a certificate that cannot be parsed")]
    Certificate {
        /// The file.
        path: PathBuf,
    },
    /// The certificate is over.
    #[error("the certificate in {path} expired on {ended}")]
    Expired {
        /// The file.
        path: PathBuf,
        /// When it ended, as RFC 3339.
        ended: String,
    },
    /// The certificate has not begun.
    #[error("the certificate in {path} is not valid before {begins}")]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// When it begins, as RFC 3339.
        begins: String,
    },
    /// Certificate and private key do not belong together.
    #[error("the private key in {private_key} does not belong to the certificate in {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        private_key: PathBuf,
    },
    /// The key's kind is not supported, or the authorities are not usable.
    #[error("{path} cannot be used")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The TLS configuration of listeners, exchangeable while they serve.
pub struct TlsHandle {
    current: ArcSwap<ServerConfig>,
}

impl TlsHandle {
    /// Loads and checks everything.
    pub fn load(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        let config = load(files, SystemTime::now())?;
        Ok(Arc::new(Self { current: ArcSwap::from_pointee(config) }))
    }

    /// Loads everything again; the files may be others than before. New connections use it; open ones stay as they are. On an error
    /// nothing changes.
    pub fn reload(&self, files: &TlsFiles) -> Result<(), TlsError> {
        let config = load(files, SystemTime::now())?;
        self.current.store(Arc::new(config));
        Ok(())
    }

    /// The configuration for the next connection.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }
}

fn load(files: &TlsFiles, now: SystemTime) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = certified_key(files, now, &provider)?;
    let unusable = |path: &Path, cause: rustls::Error| TlsError::Unusable { path: path.into(), cause: cause.into() };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|cause| unusable(&files.certificate, cause))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(path)? {
                roots.add(authority).map_err(|cause| unusable(path, cause))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|cause| TlsError::Unusable { path: path.clone(), cause: cause.into() })?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certified_key(files: &TlsFiles, now: SystemTime, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&files.certificate)?;
    let path = || files.certificate.clone();
    for certificate in &chain {
        let validity = Validity::of(certificate.as_ref()).ok_or_else(|| TlsError::Certificate { path: path() })?;
        if validity.begins > now {
            return Err(TlsError::NotYetValid { path: path(), begins: rfc3339(validity.begins) });
        }
        if validity.ends < now {
            return Err(TlsError::Expired { path: path(), ended: rfc3339(validity.ends) });
        }
    }
    let key = private_key(&files.private_key)?;
    CertifiedKey::from_der(chain, key, provider).map_err(|cause| match cause {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::Mismatch { certificate: path(), private_key: files.private_key.clone() }
        }
        rustls::Error::InvalidCertificate(_) => TlsError::Certificate { path: path() },
        cause => TlsError::Unusable { path: files.private_key.clone(), cause: cause.into() },
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let wrong = || TlsError::Pem { path: path.into(), expected: "certificate" };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|_cause| wrong())?;
    if found.is_empty() { Err(wrong()) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let metadata = std::fs::metadata(path).map_err(|cause| TlsError::Read { path: path.into(), cause })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & FORBIDDEN_MODE != 0 {
        return Err(TlsError::Permissions { path: path.into(), mode });
    }
    let pem = zeroize::Zeroizing::new(read(path)?);
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_cause| TlsError::Pem { path: path.into(), expected: "private key" })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|cause| TlsError::Read { path: path.into(), cause })
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Any access by others; writing and executing by the group.
const FORBIDDEN_MODE: u32 = 0o037;
