//! What Microsoft's own crate for Rust does with a container, by shared access signature: it takes no account key.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;

use azure_core::http::{ClientOptions, RequestContent, StatusCode, Transport};
use azure_storage_blob::models::BlobClientAcquireLeaseResultHeaders as _;
use azure_storage_blob::models::{
    BlobClientDownloadOptions, BlobContainerClientListBlobsOptions, BlockBlobClientUploadOptions,
};
use azure_storage_blob::{BlobContainerClient, BlobContainerClientOptions};
use futures::TryStreamExt;

const MIB: usize = 1 << 20;

/// The whole tour, with the container's address and signature in `container`.
///
/// # Panics
/// When something is not as it must be.
pub async fn tour(container: url::Url, http: reqwest::Client) {
    let transport = Transport::new(Arc::new(http));
    let client_options = ClientOptions { transport: Some(transport), ..ClientOptions::default() };
    let options = BlobContainerClientOptions { client_options, ..BlobContainerClientOptions::default() };
    let client = BlobContainerClient::new(container, None, Some(options)).unwrap();

    for size in [0, 1, 65_537, 9 * MIB + 3] {
        let body: Vec<u8> = (0..size).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect();
        let blob = client.blob_client(&format!("sdk/é 1+1/{size}"));
        let options = BlockBlobClientUploadOptions {
            metadata: Some(HashMap::from([("patient".to_owned(), "Tremblay".to_owned())])),
            blob_content_type: Some("application/dicom".to_owned()),
            parallel: NonZero::new(3),
            partition_size: NonZero::new(2 * MIB as u64),
            ..BlockBlobClientUploadOptions::default()
        };
        blob.upload(RequestContent::from(body.clone()), Some(options)).await.unwrap();
        let options = BlobClientDownloadOptions {
            parallel: NonZero::new(3),
            partition_size: NonZero::new(MIB + 1),
            ..BlobClientDownloadOptions::default()
        };
        let got = blob.download(Some(options)).await.unwrap();
        assert_eq!(got.body.collect().await.unwrap().len(), size, "{size} bytes");
        let got = blob.download(None).await.unwrap().body.collect().await.unwrap();
        assert!(got == body, "{size} bytes");
    }
    let small = client.blob_client("sdk/é 1+1/1");
    let again = BlockBlobClientUploadOptions::default().if_not_exists();
    let error = small.upload(RequestContent::from(b"x".to_vec()), Some(again)).await.unwrap_err();
    assert_eq!(error.http_status(), Some(StatusCode::Conflict), "{error}");
    let error = client.blob_client("sdk/none").get_properties(None).await.unwrap_err();
    assert_eq!(error.http_status(), Some(StatusCode::NotFound), "{error}");
    let lease = small.acquire_lease(15, None).await.unwrap().lease_id().unwrap().unwrap();
    let error = small.delete(None).await.unwrap_err();
    assert_eq!(error.http_status(), Some(StatusCode::PreconditionFailed), "{error}");
    small.release_lease(lease, None).await.unwrap();

    let log = client.blob_client("sdk/log").append_blob_client();
    log.create(None).await.unwrap();
    for line in ["one\n", "two\n"] {
        log.append_block(RequestContent::from(line.as_bytes().to_vec()), line.len() as u64, None).await.unwrap();
    }
    let got = client.blob_client("sdk/log").download(None).await.unwrap().body.collect().await.unwrap();
    assert_eq!(got, "one\ntwo\n");

    let options = BlobContainerClientListBlobsOptions {
        prefix: Some("sdk/".to_owned()),
        maxresults: Some(2),
        ..BlobContainerClientListBlobsOptions::default()
    };
    let mut pages = client.list_blobs(Some(options)).unwrap().into_pages();
    let mut names = Vec::new();
    while let Some(page) = pages.try_next().await.unwrap() {
        names.extend(page.into_model().unwrap().blob_items.into_iter().filter_map(|item| item.name));
    }
    assert_eq!(names, ["sdk/log", "sdk/é 1+1/0", "sdk/é 1+1/1", "sdk/é 1+1/65537", "sdk/é 1+1/9437187"]);
    for name in names {
        client.blob_client(&name).delete(None).await.unwrap();
    }
}
