//! Pages of names: answered by the catalog, with no call to a provider.
//!
//! # Invariants
//! - A page, and the answer that is built of it, have their share of the memory before the page is read, and until the answer
//!   has gone out: whoever asks gets the share with the page.
//! - Who finds memory short gets a short page at once, where what a whole one might take would have to be waited for.
//! - A page ends by bytes as well as by count. Source: S3 `ListObjectsV2` ("fewer"), Azure "List Blobs" (`NextMarker`).

use super::bodies::Share;
use super::fair::Payer;
use super::{
    Error, Gateway, ListEntry, ListObjects, ListPage, ListUploadParts, ListUploads, UploadId, UploadPage,
    UploadPartsPage,
};
use crate::catalog::{ENTRY_BYTES, ListQuery, UploadQuery};
use crate::model::{Authorized, BucketRef, Metadata, ObjectKey};

/// Most bytes of a page; 1,000 of the longest names fit.
const MOST_PAGE_BYTES: usize = (ObjectKey::MAX_BYTES + ENTRY_BYTES) * 1024;
/// Most bytes of an entry that carries what it can, about: names, metadata and tags of both protocols.
const LARGE_ENTRY_BYTES: usize = 24 * 1024;
/// Most bytes of a page when memory is short. An entry fits, whatever it carries.
const SHORT_PAGE_BYTES: usize = 4 * LARGE_ENTRY_BYTES;
/// Bytes of memory for each byte of a page: as it was read, as it is shown, and the answer's text.
pub(super) const FACTOR: usize = 4;

impl Gateway {
    /// A page of names. What only a reader may know of an object is left out where the client may not read it.
    pub async fn list_objects(&self, op: Authorized<ListObjects>) -> Result<(ListPage, Share), Error> {
        let (principal, op) = self.admit(op)?;
        let payer = Payer::of(&principal);
        let entry = if op.with_metadata { LARGE_ENTRY_BYTES } else { ObjectKey::MAX_BYTES + ENTRY_BYTES };
        let (mut share, most_bytes) = self.share_of_page(&payer, op.limit, entry).await?;
        let _turn = self.turn_to_scan(&payer).await?;
        let query = ListQuery {
            bucket: BucketRef { tenant: principal.tenant.clone(), name: op.bucket },
            prefix: op.prefix,
            delimiter: op.delimiter,
            start: op.start,
            limit: op.limit,
            most_bytes,
            with_metadata: op.with_metadata,
            with_user_metadata: op.with_user_metadata,
            extras: op.extras,
        };
        let bucket = query.bucket.name.clone();
        let mut page = self.seated(&payer, |catalog| async move { catalog.list(&query).await }).await?;
        for entry in &mut page.entries {
            if let ListEntry::Object { key, metadata: Some(metadata), .. } = entry
                && !principal.may_read(&bucket, key.as_str())
            {
                **metadata = unread(metadata);
            }
        }
        share.shrink_to((page.weight() * FACTOR) as u64);
        Ok((page, share))
    }

    /// A page of an upload's parts.
    pub async fn list_upload_parts(&self, op: Authorized<ListUploadParts>) -> Result<(UploadPartsPage, Share), Error> {
        let (principal, op) = self.admit(op)?;
        let payer = Payer::of(&principal);
        // Beside the upload's own metadata.
        let metadata = LARGE_ENTRY_BYTES / PART_BYTES;
        let (share, most_bytes) = self.share_of_page(&payer, op.limit.saturating_add(metadata), PART_BYTES).await?;
        let limit = op.limit.min(most_bytes / PART_BYTES - metadata);
        let _turn = self.turn_to_scan(&payer).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        let id = UploadId(op.upload);
        let upload = self.catalog.upload(&bucket, &op.key, &id).await?;
        let one_more = limit.saturating_add(1);
        let mut parts = self.catalog.upload_parts(&bucket, &op.key, &id, op.after, one_more).await?;
        let truncated = parts.len() > limit;
        parts.truncate(limit);
        Ok((UploadPartsPage { upload, parts, truncated }, share))
    }

    /// A page of uploads.
    pub async fn list_uploads(&self, op: Authorized<ListUploads>) -> Result<(UploadPage, Share), Error> {
        let (principal, op) = self.admit(op)?;
        let payer = Payer::of(&principal);
        let (mut share, most_bytes) = self.share_of_page(&payer, op.limit, LARGE_ENTRY_BYTES).await?;
        let _turn = self.turn_to_scan(&payer).await?;
        let query = UploadQuery {
            bucket: BucketRef { tenant: principal.tenant, name: op.bucket },
            prefix: op.prefix,
            delimiter: op.delimiter,
            after: op.after,
            limit: op.limit,
            most_bytes,
        };
        let page = self.seated(&payer, |catalog| async move { catalog.list_uploads(&query).await }).await?;
        share.shrink_to((page.weight() * FACTOR) as u64);
        Ok((page, share))
    }

    /// The share of a page of `limit` entries of at most `entry_bytes`, and how many bytes the page may have.
    pub(super) async fn share_of_page(
        &self,
        payer: &Payer,
        limit: usize,
        entry_bytes: usize,
    ) -> Result<(Share, usize), Error> {
        let whole = limit.saturating_mul(entry_bytes).min(MOST_PAGE_BYTES);
        let short = whole.min(SHORT_PAGE_BYTES);
        if let Some(share) = self.budget.try_take(payer, (whole * FACTOR) as u64) {
            return Ok((share, MOST_PAGE_BYTES));
        }
        let share = self.budget.take_patiently(payer, (short * FACTOR) as u64).await?;
        // The last entry may go beyond it.
        Ok((share, if short < whole { short - LARGE_ENTRY_BYTES } else { MOST_PAGE_BYTES }))
    }
}

/// Most bytes of a part in a list: its numbers, its tag, a checksum of each kind.
const PART_BYTES: usize = 512;

/// What a list may tell to who may not read the object: its kind, its tier, when it was made.
fn unread(metadata: &Metadata) -> Metadata {
    let (append, tier, created) = (metadata.append.clone(), metadata.tier.clone(), metadata.created);
    Metadata { append, tier, created, ..Metadata::default() }
}
