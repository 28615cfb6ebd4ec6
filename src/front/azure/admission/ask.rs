//! A request whose caller is known: what every operation begins with.

use std::sync::Arc;

use http::StatusCode;

use super::address;
use super::auth::Caller;
use super::house::House;
use crate::front::azure::wire::asked::{Asked, Incoming};
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::context::Context;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::{context, errors};
use crate::gateway::{Claim, Error, ReadSmall, Share, SmallBody, verify_claims};
use crate::model::{Action, Authorized, BucketName, ObjectKey, SnapshotId};

/// A request, its caller, and what it is.
pub(in crate::front::azure) struct Ask<'r> {
    /// What was asked.
    pub(in crate::front::azure) asked: Asked<'r>,
    /// Who asked.
    pub(in crate::front::azure) caller: Caller,
    /// Which operation it is.
    pub(in crate::front::azure) operation: Operation,
    /// The version of the protocol that it speaks.
    pub(in crate::front::azure) version: String,
    /// The front.
    pub(in crate::front::azure) house: &'r House,
    /// The request in logs.
    pub(in crate::front::azure) context: Arc<Context>,
}

impl Ask<'_> {
    /// The container that the address names.
    pub(in crate::front::azure) fn bucket(&self) -> Result<BucketName, Refusal> {
        bucket(self.asked.target.container.as_deref().unwrap_or_default())
    }

    /// The blob that the address names.
    pub(in crate::front::azure) fn key(&self) -> Result<ObjectKey, Refusal> {
        key(self.asked.target.blob.as_deref().unwrap_or_default())
    }

    /// The snapshot that the query names.
    pub(in crate::front::azure) fn snapshot(&self) -> Result<Option<SnapshotId>, Refusal> {
        let Some(text) = self.asked.parameter("snapshot") else { return Ok(None) };
        SnapshotId::parse(text).map(Some).ok_or_else(|| Refusal::invalid_parameter("snapshot", text))
    }

    /// The proof that the caller may do that.
    pub(in crate::front::azure) fn may<Op: crate::model::Operation>(&self, op: Op) -> Result<Authorized<Op>, Refusal> {
        self.caller.principal.authorize(op).map_err(|_denied| self.refuse(Error::AccessDenied))
    }

    /// What a gateway error is on the wire.
    pub(in crate::front::azure) fn refuse(&self, error: Error) -> Refusal {
        errors::answer(error, self.operation, &self.context)
    }

    /// A marker of the list that `of` names, which holds `content` and is sealed.
    pub(in crate::front::azure) fn marker(&self, of: &[&str], content: &[u8]) -> Result<String, Refusal> {
        let tenant = &self.caller.principal.tenant;
        self.house.gateway.seal_token(tenant, of, content).map_err(|error| self.refuse(error))
    }

    /// What a marker of the list that `of` names holds; `None` when it is not one.
    pub(in crate::front::azure) fn read_marker(&self, of: &[&str], marker: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let tenant = &self.caller.principal.tenant;
        self.house.gateway.open_token(tenant, of, marker).map_err(|error| self.refuse(error))
    }

    /// The address of the account, as lists show it.
    pub(in crate::front::azure) fn endpoint(&self) -> String {
        let scheme = if self.asked.tls { "https" } else { "http" };
        let account = if self.asked.target.host_style { String::new() } else { self.asked.target.account.clone() };
        format!("{scheme}://{}/{account}", self.asked.host)
    }

    /// The length that the request's body is announced with; 411 when it is not.
    pub(in crate::front::azure) fn announced(&self) -> Result<u64, Refusal> {
        let Some(value) = self.asked.headers.get(http::header::CONTENT_LENGTH) else {
            let text = "The content-length header was not specified.";
            return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, Code::MissingContentLengthHeader, text));
        };
        let text = value.to_str().unwrap_or_default();
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(Refusal::invalid_header("Content-Length", text));
        }
        Ok(text.parse().unwrap_or(u64::MAX))
    }

    /// A body that is read whole: XML, a batch. `action`: what its operation does to the container or blob of the address, at
    /// least; of the account, nothing. Its claims are checked.
    pub(in crate::front::azure) async fn read_small(
        &self,
        body: Incoming,
        action: Option<Action>,
        most_bytes: u64,
        claims: &[Claim],
    ) -> Result<SmallBody, Refusal> {
        let needs = match action {
            None => None,
            Some(action) => Some((action, self.bucket()?, self.asked.target.blob.as_deref().map(key).transpose()?)),
        };
        let op = self.may(ReadSmall { needs, announced: Some(self.announced()?), most_bytes })?;
        let small = self.house.gateway.read_small(op, body).await.map_err(|error| self.refuse(error))?;
        verify_claims(claims, std::slice::from_ref(&small.bytes)).map_err(|error| self.refuse(error))?;
        Ok(small)
    }

    /// Room for an answer that is built whole and may be large. `held`: what the request's body took.
    pub(in crate::front::azure) async fn room(&self, held: Option<Share>, bytes: u64) -> Result<Share, Refusal> {
        let room = self.house.gateway.room_for_answer(&self.caller.principal, held, bytes).await;
        room.map_err(|error| self.refuse(error))
    }
}

/// A container's name. Those of Azure's own are well formed, and there are none.
pub(in crate::front::azure) fn bucket(name: &str) -> Result<BucketName, Refusal> {
    if SYSTEM_CONTAINERS.contains(&name) {
        return Err(errors::plain(404, Code::ContainerNotFound, "The specified container does not exist."));
    }
    BucketName::parse(name)
        .map_err(|_reason| if (3..=63).contains(&name.len()) { invalid_name() } else { address::out_of_range_input() })
}

/// A blob's name.
pub(in crate::front::azure) fn key(name: &str) -> Result<ObjectKey, Refusal> {
    ObjectKey::parse(name).map_err(|_reason| address::out_of_range_input())
}

/// A new UUID, of a lease, a copy, a batch.
pub(in crate::front::azure) fn fresh_id() -> Result<String, Refusal> {
    let text = "The server encountered an internal error. Please retry the request.";
    context::new_uuid().map_err(|_cause| errors::plain(500, Code::InternalError, text))
}

/// 400: a container's name has characters that it may not have.
pub(in crate::front::azure) fn invalid_name() -> Refusal {
    let text = "The specified resource name contains invalid characters.";
    Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidResourceName, text)
}

/// Source: "Naming and referencing containers, blobs, and metadata"; `$blobchangefeed`: "Change feed support".
const SYSTEM_CONTAINERS: [&str; 4] = ["$root", "$logs", "$web", "$blobchangefeed"];
