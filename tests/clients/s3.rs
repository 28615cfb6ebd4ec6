//! Real clients, unmodified, in their default settings, over TLS (promise P10): behind the gateway in turn a folder, a
//! real S3 server and Azurite. Each test has its own gateway, its own data and its own home directory.

use object_store::aws::{AmazonS3, Checksum, S3ConditionalPut, S3CopyIfNotExists};
use object_store::integration;
use testing::client;
use testing::process::GatewayProcess;
use testing::provider::place::Place::{self, Azurite, Folder, S3};
use testing::provider::place::Provision;
use testing::suites::object_store as suite;
use testing::tools;
use testing::tours::{Front, run, tour};

async fn boto3(place: Place) {
    tour(Front::S3, place, tools::python(), "boto3_tour.py").await;
}

/// The signer of another house, over random requests.
async fn botocore_signer(place: Place) {
    tour(Front::S3, place, tools::python(), "s3_signer.py").await;
}

async fn aws_cli(place: Place) {
    tools::tool("aws");
    tour(Front::S3, place, "bash", "aws_cli.sh").await;
}

async fn rclone(place: Place) {
    tools::tool("rclone");
    tour(Front::S3, place, "bash", "rclone.sh").await;
}

async fn s3cmd(place: Place) {
    tools::tool("s3cmd");
    tour(Front::S3, place, "bash", "s3cmd.sh").await;
}

async fn restic(place: Place) {
    tools::tool("restic");
    tour(Front::S3, place, "bash", "restic.sh").await;
}

async fn s5cmd(place: Place) {
    tools::tool("s5cmd");
    tour(Front::S3, place, "bash", "s5cmd.sh").await;
}

/// The AWS SDK for JavaScript.
async fn js(place: Place) {
    tour(Front::S3, place, "node", "js_tour.mjs").await;
}

/// Over plain HTTP: AWS's common runtime trusts the system's authorities only.
async fn torch(place: Place) {
    let provision = Provision::make(place).await;
    run(Front::S3, provision.options().plain(), tools::python(), "torch.py", &[]);
}

testing::tours! {
    boto3_does_its_whole_tour_over_a_folder: boto3, Folder;
    boto3_does_its_whole_tour_over_an_s3_server: boto3, S3;
    boto3_does_its_whole_tour_over_azurite: boto3, Azurite;
    what_botocore_signs_is_accepted_and_what_was_changed_is_not: botocore_signer, Folder;
    aws_cli_copies_syncs_twice_and_removes_over_a_folder: aws_cli, Folder;
    aws_cli_copies_syncs_twice_and_removes_over_an_s3_server: aws_cli, S3;
    aws_cli_copies_syncs_twice_and_removes_over_azurite: aws_cli, Azurite;
    rclone_transfers_nothing_the_second_time_over_a_folder: rclone, Folder;
    rclone_transfers_nothing_the_second_time_over_an_s3_server: rclone, S3;
    s3cmd_transfers_nothing_the_second_time_over_a_folder: s3cmd, Folder;
    s3cmd_transfers_nothing_the_second_time_over_azurite: s3cmd, Azurite;
    restic_backs_up_checks_restores_and_prunes_over_a_folder: restic, Folder;
    restic_backs_up_checks_restores_and_prunes_over_an_s3_server: restic, S3;
    s5cmd_transfers_nothing_the_second_time_over_a_folder: s5cmd, Folder;
    the_javascript_sdk_does_its_tour_over_a_folder: js, Folder;
    the_runtime_of_mountpoint_writes_and_reads_over_a_folder: torch, Folder;
    object_store_passes_its_integration_suite_over_a_folder: object_store_suite, Folder;
    object_store_passes_its_integration_suite_over_an_s3_server: object_store_suite, S3;
    object_store_passes_its_integration_suite_over_azurite: object_store_suite, Azurite;
}

/// The suite that the crate runs against every service it supports, and what else it can do with S3.
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
    suite::pass(&store, true).await;
    suite::signed_url(&store, &client::http(&gateway.authority), "signed/é 1+1.txt").await;

    integration::put_get_delete_list(&builder().with_unsigned_payload(true).build().expect("a client")).await;
    for checksum in [Checksum::SHA256, Checksum::CRC64NVME] {
        let store = builder().with_checksum_algorithm(checksum).build().expect("a client");
        integration::put_get_delete_list(&store).await;
    }
    gateway.terminate();
}
