//! The demonstration against stand-ins for the gateway: it must prove what is so, and must not prove what is not.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

use bytes::Bytes;
use ecluse::demo::{Commands, DemoError, DemoOptions, Outcome, Served, records, run};
use ecluse::front::server::{Limits, RequestBody, bind, serve};
use ecluse::front::tls::{TlsFiles, TlsHandle};
use http_body_util::Full;
use testing::tools;
use tokio_util::sync::CancellationToken;

/// What the stand-in's provider holds.
#[derive(Clone, Copy, PartialEq)]
enum Provider {
    Noise,
    Plaintext,
    Nothing,
}

/// A plain S3 server in the gateway's place, and beside it an Azure Blob front that knows what will be stored.
struct StandIn {
    provider: Provider,
    /// Changes what the Azure Blob front gives.
    azure: fn(Bytes) -> Bytes,
    plaintext: tempfile::TempDir,
    seen: Mutex<Vec<PathBuf>>,
}

impl StandIn {
    fn new(provider: Provider) -> Self {
        Self {
            provider,
            azure: |content| content,
            plaintext: tempfile::tempdir().unwrap(),
            seen: Mutex::new(Vec::new()),
        }
    }

    fn seen(&self) -> Vec<PathBuf> {
        self.seen.lock().unwrap().clone()
    }
}

impl Commands for StandIn {
    async fn initialize(&self, config: &Path) -> Result<(), DemoError> {
        self.seen.lock().unwrap().push(config.to_owned());
        Ok(())
    }

    async fn serve(&self, config: &Path) -> Result<Served, DemoError> {
        let text = config::Config::builder().add_source(config::File::from(config)).build().unwrap();
        let data_dir = PathBuf::from(text.get_string("data_dir").unwrap());
        let folder =
            data_dir.join(text.get::<Vec<serde_json::Value>>("provider").unwrap()[0]["path"].as_str().unwrap());
        let root = if self.provider == Provider::Plaintext { &folder } else { self.plaintext.path() };
        if self.provider == Provider::Noise {
            std::fs::create_dir(folder.join("a7")).unwrap();
            std::fs::write(folder.join("a7/19c2f00d"), [0x45, 0x43, 0x4c, 0x55, 1, 1, 0, 0, 9, 250]).unwrap();
        }

        let mut service = s3s::service::S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
        let secret = std::fs::read_to_string(data_dir.join("secrets/demo")).unwrap();
        assert_eq!(base64::Engine::decode(&base64::prelude::BASE64_STANDARD, &secret).unwrap().len(), 32);
        service.set_auth(s3s::auth::SimpleAuth::from_single("demo", secret));
        let service = service.build();
        let answer = move |request: http::Request<RequestBody>| {
            let service = service.clone();
            async move { service.call(request.map(s3s::Body::http_body_unsync)).await.unwrap() }
        };
        let change = self.azure;
        let azure_answer = move |request: http::Request<RequestBody>| async move { azure(request.uri(), change) };
        let tls = TlsHandle::load(&TlsFiles {
            certificate: data_dir.join(text.get_string("tls.certificate").unwrap()),
            private_key: data_dir.join(text.get_string("tls.private_key").unwrap()),
            client_ca: None,
        })
        .unwrap();
        let listener = bind(text.get_string("s3.listen").unwrap().parse().unwrap()).unwrap();
        let s3 = listener.local_addr().unwrap();
        let azure_listener = bind(text.get_string("azure.listen").unwrap().parse().unwrap()).unwrap();
        let azure = azure_listener.local_addr().unwrap();
        let admin = text.get_string("admin.listen").unwrap().parse().unwrap();
        let shutdown = CancellationToken::new();
        let limits = Limits::default;
        let tasks = [
            tokio::spawn(serve("s3", listener, Some(tls.clone()), limits(), answer, shutdown.clone())),
            tokio::spawn(serve("azure", azure_listener, Some(tls), limits(), azure_answer, shutdown.clone())),
        ];
        let stop = Box::pin(async move {
            shutdown.cancel();
            for task in tasks {
                task.await.unwrap();
            }
        });
        Ok(Served { s3, azure, admin, stop })
    }
}

/// What an Azure Blob front says of the records.
fn azure(asked: &http::Uri, change: fn(Bytes) -> Bytes) -> http::Response<Full<Bytes>> {
    const AT: &str = "Wed, 25 Nov 2026 15:02:16 GMT";
    let answer = http::Response::builder().header("last-modified", AT).header("etag", "\"0x1\"");
    if asked.query().is_some_and(|query| query.contains("comp=list")) {
        let blobs = records().into_iter().fold(String::new(), |mut blobs, record| {
            let (name, length, kind) = (&record.name, record.content.len(), record.content_type);
            write!(
                blobs,
                "<Blob><Name>{name}</Name><Properties><Last-Modified>{AT}</Last-Modified><Etag>0x1</Etag>\
                 <Content-Length>{length}</Content-Length><Content-Type>{kind}</Content-Type></Properties></Blob>"
            )
            .unwrap();
            blobs
        });
        let list = format!("<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>");
        return answer.body(Full::from(list)).unwrap();
    }
    let path = percent_encoding::percent_decode_str(asked.path()).decode_utf8().unwrap();
    let name = path.strip_prefix("/demo/dossiers/").unwrap();
    let record = records().into_iter().find(|record| record.name == name).unwrap();
    answer.header("content-type", record.content_type).body(Full::new(change(record.content))).unwrap()
}

