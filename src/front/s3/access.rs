//! Who asks: from verified credentials to a principal, again for every request.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::CONTENT_LENGTH;
use http::{Extensions, HeaderMap};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::Credentials;
use s3s::{S3Request, S3Result};

use super::context::Context;
use super::{auth, errors, refuse};
use crate::gateway::Gateway;
use crate::model::{Authorized, Operation, Principal};

/// The operations that are there; GetObject and HeadObject run as a route.
const IMPLEMENTED: [&str; 22] = [
    "ListBuckets",
    "CreateBucket",
    "HeadBucket",
    "DeleteBucket",
    "GetBucketLocation",
    "GetBucketVersioning",
    "ListObjects",
    "ListObjectsV2",
    "PutObject",
    "CopyObject",
    "DeleteObject",
    "DeleteObjects",
    "GetObjectTagging",
    "PutObjectTagging",
    "DeleteObjectTagging",
    "CreateMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
    "ListMultipartUploads",
];

/// What metrics call a request of which it is not known which operation it is.
pub(super) const UNKNOWN: &str = "unknown";

/// What metrics call the operations.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    IMPLEMENTED.into_iter().chain(["GetObject", "HeadObject", UNKNOWN])
}

/// Those whose bodies may be aws-chunked.
const STREAMING: [&str; 2] = ["PutObject", "UploadPart"];

/// Those that s3s reads an XML body of, whole: it counts in the memory budget until the operation has ended.
const XML: [&str; 4] = ["CreateBucket", "DeleteObjects", "CompleteMultipartUpload", "PutObjectTagging"];
/// Bytes of memory for each byte of XML: as it came, and what it says.
const XML_FACTOR: u64 = 4;

/// Lets a request in when its client is configured now and it asks for nothing that is not there.
pub(super) struct Access {
    pub(super) gateway: Arc<Gateway>,
}

/// The query of a request, decoded; in the request's extensions.
#[derive(Clone)]
pub(super) struct Query(pub(super) Arc<[(String, String)]>);

/// Who asks, and in which request.
pub(super) struct Caller {
    /// The client, with its grants.
    pub(super) principal: Principal,
    /// The request.
    pub(super) context: Arc<Context>,
}

#[async_trait]
impl S3Access for Access {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let name = cx.s3_op().name().to_owned();
        let principal = admit(&self.gateway, cx.credentials(), cx.headers())?;
        // Before s3s parses the operation's input: 501 whatever else is wrong with the request.
        if !IMPLEMENTED.contains(&name.as_str()) {
            return Err(errors::not_implemented(&name));
        }
        // s3s would hold each chunk whole in memory; the operations that take bodies decode them themselves.
        if auth::is_streaming(cx.headers()) && !STREAMING.contains(&name.as_str()) {
            return Err(errors::not_implemented("an aws-chunked body in this operation"));
        }
        refuse::tagging(cx.headers(), &name)?;
        let extensions = cx.extensions_mut();
        let query = extensions.get::<Query>().cloned().ok_or_else(lost)?;
        refuse::query(&query.0, &name)?;
        enter(extensions, &name, principal)?;
        if !XML.contains(&name.as_str()) {
            return Ok(());
        }
        let bytes = xml_memory(cx.headers());
        let share = self.gateway.share(bytes).await;
        let extensions = cx.extensions_mut();
        let context = extensions.get::<Arc<Context>>().ok_or_else(lost)?;
        let share = share.map_err(|error| errors::answer(error, context))?;
        context.note_xml();
        extensions.insert(Arc::new(share));
        Ok(())
    }
}

/// The principal of verified credentials, unless the request asks for what is not there.
pub(super) fn admit(gateway: &Gateway, credentials: Option<&Credentials>, headers: &HeaderMap) -> S3Result<Principal> {
    let found = credentials.and_then(|credentials| gateway.clients().find(&credentials.access_key));
    let Some(client) = found else { return Err(errors::plain("AccessDenied", 403, "Access Denied")) };
    let principal = client.principal.clone();
    // There are no account ids here; what clients see as the owner is the tenant.
    for name in ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"] {
        if headers.get(name).is_some_and(|owner| owner.as_bytes() != principal.tenant.as_str().as_bytes()) {
            return Err(errors::plain("AccessDenied", 403, "Access Denied"));
        }
    }
    refuse::headers(headers)?;
    Ok(principal)
}

/// What reading the body takes at most, in bytes.
fn xml_memory(headers: &HeaderMap) -> u64 {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let most = super::service::XML_LIMIT_BYTES as u64;
    announced.unwrap_or(most).min(most).saturating_mul(XML_FACTOR)
}

/// Notes operation and client, and leaves the principal for the operation.
pub(super) fn enter(extensions: &mut Extensions, operation: &str, principal: Principal) -> S3Result<()> {
    let context = extensions.get::<Arc<Context>>().ok_or_else(lost)?;
    context.note_operation(operation);
    context.note_client(&principal.client);
    extensions.insert(principal);
    Ok(())
}

impl Caller {
    /// The caller of a request that was let in.
    pub(super) fn of<T>(req: &S3Request<T>) -> S3Result<Self> {
        let principal = req.extensions.get::<Principal>().cloned().ok_or_else(lost)?;
        let context = req.extensions.get::<Arc<Context>>().cloned().ok_or_else(lost)?;
        context.note_call();
        Ok(Self { principal, context })
    }

    /// The proof that the caller may do `op`, or 403.
    pub(super) fn may<Op: Operation>(&self, op: Op) -> S3Result<Authorized<Op>> {
        self.principal.authorize(op).map_err(|denied| errors::denied(denied, &self.context))
    }

    /// A continuation token of the list that `of` names, which holds `content` and is sealed.
    pub(super) fn token(&self, gateway: &Gateway, of: &[&str], content: &[u8]) -> S3Result<String> {
        gateway.seal_token(&self.principal.tenant, of, content).map_err(|error| self.error(error))
    }

    /// What a token of the list that `of` names holds; `None` when it is not one.
    pub(super) fn read_token(&self, gateway: &Gateway, of: &[&str], token: &str) -> S3Result<Option<Vec<u8>>> {
        gateway.open_token(&self.principal.tenant, of, token).map_err(|error| self.error(error))
    }

    /// What a gateway error becomes.
    pub(super) fn error(&self, error: crate::gateway::Error) -> s3s::S3Error {
        errors::answer(error, &self.context)
    }
}

/// The request lost its extensions: our fault, and never a reason to let it in.
fn lost() -> s3s::S3Error {
    tracing::error!("a request reached an operation without its context");
    errors::plain("InternalError", 500, "We encountered an internal error. Please try again.")
}
