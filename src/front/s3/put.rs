//! Bodies that come in: PutObject, and the body of a part.

use std::sync::{Arc, PoisonError};

use futures::StreamExt;
use futures::stream;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue};
use s3s::dto::{PutObjectInput, PutObjectOutput, ServerSideEncryption, StreamingBlob};
use s3s::{S3Request, S3Response, S3Result};

use super::access::Caller;
use super::body::Trailers;
use super::chunked::{ChunkSigner, Decoder};
use super::errors::{self, invalid};
use super::{auth, body, checksums, conditions, headers};
use crate::gateway::{Body, BodyError, Claim, Claims, Digests, Error, Gateway, PutObject};
use crate::model::{BucketName, Checksum, ChecksumAlgorithm, ObjectKey};

/// Most bytes in one PUT, of an object or of a part. Source: S3 "Uploading objects".
const MAX_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// PutObject.
pub(super) async fn put_object(
    gateway: &Gateway,
    mut req: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let caller = Caller::of(&req)?;
    let op = PutObject {
        bucket: bucket(&req.input.bucket)?,
        key: key(&req.input.key)?,
        metadata: headers::metadata(&req.headers, req.input.metadata.take())?,
        conditions: conditions::for_write(&req.headers),
    };
    let op = caller.may(op)?;
    let body = receive(gateway, &caller, &req.headers, req.input.body.take()).await?;
    let stored = gateway.put_object(op, body).await.map_err(|error| caller.error(error))?;
    let mut output = PutObjectOutput {
        e_tag: Some(headers::dto_etag(&stored.version.etag)),
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        ..PutObjectOutput::default()
    };
    checksums::show!(&stored.version.metadata.checksums, output);
    output.checksum_type = checksums::kind_of(&stored.version.metadata.checksums);
    Ok(S3Response::new(output))
}

/// The body of a PUT as the gateway takes it, with all that the client claims about it.
pub(super) async fn receive(
    gateway: &Gateway,
    caller: &Caller,
    headers: &HeaderMap,
    blob: Option<StreamingBlob>,
) -> S3Result<Body> {
    let length = length(headers)?;
    if length > MAX_PUT_BYTES {
        return Err(caller.error(Error::TooLarge));
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
    let mut stream = if auth::is_streaming(headers) {
        let decoder = decoder(gateway, caller, headers)?;
        // Left in its place, it would be read by s3s, a whole chunk at a time.
        let raw = caller.context.body().take().ok_or_else(|| caller.error(Error::Body(BodyError::Malformed)))?;
        drop(blob);
        body::dechunked(raw, decoder, Arc::clone(&trailers), Arc::clone(&caller.context))
    } else {
        let blob = blob.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
        body::plain(blob, Arc::clone(&caller.context))
    };
    if length == 0 {
        // Framing, signatures and trailers of an empty body are checked where it ends: read it to there.
        while let Some(piece) = stream.next().await {
            if !piece.map_err(|error| caller.error(Error::Body(error)))?.is_empty() {
                return Err(caller.error(Error::Body(BodyError::Incomplete)));
            }
        }
        stream = stream::empty().boxed();
    }
    Ok(Body {
        length: Some(length),
        stream,
        // s3s holds the payload against x-amz-content-sha256 itself.
        digests: Digests { md5: md5.is_some(), payload_sha256: false, checksums: algorithms },
        claims: claims(md5, upfront, promised, trailers),
    })
}

/// What reads the body, as `x-amz-content-sha256` has it. s3s has verified the signature that the chunks' follow from.
fn decoder(gateway: &Gateway, caller: &Caller, headers: &HeaderMap) -> S3Result<Decoder> {
    let payload = headers.get("x-amz-content-sha256").map(HeaderValue::as_bytes).unwrap_or_default();
    let trailing = match payload {
        b"STREAMING-UNSIGNED-PAYLOAD-TRAILER" => return Ok(Decoder::new(None, true)),
        b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => false,
        b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => true,
        _ => return Err(errors::not_implemented("this signature of chunks")),
    };
    // A client that was taken out of the configuration meanwhile cannot go on.
    let client = gateway.clients().find(caller.principal.client.as_str());
    let (Some(client), Some(signed), Some(timestamp)) =
        (client, auth::signed(headers), headers.get("x-amz-date").and_then(|value| value.to_str().ok()))
    else {
        return Err(caller.error(Error::AccessDenied));
    };
    let signer = ChunkSigner::new(client.secret.expose(), timestamp, signed.scope, signed.signature);
    Ok(Decoder::new(Some(signer), trailing))
}

/// What the client claims, once the body has ended.
fn claims(
    md5: Option<[u8; 16]>,
    upfront: Option<Checksum>,
    promised: Vec<ChecksumAlgorithm>,
    trailers: Trailers,
) -> Claims {
    Box::new(move || {
        let mut claims: Vec<Claim> = md5.map(Claim::Md5).into_iter().chain(upfront.map(Claim::Checksum)).collect();
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
fn length(headers: &HeaderMap) -> S3Result<u64> {
    let missing = || errors::plain("MissingContentLength", 411, "You must provide the Content-Length HTTP header.");
    let value = if auth::is_streaming(headers) {
        headers.get("x-amz-decoded-content-length")
    } else {
        headers.get(CONTENT_LENGTH)
    };
    let text = value.ok_or_else(missing)?.to_str().unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(invalid("InvalidArgument", "The length of the body is no number."));
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

/// The name of a bucket in a request.
pub(super) fn bucket(name: &str) -> S3Result<BucketName> {
    BucketName::parse(name).map_err(|reason| invalid("InvalidBucketName", reason.0))
}

/// The key of an object in a request.
pub(super) fn key(name: &str) -> S3Result<ObjectKey> {
    let code = if name.len() > ObjectKey::MAX_BYTES { "KeyTooLongError" } else { "InvalidArgument" };
    ObjectKey::parse(name).map_err(|reason| invalid(code, reason.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_length_is_that_of_the_decoded_body() {
        assert_eq!(length(&map(&[("content-length", "7")])).unwrap(), 7);
        let chunked = map(&[
            ("content-length", "99"),
            ("x-amz-decoded-content-length", "7"),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ]);
        assert_eq!(length(&chunked).unwrap(), 7);
        assert_eq!(length(&map(&[])).unwrap_err().status_code().unwrap(), 411);
        assert!(length(&map(&[("content-length", "-1")])).is_err());
    }

    #[test]
    fn a_promised_trailer_that_does_not_come_is_malformed() {
        let late = claims(None, None, vec![ChecksumAlgorithm::Crc32], Trailers::default());
        assert!(matches!(late(), Err(BodyError::Malformed)));
        let none = claims(Some([0; 16]), None, vec![], Trailers::default());
        assert_eq!(none().unwrap(), vec![Claim::Md5([0; 16])]);
    }
}
