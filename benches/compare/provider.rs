//! The provider of the measurements with and without Écluse: `s3s-fs`, in threads of this process, which waits a
//! given time before it takes up each request. The wait stands for the way there and back.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::client::Target;
use crate::signer::Signer;
use crate::systems::{CLIENT, random_text};

/// Serves until dropped.
pub struct S3Provider {
    pub address: SocketAddr,
    pub secret: String,
    delay_ms: Arc<AtomicU64>,
    _stop: tokio::sync::oneshot::Sender<()>,
    _files: TempDir,
}

impl S3Provider {
    /// Serves a fresh folder with these buckets.
    pub fn start(buckets: &[&str]) -> Self {
        let files = tempfile::tempdir().unwrap();
        for bucket in buckets {
            std::fs::create_dir(files.path().join(bucket)).unwrap();
        }
        let secret = random_text();
        let service = service(files.path(), &secret);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let delay_ms = Arc::new(AtomicU64::new(0));
        let delay = Arc::clone(&delay_ms);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, service, delay) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, secret, delay_ms, _stop: stop, _files: files }
    }

    /// From now on each request waits so long.
    pub fn set_delay(&self, milliseconds: u64) {
        self.delay_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// How the client reaches it without Écluse.
    pub fn target(&self) -> Arc<Target> {
        let signer = Signer::s3(CLIENT, &self.secret);
        Arc::new(Target { address: self.address, host: self.address.to_string(), tls: None, signer })
    }
}

fn service(folder: &Path, secret: &str) -> S3Service {
    let mut builder = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single(CLIENT, secret));
    builder.build()
}

async fn accept(listener: TcpListener, service: S3Service, delay_ms: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).unwrap();
        let (service, delay_ms) = (service.clone(), Arc::clone(&delay_ms));
        connections.spawn(async move {
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let delay = Duration::from_millis(delay_ms.load(Ordering::Relaxed));
                let answer = Service::call(&service, request);
                async move {
                    if !delay.is_zero() {
                        tokio::time::sleep(delay).await;
                    }
                    answer.await
                }
            });
            // A client that hangs up is none of the server's business.
            drop(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await);
        });
    }
}
