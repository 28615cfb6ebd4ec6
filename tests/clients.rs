//! Real clients, unmodified, in their default settings, over TLS (promise P10): behind the gateway in turn a folder, a
//! real S3 server and Azurite. Each test has its own gateway, its own data and its own home directory.

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
    pub mod azurite;
    pub mod certificates;
    pub mod client;
    pub mod gateway;
    pub mod place;
    pub mod s3_server;
    pub mod tools;
}

use std::process::Command;

use object_store::aws::{AmazonS3, Checksum, S3ConditionalPut, S3CopyIfNotExists};
use object_store::integration;
use object_store::signer::Signer;
use object_store::{ObjectStoreExt, PutPayload};
use support::gateway::{CLIENT_ID, GatewayProcess};
use support::place::{Place, Provision};
use support::{client, tools};

/// Runs a client's script against a gateway: an interpreter, and the script's name.
async fn tour(place: Place, interpreter: impl AsRef<std::ffi::OsStr>, script: &str) {
    let provision = Provision::make(place).await;
    let mut gateway = GatewayProcess::start(provision.options());
    let home = tempfile::tempdir().expect("a home");
    let mut command: Command = tools::command(interpreter, home.path());
    command
        .arg(tools::script(script))
        .env("ECLUSE_ENDPOINT", &gateway.endpoint)
        .env("ECLUSE_CA", &gateway.authority)
        .env("AWS_ACCESS_KEY_ID", CLIENT_ID)
        .env("AWS_SECRET_ACCESS_KEY", &gateway.secret);
    println!("{}", tools::succeed(command));
    assert!(gateway.metric("ecluse_integrity_incidents_total") == 0.0, "integrity incidents");
    gateway.terminate();
}

async fn boto3(place: Place) {
    tour(place, tools::python(), "boto3_tour.py").await;
}

async fn aws_cli(place: Place) {
    tools::tool("aws");
    tour(place, "bash", "aws_cli.sh").await;
}

async fn rclone(place: Place) {
    tools::tool("rclone");
    tour(place, "bash", "rclone.sh").await;
}

async fn s3cmd(place: Place) {
    tools::tool("s3cmd");
    tour(place, "bash", "s3cmd.sh").await;
}

async fn restic(place: Place) {
    tools::tool("restic");
    tour(place, "bash", "restic.sh").await;
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
    boto3_does_its_whole_tour_over_a_folder: boto3, Folder;
    boto3_does_its_whole_tour_over_an_s3_server: boto3, S3;
    boto3_does_its_whole_tour_over_azurite: boto3, Azurite;
    aws_cli_copies_syncs_twice_and_removes_over_a_folder: aws_cli, Folder;
    aws_cli_copies_syncs_twice_and_removes_over_an_s3_server: aws_cli, S3;
    aws_cli_copies_syncs_twice_and_removes_over_azurite: aws_cli, Azurite;
    rclone_transfers_nothing_the_second_time_over_a_folder: rclone, Folder;
    rclone_transfers_nothing_the_second_time_over_an_s3_server: rclone, S3;
    s3cmd_transfers_nothing_the_second_time_over_a_folder: s3cmd, Folder;
    s3cmd_transfers_nothing_the_second_time_over_azurite: s3cmd, Azurite;
    restic_backs_up_checks_restores_and_prunes_over_a_folder: restic, Folder;
    restic_backs_up_checks_restores_and_prunes_over_an_s3_server: restic, S3;
    object_store_passes_its_integration_suite_over_a_folder: object_store_suite, Folder;
    object_store_passes_its_integration_suite_over_an_s3_server: object_store_suite, S3;
    object_store_passes_its_integration_suite_over_azurite: object_store_suite, Azurite;
}

/// The suite that the crate runs against every service it supports, as its own test of S3 runs it.
async fn object_store_suite(place: Place) {
    const BUCKET: &str = "object-store-suite";
    let provision = Provision::make(place).await;
    let mut gateway = GatewayProcess::start(provision.options());
    client::create_bucket(&gateway, BUCKET).await;
    let builder = || {
        client::builder(&gateway, BUCKET)
            .with_retry(object_store::RetryConfig::default())
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
    };
    let store: AmazonS3 = builder().build().expect("a client");

    integration::put_get_delete_list(&store).await;
    integration::list_with_offset_exclusivity(&store).await;
    integration::get_opts(&store).await;
    integration::list_uses_directories_correctly(&store).await;
    integration::list_with_delimiter(&store).await;
    integration::rename_and_copy(&store).await;
    integration::copy_if_not_exists(&store).await;
    integration::copy_rename_nonexistent_object(&store).await;
    integration::stream_get(&store).await;
    integration::multipart(&store, &store).await;
    integration::multipart_put_part_out_of_order(&store, &store).await;
    integration::multipart_race_condition(&store, true).await;
    integration::multipart_out_of_order(&store).await;
    integration::put_get_attributes(&store).await;
    integration::list_paginated(&store, &store).await;
    integration::put_opts(&store, true).await;
    integration::get_nonexistent_object(&store, None).await.expect_err("what is not there is not found");
    signed_urls(&gateway, &store).await;

    integration::put_get_delete_list(&builder().with_unsigned_payload(true).build().expect("a client")).await;
    for checksum in [Checksum::SHA256, Checksum::CRC64NVME] {
        let store = builder().with_checksum_algorithm(checksum).build().expect("a client");
        integration::put_get_delete_list(&store).await;
    }
    gateway.terminate();
}

async fn signed_urls(gateway: &GatewayProcess, store: &AmazonS3) {
    let path = object_store::path::Path::from("signed/é 1+1.txt");
    store.put(&path, PutPayload::from_static(b"signed")).await.expect("a put");
    let url = store.signed_url(http::Method::GET, &path, std::time::Duration::from_secs(60)).await.expect("a URL");
    let answer = client::http(&gateway.authority).get(url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.bytes().await.expect("a body"), "signed");
    store.delete(&path).await.expect("a delete");
}
