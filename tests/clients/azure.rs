//! Real Azure clients, unmodified, over TLS: behind the gateway in turn a folder, a real S3 server and Azurite. Each test has
//! its own gateway, its own data and its own home directory.

use object_store::azure::MicrosoftAzure;
use object_store::{ObjectStoreExt, PutPayload};
use testing::azure::sdk as azure_sdk;
use testing::azure::shared_key::{Account, ServiceSas};
use testing::client;
use testing::names::Names;
use testing::process::{CLIENT_ID, GatewayProcess};
use testing::provider::place::Place::{self, Azurite, Folder, S3};
use testing::provider::place::Provision;
use testing::suites::object_store as suite;
use testing::tools;
use testing::tours::Front::{self, Azure, AzureByHost};
use testing::tours::{by_host, names, run, tour};

async fn python(front: Front, place: Place) {
    tour(front, place, tools::python(), "azure_tour.py").await;
}

async fn python_service(front: Front, place: Place) {
    tour(front, place, tools::python(), "azure_tour_service.py").await;
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
    let options = provision.options().setting("azure", "soft_delete = \"7 days\"").setting("azure", &oidc);
    let key = issuer.path().join("issuer.pem").into_os_string();
    // Names are the catalog's: what lies behind has no part in listing them.
    let many = if place == Folder { "5003" } else { "300" };
    let environment = [("ECLUSE_ISSUER_KEY", key), ("ECLUSE_MANY", many.into())];
    run(Azure, options, tools::python(), "azure_tour_settings.py", &environment);
}

async fn large(place: Place) {
    let provision = Provision::make(place).await;
    let mib = std::env::var_os("ECLUSE_LARGE_MIB").unwrap_or("1024".into());
    run(Azure, provision.options(), tools::python(), "azure_large.py", &[("ECLUSE_LARGE_MIB", mib)]);
}

async fn javascript(front: Front, place: Place) {
    tour(front, place, "node", "azure_js_tour.mjs").await;
}

async fn adlfs(place: Place) {
    tour(Azure, place, tools::python(), "azure_adlfs.py").await;
}

/// Azure's SDK for C++, as it comes with pyarrow.
async fn pyarrow(place: Place) {
    tour(Azure, place, tools::python(), "azure_pyarrow.py").await;
}

async fn datalake(place: Place) {
    tour(Azure, place, tools::python(), "azure_datalake.py").await;
}

async fn rclone(front: Front, place: Place) {
    tools::tool("rclone");
    tour(front, place, "bash", "rclone.sh").await;
}

async fn azure_cli(front: Front, place: Place) {
    let program = tools::directory().join("azcli/bin/az");
    assert!(program.is_file(), "no Azure CLI in {program:?}: run scripts/test, or scripts/install-test-tools");
    tour(front, place, "bash", "azure_cli.sh").await;
}

/// What `az storage blob sync` runs, by itself: most of its time it waits.
async fn azcopy(place: Place) {
    tools::tool("azcopy");
    tour(Azure, place, "bash", "azure_azcopy.sh").await;
}

