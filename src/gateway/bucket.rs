//! Buckets: all of it is the catalog's.

use std::collections::BTreeMap;

use super::fair::Payer;
use super::{Bucket, CreateBucket, DeleteBucket, Error, Gateway, GoneBucket, HeadBucket, ListBuckets, ReadBucket};
use crate::model::{Action, Authorized, BucketRef, Principal, Requirement, Scope, Timestamp};

impl Gateway {
    /// The tenant's buckets that the client may see, by name; each with its metadata where the client may read in it.
    pub async fn list_buckets(&self, op: Authorized<ListBuckets>) -> Result<Vec<Bucket>, Error> {
        let (principal, ListBuckets) = self.admit(op)?;
        let _turn = self.turn_to_scan(&Payer::of(&principal)).await?;
        let mut buckets = self.catalog.buckets(&principal.tenant).await?;
        buckets.retain(|bucket| principal.may_see(&bucket.name));
        Ok(buckets.into_iter().map(|bucket| shown(bucket, &principal)).collect())
    }

    /// Buckets that were deleted and can be had back, as far as the client may see them.
    pub async fn list_gone_buckets(&self, op: Authorized<ListBuckets>) -> Result<Vec<GoneBucket>, Error> {
        let (principal, ListBuckets) = self.admit(op)?;
        let mut gone = self.catalog.gone_buckets(&principal.tenant).await?;
        gone.retain(|gone| principal.may_see(&gone.bucket.name));
        Ok(gone.into_iter().map(|gone| GoneBucket { bucket: shown(gone.bucket, &principal), ..gone }).collect())
    }

    /// Creates a bucket; [`Error::BucketExists`] when the tenant has it.
    pub async fn create_bucket(&self, op: Authorized<CreateBucket>) -> Result<Bucket, Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        Ok(self.catalog.create_bucket(&bucket, Timestamp::now(), &op.user).await?)
    }

    /// The bucket, if it exists; with its metadata where the client may read in it.
    pub async fn head_bucket(&self, op: Authorized<HeadBucket>) -> Result<Bucket, Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        Ok(shown(self.catalog.bucket(&bucket).await?, &principal))
    }

    /// The bucket, for its metadata.
    pub async fn read_bucket(&self, op: Authorized<ReadBucket>) -> Result<Bucket, Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        Ok(shown(self.catalog.bucket(&bucket).await?, &principal))
    }

    /// Deletes a bucket that holds neither objects nor uploads. What it retains stays retained, and the bucket with it.
    pub async fn delete_bucket(&self, op: Authorized<DeleteBucket>) -> Result<(), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        Ok(self.catalog.delete_bucket(&bucket).await?)
    }
}

/// A bucket as the client may see it: its policies are for who may set them, its metadata is for who may read in it.
fn shown(mut bucket: Bucket, principal: &Principal) -> Bucket {
    bucket.policies = Vec::new();
    let reads = Requirement { action: Action::Read, bucket: &bucket.name, scope: Scope::Bucket };
    if !principal.allows(&reads) {
        bucket.user = BTreeMap::new();
    }
    bucket
}
