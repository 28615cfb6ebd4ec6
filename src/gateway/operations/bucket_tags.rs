//! Operations on tags of buckets.

use crate::model::{Action, BucketName, Operation, Requirement, Scope, Tags};

/// [`Gateway::bucket_tags`](crate::gateway::Gateway::bucket_tags).
#[derive(Debug)]
pub struct ReadBucketTags {
    /// Of which bucket.
    pub bucket: BucketName,
}

/// [`Gateway::set_bucket_tags`](crate::gateway::Gateway::set_bucket_tags).
#[derive(Debug)]
pub struct SetBucketTags {
    /// Of which bucket.
    pub bucket: BucketName,
    /// All of them; they must be such as a bucket may have ([`check_bucket_tags`](crate::model::check_bucket_tags)).
    pub tags: Tags,
}

impl Operation for ReadBucketTags {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        vec![Requirement { action: Action::List, bucket: &self.bucket, scope: Scope::Bucket }]
    }
}

impl Operation for SetBucketTags {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        vec![Requirement { action: Action::Admin, bucket: &self.bucket, scope: Scope::Bucket }]
    }

    fn writes(&self) -> bool {
        true
    }
}
