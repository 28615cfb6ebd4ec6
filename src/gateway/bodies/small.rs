//! Small bodies: XML and batches, read whole before anything is done with them. And the room for answers that are built whole.
//!
//! # Invariants
//! - Not a byte is read before its client was found to be allowed as much: [`read_small`](Gateway::read_small) takes the proof.
//! - A body's share grows with the bytes that have come, never ahead of them. If it cannot grow in time, the body is given up
//!   and the share goes back.
//! - One deadline holds for the whole of a body, however it trickles: so no share is held for longer by a client that dawdles.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::budget::Share;
use crate::gateway::fair::Payer;
use crate::gateway::{BodyError, Error, Gateway, ReadSmall};
use crate::model::{Authorized, Principal};

/// Bytes of memory for each byte of a body: as it came, joined, and what it says.
const FACTOR: u64 = 4;
/// Longest wait for a share to grow. Others may wait for what the share holds.
const GROWING_PATIENCE: Duration = Duration::from_secs(10);

/// A small body in memory. Its memory is the budget's as long as this lives.
pub struct SmallBody {
    /// All of it.
    pub bytes: Bytes,
    /// `None` if it is empty.
    share: Option<Share>,
}

impl SmallBody {
    /// Its memory, for the answer to go on with ([`Gateway::room_for_answer`]).
    pub fn into_share(self) -> Option<Share> {
        self.share
    }
}

impl Gateway {
    /// Reads a body whole. [`Error::Busy`] when memory is short, [`BodyError::Timeout`] after
    /// [`Settings::small_body`](crate::gateway::Settings::small_body), [`Error::TooLarge`] beyond the most that was said.
    pub async fn read_small(
        &self,
        op: Authorized<ReadSmall>,
        mut body: BoxStream<'static, Result<Bytes, BodyError>>,
    ) -> Result<SmallBody, Error> {
        let (principal, op) = self.admit(op)?;
        if op.announced.is_some_and(|announced| announced > op.most_bytes) {
            return Err(Error::TooLarge);
        }
        let payer = Payer::of(&principal);
        let deadline = Instant::now() + self.settings.small_body;
        let mut share = None;
        let mut whole: Vec<u8> = Vec::new();
        loop {
            let piece = timeout_at(deadline, body.next()).await.map_err(|_late| BodyError::Timeout)?;
            let Some(piece) = piece.transpose()? else { break };
            let came = (whole.len() as u64).saturating_add(piece.len() as u64);
            if op.announced.is_some_and(|announced| came > announced) {
                return Err(BodyError::Malformed.into());
            }
            if came > op.most_bytes {
                return Err(Error::TooLarge);
            }
            self.grow(&mut share, &payer, came.saturating_mul(FACTOR)).await?;
            whole.extend_from_slice(&piece);
        }
        if op.announced.is_some_and(|announced| (whole.len() as u64) < announced) {
            return Err(BodyError::Incomplete.into());
        }
        Ok(SmallBody { bytes: whole.into(), share })
    }

    /// Room for an answer that is built whole, to be taken before what it is built of is read or done. `held`: of the request's
    /// body, to go on with; it may be more. [`Error::Busy`] when memory is short.
    pub async fn room_for_answer(
        &self,
        principal: &Principal,
        held: Option<Share>,
        bytes: u64,
    ) -> Result<Share, Error> {
        let payer = Payer::of(principal);
        let Some(mut share) = held else { return self.budget.take_patiently(&payer, bytes).await };
        let growing = timeout(GROWING_PATIENCE, self.budget.grow(&mut share, &payer, bytes)).await;
        growing.map_err(|_late| Error::Busy)??;
        Ok(share)
    }

    async fn grow(&self, share: &mut Option<Share>, payer: &Payer, bytes: u64) -> Result<(), Error> {
        let growing = async {
            match share {
                Some(share) => self.budget.grow(share, payer, bytes).await,
                None => self.budget.take(payer, bytes).await.map(|first| *share = Some(first)),
            }
        };
        Ok(timeout(GROWING_PATIENCE, growing).await.map_err(|_late| Error::Busy)??)
    }
}
