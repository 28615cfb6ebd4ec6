//! A real S3 server inside the test: `s3s-fs`, which checks signatures and keeps objects as plain files in a folder.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::{Path, PathBuf};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;

/// The server. It has its own thread and runtime, so a test that blocks does not stop it; it ends when dropped.
pub struct S3Server {
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The one access key id.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    folder: PathBuf,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl S3Server {
    /// Serves a folder. Each directory in it is a bucket.
    pub fn start(dir: &Path) -> Self {
        let (access_key, secret_key) = ("provider-key".to_owned(), "provider-secret-0123456789".to_owned());
        let files = s3s_fs::FileSystem::new(dir).expect("a folder for the S3 server");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(access_key.clone(), secret_key.clone()));
        let service = builder.build();

        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("the listener");
                let accept = async {
                    while let Ok((socket, _)) = listener.accept().await {
                        socket.set_nodelay(true).ok();
                        let service = service.clone();
                        tokio::spawn(async move {
                            Builder::new(TokioExecutor::new())
                                .serve_connection(TokioIo::new(socket), service)
                                .await
                                .ok();
                        });
                    }
                };
                tokio::select! { () = accept => {}, _ = stopped => {} }
            });
        });
        Self { endpoint, access_key, secret_key, folder: dir.to_owned(), _stop: stop }
    }

    /// Makes a bucket.
    pub fn create_bucket(&self, name: &str) {
        std::fs::create_dir_all(self.folder.join(name)).expect("a bucket's folder");
    }
}
