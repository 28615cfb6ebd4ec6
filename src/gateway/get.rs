//! Reading an object.
//!
//! The life of a GET: version and slices are read in one transaction; conditions and range are decided; part keys are
//! unwrapped and held until the body ends; each chunk touched is one ranged get of whole segments, the next one is
//! asked for ahead; every segment is opened before its bytes leave. The first piece is opened before the answer's head
//! is sent, so that a broken object is an error, not a broken transfer.
//!
//! Memory: one share of at most [`READ_SHARE_BYTES`] for each body, held until it ends.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use tokio_util::task::AbortOnDropHandle;

use super::budget::Share;
use super::operations::IfRange;
use super::read_plan::{OpenPart, Step, steps};
use super::{Error, Gateway, GetObject, GotObject, HeadObject, ObjectBody};
use crate::catalog::{CatalogError, OpenedVersion, Select, Version};
use crate::keys::KeyError;
use crate::model::{Authorized, BucketRef, ByteRange, Conditions, CurrentState, ObjectKey, PartId, TenantId, Unmet};
use crate::seal::{ChunkPlace, Opener, chunk_name};
use crate::secret::NamingKey;
use crate::store::{ChunkStream, Store, StoreError};

/// Memory that a body on its way out is counted with: a segment being opened and transport buffers.
const READ_SHARE_BYTES: u64 = 1024 * 1024;
/// Chunks asked for at once by one body: the one being read and the next.
const LOOKAHEAD: usize = 2;
/// How often one chunk's transfer is taken up again after it broke off.
const RESUMES: u32 = 3;

impl Gateway {
    /// Opens an object.
    pub async fn get_object(&self, op: Authorized<GetObject>) -> Result<GotObject, Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        let (opened, range, partial) =
            self.open_version(&bucket, &op.key, op.select, &op.conditions, op.if_range.as_ref()).await?;
        let body = self.read_body(&bucket.tenant, &opened.version, opened.slices, range).await?;
        Ok(GotObject { version: opened.version, range: range.filter(|_| partial), body })
    }

    /// The version, and the range that a GET would serve.
    pub async fn head_object(&self, op: Authorized<HeadObject>) -> Result<(Version, Option<ByteRange>), Error> {
        let (principal, op) = self.admit(op)?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        if op.select == Select::All {
            let version = self.catalog.head(&bucket, &op.key).await?;
            check_conditions(&op.conditions, &version)?;
            return Ok((version, None));
        }
        let (opened, range, _) = self.open_version(&bucket, &op.key, op.select, &op.conditions, None).await?;
        Ok((opened.version, range))
    }

    /// Version, slices, the bytes to serve (`None`: there are none), and whether they are an answer to a range.
    async fn open_version(
        &self,
        bucket: &BucketRef,
        key: &ObjectKey,
        select: Select,
        conditions: &Conditions,
        if_range: Option<&IfRange>,
    ) -> Result<(OpenedVersion, Option<ByteRange>, bool), Error> {
        let mut partial = select != Select::All;
        let mut opened = self.catalog.open(bucket, key, select).await?;
        check_conditions(conditions, &opened.version)?;
        if partial && if_range.is_some_and(|validator| !validator.holds(&opened.version)) {
            partial = false;
            opened = self.catalog.open(bucket, key, Select::All).await?;
            check_conditions(conditions, &opened.version)?;
        }
        let range = opened.range.map_err(|outside| Error::RangeNotSatisfiable { length: outside.length })?;
        Ok((opened, range, partial))
    }

    /// The bytes of `range`. The first piece was opened when this returns.
    pub(super) async fn read_body(
        &self,
        tenant: &TenantId,
        version: &Version,
        slices: Vec<crate::model::Slice>,
        range: Option<ByteRange>,
    ) -> Result<ObjectBody, Error> {
        let Some(range) = range.filter(|_| version.length > 0) else {
            return Ok(stream::empty().boxed());
        };
        let naming_key = self.keyring.naming_key(tenant)?;
        let mut parts = VecDeque::with_capacity(slices.len());
        for slice in slices {
            let opened = self.keyring.open_part_key(tenant, slice.part.id, &slice.part.wrapped_key);
            let key = opened.map_err(|error| key_error(slice.part.id, error))?;
            parts.extend(OpenPart::of_slice(slice, key, range).map(Arc::new));
        }
        let planned: u64 = parts.iter().map(|part| part.length()).sum();
        if planned != range.length() {
            return Err(damaged("an object's slices do not hold its bytes"));
        }
        let share = self.share(range.length().min(READ_SHARE_BYTES)).await?;
        let steps = Box::new(parts.into_iter().flat_map(steps));
        let mut reader = Reader {
            store: Arc::clone(&self.store),
            tenant: tenant.clone(),
            naming_key,
            steps,
            ahead: VecDeque::with_capacity(LOOKAHEAD),
            current: None,
            left: range.length(),
            _share: share,
        };
        let first = reader.next().await?;
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
            Self::ETag(etag) => *etag == version.etag,
            Self::Date(seconds) => *seconds == version.modified.seconds(),
        }
    }
}

