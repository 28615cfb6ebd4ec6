//! Real Azure clients, unmodified, over TLS: behind the gateway in turn a folder, a real S3 server and Azurite. Each test has
//! its own gateway, its own data and its own home directory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

#[path = "support"]
mod support {
    pub mod azure_sdk;
    pub mod azurite;
    pub mod certificates;
    pub mod client;
    pub mod gateway;
    pub mod place;
    pub mod s3_server;
    pub mod shared_key;
    pub mod tools;
}

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use object_store::azure::MicrosoftAzure;
use object_store::{ObjectStoreExt, PutPayload, integration};
use support::gateway::{CLIENT_ID, GatewayProcess, Options};
use support::place::{Place, Provision};
use support::shared_key::{Account, ServiceSas};
use support::{azure_sdk, client, tools};

/// Runs a client's script against a gateway: an interpreter, and the script's name.
async fn tour(place: Place, interpreter: impl AsRef<OsStr>, script: &str) {
    let provision = Provision::make(place).await;
    run(provision.options().azure(), interpreter, script, None);
}

/// The same with options, and with the key of the issuer of tokens.
fn run(options: Options, interpreter: impl AsRef<OsStr>, script: &str, issuer_key: Option<&Path>) {
    let mut gateway = GatewayProcess::start(options);
    let home = tempfile::tempdir().expect("a home");
    let mut command: Command = tools::command(interpreter, home.path());
    command
        .arg(tools::script(script))
        .env("ECLUSE_AZURE_ENDPOINT", gateway.azure_endpoint())
        .env("ECLUSE_CA", &gateway.authority)
        .env("NODE_EXTRA_CA_CERTS", &gateway.authority)
        .env("ECLUSE_NODE_MODULES", tools::directory().join("node_modules"))
        .env("ECLUSE_AZ", tools::directory().join("azcli/bin/az"))
        .env("AZURE_STORAGE_ACCOUNT", CLIENT_ID)
        .env("AZURE_STORAGE_KEY", &gateway.secret);
    if let Some(key) = issuer_key {
        command.env("ECLUSE_ISSUER_KEY", key);
    }
    println!("{}", tools::succeed(command));
    assert!(gateway.metric("ecluse_integrity_incidents_total") == 0.0, "integrity incidents");
    gateway.terminate();
}

async fn python(place: Place) {
    tour(place, tools::python(), "azure_tour.py").await;
}

async fn python_service(place: Place) {
    tour(place, tools::python(), "azure_tour_service.py").await;
}

/// With an issuer of tokens, and with what was deleted kept for a while.
async fn python_settings(place: Place) {
    let issuer = tempfile::tempdir().expect("a folder");
    let mut command = tools::command(tools::python(), issuer.path());
    command.arg(tools::script("azure_issuer.py")).arg(issuer.path());
    tools::succeed(command);
    let oidc = format!(
        "[azure.oidc]\nissuer = \"https://login.hospital.example/realms/systems\"\naudience = \"https://storage.azure.com/\"\n\
         jwks = {{ file = {:?} }}\nclaim = \"azp\"\n[azure.oidc.clients]\n\"imaging-service\" = \"{CLIENT_ID}\"",
        issuer.path().join("jwks.json")
    );
    let provision = Provision::make(place).await;
    let options = provision.options().azure().setting("azure", "soft_delete = \"7 days\"").setting("azure", &oidc);
    run(options, tools::python(), "azure_tour_settings.py", Some(&issuer.path().join("issuer.pem")));
}

async fn large(place: Place) {
    tour(place, tools::python(), "azure_large.py").await;
}

async fn javascript(place: Place) {
    tour(place, "node", "azure_js_tour.mjs").await;
}

async fn adlfs(place: Place) {
    tour(place, tools::python(), "azure_adlfs.py").await;
}

async fn rclone(place: Place) {
    tools::tool("rclone");
    tour(place, "bash", "azure_rclone.sh").await;
}

async fn azure_cli(place: Place) {
    let program = tools::directory().join("azcli/bin/az");
    assert!(program.is_file(), "no Azure CLI in {program:?}: run scripts/test, or scripts/install-test-tools");
    tour(place, "bash", "azure_cli.sh").await;
}

macro_rules! tours {
    ($($name:ident: $client:ident, $place:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $client(Place::$place).await;
        }
    )+};
}

