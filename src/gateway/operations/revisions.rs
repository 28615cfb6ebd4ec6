//! Operations that change what is there: properties, snapshots, leases, deletions with rules; and searches by tags.

use std::collections::BTreeMap;

use crate::catalog::{BucketRevision, Revision, SnapshotRule};
use crate::gateway::operations::change;
use crate::model::{
    Action, BucketName, Conditions, LeaseAction, ObjectKey, Operation, Requirement, Scope, SnapshotId, TagExpression,
};

/// [`Gateway::revise_object`](crate::gateway::Gateway::revise_object).
#[derive(Debug)]
pub struct ReviseObject {
    /// Where.
    pub bucket: BucketName,
    /// Which.
    pub key: ObjectKey,
    /// Which snapshot; `None`: the current version.
    pub snapshot: Option<SnapshotId>,
    /// The change.
    pub revision: Revision,
    /// Conditions on the version.
    pub conditions: Conditions,
}

/// [`Gateway::snapshot_object`](crate::gateway::Gateway::snapshot_object).
#[derive(Debug)]
pub struct SnapshotObject {
    /// Where.
    pub bucket: BucketName,
    /// Of which object.
    pub key: ObjectKey,
    /// Its own user metadata; `None`: the object's.
    pub user: Option<BTreeMap<String, String>>,
    /// Conditions on the current version.
    pub conditions: Conditions,
}

/// [`Gateway::remove_object`](crate::gateway::Gateway::remove_object): a deletion that fails when there is nothing.
#[derive(Debug)]
pub struct RemoveObject {
    /// Where.
    pub bucket: BucketName,
    /// Which.
    pub key: ObjectKey,
    /// Which snapshot; `None`: the current version.
    pub snapshot: Option<SnapshotId>,
    /// What becomes of the object's snapshots.
    pub snapshots: SnapshotRule,
    /// What is retained goes for good.
    pub for_good: bool,
    /// Conditions on the version.
    pub conditions: Conditions,
}

/// [`Gateway::restore_object`](crate::gateway::Gateway::restore_object).
#[derive(Debug)]
pub struct RestoreObject {
    /// Where.
    pub bucket: BucketName,
    /// Which.
    pub key: ObjectKey,
}

/// [`Gateway::lease_object`](crate::gateway::Gateway::lease_object).
#[derive(Debug)]
pub struct LeaseObject {
    /// Where.
    pub bucket: BucketName,
    /// Which.
    pub key: ObjectKey,
    /// What to do with its lease.
    pub action: LeaseAction,
    /// Conditions on the current version.
    pub conditions: Conditions,
}

/// [`Gateway::lease_bucket`](crate::gateway::Gateway::lease_bucket).
#[derive(Debug)]
pub struct LeaseBucket {
    /// Which.
    pub bucket: BucketName,
    /// What to do with its lease.
    pub action: LeaseAction,
    /// Conditions on the bucket (times only).
    pub conditions: Conditions,
}

/// [`Gateway::revise_bucket`](crate::gateway::Gateway::revise_bucket).
#[derive(Debug)]
pub struct ReviseBucket {
    /// Which.
    pub bucket: BucketName,
    /// The change.
    pub revision: BucketRevision,
    /// Conditions on the bucket.
    pub conditions: Conditions,
}

/// [`Gateway::bucket_policies`](crate::gateway::Gateway::bucket_policies): stored access policies, for who may set them.
#[derive(Debug)]
pub struct ReadPolicies {
    /// Which.
    pub bucket: BucketName,
    /// Conditions on the bucket (lease only).
    pub conditions: Conditions,
}

/// [`Gateway::drop_bucket`](crate::gateway::Gateway::drop_bucket): with all that it holds.
#[derive(Debug)]
pub struct DropBucket {
    /// Which.
    pub bucket: BucketName,
    /// Conditions on the bucket.
    pub conditions: Conditions,
}

/// [`Gateway::restore_bucket`](crate::gateway::Gateway::restore_bucket): a deleted bucket comes back.
#[derive(Debug)]
pub struct RestoreBucket {
    /// Its name.
    pub bucket: BucketName,
    /// Which of those that had the name: [`GoneBucket::id`](crate::catalog::GoneBucket::id).
    pub id: i64,
}

/// [`Gateway::find_by_tags`](crate::gateway::Gateway::find_by_tags): only what the client may see is found.
#[derive(Debug)]
pub struct FindByTags {
    /// In which bucket; `None`: in all.
    pub bucket: Option<BucketName>,
    /// Which tags.
    pub expression: TagExpression,
    /// Begin after this one.
    pub after: Option<(BucketName, ObjectKey)>,
    /// At most so many.
    pub limit: usize,
}

impl Operation for ReviseObject {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        change(Action::Write, &self.bucket, &self.key, &self.conditions)
    }
}

impl Operation for SnapshotObject {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        change(Action::Write, &self.bucket, &self.key, &self.conditions)
    }
}

impl Operation for RemoveObject {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        change(Action::Delete, &self.bucket, &self.key, &self.conditions)
    }
}

impl Operation for RestoreObject {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        vec![Requirement { action: Action::Write, bucket: &self.bucket, scope: Scope::Key(self.key.as_str()) }]
    }
}

impl Operation for LeaseObject {
    /// A lease keeps others from writing and from deleting: whoever takes one must be allowed to write.
    fn requirements(&self) -> Vec<Requirement<'_>> {
        change(Action::Write, &self.bucket, &self.key, &self.conditions)
    }
}

impl Operation for LeaseBucket {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        vec![Requirement { action: Action::Admin, bucket: &self.bucket, scope: Scope::Bucket }]
    }
}

impl Operation for ReviseBucket {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        vec![Requirement { action: Action::Admin, bucket: &self.bucket, scope: Scope::Bucket }]
    }
}

impl Operation for ReadPolicies {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        vec![Requirement { action: Action::Admin, bucket: &self.bucket, scope: Scope::Bucket }]
    }

    fn writes(&self) -> bool {
        false
    }
}

impl Operation for DropBucket {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        let bucket = &self.bucket;
        vec![
            Requirement { action: Action::Admin, bucket, scope: Scope::Bucket },
            Requirement { action: Action::Delete, bucket, scope: Scope::Prefix("") },
        ]
    }
}

impl Operation for RestoreBucket {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        vec![Requirement { action: Action::Admin, bucket: &self.bucket, scope: Scope::Bucket }]
    }
}

/// What a client needs at a name for it to be found by its tags: to list it, and to read it, because tags are read.
pub(in crate::gateway) const FOUND: &[Action] = &[Action::List, Action::Read];

impl Operation for FindByTags {
    /// In one bucket: to list all of it.
    fn requirements(&self) -> Vec<Requirement<'_>> {
        let all = |bucket| Requirement { action: Action::List, bucket, scope: Scope::Prefix("") };
        self.bucket.iter().map(all).collect()
    }

    fn somewhere(&self) -> &'static [Action] {
        FOUND
    }
}
