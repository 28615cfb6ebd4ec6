//! Bodies that come in, and what is told of them.

use futures::{StreamExt, stream};
use http::StatusCode;
use http::header::CONTENT_LENGTH;

use crate::front::azure::admission::ask::Ask;
use crate::front::azure::wire::asked::Incoming;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::named;
use crate::front::azure::wire::structured::Decoder;
use crate::front::azure::wire::{conditions, errors, properties};
use crate::front::reply::Reply;
use crate::gateway::{Body, Digests, Error};
use crate::model::{ChecksumAlgorithm, Conditions, EtagCondition};

/// A body that comes in.
pub(in crate::front::azure) struct Received {
    /// As the gateway takes it.
    pub(in crate::front::azure) body: Body,
    /// Whether the answer tells the CRC64.
    pub(in crate::front::azure) shows_crc64: bool,
}

impl Received {
    /// Claims an MD5 beside what the client claims already.
    pub(in crate::front::azure) fn also_claim(&mut self, md5: [u8; 16]) {
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
pub(in crate::front::azure) fn receive(ask: &Ask<'_>, body: Incoming, most_bytes: u64) -> Result<Received, Refusal> {
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
pub(in crate::front::azure) fn acknowledged(ask: &Ask<'_>, reply: Reply) -> Reply {
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
pub(in crate::front::azure) fn create_only(ask: &Ask<'_>, conditions: &mut Conditions) -> Created {
    let asked_for = conditions.if_none_match == Some(EtagCondition::Any);
    let enforced = !ask.caller.may_overwrite();
    if enforced {
        conditions.if_none_match = Some(EtagCondition::Any);
    }
    Created { asked_for, enforced }
}

/// Why a write must not find a blob.
#[derive(Clone, Copy)]
pub(in crate::front::azure) struct Created {
    asked_for: bool,
    enforced: bool,
}

/// What an error of such a write is on the wire.
pub(in crate::front::azure) fn overwritten(ask: &Ask<'_>, error: Error, created: Created) -> Refusal {
    match error {
        Error::PreconditionFailed if created.asked_for => errors::blob_exists(),
        Error::PreconditionFailed if created.enforced => {
            let text = "This request is not authorized to perform blob overwrites.";
            Refusal::new(StatusCode::FORBIDDEN, Code::UnauthorizedBlobOverwrite, text)
        }
        error => ask.refuse(error),
    }
}

/// An answer that tells that what came in was sealed.
pub(in crate::front::azure) fn encrypted(reply: Reply) -> Reply {
    reply.with(named("x-ms-request-server-encrypted"), "true")
}