testing::tours! {
    azure_for_python_does_its_whole_tour_of_blobs_over_a_folder: python, Azure, Folder;
    azure_for_python_does_its_whole_tour_of_blobs_over_an_s3_server: python, Azure, S3;
    azure_for_python_does_its_whole_tour_of_blobs_over_azurite: python, Azure, Azurite;
    azure_for_python_does_its_whole_tour_of_blobs_with_the_account_in_the_host: python, AzureByHost, Folder;
    azure_for_python_does_its_whole_tour_of_the_service_over_a_folder: python_service, Azure, Folder;
    azure_for_python_does_its_whole_tour_of_the_service_over_an_s3_server: python_service, Azure, S3;
    azure_for_python_does_its_whole_tour_of_the_service_over_azurite: python_service, Azure, Azurite;
    azure_for_python_does_its_whole_tour_of_the_service_with_the_account_in_the_host: python_service, AzureByHost, Folder;
    azure_for_python_uses_tokens_undeletes_and_lists_five_thousand_names_over_a_folder: python_settings, Folder;
    azure_for_python_uses_tokens_and_undeletes_over_an_s3_server: python_settings, S3;
    azure_for_python_uses_tokens_and_undeletes_over_azurite: python_settings, Azurite;
    azure_for_python_moves_nothing_to_a_gibibyte_up_and_down_over_a_folder: large, Folder;
    azure_for_python_moves_nothing_to_a_gibibyte_up_and_down_over_an_s3_server: large, S3;
    azure_for_python_moves_nothing_to_a_gibibyte_up_and_down_over_azurite: large, Azurite;
    azure_for_javascript_does_its_whole_tour_over_a_folder: javascript, Azure, Folder;
    azure_for_javascript_does_its_whole_tour_over_an_s3_server: javascript, Azure, S3;
    azure_for_javascript_does_its_whole_tour_over_azurite: javascript, Azure, Azurite;
    azure_for_javascript_does_its_whole_tour_with_the_account_in_the_host: javascript, AzureByHost, Folder;
    adlfs_reads_and_writes_files_over_a_folder: adlfs, Folder;
    adlfs_reads_and_writes_files_over_an_s3_server: adlfs, S3;
    adlfs_reads_and_writes_files_over_azurite: adlfs, Azurite;
    pyarrow_reads_writes_and_asks_for_what_is_not_there_over_a_folder: pyarrow, Folder;
    azure_for_data_lakes_is_refused_and_changes_nothing: datalake, Folder;
    rclone_transfers_nothing_the_second_time_over_a_folder: rclone, Azure, Folder;
    rclone_transfers_nothing_the_second_time_over_an_s3_server: rclone, Azure, S3;
    rclone_transfers_nothing_the_second_time_over_azurite: rclone, Azure, Azurite;
    rclone_transfers_nothing_the_second_time_with_the_account_in_the_host: rclone, AzureByHost, Folder;
    azure_cli_uploads_lists_copies_signs_and_removes_over_an_s3_server: azure_cli, Azure, S3;
    azure_cli_uploads_lists_copies_signs_and_removes_over_azurite: azure_cli, Azure, Azurite;
    azure_cli_uploads_lists_copies_signs_and_removes_over_a_folder_with_the_account_in_the_host: azure_cli, AzureByHost, Folder;
    azcopy_transfers_nothing_the_second_time_over_a_folder: azcopy, Folder;
    azure_for_rust_does_its_tour_by_signature_over_a_folder: rust, Azure, Folder;
    azure_for_rust_does_its_tour_by_signature_over_an_s3_server: rust, Azure, S3;
    azure_for_rust_does_its_tour_by_signature_over_azurite: rust, Azure, Azurite;
    azure_for_rust_does_its_tour_by_signature_with_the_account_in_the_host: rust, AzureByHost, Folder;
    object_store_passes_its_integration_suite_over_a_folder: object_store_suite, Azure, Folder;
    object_store_passes_its_integration_suite_over_an_s3_server: object_store_suite, Azure, S3;
    object_store_passes_its_integration_suite_over_azurite: object_store_suite, Azure, Azurite;
    object_store_passes_its_integration_suite_with_the_account_in_the_host: object_store_suite, AzureByHost, Folder;
}

/// A gateway for clients in this process: where the front is, and how to come there.
struct Reached {
    gateway: GatewayProcess,
    endpoint: String,
    names: Option<Names>,
    _provision: Provision,
}

impl Reached {
    /// With a container, that is a bucket, in it.
    async fn with_container(front: Front, place: Place, container: &str) -> Self {
        let provision = Provision::make(place).await;
        let gateway = GatewayProcess::start(front.options(provision.options()));
        client::create_bucket(&gateway, container).await;
        let names = (front == AzureByHost).then(|| names(&gateway));
        let endpoint = if names.is_some() { by_host() } else { gateway.azure_endpoint() };
        Self { gateway, endpoint, names, _provision: provision }
    }

    fn http(&self) -> reqwest::Client {
        match &self.names {
            None => client::http(&self.gateway.authority),
            Some(names) => client::http_through(&names.proxy(), &self.gateway.authority),
        }
    }

    fn store(&self, container: &str) -> MicrosoftAzure {
        let mut options = client::options(&self.gateway);
        if let Some(names) = &self.names {
            options = options.with_proxy_url(names.proxy());
        }
        client::azure_builder(&self.gateway, container)
            .with_endpoint(self.endpoint.clone())
            .with_client_options(options)
            .build()
            .expect("a client")
    }
}

/// Microsoft's crate takes tokens or a signed address.
async fn rust(front: Front, place: Place) {
    const CONTAINER: &str = "azure-for-rust";
    let mut reached = Reached::with_container(front, place, CONTAINER).await;
    let sas = Account::new(CLIENT_ID, &reached.gateway.secret).service_sas(&ServiceSas::new("racwdl", CONTAINER));
    let mut container = url::Url::parse(&format!("{}/{CONTAINER}", reached.endpoint)).expect("a URL");
    container.query_pairs_mut().extend_pairs(sas);
    azure_sdk::tour(container, reached.http()).await;
    reached.gateway.terminate();
}

/// The suite that the crate runs against every service it supports, and the same object through the other front.
async fn object_store_suite(front: Front, place: Place) {
    const CONTAINER: &str = "object-store-suite";
    let mut reached = Reached::with_container(front, place, CONTAINER).await;
    let store = reached.store(CONTAINER);
    suite::pass(&store, false).await;
    suite::signed_url(&store, &reached.http(), "signed/plain.txt").await;

    let path = object_store::path::Path::from("both/é 1+1.txt");
    store.put(&path, PutPayload::from_static(b"by Azure")).await.expect("a put");
    let s3 = client::store(&reached.gateway, CONTAINER);
    assert_eq!(s3.get(&path).await.expect("through S3").bytes().await.expect("a body"), "by Azure");
    s3.put(&path, PutPayload::from_static(b"by S3")).await.expect("a put");
    assert_eq!(store.get(&path).await.expect("through Azure").bytes().await.expect("a body"), "by S3");
    store.delete(&path).await.expect("a delete");
    s3.head(&path).await.expect_err("deleted through Azure");
    reached.gateway.terminate();
}
