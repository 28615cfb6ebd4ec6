//! A certificate authority for one test, and a server certificate for loopback.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rcgen::{KeyUsagePurpose, SanType};

/// What the server's certificate is for. A star stands for one label.
const NAMES: [&str; 5] =
    ["localhost", "*.localhost", "*.s3.localhost", "*.blob.azure.hospital.example", "*.azure.hospital.example"];

/// Where the files are.
pub struct Certificates {
    /// The authority, which clients are told to trust.
    pub authority: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// The server's private key, mode 0600.
    pub private_key: PathBuf,
    /// A client's certificate and private key, one after the other.
    pub client: PathBuf,
}

impl Certificates {
    /// Makes an authority and a certificate for [`NAMES`] and `127.0.0.1` in a folder.
    pub fn make(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for certificates");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate().expect("a key");
        let authority = params.self_signed(&authority_key).expect("an authority").pem();
        let issuer = Issuer::new(params, authority_key);

        let mut params = CertificateParams::new(NAMES.map(str::to_owned).to_vec()).expect("parameters");
        params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
        params.distinguished_name.push(DnType::CommonName, "test gateway");
        // Python's OpenSSL in strict mode asks for it.
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate").pem();

        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, "test client");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate().expect("a key");
        let client = params.signed_by(&client_key, &issuer).expect("a certificate").pem();

        let files = Self::in_folder(folder);
        fs::write(&files.authority, authority).expect("the authority is written");
        fs::write(&files.certificate, certificate).expect("the certificate is written");
        write_secret(&files.client, format!("{client}{}", client_key.serialize_pem()).as_bytes());
        write_secret(&files.private_key, key.serialize_pem().as_bytes());
        files
    }

    /// Where [`Self::make`] puts them.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            authority: folder.join("ca.pem"),
            certificate: folder.join("server.pem"),
            private_key: folder.join("server.key"),
            client: folder.join("client.pem"),
        }
    }
}

/// Writes a file that only its owner may read.
pub fn write_secret(path: &Path, bytes: &[u8]) {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).expect("a folder for secrets");
    }
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).expect("a file");
    file.write_all(bytes).expect("the secret is written");
}
