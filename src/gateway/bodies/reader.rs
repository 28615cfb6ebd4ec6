//! The bytes of a range, chunk after chunk: each is one ranged get of whole segments, the next one is asked for ahead;
//! every segment is opened before its bytes leave.
//!
//! # Slow clients
//! A transfer from a provider takes memory, and one of the provider's places. So it is a loan: a client that takes
//! nothing for a second loses it, and with it all of its memory but [`READ_SHARE_BYTES`]. When it comes back it gets
//! its bytes in bites, each a transfer of its own that ends before the first byte is handed on; as soon as it takes them
//! quickly, it has a whole transfer again. A client that comes when memory is short begins with bites.
//!
//! # Invariants
//! - A body waits for its small share, once, before it begins; for the rest it never waits.
//! - Where a transfer is taken up again is a segment boundary, and the opener has checked all that came before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::budget::{Budget, Share};
use super::pages::{Pages, bytes_of};
use super::read_plan::{OpenPart, Step, steps};
use crate::gateway::fair::Payer;
use crate::gateway::{Error, incident};
use crate::seal::{ChunkPlace, Opener, chunk_name, layout};
use crate::secret::NamingKey;
use crate::store::{ChunkStream, PIECE_ORIGIN_BYTES, PIECE_UNIT_BYTES, Store, StoreError};

// A folder's pieces end where segments do.
const _: () = assert!(PIECE_UNIT_BYTES == layout::SEALED_SEGMENT_BYTES as u64);
const _: () = assert!(PIECE_ORIGIN_BYTES == layout::HEADER_BYTES as u64);

/// Memory of a body on its way out, until it ends: a bite, or the piece that was handed on last; and what HTTP and TLS
/// have of it.
const READ_SHARE_BYTES: u64 = 384 * 1024;
/// Memory of a transfer beside that: a folder reads in pieces of 256 KiB, one ahead, and the next chunk's first.
const TRANSFER_SHARE_BYTES: u64 = 640 * 1024;
/// How often one chunk's transfer is taken up again after it broke off.
const RESUMES: u32 = 3;
/// Sealed bytes of a bite, beside the header.
const BITE_BYTES: u64 = 3 * layout::SEALED_SEGMENT_BYTES as u64;
/// A client that took a bite within this time is quick.
const QUICK: Duration = Duration::from_millis(250);
/// A client that took nothing for so long loses its transfer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pauses before a chunk is asked for again that is not seen yet: the first and the longest. Together three seconds.
const LATE_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_LATE_PAUSE: Duration = Duration::from_millis(1600);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Reads chunk after chunk.
pub(in crate::gateway) struct Reader {
    store: Arc<Store>,
    budget: Budget,
    payer: Payer,
    naming_key: Arc<NamingKey>,
    steps: Box<dyn Iterator<Item = Step> + Send>,
    /// The parts after those that the steps are of.
    pages: Pages,
    /// The step after the current one, once its chunk was asked for ahead.
    ahead: Option<Step>,
    current: Option<Incoming>,
    /// Plaintext bytes that are still to be given.
    left: u64,
    /// When the last bite was asked for.
    bitten: Option<Instant>,
    pause: Arc<Pause>,
    watch: Option<AbortOnDropHandle<()>>,
    _share: Share,
}

/// A chunk on its way in.
struct Incoming {
    step: Step,
    opener: Opener,
    /// Sealed bytes of the step in all, and up to where they have been asked for.
    sealed_bytes: u64,
    asked_until: u64,
    resumes: u32,
}

/// What a slow client loses.
#[derive(Default)]
struct Loan {
    /// The transfer of the current chunk.
    stream: Option<ChunkStream>,
    /// The transfer of the chunk after it.
    asked: Option<AbortOnDropHandle<Result<ChunkStream, StoreError>>>,
    share: Option<Share>,
}

/// What a body holds while nobody asks it for more.
#[derive(Default)]
struct Pause {
    state: Mutex<(Loan, Option<Instant>)>,
    /// The client took too long the last time.
    slow: AtomicBool,
}

impl Reader {
    /// A reader of a range of bytes that `parts` begin, once there is memory for it.
    pub(in crate::gateway) async fn new(
        budget: &Budget,
        store: Arc<Store>,
        payer: Payer,
        naming_key: Arc<NamingKey>,
        parts: Vec<Arc<OpenPart>>,
        pages: Pages,
    ) -> Result<Self, Error> {
        let length = pages.range.length();
        let bytes = length.min(READ_SHARE_BYTES).saturating_add(bytes_of(parts.len()));
        let share = budget.take_patiently(&payer, bytes).await?;
        Ok(Self {
            store,
            budget: budget.clone(),
            payer,
            naming_key,
            steps: Box::new(parts.into_iter().flat_map(steps)),
            pages,
            ahead: None,
            current: None,
            left: length,
            bitten: None,
            pause: Arc::default(),
            watch: None,
            _share: share,
        })
    }

