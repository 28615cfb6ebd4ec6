//! Tags of buckets: kept and given back, without effect.

use super::fair::Payer;
use super::{Error, Gateway, ReadBucketTags, SetBucketTags};
use crate::model::{Authorized, BucketRef, Tags};

impl Gateway {
    /// The tags of a bucket.
    pub async fn bucket_tags(&self, op: Authorized<ReadBucketTags>) -> Result<Tags, Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        Ok(self.catalog.bucket_tags(&bucket).await?)
    }

    /// Puts these tags in the place of all that were there.
    pub async fn set_bucket_tags(&self, op: Authorized<SetBucketTags>) -> Result<(), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        Ok(self.catalog.set_bucket_tags(&bucket, op.tags).await?)
    }
}
