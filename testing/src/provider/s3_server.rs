//! A real S3 server in this process: `s3s-fs` on a loopback port. Its buckets are folders.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ecluse::secret::SecretText;
use ecluse::store::ProviderSpec;
use http::{HeaderMap, Method};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The bucket that is there from the start.
pub const BUCKET: &str = "sealed";

/// What a request showed before its body.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub path_and_query: String,
    pub headers: HeaderMap,
}

/// Serves until dropped, on a thread and runtime of its own: a test that blocks does not stop it.
pub struct S3Server {
    pub endpoint: String,
    pub access_key: String,
    pub secret: String,
    pub root: PathBuf,
    seen: Arc<Mutex<Vec<Seen>>>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl S3Server {
    /// Serves the folder `dir`, with one bucket, [`BUCKET`], in it.
    pub async fn start(dir: &Path) -> Self {
        std::fs::create_dir_all(dir.join(BUCKET)).unwrap();
        let mut random = [0; 20];
        getrandom::fill(&mut random).unwrap();
        let (access_key, secret) = ("provider-key".to_owned(), hex::encode(random));
        let service = {
            let mut builder = S3ServiceBuilder::new(FileSystem::new(dir).unwrap());
            builder.set_auth(SimpleAuth::from_single(access_key.clone(), secret.clone()));
            builder.build()
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, service, log) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { endpoint, access_key, secret, root: dir.to_owned(), seen, _stop: stop }
    }

    /// Another bucket.
    pub fn create_bucket(&self, name: &str) {
        std::fs::create_dir_all(self.root.join(name)).unwrap();
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How to reach `bucket` here.
    pub fn spec(&self, bucket: &str) -> ProviderSpec {
        ProviderSpec::S3 {
            bucket: bucket.to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: Some(self.endpoint.clone()),
            access_key_id: self.access_key.clone(),
            secret_access_key: SecretText::new(self.secret.clone()),
            path_style: true,
            ca: None,
        }
    }
}

async fn accept(listener: TcpListener, service: S3Service, log: Arc<Mutex<Vec<Seen>>>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).unwrap();
        let (service, log) = (service.clone(), Arc::clone(&log));
        connections.spawn(async move {
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                log.lock().unwrap().push(Seen {
                    method: request.method().clone(),
                    path_and_query: request.uri().to_string(),
                    headers: request.headers().clone(),
                });
                Service::call(&service, request)
            });
            // A client that hangs up is none of the server's business.
            let _ended = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
        });
    }
}