    /// From now on a pause of the client has consequences.
    pub(in crate::gateway) fn watch(&mut self) {
        if self.left > 0 {
            let pause = Arc::clone(&self.pause);
            self.watch = Some(AbortOnDropHandle::new(tokio::spawn(async move {
                loop {
                    tokio::time::sleep(LOOK).await;
                    pause.end_if_long();
                }
            })));
        }
    }

    /// The next checked bytes; `None` at the end, when all that was promised has been given.
    pub(in crate::gateway) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let mut loan = self.pause.end();
        let given = self.opened(&mut loan).await?;
        let bytes = given.as_ref().map_or(0, |bytes| bytes.len() as u64);
        match (given, self.left.checked_sub(bytes)) {
            (Some(bytes), Some(left)) => {
                self.left = left;
                self.pause.begin(loan);
                Ok(Some(bytes))
            }
            (None, Some(0)) => Ok(None),
            (None, _) | (_, None) => Err(incident::of_rows("an object's parts do not hold its bytes")),
        }
    }

    async fn opened(&mut self, loan: &mut Loan) -> Result<Option<Bytes>, Error> {
        loop {
            let Some(incoming) = &mut self.current else {
                match self.begin(loan).await? {
                    Some(incoming) => self.current = Some(incoming),
                    None => return Ok(None),
                }
                continue;
            };
            if let Some(bytes) = incoming.opener.pop() {
                return Ok(Some(bytes));
            }
            let Some(stream) = &mut loan.stream else {
                if incoming.is_whole() {
                    self.end()?
                } else {
                    self.ask(loan).await?
                }
                continue;
            };
            match stream.next().await {
                Some(Ok(sealed)) => {
                    incoming.push(sealed)?;
                    if incoming.asked_until < incoming.sealed_bytes && incoming.has_all_asked() {
                        // The end of a bite frees the provider's place before the bytes are handed on.
                        if let Some(Ok(more)) = stream.next().await {
                            incoming.push(more)?;
                        }
                        loan.stream = None;
                    }
                }
                Some(Err(error)) => {
                    loan.stream = None;
                    self.broke_off(error)?;
                }
                None => {
                    loan.stream = None;
                    if !incoming.has_all_asked() || incoming.is_whole() {
                        self.end()?;
                    }
                }
            }
        }
    }

    /// Begins with the next chunk, and then asks for the one after; unless in bites.
    ///
    /// In this order: a body that held a provider's place for its second chunk while it waits for one for its first
    /// could wait for others that do the same.
    async fn begin(&mut self, loan: &mut Loan) -> Result<Option<Incoming>, Error> {
        let whole = self.may_have_transfers(loan);
        let next = match self.ahead.take() {
            Some(step) => Some(step),
            None => self.next_step().await?,
        };
        let Some(step) = next else { return Ok(None) };
        let sealed = step.read.sealed_range();
        let sealed_bytes = sealed.end - sealed.start;
        let place = ChunkPlace { tenant: &self.payer.tenant, part: step.part.id, index: step.index };
        let opener = Opener::new(&step.part.key, &place, step.read.clone()).map_err(Error::Seal)?;
        let mut incoming = Incoming { step, opener, sealed_bytes, asked_until: 0, resumes: 0 };
        let answer = match loan.asked.take() {
            Some(asked) => asked.await.map_err(|join| Error::lost("the reading of a chunk", &join))?,
            None if whole => self.request(&incoming.step, sealed).await,
            None => return Ok(Some(incoming)),
        };
        loan.stream = Some(answer.map_err(|error| incoming.not_given(error))?);
        incoming.asked_until = sealed_bytes;
        self.ahead = self.next_step().await?;
        if let Some(next) = &self.ahead {
            let request = self.request(next, next.read.sealed_range());
            loan.asked = Some(AbortOnDropHandle::new(tokio::spawn(request)));
        }
        Ok(Some(incoming))
    }

    /// The next chunk's step, from the next page when this one is at its end.
    async fn next_step(&mut self) -> Result<Option<Step>, Error> {
        loop {
            if let Some(step) = self.steps.next() {
                return Ok(Some(step));
            }
            let Some(parts) = self.pages.next().await? else { return Ok(None) };
            self.steps = Box::new(parts.into_iter().flat_map(steps));
        }
    }

    /// Asks for what is missing of the current chunk, or for a bite of it.
    async fn ask(&mut self, loan: &mut Loan) -> Result<(), Error> {
        if self.bitten.take().is_some_and(|bitten| bitten.elapsed() < QUICK) {
            self.pause.slow.store(false, Ordering::Release);
        }
        let whole = self.may_have_transfers(loan);
        let Some(mut incoming) = self.current.take() else { return Ok(()) };
        incoming.opener.resume();
        let sealed = incoming.step.read.sealed_range();
        let from = incoming.opener.opened_until();
        incoming.asked_until = incoming.sealed_bytes;
        if !whole {
            let header = if from == 0 && sealed.start == 0 { layout::HEADER_BYTES as u64 } else { 0 };
            incoming.asked_until = incoming.sealed_bytes.min(from.saturating_add(header + BITE_BYTES));
            self.bitten = Some(Instant::now());
        }
        let range = sealed.start.saturating_add(from)..sealed.start.saturating_add(incoming.asked_until);
        let answer = self.request(&incoming.step, range).await;
        loan.stream = Some(answer.map_err(|error| incoming.not_given(error))?);
        self.current = Some(incoming);
        Ok(())
    }

    /// A transfer broke off: what is missing is asked for again, unless that happened too often.
    fn broke_off(&mut self, error: StoreError) -> Result<(), Error> {
        let Some(incoming) = &mut self.current else { return Ok(()) };
        match error {
            StoreError::NotFound => Err(incident::of_missing(&incoming.step, "a chunk went missing")),
            error @ (StoreError::Refused(_) | StoreError::UnknownProvider) => Err(error.into()),
            error if incoming.resumes >= RESUMES => Err(error.into()),
            StoreError::Unavailable { .. }
            | StoreError::Interrupted(_)
            | StoreError::Mismatch
            | StoreError::Panicked
            | StoreError::Deadline => {
                incoming.resumes += 1;
                Ok(())
            }
        }
    }

    /// The transfer ended: all of it must have come.
    fn end(&mut self) -> Result<(), Error> {
        let Some(incoming) = self.current.take() else { return Ok(()) };
        let Incoming { step, opener, .. } = incoming;
        opener.finish().map_err(|_not_authentic| incident::of_chunk(&step, "a chunk is too short"))
    }

    /// Whether the body may have transfers of whole chunks now: its client is quick and there is memory for it. What it
    /// may not have, it gives back.
    fn may_have_transfers(&self, loan: &mut Loan) -> bool {
        let quick = !self.pause.slow.load(Ordering::Acquire);
        if quick && self.left <= READ_SHARE_BYTES {
            return true;
        }
        if quick && loan.share.is_none() {
            loan.share = self.budget.try_take(&self.payer, TRANSFER_SHARE_BYTES.min(self.left));
        }
        let may = quick && loan.share.is_some() && !self.budget.is_wanted_from(&self.payer);
        if !may {
            loan.asked = None;
            loan.share = None;
        }
        may
    }

    /// A ranged get of sealed bytes of a step's chunk. One of a new part that the provider does not show is asked for again
    /// for some seconds.
    fn request(
        &self,
        step: &Step,
        sealed: std::ops::Range<u64>,
    ) -> impl Future<Output = Result<ChunkStream, StoreError>> + 'static {
        let store = Arc::clone(&self.store);
        let placements = step.part.placements.clone();
        let name = chunk_name(&self.naming_key, step.part.id, step.index);
        let part = Arc::clone(&step.part);
        async move {
            let mut pause = LATE_PAUSE;
            loop {
                match store.get(&placements, &name, sealed.clone()).await {
                    Err(StoreError::NotFound) if pause <= LONGEST_LATE_PAUSE && part.may_be_late() => {}
                    answer => return answer,
                }
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
        }
    }
}

