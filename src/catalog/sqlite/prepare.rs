//! Long lists of blocks and completions of many parts: their content is written in steps, before the transaction that decides.
//!
//! # Invariants
//! - What is prepared is a content that belongs to nothing (`leftover`), held until it is somebody's. When the process ends
//!   before, or the caller goes away, the purge removes it.
//! - The transaction that makes it a version's finds everything as it was when the list was looked up; otherwise that is done
//!   again, and in the end without steps.

use std::sync::Arc;

use super::objects::Disposal;
use super::{SqliteCatalog, blocks, slices, uploads};
use crate::catalog::slices::{PartSlice, Rows};
use crate::catalog::{BlockCommit, CatalogError, Completed, Completion, Version};

/// A content of more slices is written in steps.
const AT_ONCE: usize = 1_000;
/// Slices in one step.
const STEP: usize = 1_000;
/// How often a list is looked up again before it is written without steps.
const ATTEMPTS: usize = 3;

pub(super) async fn commit_blocks(
    catalog: &SqliteCatalog,
    commit: BlockCommit,
    disposal: Disposal,
) -> Result<Version, CatalogError> {
    let commit = Arc::new(commit);
    if commit.picks.len() > AT_ONCE {
        for _ in 0..ATTEMPTS {
            let list = Arc::clone(&commit);
            // What is refused here is refused below, for the right reason.
            let Ok(mut plan) = catalog.read(move |db| blocks::plan(db, &list)).await else { break };
            let Ok(content) = write(catalog, plan.take_slices()).await else { break };
            let (list, id) = (Arc::clone(&commit), content.content());
            let done = catalog.write(move |db| blocks::commit_planned(db, &list, &plan, id, disposal)).await?;
            if let Some(version) = done {
                return Ok(version);
            }
        }
    }
    catalog.write(move |db| blocks::commit(db, &commit, disposal)).await
}

pub(super) async fn complete_upload(
    catalog: &SqliteCatalog,
    completion: Completion,
    disposal: Disposal,
) -> Result<Completed, CatalogError> {
    let completion = Arc::new(completion);
    if completion.parts.len() > AT_ONCE {
        for _ in 0..ATTEMPTS {
            let list = Arc::clone(&completion);
            let Ok(mut plan) = catalog.read(move |db| uploads::plan(db, &list)).await else { break };
            let Ok(content) = write(catalog, plan.take_slices()).await else { break };
            let (list, id) = (Arc::clone(&completion), content.content());
            let done = catalog.write(move |db| uploads::complete_planned(db, &list, &plan, id, disposal)).await?;
            if let Some(completed) = done {
                return Ok(completed);
            }
        }
    }
    catalog.write(move |db| uploads::complete(db, &completion, disposal)).await
}

/// Writes slices as a content that belongs to nothing yet.
async fn write(catalog: &SqliteCatalog, slices: Vec<PartSlice>) -> Result<Arc<dyn Rows>, CatalogError> {
    let content = {
        // Held before the purge could look for it.
        let _opening = catalog.holds.opening().await;
        let id = catalog.write(slices::begin).await?;
        catalog.holds.hold(id)
    };
    let (id, slices): (i64, Arc<[PartSlice]>) = (content.content(), slices.into());
    for first in (0..slices.len()).step_by(STEP) {
        let slices = Arc::clone(&slices);
        let step = first..slices.len().min(first.saturating_add(STEP));
        catalog.write(move |db| slices::add_shared(db, id, slices.get(step).unwrap_or_default())).await?;
    }
    Ok(content)
}
