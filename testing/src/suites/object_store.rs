//! The suite that the crate `object_store` runs against every service it supports, as its own tests of S3 and Azure run it.

use std::time::Duration;

use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, integration};

/// All of it. `last_writer_wins`: what becomes of two uploads to one name; Azure refuses the slower one.
pub async fn pass<S: ObjectStore + MultipartStore + PaginatedListStore>(store: &S, last_writer_wins: bool) {
    integration::put_get_delete_list(store).await;
    integration::list_with_offset_exclusivity(store).await;
    integration::get_opts(store).await;
    integration::list_uses_directories_correctly(store).await;
    integration::list_with_delimiter(store).await;
    integration::rename_and_copy(store).await;
    integration::copy_if_not_exists(store).await;
    integration::copy_rename_nonexistent_object(store).await;
    integration::stream_get(store).await;
    integration::multipart(store, store).await;
    integration::multipart_put_part_out_of_order(store, store).await;
    integration::multipart_race_condition(store, last_writer_wins).await;
    integration::multipart_out_of_order(store).await;
    integration::put_get_attributes(store).await;
    integration::list_paginated(store, store).await;
    integration::put_opts(store, true).await;
    integration::get_nonexistent_object(store, None).await.expect_err("what is not there is not found");
}

/// A signed URL gives `name` to whoever holds it.
pub async fn signed_url<S: ObjectStore + Signer>(store: &S, http: &reqwest::Client, name: &str) {
    let path = Path::from(name);
    store.put(&path, PutPayload::from_static(b"signed")).await.expect("a put");
    let url = store.signed_url(http::Method::GET, &path, Duration::from_secs(60)).await.expect("a URL");
    let answer = http.get(url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap_or_default());
    assert_eq!(answer.bytes().await.expect("a body"), "signed");
    store.delete(&path).await.expect("a delete");
}
