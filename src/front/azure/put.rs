//! Put Blob, and bodies that come in.

use futures::{StreamExt, stream};
use http::StatusCode;
use http::header::CONTENT_LENGTH;

use super::ask::{Ask, Incoming};
use super::refusal::Refusal;
use super::reply::Reply;
use super::shown::{CONTENT_CRC64, CONTENT_MD5, named};
use super::structured::Decoder;
use super::{conditions, errors, properties};
use crate::gateway::{Body, Digests, Error, PutObject, Stored};
use crate::model::{AppendState, ChecksumAlgorithm, Conditions, EtagCondition, Metadata};

/// Most bytes of one Put Blob. Source: "Put Blob", remarks (versions from 2019-12-12 on).
const MOST_PUT_BYTES: u64 = 5000 * 1024 * 1024;

/// Put Blob.
pub(super) async fn put_blob(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let kind = ask.asked.headers.get("x-ms-blob-type").ok_or_else(|| Refusal::missing_header("x-ms-blob-type"))?;
    let mut metadata = properties::of_new(&ask.asked, true)?;
    let mut conditions = conditions::of_change(&ask.asked)?;
    let announced = ask.announced()?;
    match kind.to_str().unwrap_or_default() {
        "BlockBlob" => {}
        "AppendBlob" => {
            if announced != 0 {
                return Err(Refusal::invalid_header("Content-Length", &announced.to_string()));
            }
            if metadata.tier.is_some() {
                return Err(no_tier_here());
            }
            metadata.append = Some(AppendState::default());
        }
        "PageBlob" => return Err(no_page_blobs()),
        other => return Err(Refusal::invalid_header("x-ms-blob-type", other)),
    }
    let created = create_only(ask, &mut conditions);
    let given = properties::md5(&ask.asked, "x-ms-blob-content-md5")?;
    let mut received = receive(ask, body, MOST_PUT_BYTES)?;
    if let Some(md5) = given {
        // Of a whole blob in one request the service checks it.
        received.also_claim(md5);
    }
    let shows_crc64 = received.shows_crc64;
    let op = ask.may(PutObject { bucket: ask.bucket()?, key: ask.key()?, metadata, conditions })?;
    let stored = ask.house.gateway.put_object(op, received.body).await;
    let Stored { version } = stored.map_err(|error| overwritten(ask, error, created))?;
    let reply = Reply::new(StatusCode::CREATED).of_state(&version.state_tag(), version.modified);
    let reply = encrypted(reply);
    if version.metadata.append.is_some() {
        return Ok(reply);
    }
    Ok(digests(reply, &version.metadata, shows_crc64))
}

/// A body that comes in.
pub(super) struct Received {
    /// As the gateway takes it.
    pub(super) body: Body,
    /// Whether the answer tells the CRC64.
    pub(super) shows_crc64: bool,
}

impl Received {
    /// Claims an MD5 beside what the client claims already.
    fn also_claim(&mut self, md5: [u8; 16]) {
        self.body.digests.md5 = true;
        let before = std::mem::replace(&mut self.body.claims, Box::new(|| Ok(Vec::new())));
        self.body.claims = Box::new(move || {
            let mut claims = before()?;
            claims.push(crate::gateway::Claim::Md5(md5));
            Ok(claims)
        });
    }
}

/// The body of a write as the gateway takes it, with all that the client claims about it. A structured body is taken apart
/// and verified; what is stored is what it holds.
pub(super) fn receive(ask: &Ask<'_>, body: Incoming, most_bytes: u64) -> Result<Received, Refusal> {
    let announced = ask.announced()?;
    let claimed = properties::claims(&ask.asked)?;
    let (length, stream) = if properties::is_structured(&ask.asked)? {
        let length = conditions::number(&ask.asked, "x-ms-structured-content-length")?
            .ok_or_else(|| Refusal::missing_header("x-ms-structured-content-length"))?;
        (length, unframed(body, announced))
    } else {
        (announced, body)
    };
    if length > most_bytes {
        return Err(errors::too_large().header(CONTENT_LENGTH, "0"));
    }
    let md5 = claimed.claims.iter().any(|claim| matches!(claim, crate::gateway::Claim::Md5(_)));
    // The service answers a CRC64 wherever the client checks no MD5.
    let shows_crc64 = claimed.crc64 || !md5;
    let claims = claimed.claims;
    Ok(Received {
        body: Body {
            length: Some(length),
            stream,
            digests: Digests {
                md5,
                payload_sha256: false,
                checksums: shows_crc64.then_some(ChecksumAlgorithm::Crc64Nvme).into_iter().collect(),
            },
            claims: Box::new(move || Ok(claims)),
        },
        shows_crc64,
    })
}

