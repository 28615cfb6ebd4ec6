//! A gateway on a temporary catalog, with its chunks in memory, behind the S3 front, on a loopback socket, and requests made by hand.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ecluse::catalog::{CatalogSettings, SqliteCatalog};
use ecluse::front::s3::{S3Front, S3Settings};
use ecluse::front::server::{Limits, serve};
use ecluse::gateway::{Client, Clients, EtagMode, Fencing, Gateway, Settings};
use ecluse::keys::{FileCustodian, Keyring};
use ecluse::model::{Action, ClientId, Grant, Principal, ProviderName, TenantId};
use ecluse::seal::Padding;
use ecluse::secret::SecretText;
use ecluse::store::{MemoryChunks, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::s3::sigv4::{Signer, sha256, target};

/// Of every client. Base64, so that it is an account key as well.
pub const SECRET: &str = "bm90LWEtc2VjcmV0LW9mLWFueW9uZQ==";

/// A body that is read whole must have come within: a test waits for it at most.
pub const SMALL_BODY: Duration = Duration::from_secs(2);

/// A running front. The client `pacs` may do everything; `viewer` may read `public/` in every bucket and list nothing;
/// `courier` may besides write, list and delete in `inbox/`. `writer` may write everywhere, and nothing else. `stranger` may do
/// everything in another tenant.
pub struct World {
    pub address: SocketAddr,
    pub signer: Signer,
    pub viewer: Signer,
    pub courier: Signer,
    pub writer: Signer,
    pub stranger: Signer,
    pub gateway: Arc<Gateway>,
    /// What the provider holds.
    pub chunks: Arc<MemoryChunks>,
    _stop: tokio_util::sync::DropGuard,
    _directory: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The error code in the XML.
    pub fn code(&self) -> String {
        let text = self.text();
        let inside = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        inside.map(|(code, _)| code.to_owned()).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    #[track_caller]
    pub fn expect(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{:?} {}", self.headers, self.text());
        self
    }
}

impl World {
    pub async fn start() -> Self {
        Self::with(S3Settings::default()).await
    }

    pub async fn with(settings: S3Settings) -> Self {
        Self::built(settings, 5 * 1024 * 1024).await
    }

    /// `min_part_bytes`: the smallest part of an upload that is not its last.
    pub async fn built(settings: S3Settings, min_part_bytes: u64) -> Self {
        Self::retaining(settings, min_part_bytes, None).await
    }

    /// The same, where what is deleted is kept for a while.
    pub async fn retaining(settings: S3Settings, min_part_bytes: u64, retention: Option<Duration>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let custodian = FileCustodian::create(&directory.path().join("root.key")).unwrap();
        let tenant = TenantId::parse("chum").unwrap();
        let elsewhere = TenantId::parse("chus").unwrap();
        let of = |tenant: &TenantId, id: &str, grants: Vec<Grant>| Client {
            principal: Principal::new(ClientId::parse(id).unwrap(), tenant.clone(), grants),
            secret: SecretText::new(SECRET.into()),
        };
        let client = |id: &str, grant: Grant| of(&tenant, id, vec![grant]);
        let everything = vec![Action::Read, Action::Write, Action::Delete, Action::List, Action::Admin];
        let all = ["*".to_owned()];
        let public = || Grant::new(&all, vec!["public/".into()], vec![Action::Read]);
        let inbox = Grant::new(&all, vec!["inbox/".into()], vec![Action::Write, Action::List, Action::Delete]);
        let clients = vec![
            client("pacs", Grant::new(&all, vec![], everything.clone())),
            client("viewer", public()),
            of(&tenant, "courier", vec![public(), inbox]),
            client("writer", Grant::new(&all, vec![], vec![Action::Write])),
            of(&elsewhere, "stranger", vec![Grant::new(&all, vec![], everything)]),
        ];
        let path = directory.path().join("catalog.db");
        let catalog = SqliteCatalog::open_with(&path, CatalogSettings::retaining(retention)).unwrap();
        let provider = ProviderName::parse("memory").unwrap();
        let chunks = Arc::new(MemoryChunks::default());
        let gateway = Arc::new(Gateway::new(
            Arc::new(catalog),
            Arc::new(Keyring::new(Arc::new(custodian))),
            Arc::new(Store::new(vec![(provider, Arc::clone(&chunks) as _)])),
            Arc::new(Clients::new(clients)),
            Settings {
                etag: EtagMode::Md5,
                padding: Padding::Padme,
                memory: 256 * 1024 * 1024,
                grace: Duration::from_secs(60),
                late: Duration::ZERO,
                parallel_chunks: 4,
                small_body: SMALL_BODY,
                min_part_bytes,
                fencing: Fencing::Off,
                spool: None,
            },
        ));
        gateway.unlock(&[tenant, elsewhere]).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let front = S3Front::new(Arc::clone(&gateway), settings);
        tokio::spawn(serve("s3", listener, None, Limits::default(), front, stop.clone()));
        let world = Self {
            address,
            signer: Signer::new("pacs", SECRET),
            viewer: Signer::new("viewer", SECRET),
            courier: Signer::new("courier", SECRET),
            writer: Signer::new("writer", SECRET),
            stranger: Signer::new("stranger", SECRET),
            gateway,
            chunks,
            _stop: stop.drop_guard(),
            _directory: directory,
        };
        assert_eq!(world.send("PUT", "/imaging", &[], &[], b"").await.status, 200);
        world
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// A signed request with a plain body.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.send_as(&self.signer, method, path, query, headers, body).await
    }

    pub async fn send_as(
        &self,
        signer: &Signer,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut all = self.headers(headers);
        signer.sign(method, path, query, &mut all, &sha256(body));
        all.push(("content-length".into(), body.len().to_string()));
        self.raw(method, &target(path, query), &all, body).await
    }

    /// The headers of a request: the host, and these.
    pub fn headers(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all = vec![("host".to_owned(), self.host())];
        all.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        all
    }

    /// These very bytes.
    pub async fn raw(&self, method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut text = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        // The answer may come before the body was taken: then writing fails, and reading tells.
        let _written = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _read = stream.read_to_end(&mut answer).await;
        parse(&answer)
    }
}

fn parse(bytes: &[u8]) -> Answer {
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Answer { status, headers, body: bytes[split + 4..].to_vec() }
}