impl Drop for Reader {
    /// The loan ends here, not when the watch has noticed.
    fn drop(&mut self) {
        drop(self.pause.end());
    }
}

impl Incoming {
    fn push(&mut self, sealed: Bytes) -> Result<(), Error> {
        self.opener.push(sealed).map_err(|_not_authentic| incident::of_chunk(&self.step, "a chunk does not open"))
    }

    fn has_all_asked(&self) -> bool {
        self.opener.opened_until() >= self.asked_until
    }

    fn is_whole(&self) -> bool {
        self.opener.opened_until() == self.sealed_bytes
    }

    /// The provider did not begin a transfer.
    fn not_given(&self, error: StoreError) -> Error {
        match error {
            StoreError::NotFound => incident::of_missing(&self.step, "a chunk is missing"),
            error => error.into(),
        }
    }
}

impl Pause {
    fn state(&self) -> MutexGuard<'_, (Loan, Option<Instant>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client has bytes to take.
    fn begin(&self, loan: Loan) {
        *self.state() = (loan, Some(Instant::now()));
    }

    /// The client asks for more: what it has left of its loan.
    fn end(&self) -> Loan {
        std::mem::take(&mut *self.state()).0
    }

    /// Takes the loan from a client that lets us wait.
    fn end_if_long(&self) {
        let mut state = self.state();
        if state.1.is_some_and(|since| since.elapsed() >= PATIENCE) {
            let (loan, _) = std::mem::take(&mut *state);
            self.slow.store(true, Ordering::Release);
            drop(state);
            drop(loan);
        }
    }
}
