//! Storing a whole object.
//!
//! The life of a PUT: early refusals before the body is read; the body is sealed and its chunks made durable
//! (`seal_body` in [`bodies`](super::bodies)); claims are checked; one transaction commits the version; then the client is told.

use super::fair::Payer;
use super::settling::PartTicket;
use super::{Body, Error, Gateway, PutObject, Stored};
use crate::catalog::{CatalogError, Content, NewVersion, ObjectRef, Refusal, Version};
use crate::model::{Authorized, BucketRef, Conditions, CurrentState, Lease, ObjectKey, Principal, Timestamp, Unmet};

impl Gateway {
    /// Stores an object. The body is polled only after bucket and conditions were looked at.
    pub async fn put_object(&self, op: Authorized<PutObject>, body: Body) -> Result<Stored, Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        self.check_early(&bucket, &op.key, &op.conditions).await?;
        let sealed = self.seal_body(&Payer::of(&principal), body).await?;
        let mut metadata = op.metadata;
        metadata.owner = Some(principal.client.clone());
        metadata.content_md5 = sealed.computed.md5;
        metadata.checksums = sealed.computed.checksums;
        let (content, ticket) = split(sealed.part);
        let version = NewVersion {
            bucket,
            key: op.key,
            content,
            length: sealed.length,
            etag: sealed.etag,
            modified: Timestamp::now(),
            metadata,
            conditions: op.conditions,
            part_lengths: Vec::new(),
        };
        let version = self.commit(&principal, version, ticket).await?;
        Ok(Stored { version })
    }

    /// What can be refused before the body is read is; the transaction decides again.
    pub(super) async fn check_early(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        conditions: &Conditions,
    ) -> Result<(), Error> {
        if conditions.is_empty() {
            self.catalog.bucket(bucket).await?;
            return Ok(());
        }
        let current = match self.catalog.head(&ObjectRef::current(bucket, key)).await {
            Ok(version) => Some(version),
            Err(CatalogError::Refused(Refusal::NoSuchKey)) => None,
            Err(error) => return Err(error.into()),
        };
        check_conditions_of_write(conditions, current.as_ref())
    }

    /// Commits a version, on behalf of `principal`.
    pub(super) async fn commit(
        &self,
        principal: &Principal,
        version: NewVersion,
        ticket: Option<PartTicket>,
    ) -> Result<Version, Error> {
        self.change(Some(principal), ticket, |catalog, grace| async move { catalog.commit(version, grace).await }).await
    }
}

/// Holds a write's lease and its conditions against the current version. The lease comes first, as Azure tells it.
pub(super) fn check_conditions_of_write(conditions: &Conditions, current: Option<&Version>) -> Result<(), Error> {
    let tag = current.map(Version::state_tag);
    let state =
        current.zip(tag.as_ref()).map(|(v, tag)| CurrentState::new(&v.etag, tag, v.modified, Some(&v.metadata.tags)));
    let lease = current.and_then(|version| version.lease.as_ref());
    Lease::guard_write(lease, conditions.lease.as_deref(), Timestamp::steady())?;
    conditions.check_write(state).map_err(|unmet| match unmet {
        Unmet::Absent => Error::NothingToMatch,
        Unmet::PreconditionFailed | Unmet::NotModified => Error::PreconditionFailed,
    })?;
    Ok(current.map_or(Ok(()), |version| version.guard_archive(conditions))?)
}

/// Content and ticket of a sealed body.
pub(super) fn split(part: Option<(crate::model::Part, PartTicket)>) -> (Content, Option<PartTicket>) {
    match part {
        Some((part, ticket)) => (Content::Part(part), Some(ticket)),
        None => (Content::Empty, None),
    }
}
