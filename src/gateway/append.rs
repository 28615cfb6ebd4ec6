//! Objects that grow: each append is one part. Where many small ones lie in a row, one part takes their place.
//!
//! # Invariants
//! - Merging changes nothing that a client sees: not the bytes, not a tag, not a time.
//! - It may be left out, broken off or repeated at any point.

use super::copy::body_of;
use super::fair::Payer;
use super::put::split;
use super::{Append, Body, Error, Gateway, Received, Select, Version};
use crate::catalog::{Content, NewAppend, ObjectRef, OpenedVersion, RunMerge};
use crate::model::{Authorized, BucketRef, ByteRange, ObjectKey, PartId, RangeRequest, Slice, Timestamp};
use crate::seal::layout;

/// An object's slices are looked at each time it has so many more.
pub(super) const MANY_SLICES: usize = 64;
/// Fewer are not worth a new part.
const FEWEST_MERGED: usize = 32;
/// Slices of so many bytes stay as they are.
const SMALL_BYTES: u64 = 1024 * 1024;

/// What an append did.
pub struct Grown {
    /// The object as it is now.
    pub version: Version,
    /// Where the bytes begin in it.
    pub offset: u64,
    /// What came in.
    pub received: Received,
}

impl Gateway {
    /// Appends a body to an object. The body is polled only after the object and the conditions were looked at.
    pub async fn append(&self, op: Authorized<Append>, body: Body) -> Result<Grown, Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant.clone(), name: op.bucket };
        let current = self.catalog.head(&ObjectRef::current(&bucket, &op.key)).await?;
        super::put::check_conditions_of_write(&op.conditions, Some(&current))?;
        match &current.metadata.append {
            None => return Err(Error::WrongKind),
            Some(state) if state.closed => return Err(Error::AppendClosed),
            Some(_) => {}
        }
        let sealed = self.seal_body(&Payer::of(&principal), body).await?;
        let received = Received::of(sealed.length, sealed.computed);
        let (content, ticket) = split(sealed.part);
        let Content::Part(part) = content else { return Err(Error::Invalid("an append has at least one byte")) };
        let append = NewAppend {
            bucket: bucket.clone(),
            key: op.key.clone(),
            part,
            position: op.position,
            most_bytes: op.most_bytes,
            etag: self.etag_of(None)?,
            modified: Timestamp::now(),
            conditions: op.conditions,
        };
        let appended = self
            .change(Some(&principal), ticket, |catalog, grace| async move { catalog.append(append, grace).await })
            .await?;
        if appended.slices >= MANY_SLICES && appended.slices.is_multiple_of(MANY_SLICES) {
            self.want_merge(bucket, op.key);
        }
        Ok(Grown { version: appended.version, offset: appended.offset, received })
    }

    /// Asks for the end of an object to be merged. When too many wait it is left out: a later append asks again.
    fn want_merge(&self, bucket: BucketRef, key: ObjectKey) {
        let _left_out = self.merges.0.try_send((bucket, key));
    }

    /// Merges the small slices at the end of an object into one part, if there are many. Returns how many.
    pub async fn merge_end(&self, bucket: &BucketRef, key: &ObjectKey) -> Result<usize, Error> {
        let object = ObjectRef::current(bucket, key);
        let select = Select::Range(RangeRequest::Suffix { length: layout::CHUNK_BYTES });
        let opened = self.catalog.open(&object, select).await?;
        let Ok(Some(range)) = opened.range else { return Ok(0) };
        let run = run_of(&opened.slices, range);
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(0) };
        if run.len() < FEWEST_MERGED {
            return Ok(0);
        }
        let range = ByteRange { first: first.position, end: last.position.saturating_add(last.length) };
        let parts: Vec<PartId> = run.iter().map(|slice| slice.part.id).collect();
        let merged = parts.len();
        let (version, slices) = (opened.version.clone(), run.to_vec());
        let payer = Payer::own_work(bucket.tenant.clone());
        let stream = self.read_body(&payer, OpenedVersion { slices, more: None, ..opened }, Some(range)).await?;
        let sealed = self.seal_body(&payer, body_of(stream, range.length(), None)).await?;
        let (content, ticket) = split(sealed.part);
        let Content::Part(part) = content else { return Ok(0) };
        let merge = RunMerge { bucket: bucket.clone(), key: key.clone(), version: version.id, range, parts, part };
        self.change(None, ticket, |catalog, grace| async move { catalog.merge_run(merge, grace).await }).await?;
        Ok(merged)
    }
}

/// The small slices at the end of a page that lie wholly in `range`.
fn run_of(slices: &[Slice], range: ByteRange) -> &[Slice] {
    let stays = |slice: &Slice| slice.length >= SMALL_BYTES || slice.position < range.first;
    let begin = slices.iter().rposition(stays).map_or(0, |at| at + 1);
    slices.get(begin..).unwrap_or_default()
}
