//! Buckets: all of it is the catalog's.

use std::collections::BTreeMap;

use super::bodies::Share;
use super::fair::Payer;
use super::list::FACTOR;
use super::{Bucket, BucketPage, CreateBucket, DeleteBucket, Error, Gateway, HeadBucket, ListBuckets, ReadBucket};
use crate::catalog::{BucketQuery, ENTRY_BYTES};
use crate::model::{Action, Authorized, BucketName, BucketRef, Principal, Requirement, Scope, Timestamp};

/// Most buckets of an answer. Source: S3 `ListBuckets`.
const MOST_BUCKETS: usize = 10_000;
/// Most bytes of an answer: as many names fit, or as much metadata.
const MOST_BUCKETS_BYTES: usize = MOST_BUCKETS * (ENTRY_BYTES + BucketName::MAX_BYTES);
/// As many bytes are read at a time, and as often at most.
const STEP_BYTES: usize = 64 * 1024;
const MOST_STEPS: usize = 64;

impl Gateway {
    /// A page of the tenant's buckets that the client may see, by name; each with its metadata where that was asked for and the
    /// client may read in it. The share is of the answer that shows them.
    pub async fn list_buckets(&self, op: Authorized<ListBuckets>) -> Result<(BucketPage, Share), Error> {
        let (principal, op) = self.admit(op)?;
        let payer = Payer::of(&principal);
        let mut share = self.budget.take_patiently(&payer, (STEP_BYTES * FACTOR) as u64).await?;
        let most = op.limit.unwrap_or(MOST_BUCKETS).min(MOST_BUCKETS);
        let mut query = BucketQuery {
            tenant: principal.tenant.clone(),
            prefix: op.prefix,
            sight: principal.sight(&[Action::List]),
            after: op.after,
            limit: 0,
            most_bytes: 0,
            with_user_metadata: op.with_user_metadata,
            gone: op.gone,
        };
        let (mut all, mut bytes) = (BucketPage::default(), 0);
        for _ in 0..MOST_STEPS {
            query.limit = most - all.entries.len();
            query.most_bytes = STEP_BYTES.min(MOST_BUCKETS_BYTES - bytes);
            let turn = self.turn_to_scan(&payer).await?;
            let step = query.clone();
            let page = self.seated(&payer, |catalog| async move { catalog.buckets(&step).await }).await?;
            drop(turn);
            bytes += page.weight();
            // Nobody waits with so much in hand: what memory does not hold now is asked for again.
            let held = (bytes + STEP_BYTES).saturating_mul(FACTOR) as u64;
            self.budget.try_grow(&mut share, &payer, held).ok_or(Error::Busy)?;
            all.entries.extend(page.entries);
            all.next = page.next;
            if all.next.is_none() || all.entries.len() >= most || bytes >= MOST_BUCKETS_BYTES {
                break;
            }
            query.after.clone_from(&all.next);
        }
        share.shrink_to(bytes.saturating_mul(FACTOR) as u64);
        all.entries.iter_mut().for_each(|entry| hide(entry.bucket_mut(), &principal));
        Ok((all, share))
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
    hide(&mut bucket, principal);
    bucket
}

fn hide(bucket: &mut Bucket, principal: &Principal) {
    bucket.policies = Vec::new();
    let reads = Requirement { action: Action::Read, bucket: &bucket.name, scope: Scope::Bucket };
    if !principal.allows(&reads) {
        bucket.user = BTreeMap::new();
    }
}