/// An answer to a write that tells that its structured body was understood: Microsoft's client for Python fails a write
/// without it. Source: `_shared/policies.py` of azure-storage-blob 12.31.
pub(super) fn acknowledged(ask: &Ask<'_>, reply: Reply) -> Reply {
    reply.with_some(named("x-ms-structured-body"), ask.asked.header("x-ms-structured-body"))
}

/// The bytes within a structured body of `announced` bytes. It ends well only where its frame does.
fn unframed(body: Incoming, announced: u64) -> Incoming {
    let start = (body, Some(Decoder::new(announced)));
    let stream = stream::unfold(start, |(mut body, decoder)| async move {
        let mut decoder = decoder?;
        let error = match body.next().await {
            Some(Ok(piece)) => match decoder.push(piece) {
                Ok(pieces) => return Some((pieces.into_iter().map(Ok).collect(), (body, Some(decoder)))),
                Err(error) => error,
            },
            Some(Err(error)) => error,
            None => decoder.finish().err()?,
        };
        Some((vec![Err(error)], (body, None)))
    });
    stream.flat_map(stream::iter).boxed()
}

/// Makes a write create-only where the caller may create and not overwrite. Returns whether it did.
pub(super) fn create_only(ask: &Ask<'_>, conditions: &mut Conditions) -> Created {
    let asked_for = conditions.if_none_match == Some(EtagCondition::Any);
    let enforced = !ask.caller.may_overwrite();
    if enforced {
        conditions.if_none_match = Some(EtagCondition::Any);
    }
    Created { asked_for, enforced }
}

/// Why a write must not find a blob.
#[derive(Clone, Copy)]
pub(super) struct Created {
    asked_for: bool,
    enforced: bool,
}

/// What an error of such a write is on the wire.
pub(super) fn overwritten(ask: &Ask<'_>, error: Error, created: Created) -> Refusal {
    match error {
        Error::PreconditionFailed if created.asked_for => errors::blob_exists(),
        Error::PreconditionFailed if created.enforced => {
            let text = "This request is not authorized to perform blob overwrites.";
            Refusal::new(StatusCode::FORBIDDEN, "UnauthorizedBlobOverwrite", text)
        }
        error => ask.refuse(error),
    }
}

/// An answer that tells that what came in was sealed.
pub(super) fn encrypted(reply: Reply) -> Reply {
    reply.with(named("x-ms-request-server-encrypted"), "true")
}

fn digests(reply: Reply, metadata: &Metadata, shows_crc64: bool) -> Reply {
    let md5 = super::shown::md5_of(metadata);
    let crc64 = properties::shown_crc64(&metadata.checksums).filter(|_| shows_crc64);
    reply.with_some(CONTENT_MD5, md5.as_deref()).with_some(CONTENT_CRC64, crc64.as_deref())
}

/// 501: pages are written in place, sealed parts are not. See `docs/compatibility/azure.md`.
pub(super) fn no_page_blobs() -> Refusal {
    let text = "Page blobs are not implemented. Use block blobs or append blobs.";
    Refusal::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", text)
}

/// 400: append blobs have no tier.
pub(super) fn no_tier_here() -> Refusal {
    let text = "The access tier is not supported for this blob type.";
    Refusal::new(StatusCode::BAD_REQUEST, "AccessTierNotSupportedForBlobType", text)
}
