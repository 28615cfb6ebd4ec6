//! Changes of what is there: properties, snapshots, leases, deletions with rules; searches by tags.

use std::time::{SystemTime, UNIX_EPOCH};

use super::bodies::Share;
use super::fair::Payer;
use super::list::FACTOR;
use super::operations::FOUND;
use super::{
    AccessPolicy, Bucket, BucketRevision, DropBucket, Error, FindByTags, FoundPage, Gateway, LeaseBucket, LeaseObject,
    ReadPolicies, RemoveObject, RestoreBucket, RestoreObject, ReviseBucket, ReviseObject, SnapshotObject, Version,
};
use crate::catalog::{CatalogError, Deletion, ObjectRef, Refusal, TagQuery};
use crate::model::{Authorized, BucketName, BucketRef, ETag, Lease, LeaseOutcome, SnapshotId, TenantId, Timestamp};

/// Most bytes of an object that was found: names, and as many tags as there may be.
const FOUND_BYTES: usize = 8 * 1024;
/// Most objects of dropped buckets that a deletion takes along before the rest is left to the job.
const PURGED_AT_ONCE: usize = 1000;

impl Gateway {
    /// Changes what is said of an object, and not its bytes.
    pub async fn revise_object(&self, op: Authorized<ReviseObject>) -> Result<Version, Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        let object = ObjectRef { bucket, key: op.key, which: op.snapshot.into() };
        Ok(self.catalog.revise(&object, op.revision, &op.conditions, Timestamp::now()).await?)
    }

    /// Takes a snapshot. Its bytes are the object's: no chunk moves.
    pub async fn snapshot_object(&self, op: Authorized<SnapshotObject>) -> Result<Version, Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        Ok(self.catalog.snapshot(&bucket, &op.key, op.user, &op.conditions, now_in_ticks()).await?)
    }

    /// Deletes an object or a snapshot; [`Error::NoSuchKey`] when there is none.
    pub async fn remove_object(&self, op: Authorized<RemoveObject>) -> Result<(), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        let deletion = Deletion {
            object: ObjectRef { bucket, key: op.key, which: op.snapshot.into() },
            snapshots: op.snapshots,
            conditions: op.conditions,
            at: Timestamp::now(),
            for_good: op.for_good,
        };
        Ok(self.catalog.delete_as(deletion, self.grace_until()).await?)
    }

    /// Undoes deletions that are retained.
    pub async fn restore_object(&self, op: Authorized<RestoreObject>) -> Result<(), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        Ok(self.catalog.restore(&bucket, &op.key, self.grace_until()).await?)
    }

    /// Acts on an object's lease. Gives the outcome, and the object's state tag and time.
    pub async fn lease_object(&self, op: Authorized<LeaseObject>) -> Result<(LeaseOutcome, ETag, Timestamp), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        let now = Timestamp::steady();
        Ok(self.catalog.lease(&bucket, Some(&op.key), &op.action, &op.conditions, now).await?)
    }

    /// Acts on a bucket's lease.
    pub async fn lease_bucket(&self, op: Authorized<LeaseBucket>) -> Result<(LeaseOutcome, ETag, Timestamp), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        Ok(self.catalog.lease(&bucket, None, &op.action, &op.conditions, Timestamp::steady()).await?)
    }

    /// Changes what is said of a bucket. A policy that says something new notes who set it; one that is sent again as it is
    /// stays that of who set it first.
    pub async fn revise_bucket(&self, op: Authorized<ReviseBucket>) -> Result<Bucket, Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        let mut revision = op.revision;
        if let BucketRevision::Policies(policies) = &mut revision {
            let before = self.catalog.bucket(&bucket).await?.policies;
            for policy in policies {
                let same = before.iter().find(|before| before.says_as(policy));
                let setter = same.and_then(|before| before.set_by.clone());
                policy.set_by = Some(setter.unwrap_or_else(|| principal.client.clone()));
            }
        }
        Ok(self.catalog.revise_bucket(&bucket, revision, &op.conditions, Timestamp::now()).await?)
    }

    /// A bucket with its stored access policies, for who may set them.
    pub async fn bucket_policies(&self, op: Authorized<ReadPolicies>) -> Result<Bucket, Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = self.catalog.bucket(&BucketRef { tenant: principal.tenant, name: op.bucket }).await?;
        Lease::guard_read(bucket.lease.as_ref(), op.conditions.lease.as_deref(), Timestamp::steady())?;
        Ok(bucket)
    }

    /// Deletes a bucket with all that it holds. Large ones go on being removed by the job after this has returned; their
    /// name is free at once. Where deletions are retained it can be had back.
    pub async fn drop_bucket(&self, op: Authorized<DropBucket>) -> Result<(), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        self.catalog.drop_bucket(&bucket, &op.conditions).await?;
        if let Err(error) = self.catalog.purge(Timestamp::steady(), PURGED_AT_ONCE, self.grace_until()).await {
            tracing::warn!(%error, "what a dropped bucket held is removed later");
        }
        Ok(())
    }

    /// Brings a deleted bucket back, with all that it held.
    pub async fn restore_bucket(&self, op: Authorized<RestoreBucket>) -> Result<Bucket, Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        Ok(self.catalog.restore_bucket(&bucket, op.id).await?)
    }

    /// A page of objects whose tags fit, as far as the client may list and read them: tags are read. The share is of the answer
    /// that shows them.
    pub async fn find_by_tags(&self, op: Authorized<FindByTags>) -> Result<(FoundPage, Share), Error> {
        let (principal, op) = self.admit(op)?;
        let payer = Payer::of(&principal);
        let (mut share, most_bytes) = self.share_of_page(&payer, op.limit, FOUND_BYTES).await?;
        let _turn = self.turn_to_scan(&payer).await?;
        if let Some(name) = &op.bucket {
            let bucket = BucketRef { tenant: principal.tenant.clone(), name: name.clone() };
            self.catalog.bucket(&bucket).await?;
        }
        let query = TagQuery {
            tenant: principal.tenant.clone(),
            bucket: op.bucket,
            expression: op.expression,
            sight: principal.sight(FOUND),
            after: op.after,
            limit: op.limit,
            most_bytes,
        };
        let page = self.seated(&payer, |catalog| async move { catalog.find_by_tags(&query).await }).await?;
        share.shrink_to((page.weight() * FACTOR) as u64);
        Ok((page, share))
    }

    /// The stored access policies of a bucket, to check a signature that names one. Not for clients: what they hold is a
    /// part of their credentials. An unknown bucket has none.
    pub async fn access_policies(&self, tenant: &TenantId, bucket: &BucketName) -> Result<Vec<AccessPolicy>, Error> {
        let bucket = BucketRef { tenant: tenant.clone(), name: bucket.clone() };
        match self.catalog.bucket(&bucket).await {
            Ok(found) => Ok(found.policies),
            Err(CatalogError::Refused(Refusal::NoSuchBucket)) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Now, in units of 100 ns.
fn now_in_ticks() -> SnapshotId {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    SnapshotId(i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX))
}