/// Holds a read's conditions against a version.
pub(super) fn check_conditions(conditions: &Conditions, version: &Version) -> Result<(), Error> {
    let state = CurrentState { etag: &version.etag, modified: version.modified };
    conditions.check_read(Some(state)).map_err(|unmet| match unmet {
        Unmet::PreconditionFailed => Error::PreconditionFailed,
        Unmet::NotModified => Error::NotModified { version: Box::new(version.clone()) },
    })
}

/// Reads chunk after chunk.
struct Reader {
    store: Arc<Store>,
    tenant: TenantId,
    naming_key: Arc<NamingKey>,
    steps: Box<dyn Iterator<Item = Step> + Send>,
    ahead: VecDeque<(Step, AbortOnDropHandle<Result<ChunkStream, StoreError>>)>,
    current: Option<Incoming>,
    /// Plaintext bytes that are still to be given.
    left: u64,
    _share: Share,
}

/// A chunk on its way in.
struct Incoming {
    step: Step,
    stream: ChunkStream,
    opener: Opener,
    resumes: u32,
}

impl Reader {
    /// The next checked bytes; `None` at the end, when all that was promised has been given.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let given = self.opened().await?;
        let bytes = given.as_ref().map_or(0, |bytes| bytes.len() as u64);
        match (given, self.left.checked_sub(bytes)) {
            (Some(bytes), Some(left)) => {
                self.left = left;
                Ok(Some(bytes))
            }
            (None, Some(0)) => Ok(None),
            (None, _) | (_, None) => Err(damaged("an object's parts do not hold its bytes")),
        }
    }

    async fn opened(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let Some(incoming) = &mut self.current else {
                match self.begin().await? {
                    Some(incoming) => self.current = Some(incoming),
                    None => return Ok(None),
                }
                continue;
            };
            if let Some(bytes) = incoming.opener.pop() {
                return Ok(Some(bytes));
            }
            match incoming.stream.next().await {
                Some(Ok(sealed)) => {
                    if incoming.opener.push(sealed).is_err() {
                        return Err(incident(&incoming.step, "a chunk does not open"));
                    }
                }
                Some(Err(error)) => self.resume(error).await?,
                None => self.end()?,
            }
        }
    }

    /// Asks for chunks ahead and takes the first of them.
    async fn begin(&mut self) -> Result<Option<Incoming>, Error> {
        while self.ahead.len() < LOOKAHEAD
            && let Some(step) = self.steps.next()
        {
            let request = self.request(&step, 0);
            self.ahead.push_back((step, AbortOnDropHandle::new(tokio::spawn(request))));
        }
        let Some((step, asked)) = self.ahead.pop_front() else { return Ok(None) };
        let stream = match asked.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(StoreError::NotFound)) => return Err(incident(&step, "a chunk is missing")),
            Ok(Err(error)) => return Err(error.into()),
            Err(_cancelled) => return Err(StoreError::Deadline.into()),
        };
        let place = ChunkPlace { tenant: &self.tenant, part: step.part.id, index: step.index };
        let opener = Opener::new(&step.part.key, &place, step.read.clone()).map_err(Error::Seal)?;
        Ok(Some(Incoming { step, stream, opener, resumes: 0 }))
    }

    /// A transfer broke off: goes on at the last segment that was opened.
    async fn resume(&mut self, error: StoreError) -> Result<(), Error> {
        let Some(mut incoming) = self.current.take() else { return Ok(()) };
        match error {
            StoreError::NotFound => return Err(incident(&incoming.step, "a chunk went missing")),
            error @ (StoreError::Refused(_) | StoreError::UnknownProvider) => return Err(error.into()),
            error if incoming.resumes >= RESUMES => return Err(error.into()),
            StoreError::Unavailable { .. } | StoreError::Interrupted(_) | StoreError::Deadline => {}
        }
        let sealed = incoming.step.read.sealed_range();
        if incoming.opener.opened_until() == sealed.end - sealed.start {
            // It broke off after its last byte: nothing is left to ask for.
            self.current = Some(incoming);
            return self.end();
        }
        incoming.resumes += 1;
        incoming.opener.resume();
        incoming.stream = match self.request(&incoming.step, incoming.opener.opened_until()).await {
            Ok(stream) => stream,
            Err(StoreError::NotFound) => return Err(incident(&incoming.step, "a chunk went missing")),
            Err(error) => return Err(error.into()),
        };
        self.current = Some(incoming);
        Ok(())
    }

    /// The transfer ended: all of it must have come.
    fn end(&mut self) -> Result<(), Error> {
        let Some(incoming) = self.current.take() else { return Ok(()) };
        let Incoming { step, opener, .. } = incoming;
        opener.finish().map_err(|_not_authentic| incident(&step, "a chunk is too short"))
    }

    /// One ranged get of a step's segments, `skip` sealed bytes into them.
    fn request(&self, step: &Step, skip: u64) -> impl Future<Output = Result<ChunkStream, StoreError>> + 'static {
        let store = Arc::clone(&self.store);
        let placements = step.part.placements.clone();
        let name = chunk_name(&self.naming_key, step.part.id, step.index);
        let mut range = step.read.sealed_range();
        range.start = range.start.saturating_add(skip).min(range.end);
        async move { store.get(&placements, &name, range).await }
    }
}

/// Counts and logs an integrity incident. The client gets one uniform error.
fn incident(step: &Step, what: &'static str) -> Error {
    let provider = step.part.placements.first().map_or_else(String::new, ToString::to_string);
    tracing::error!(part = %step.part.id, chunk = step.index, provider, what, "integrity incident");
    metrics::counter!("ecluse_integrity_incidents_total", "provider" => provider).increment(1);
    Error::Integrity
}

/// A wrapped key that does not open, or under a key that never was, is an incident of the catalog: nobody but who writes
/// there can have made it so. The client's error is the same as for an incident of a provider.
fn key_error(part: PartId, error: KeyError) -> Error {
    if matches!(error, KeyError::Refused | KeyError::UnknownKey) {
        tracing::error!(%part, what = "a wrapped key does not open", "integrity incident in the catalog");
        metrics::counter!("ecluse_catalog_incidents_total").increment(1);
    }
    error.into()
}

/// Rows of the catalog that contradict each other: an incident as well.
fn damaged(what: &'static str) -> Error {
    tracing::error!(what, "integrity incident in the catalog");
    metrics::counter!("ecluse_catalog_incidents_total").increment(1);
    Error::Catalog(CatalogError::Damaged(what))
}
