//! Écluse: the release binary of this build, as `testing/src/process/` configures it.

use super::{Running, target, target_of};
use crate::provider::S3Provider;
use crate::signer::Signer;
use testing::certificates::Certificates;
use testing::process::{CLIENT_ID, GatewayProcess, Options, Provider, free_port};

/// On a folder.
pub fn on_folder(etag: &str, tls: bool) -> Running {
    start(Options::folder().write_setting(&format!("etag = \"{etag}\"")), tls)
}

/// On a folder, asked in Azure's words.
pub fn through_azure(tls: bool) -> Running {
    let port = free_port();
    let options = Options::folder().write_setting("etag = \"md5\"");
    let options = options.setting("s3", &format!("[azure]\nlisten = \"127.0.0.1:{port}\""));
    let gateway = GatewayProcess::start(if tls { options } else { options.plain() });
    let certificates = Certificates::in_folder(&gateway.home.join("tls"));
    let signer = Signer::azure(CLIENT_ID, &gateway.secret);
    Running::new(target_of(signer, port, tls, &certificates), gateway.id(), gateway)
}

/// Before an S3 server, both without TLS.
pub fn before_provider(provider: &S3Provider, bucket: &str) -> Running {
    let provider = Provider::S3 {
        endpoint: format!("http://{}", provider.address),
        bucket: bucket.to_owned(),
        access_key: super::CLIENT.to_owned(),
        secret_key: provider.secret.clone(),
    };
    start(Options::with(provider), false)
}

fn start(options: Options, tls: bool) -> Running {
    let gateway = GatewayProcess::start(if tls { options } else { options.plain() });
    let port = gateway.endpoint.rsplit(':').next().unwrap().parse().unwrap();
    let certificates = Certificates::in_folder(&gateway.home.join("tls"));
    Running::new(target(port, tls, &certificates, CLIENT_ID, &gateway.secret), gateway.id(), gateway)
}
