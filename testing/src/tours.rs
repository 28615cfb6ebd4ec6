//! Runs a client's script against a gateway of its own, over TLS, in a home directory of its own. The test file says which
//! client goes over which place.

use std::ffi::{OsStr, OsString};
use std::process::Command;

use crate::names::{DOMAIN, Names};
use crate::process::{CLIENT_ID, GatewayProcess, Options};
use crate::provider::place::{Place, Provision};
use crate::tools;

/// How a client comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// By S3.
    S3,
    /// By Azure Blob, with the account in the path.
    Azure,
    /// By Azure Blob, with the account in the host's name: see [`Names`].
    AzureByHost,
}

impl Front {
    /// The options of a gateway that has this front.
    pub fn options(self, options: Options) -> Options {
        match self {
            Self::S3 => options,
            Self::Azure => options.azure(),
            Self::AzureByHost => options.azure().setting("azure", &format!("domains = [\"{DOMAIN}\"]")),
        }
    }

    /// Tells a client where the gateway is and who it is there. What it gives must live as long as the client.
    fn introduce(self, gateway: &GatewayProcess, command: &mut Command) -> Option<Names> {
        command
            .env("ECLUSE_CA", &gateway.authority)
            .env("NODE_EXTRA_CA_CERTS", &gateway.authority)
            .env("ECLUSE_NODE_MODULES", tools::directory().join("node_modules"));
        if self == Self::S3 {
            command
                .env("ECLUSE_ENDPOINT", &gateway.endpoint)
                .env("AWS_ACCESS_KEY_ID", CLIENT_ID)
                .env("AWS_SECRET_ACCESS_KEY", &gateway.secret);
            return None;
        }
        command
            .env("ECLUSE_AZURE_ENDPOINT", gateway.azure_endpoint())
            .env("ECLUSE_AZ", tools::directory().join("azcli/bin/az"))
            .env("AZURE_STORAGE_ACCOUNT", CLIENT_ID)
            .env("AZURE_STORAGE_KEY", &gateway.secret);
        (self == Self::AzureByHost).then(|| {
            let names = names(gateway);
            command
                .env("HTTPS_PROXY", names.proxy())
                .env("ECLUSE_AZURE_DOMAIN", DOMAIN)
                .env("ECLUSE_AZURE_ENDPOINT", by_host());
            names
        })
    }
}

/// The client's endpoint in host style.
pub fn by_host() -> String {
    format!("https://{CLIENT_ID}.blob.{DOMAIN}")
}

/// Names that lead to this gateway's Azure front.
pub fn names(gateway: &GatewayProcess) -> Names {
    let endpoint = url::Url::parse(&gateway.azure_endpoint()).expect("the endpoint");
    Names::leading_to(endpoint.port().expect("its port"))
}

/// Runs a script over a place: an interpreter, and the script's name.
pub async fn tour(front: Front, place: Place, interpreter: impl AsRef<OsStr>, script: &str) {
    let provision = Provision::make(place).await;
    run(front, provision.options(), interpreter, script, &[]);
}

/// The same with options, and with more in the script's environment.
pub fn run(
    front: Front,
    options: Options,
    interpreter: impl AsRef<OsStr>,
    script: &str,
    environment: &[(&str, OsString)],
) {
    let mut gateway = GatewayProcess::start(front.options(options));
    let home = tempfile::tempdir().expect("a home");
    let mut command = tools::command(interpreter, home.path());
    command.arg(tools::script(script)).envs(environment.iter().map(|(name, value)| (name, value)));
    let names = front.introduce(&gateway, &mut command);
    println!("{}", tools::succeed(command));
    if let Some(names) = names {
        let account = format!("{CLIENT_ID}.blob.{DOMAIN}:443");
        assert!(names.asked().contains(&account), "asked for {:?} only", names.asked());
    }
    assert!(gateway.metric("ecluse_integrity_incidents_total") == 0.0, "integrity incidents");
    gateway.terminate();
}

/// Tests, one a line: their name, the client's function, and what it gets: the front if there are several, and the place.
#[macro_export]
macro_rules! tours {
    ($($name:ident: $client:ident, $($argument:path),+;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $client($($argument),+).await;
        }
    )+};
}