tours! {
    azure_for_python_does_its_whole_tour_of_blobs_over_a_folder: python, Folder;
    azure_for_python_does_its_whole_tour_of_blobs_over_an_s3_server: python, S3;
    azure_for_python_does_its_whole_tour_of_blobs_over_azurite: python, Azurite;
    azure_for_python_does_its_whole_tour_of_the_service_over_a_folder: python_service, Folder;
    azure_for_python_does_its_whole_tour_of_the_service_over_an_s3_server: python_service, S3;
    azure_for_python_does_its_whole_tour_of_the_service_over_azurite: python_service, Azurite;
    azure_for_python_uses_tokens_undeletes_and_lists_five_thousand_names_over_a_folder: python_settings, Folder;
    azure_for_python_moves_a_gibibyte_up_and_down_over_a_folder: large, Folder;
    azure_for_javascript_does_its_whole_tour_over_a_folder: javascript, Folder;
    adlfs_reads_and_writes_files_over_a_folder: adlfs, Folder;
    rclone_transfers_nothing_the_second_time_over_a_folder: rclone, Folder;
    rclone_transfers_nothing_the_second_time_over_azurite: rclone, Azurite;
    azure_cli_uploads_lists_copies_signs_and_removes_over_a_folder: azure_cli, Folder;
    azure_for_rust_does_its_tour_by_signature_over_a_folder: rust, Folder;
    object_store_passes_its_integration_suite_over_a_folder: object_store_suite, Folder;
    object_store_passes_its_integration_suite_over_an_s3_server: object_store_suite, S3;
}

/// Microsoft's crate takes tokens or a signed address.
async fn rust(place: Place) {
    const CONTAINER: &str = "azure-for-rust";
    let provision = Provision::make(place).await;
    let mut gateway = GatewayProcess::start(provision.options().azure());
    client::create_bucket(&gateway, CONTAINER).await;
    let sas = Account::new(CLIENT_ID, &gateway.secret).service_sas(&ServiceSas::new("racwdl", CONTAINER));
    let mut container = url::Url::parse(&format!("{}/{CONTAINER}", gateway.azure_endpoint())).expect("a URL");
    container.query_pairs_mut().extend_pairs(sas);
    azure_sdk::tour(container, client::http(&gateway.authority)).await;
    gateway.terminate();
}

fn azure_store(gateway: &GatewayProcess, container: &str) -> MicrosoftAzure {
    client::azure_builder(gateway, container).build().expect("a client")
}

/// The suite that the crate runs against every service it supports, as its own test of Azure runs it.
async fn object_store_suite(place: Place) {
    const CONTAINER: &str = "object-store-suite";
    let provision = Provision::make(place).await;
    let mut gateway = GatewayProcess::start(provision.options().azure());
    // A bucket is a container.
    client::create_bucket(&gateway, CONTAINER).await;
    let store = azure_store(&gateway, CONTAINER);

    integration::put_get_delete_list(&store).await;
    integration::list_with_offset_exclusivity(&store).await;
    integration::get_opts(&store).await;
    integration::list_uses_directories_correctly(&store).await;
    integration::list_with_delimiter(&store).await;
    integration::rename_and_copy(&store).await;
    integration::copy_if_not_exists(&store).await;
    integration::copy_rename_nonexistent_object(&store).await;
    integration::stream_get(&store).await;
    integration::put_opts(&store, true).await;
    integration::multipart(&store, &store).await;
    integration::multipart_put_part_out_of_order(&store, &store).await;
    integration::multipart_race_condition(&store, false).await;
    integration::multipart_out_of_order(&store).await;
    integration::list_paginated(&store, &store).await;
    integration::put_get_attributes(&store).await;
    integration::get_nonexistent_object(&store, None).await.expect_err("what is not there is not found");

    // Its signed URLs are left out: it writes the account twice into what it signs when the account is in the path.
    let path = object_store::path::Path::from("signed/é 1+1.txt");
    store.put(&path, PutPayload::from_static(b"signed")).await.expect("a put");

    // The same object through the other front, and the reverse.
    let s3 = client::store(&gateway, CONTAINER);
    assert_eq!(s3.get(&path).await.expect("through S3").bytes().await.expect("a body"), "signed");
    s3.put(&path, PutPayload::from_static(b"by S3")).await.expect("a put");
    assert_eq!(store.get(&path).await.expect("through Azure").bytes().await.expect("a body"), "by S3");
    store.delete(&path).await.expect("a delete");
    s3.head(&path).await.expect_err("deleted through Azure");
    gateway.terminate();
}
