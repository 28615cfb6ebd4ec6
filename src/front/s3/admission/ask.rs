//! A request whose caller is known: what every operation begins with.

use std::sync::Arc;

use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use super::auth::{Payload, Proof};
use super::house::House;
use crate::front::exchange::{Exchange, incoming};
use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::errors::{self, invalid};
use crate::front::s3::wire::operation::{Operation, Takes};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::server::RequestBody;
use crate::front::xml::Fault;
use crate::gateway::{Claim, Error, ReadSmall, Share, verify_claims};
use crate::model::{Authorized, BucketName, ObjectKey, Principal};

/// Largest XML body, in bytes: a completion of 10,000 parts with their checksums, or 1,000 keys to delete, fit well.
const XML_LIMIT_BYTES: u64 = 8 * 1024 * 1024;
/// Most tags of an XML body: 10,000 parts with a number, a tag and a checksum of each kind take 160,002.
const MOST_TAGS: usize = 200_000;

/// A request, its caller, and what it is.
pub(in crate::front::s3) struct Ask<'r> {
    /// What was asked.
    pub(in crate::front::s3) asked: Asked<'r>,
    /// Who asked.
    pub(in crate::front::s3) principal: Principal,
    /// What was signed of the body.
    pub(in crate::front::s3) payload: Payload,
    /// What the signatures of chunks follow from.
    pub(in crate::front::s3) proof: Proof,
    /// Which operation it is.
    pub(in crate::front::s3) operation: Operation,
    /// The front.
    pub(in crate::front::s3) house: &'r House,
    /// The request in logs.
    pub(in crate::front::s3) exchange: Arc<Exchange>,
}

impl Ask<'_> {
    /// The bucket's name as it was asked for.
    pub(in crate::front::s3) fn bucket_name(&self) -> &str {
        self.asked.target.bucket.as_deref().unwrap_or_default()
    }

    /// The key as it was asked for.
    pub(in crate::front::s3) fn key_name(&self) -> &str {
        self.asked.target.key.as_deref().unwrap_or_default()
    }

    /// The bucket that the address names.
    pub(in crate::front::s3) fn bucket(&self) -> Result<BucketName, Refusal> {
        bucket(self.bucket_name())
    }

    /// The object that the address names.
    pub(in crate::front::s3) fn key(&self) -> Result<ObjectKey, Refusal> {
        key(self.key_name())
    }

    /// The upload that the query names.
    pub(in crate::front::s3) fn upload(&self) -> String {
        self.asked.parameter("uploadId").unwrap_or_default().to_owned()
    }

    /// The proof that the caller may do `op`, or 403.
    pub(in crate::front::s3) fn may<Op: crate::model::Operation>(&self, op: Op) -> Result<Authorized<Op>, Refusal> {
        self.principal.authorize(op).map_err(|_denied| self.refuse(Error::AccessDenied))
    }

    /// What a gateway error is on the wire.
    pub(in crate::front::s3) fn refuse(&self, error: Error) -> Refusal {
        errors::answer(error, &self.exchange)
    }

    /// What an error of a change is on the wire: whoever may not list must not learn that an object is not there.
    pub(in crate::front::s3) fn refuse_change(&self, error: Error, bucket: &BucketName, key: &str) -> Refusal {
        match error {
            Error::NothingToMatch if !self.principal.may_list(bucket, key) => self.refuse(Error::PreconditionFailed),
            error => self.refuse(error),
        }
    }

    /// A continuation token of the list that `of` names, which holds `content` and is sealed.
    pub(in crate::front::s3) fn token(&self, of: &[&str], content: &[u8]) -> Result<String, Refusal> {
        let sealed = self.house.gateway.seal_token(&self.principal.tenant, of, content);
        sealed.map_err(|error| self.refuse(error))
    }

    /// What a token of the list that `of` names holds; `None` when it is not one.
    pub(in crate::front::s3) fn read_token(&self, of: &[&str], token: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let opened = self.house.gateway.open_token(&self.principal.tenant, of, token);
        opened.map_err(|error| self.refuse(error))
    }

    /// A body in XML, read whole by who may do at least that to what the address names, and held against what was signed and
    /// against `claims`, which are asked for only then.
    pub(in crate::front::s3) async fn read_xml<T>(
        &self,
        body: RequestBody,
        claims: impl FnOnce(&HeaderMap) -> Result<Vec<Claim>, Refusal>,
        read: impl FnOnce(&[u8]) -> Result<T, Fault>,
    ) -> Result<T, Refusal> {
        self.read_xml_held(body, claims, read).await.map(|(value, _share)| value)
    }

    /// The same, with the memory that the body took.
    pub(in crate::front::s3) async fn read_xml_held<T>(
        &self,
        body: RequestBody,
        claims: impl FnOnce(&HeaderMap) -> Result<Vec<Claim>, Refusal>,
        read: impl FnOnce(&[u8]) -> Result<T, Fault>,
    ) -> Result<(T, Option<Share>), Refusal> {
        let needs = match self.operation.takes() {
            Takes::Nothing | Takes::Bytes | Takes::Refused => None,
            Takes::Xml(action) => {
                Some((action, self.bucket()?, self.asked.target.key.as_deref().map(key).transpose()?))
            }
        };
        let announced = self.asked.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let op = self.may(ReadSmall { needs, announced, most_bytes: XML_LIMIT_BYTES })?;
        let small = self.house.gateway.read_small(op, incoming(body, Arc::clone(&self.exchange))).await;
        let small = small.map_err(|error| match error {
            Error::TooLarge => too_large(),
            error => self.refuse(error),
        })?;
        let signed = match self.payload {
            Payload::Sha256(hash) => Some(Claim::PayloadSha256(hash)),
            Payload::Unsigned | Payload::Chunks { .. } | Payload::UnsignedChunks => None,
        };
        let held = |claims: &[Claim]| {
            verify_claims(claims, std::slice::from_ref(&small.bytes)).map_err(|error| self.refuse(error))
        };
        held(signed.as_slice())?;
        held(&claims(&self.asked.headers)?)?;
        if small.bytes.iter().filter(|byte| **byte == b'<').count() > MOST_TAGS {
            return Err(too_large());
        }
        let value = read(&small.bytes).map_err(|fault| {
            tracing::debug!(request = %self.exchange.id(), %fault, "a body is not as it must be");
            errors::malformed_xml()
        })?;
        Ok((value, small.into_share()))
    }

    /// Room for an answer that is built whole and may be large. `held`: what the request's body took.
    pub(in crate::front::s3) async fn room(&self, held: Option<Share>, bytes: u64) -> Result<Share, Refusal> {
        let room = self.house.gateway.room_for_answer(&self.principal, held, bytes).await;
        room.map_err(|error| self.refuse(error))
    }
}

/// The name of a bucket in a request.
pub(in crate::front::s3) fn bucket(name: &str) -> Result<BucketName, Refusal> {
    BucketName::parse(name).map_err(|reason| invalid("InvalidBucketName", reason.0))
}

/// The key of an object in a request.
pub(in crate::front::s3) fn key(name: &str) -> Result<ObjectKey, Refusal> {
    let code = if name.len() > ObjectKey::MAX_BYTES { "KeyTooLongError" } else { "InvalidArgument" };
    ObjectKey::parse(name).map_err(|reason| invalid(code, reason.0))
}

fn too_large() -> Refusal {
    invalid("MaxMessageLengthExceeded", "Your request was too large.")
}
