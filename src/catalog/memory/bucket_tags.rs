//! Tags of buckets.

use async_trait::async_trait;

use super::MemoryCatalog;
use crate::catalog::{BucketTagging, CatalogError};
use crate::model::{BucketRef, Tags};

#[async_trait]
impl BucketTagging for MemoryCatalog {
    async fn bucket_tags(&self, bucket: &BucketRef) -> Result<Tags, CatalogError> {
        self.with(|state| Ok(state.bucket(bucket)?.tags.clone()))
    }

    async fn set_bucket_tags(&self, bucket: &BucketRef, tags: Tags) -> Result<(), CatalogError> {
        self.with(|state| {
            state.bucket_mut(bucket)?.tags = tags;
            Ok(())
        })
    }
}
