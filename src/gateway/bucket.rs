//! Buckets: all of it is the catalog's.

use super::fair::Payer;
use super::{Bucket, CreateBucket, DeleteBucket, Error, Gateway, HeadBucket, ListBuckets};
use crate::model::{Authorized, BucketRef, Timestamp};

impl Gateway {
    /// The tenant's buckets that the client may see, by name.
    pub async fn list_buckets(&self, op: Authorized<ListBuckets>) -> Result<Vec<Bucket>, Error> {
        let (principal, ListBuckets) = self.admit(op)?;
        let _turn = self.turn_to_scan(&Payer::of(&principal)).await?;
        let mut buckets = self.catalog.buckets(&principal.tenant).await?;
        buckets.retain(|bucket| principal.may_see(&bucket.name));
        Ok(buckets)
    }

    /// Creates a bucket; [`Error::BucketExists`] when the tenant has it.
    pub async fn create_bucket(&self, op: Authorized<CreateBucket>) -> Result<Bucket, Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        Ok(self.catalog.create_bucket(&bucket, Timestamp::now(), &op.user).await?)
    }

    /// The bucket, if it exists.
    pub async fn head_bucket(&self, op: Authorized<HeadBucket>) -> Result<Bucket, Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        Ok(self.catalog.bucket(&bucket).await?)
    }

    /// Deletes a bucket that holds neither objects nor uploads.
    pub async fn delete_bucket(&self, op: Authorized<DeleteBucket>) -> Result<(), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        Ok(self.catalog.delete_bucket(&bucket).await?)
    }
}
