//! The parts of a body, page by page: an object may be made of 65,536 slices, and a body holds 256 of them, with their keys.
//!
//! # Invariants
//! - The pages are of the version that was opened, whatever is written meanwhile: the catalog keeps its rows for us.
//! - A page is read when it is its payer's turn to read much of the catalog. Whoever has such a turn waits for no memory, so a
//!   body may wait for one with its share in hand.
//! - Their keys are unwrapped when their page is read. A gateway that is sealed in between fails the body.

use std::sync::Arc;
use std::time::Duration;

use super::read_plan::OpenPart;
use crate::catalog::{Catalog, MoreSlices};
use crate::gateway::fair::{Payer, Turns};
use crate::gateway::{Error, incident};
use crate::keys::Keyring;
use crate::model::{ByteRange, Slice};

/// What one part takes in memory while a body holds it, and while its page is read.
const PART_BYTES: u64 = 512;
/// So many are within the share of every body.
const FEW_PARTS: usize = 16;

/// The parts that hold a range of a version.
pub(in crate::gateway) struct Pages {
    pub(in crate::gateway) catalog: Arc<dyn Catalog>,
    pub(in crate::gateway) keyring: Arc<Keyring>,
    /// On whose account pages are read, by turns.
    pub(in crate::gateway) payer: Payer,
    pub(in crate::gateway) scans: Turns,
    pub(in crate::gateway) range: ByteRange,
    /// How long after it was stored a chunk may be unseen.
    pub(in crate::gateway) late: Duration,
    /// What comes after the page that was read last.
    pub(in crate::gateway) more: Option<MoreSlices>,
}

impl Pages {
    /// The parts of a page.
    pub(in crate::gateway) fn open(&self, slices: Vec<Slice>) -> Result<Vec<Arc<OpenPart>>, Error> {
        let mut parts = Vec::with_capacity(slices.len());
        for slice in slices {
            let opened = self.keyring.open_part_key(&self.payer.tenant, slice.part.id, &slice.part.wrapped_key);
            let key = opened.map_err(|error| incident::of_wrapped_key(slice.part.id, error))?;
            parts.extend(OpenPart::of_slice(slice, key, self.range, self.late).map(Arc::new));
        }
        Ok(parts)
    }

    /// The next page; `None` after the last.
    pub(in crate::gateway) async fn next(&mut self) -> Result<Option<Vec<Arc<OpenPart>>>, Error> {
        let Some(more) = self.more.take() else { return Ok(None) };
        let _turn = self.scans.take(&self.payer, 1).await?;
        let page = self.catalog.more_slices(&more).await?;
        self.more = page.more;
        Ok(Some(self.open(page.slices)?))
    }
}

/// What a page of `parts` parts takes beside what every body has.
pub(in crate::gateway) fn bytes_of(parts: usize) -> u64 {
    let more = u64::try_from(parts.saturating_sub(FEW_PARTS)).unwrap_or(u64::MAX);
    PART_BYTES.saturating_mul(more)
}
