//! Reading an object.
//!
//! The life of a GET: version and slices are read in one transaction; conditions and range are decided; the first page of
//! part keys is unwrapped (`pages.rs`); the chunks follow (`reader.rs`). The first piece is opened before the
//! answer's head is sent, so that a broken object is an error, not a broken transfer.

use std::sync::Arc;

use futures::{StreamExt as _, stream};

use super::bodies::{Pages, Reader};
use super::fair::Payer;
use super::operations::IfRange;
use super::{Error, Gateway, GetObject, GotObject, HeadObject, ObjectBody, incident};
use crate::catalog::{ObjectRef, OpenedVersion, Select, Version};
use crate::model::{
    Authorized, BucketRef, ByteRange, Conditions, CurrentState, Lease, ObjectKey, SnapshotId, Timestamp, Unmet,
};

impl Gateway {
    /// Opens an object.
    pub async fn get_object(&self, op: Authorized<GetObject>) -> Result<GotObject, Error> {
        let (principal, op) = self.admit(op)?;
        let payer = Payer::of(&principal);
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        let (opened, range, partial) = self
            .open_version(&object(bucket, op.key, op.snapshot), op.select, &op.conditions, op.if_range.as_ref())
            .await?;
        let version = opened.version.clone();
        let body = self.read_body(&payer, opened, range).await?;
        Ok(GotObject { version, range: range.filter(|_| partial), body })
    }

    /// The version, and the range that a GET would serve.
    pub async fn head_object(&self, op: Authorized<HeadObject>) -> Result<(Version, Option<ByteRange>), Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        if op.select == Select::All {
            let version = self.catalog.head(&object(bucket, op.key, op.snapshot)).await?;
            check_conditions(&op.conditions, &version)?;
            return Ok((version, None));
        }
        let object = object(bucket, op.key, op.snapshot);
        let (opened, range, _) = self.open_version(&object, op.select, &op.conditions, None).await?;
        Ok((opened.version, range))
    }

    /// Version, slices, the bytes to serve (`None`: there are none), and whether they are an answer to a range.
    async fn open_version(
        &self,
        object: &ObjectRef,
        select: Select,
        conditions: &Conditions,
        if_range: Option<&IfRange>,
    ) -> Result<(OpenedVersion, Option<ByteRange>, bool), Error> {
        let mut partial = select != Select::All;
        let mut opened = self.catalog.open(object, select).await?;
        check_conditions(conditions, &opened.version)?;
        if partial && if_range.is_some_and(|validator| !validator.holds(&opened.version)) {
            partial = false;
            opened = self.catalog.open(object, Select::All).await?;
            check_conditions(conditions, &opened.version)?;
        }
        let range = opened.range.map_err(|outside| Error::RangeNotSatisfiable { length: outside.length })?;
        Ok((opened, range, partial))
    }

    /// The bytes of `range`. The first piece was opened when this returns.
    pub(super) async fn read_body(
        &self,
        payer: &Payer,
        opened: OpenedVersion,
        range: Option<ByteRange>,
    ) -> Result<ObjectBody, Error> {
        let Some(range) = range.filter(|_| opened.version.length > 0) else {
            return Ok(stream::empty().boxed());
        };
        let naming_key = self.keyring.naming_key(&payer.tenant)?;
        let pages = Pages {
            catalog: Arc::clone(&self.catalog),
            keyring: Arc::clone(&self.keyring),
            payer: payer.clone(),
            scans: self.scans.clone(),
            range,
            late: self.settings.late,
            more: opened.more,
        };
        let parts = pages.open(opened.slices)?;
        let planned: u64 = parts.iter().map(|part| part.length()).sum();
        if planned > range.length() || (pages.more.is_none() && planned < range.length()) {
            return Err(incident::of_rows("an object's slices do not hold its bytes"));
        }
        let mut reader =
            Reader::new(&self.budget, Arc::clone(&self.store), payer.clone(), naming_key, parts, pages).await?;
        let first = reader.next().await?;
        reader.watch();
        let rest = stream::unfold(Some(reader), |reader| async move {
            let mut reader = reader?;
            match reader.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(stream::iter(first.map(Ok)).chain(rest).boxed())
    }
}

impl IfRange {
    /// Whether a range still counts, for this version.
    pub fn holds(&self, version: &Version) -> bool {
        match self {
            Self::ETag(etag) => *etag == version.etag || *etag == version.state_tag(),
            Self::Weak => false,
        }
    }
}

fn object(bucket: BucketRef, key: ObjectKey, snapshot: Option<SnapshotId>) -> ObjectRef {
    ObjectRef { bucket, key, which: snapshot.into() }
}

/// Holds a read's conditions against a version.
pub(super) fn check_conditions(conditions: &Conditions, version: &Version) -> Result<(), Error> {
    // What names no lease needs none to read.
    if conditions.lease.is_some() {
        Lease::guard_read(version.lease.as_ref(), conditions.lease.as_deref(), Timestamp::steady())?;
    }
    let tag = version.state_tag();
    let state = CurrentState::new(&version.etag, &tag, version.modified, Some(&version.metadata.tags));
    conditions.check_read(Some(state)).map_err(|unmet| match unmet {
        Unmet::PreconditionFailed | Unmet::Absent => Error::PreconditionFailed,
        Unmet::NotModified => Error::NotModified { version: Box::new(version.clone()) },
    })
}
