//! Bodies that come in: of an object, and of a part.

use std::sync::{Arc, PoisonError};

use futures::{StreamExt, stream};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use crate::front::exchange::incoming;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::admission::auth::Payload;
use crate::front::s3::wire::checksums;
use crate::front::s3::wire::chunked::{ChunkSigner, Decoder, Trailers, dechunked};
use crate::front::s3::wire::errors::{self, invalid};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::server::RequestBody;
use crate::gateway::{Body, BodyError, Claim, Claims, Digests, Error};
use crate::model::{Checksum, ChecksumAlgorithm};

/// Most bytes in one PUT, of an object or of a part. Source: S3 "Uploading objects".
const MOST_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// The body of a PUT as the gateway takes it, with all that the client claims about it.
pub(in crate::front::s3) async fn receive(ask: &Ask<'_>, body: RequestBody) -> Result<Body, Refusal> {
    let headers = &ask.asked.headers;
    let chunked = matches!(ask.payload, Payload::Chunks { .. } | Payload::UnsignedChunks);
    let length = length(headers, chunked)?;
    if length > MOST_PUT_BYTES {
        return Err(ask.refuse(Error::TooLarge));
    }
    let upfront = checksums::from_headers(headers)?;
    let promised = checksums::promised(headers)?;
    if !promised.is_empty() && (upfront.is_some() || promised.len() > 1) {
        return Err(invalid("InvalidRequest", "Expecting a single checksum, in a header or in a trailer."));
    }
    let mut algorithms = promised.clone();
    algorithms.extend(upfront.as_ref().map(|checksum| checksum.algorithm));
    algorithms.extend(checksums::named(headers)?);
    algorithms.sort_unstable();
    algorithms.dedup();
    if algorithms.len() > 1 {
        return Err(invalid("InvalidRequest", "The checksum that was sent is not of the algorithm that was named."));
    }
    let md5 = checksums::content_md5(headers)?;
    let trailers = Trailers::default();
    let mut stream = incoming(body, Arc::clone(&ask.exchange));
    let mut signed = None;
    let decoder = match ask.payload {
        Payload::Unsigned => None,
        Payload::Sha256(hash) => {
            signed = Some(hash);
            None
        }
        Payload::UnsignedChunks => Some(Decoder::new(None, true)),
        Payload::Chunks { trailing } => Some(Decoder::new(Some(signer(ask)?), trailing)),
    };
    if let Some(decoder) = decoder {
        stream = dechunked(stream, decoder, Arc::clone(&trailers));
    }
    if length == 0 {
        // Framing, signatures and trailers of an empty body are checked where it ends: read it to there.
        while let Some(piece) = stream.next().await {
            if !piece.map_err(|error| ask.refuse(error.into()))?.is_empty() {
                return Err(ask.refuse(Error::Body(BodyError::Incomplete)));
            }
        }
        stream = stream::empty().boxed();
    }
    Ok(Body {
        length: Some(length),
        stream,
        digests: Digests { md5: md5.is_some(), payload_sha256: signed.is_some(), checksums: algorithms },
        claims: claims(signed, md5, upfront, promised, trailers),
    })
}

/// What the chunks' signatures are held against: they follow from the request's.
fn signer(ask: &Ask<'_>) -> Result<ChunkSigner, Refusal> {
    // A client that was taken out of the configuration meanwhile cannot go on.
    let client = ask.house.gateway.clients().find(ask.principal.client.as_str());
    let client = client.ok_or_else(|| ask.refuse(Error::AccessDenied))?;
    let proof = &ask.proof;
    Ok(ChunkSigner::new(client.secret.expose(), &proof.timestamp, &proof.scope, &proof.signature))
}

/// What the client claims, once the body has ended.
fn claims(
    signed: Option<[u8; 32]>,
    md5: Option<[u8; 16]>,
    upfront: Option<Checksum>,
    promised: Vec<ChecksumAlgorithm>,
    trailers: Trailers,
) -> Claims {
    Box::new(move || {
        let signed = signed.map(Claim::PayloadSha256).into_iter();
        let mut claims: Vec<Claim> = signed.chain(md5.map(Claim::Md5)).chain(upfront.map(Claim::Checksum)).collect();
        let trailers = std::mem::take(&mut *trailers.lock().unwrap_or_else(PoisonError::into_inner));
        for algorithm in promised {
            let mut values = trailers.get_all(checksums::header_of(algorithm)).iter();
            let (Some(value), None) = (values.next(), values.next()) else { return Err(BodyError::Malformed) };
            let text = value.to_str().unwrap_or_default();
            claims.push(Claim::Checksum(checksums::decode(algorithm, text.trim()).ok_or(BodyError::Malformed)?));
        }
        Ok(claims)
    })
}

/// Length of the decoded body in bytes; 411 when the client does not say it.
fn length(headers: &HeaderMap, chunked: bool) -> Result<u64, Refusal> {
    let missing = || errors::plain("MissingContentLength", 411, "You must provide the Content-Length HTTP header.");
    let value = if chunked { headers.get("x-amz-decoded-content-length") } else { headers.get(CONTENT_LENGTH) };
    let text = value.ok_or_else(missing)?.to_str().unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(invalid("InvalidArgument", "The length of the body is no number."));
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_length_is_that_of_the_decoded_body() {
        assert_eq!(length(&map(&[("content-length", "7")]), false).unwrap(), 7);
        let chunked = map(&[("content-length", "99"), ("x-amz-decoded-content-length", "7")]);
        assert_eq!(length(&chunked, true).unwrap(), 7);
        assert_eq!(length(&map(&[]), false).unwrap_err().status, 411);
        assert!(length(&map(&[("content-length", "-1")]), false).is_err());
    }

    #[test]
    fn a_promised_trailer_that_does_not_come_is_malformed() {
        let late = claims(None, None, None, vec![ChecksumAlgorithm::Crc32], Trailers::default());
        assert!(matches!(late(), Err(BodyError::Malformed)));
        let none = claims(None, Some([0; 16]), None, vec![], Trailers::default());
        assert_eq!(none().unwrap(), vec![Claim::Md5([0; 16])]);
    }
}