async fn shown(stand_in: &StandIn, options: DemoOptions) -> (Outcome, String) {
    let mut out = Vec::new();
    let served = CancellationToken::new();
    let say = |id: &str, values: &[(&str, String)]| {
        if id == "demo-serving" {
            served.cancel();
        }
        values.iter().fold(format!("[{id}]"), |text, (name, value)| format!("{text} {name}={value}"))
    };
    let outcome = run(options, stand_in, &say, &mut out, served.cancelled()).await.unwrap();
    (outcome, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn records_that_come_back_from_a_blind_provider_prove_it_and_nothing_is_left_behind() {
    let stand_in = StandIn::new(Provider::Noise);
    let (outcome, text) = shown(&stand_in, DemoOptions { exit: true, ..DemoOptions::default() }).await;
    assert_eq!(outcome, Outcome::Proven, "{text}");
    assert!(text.contains("Tremblay") && text.contains("4543") && text.contains("[demo-proven]"), "{text}");
    assert!(text.contains("[demo-azure-agrees] count=6 "), "{text}");
    assert_eq!(text.matches("count=0").count(), 9, "{text}");
    assert!(!text.contains("[demo-try]"));
    let data_dir = stand_in.seen()[0].parent().unwrap().to_owned();
    assert!(data_dir.is_absolute() && !data_dir.exists());
}

#[tokio::test]
async fn a_provider_that_can_read_is_found_out() {
    let (outcome, text) =
        shown(&StandIn::new(Provider::Plaintext), DemoOptions { exit: true, ..DemoOptions::default() }).await;
    assert_eq!(outcome, Outcome::Disproven);
    assert!(text.contains("[demo-disproven]") && !text.contains("count=0"), "{text}");
}

#[tokio::test]
async fn an_azure_front_that_shows_something_else_is_found_out() {
    let cut = |content: Bytes| content.slice(1..);
    let stand_in = StandIn { azure: cut, ..StandIn::new(Provider::Noise) };
    let (outcome, text) = shown(&stand_in, DemoOptions { exit: true, ..DemoOptions::default() }).await;
    assert_eq!(outcome, Outcome::Disproven);
    assert!(text.contains("[demo-azure-differs]") && !text.contains("[demo-azure-agrees]"), "{text}");
}

#[tokio::test]
async fn a_provider_that_holds_nothing_proves_nothing() {
    let (outcome, _) =
        shown(&StandIn::new(Provider::Nothing), DemoOptions { exit: true, ..DemoOptions::default() }).await;
    assert_eq!(outcome, Outcome::Disproven);
}

#[tokio::test]
async fn a_kept_directory_can_be_used_again_and_shows_commands_that_fit_the_screen() {
    let kept = tempfile::tempdir().unwrap();
    let options = || DemoOptions { data_dir: Some(kept.path().join("demo")), ..DemoOptions::default() };
    let stand_in = StandIn::new(Provider::Noise);
    let (_, text) = shown(&stand_in, options()).await;
    let secret = std::fs::read_to_string(kept.path().join("demo/secrets/demo")).unwrap();
    assert!(!text.contains(&secret), "the secret is printed");
    assert!(text.contains("aws --endpoint-url https://localhost:") && text.contains("--ca-cert"), "{text}");
    let widest = text.lines().filter(|line| line.contains(['│', '┼'])).map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|width| width <= 100), "{text}");

    std::fs::remove_dir_all(kept.path().join("demo/provider")).unwrap();
    shown(&stand_in, options()).await;
    assert_eq!(std::fs::read_to_string(kept.path().join("demo/secrets/demo")).unwrap(), secret);
}

#[test]
fn the_command_proves_it_on_the_real_gateway() {
    let output = std::process::Command::new(testing::process::program())
        .args(["demo", "--exit"])
        .env("ECLUSE_LANG", "fr")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}\n{log}");
    assert!(text.contains("Le fournisseur ne détient rien de lisible."), "{text}");
    assert_eq!(text.matches(" 0 trouvé").count(), 9, "{text}");
    assert!(text.contains("Azure Blob énumère les mêmes 6 objets"), "{text}");
    assert!(!log.contains("Tremblay"), "{log}");
}

#[test]
fn the_commands_that_it_prints_work_as_they_are() {
    let home = tempfile::tempdir().unwrap();
    let mut demo = std::process::Command::new(testing::process::program())
        .args(["demo", "--lang", "en", "--data-dir"])
        .arg(home.path().join("it's here"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let printed: Vec<String> = lines.take_while(|line| line != "Serving until Ctrl-C.").collect();
    let commands =
        printed.iter().skip_while(|line| !line.starts_with("Try it yourself")).filter(|l| l.starts_with("  "));
    let commands: Vec<&str> = commands.map(String::as_str).filter(|line| !line.starts_with("  curl ")).collect();
    let script = format!("set -e\n{}\n", commands.join("\n"));
    let mut shell = tools::command("bash", home.path());
    shell.arg("-c").arg(&script);
    let output = tools::run(shell);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(demo.id().cast_signed()), nix::sys::signal::SIGTERM).unwrap();
    assert!(demo.wait().unwrap().success());
    let (said, log) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{script}\n{said}\n{log}");
    let tools = ["aws ", "rclone ", "az "];
    for tool in tools {
        assert!(commands.iter().any(|line| line.trim().starts_with(tool)), "no command for {tool}: {commands:?}");
    }
    // Twice with rclone; aws and az list as well.
    assert_eq!(said.matches("CR-2026-03-14.dcm").count(), 4, "{said}");
}
