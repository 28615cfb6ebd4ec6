//! Who asks: from verified credentials to a principal, again for every request.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::CONTENT_LENGTH;
use http::{Extensions, HeaderMap};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::Credentials;
use s3s::path::S3Path;
use s3s::{S3Error, S3Request, S3Result};

use super::context::Context;
use super::service::XML_LIMIT_BYTES;
use super::{auth, body, errors, put, refuse};
use crate::front::server::Standing;
use crate::gateway::{Error, Gateway, ReadSmall};
use crate::model::{Action, Authorized, Operation, Principal};

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

/// Those that s3s reads an XML body of, whole, and what they do to bucket or object, at least.
const XML: [(&str, Action); 4] = [
    ("CreateBucket", Action::Admin),
    ("DeleteObjects", Action::Delete),
    ("CompleteMultipartUpload", Action::Write),
    ("PutObjectTagging", Action::Write),
];

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
        let Some((_, action)) = XML.iter().find(|(xml, _)| *xml == name) else { return Ok(()) };
        self.read_xml(*action, cx).await
    }
}

impl Access {
    /// Reads the XML of a request, if its caller may do at least that to what the path names; s3s then finds it in memory.
    async fn read_xml(&self, action: Action, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let needs = match cx.s3_path() {
            S3Path::Root => None,
            S3Path::Bucket { bucket } => Some((action, put::bucket(bucket)?, None)),
            S3Path::Object { bucket, key } => Some((action, put::bucket(bucket)?, Some(put::key(key)?))),
        };
        let announced = cx.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let op = ReadSmall { needs, announced, most_bytes: XML_LIMIT_BYTES as u64 };
        let extensions = cx.extensions_mut();
        let context = Arc::clone(extensions.get::<Arc<Context>>().ok_or_else(lost)?);
        let principal = extensions.get::<Principal>().ok_or_else(lost)?;
        let op = principal.authorize(op).map_err(|denied| errors::denied(denied, &context))?;
        context.note_xml();
        let Some(raw) = context.body().take() else { return Ok(()) };
        let stream = body::bytes_of(raw, Arc::clone(&context));
        let small = match self.gateway.read_small(op, stream).await {
            Ok(small) => small,
            // s3s tells a body of another length than its announced one, and knows none without.
            Err(Error::TooLarge) => return Err(too_large()),
            Err(_) if context.has_too_many_tags() => return Err(too_large()),
            Err(error) => return Err(errors::answer(error, &context)),
        };
        *context.body() = Some(body::whole(small.bytes.clone()));
        extensions.insert(Arc::new(small));
        Ok(())
    }
}

fn too_large() -> S3Error {
    errors::invalid("MaxMessageLengthExceeded", "Your request was too large.")
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

/// Notes operation and client, and leaves the principal for the operation.
pub(super) fn enter(extensions: &mut Extensions, operation: &str, principal: Principal) -> S3Result<()> {
    let context = extensions.get::<Arc<Context>>().ok_or_else(lost)?;
    context.note_operation(operation);
    context.note_client(&principal.client);
    if let Some(standing) = extensions.get::<Standing>() {
        let stay = standing.known_as(&principal.client).map_err(|_too_many| errors::answer(Error::Busy, context))?;
        context.stay(stay);
    }
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
    pub(super) fn error(&self, error: Error) -> S3Error {
        errors::answer(error, &self.context)
    }
}

/// The request lost its extensions: our fault, and never a reason to let it in.
fn lost() -> S3Error {
    tracing::error!("a request reached an operation without its context");
    errors::plain("InternalError", 500, "We encountered an internal error. Please try again.")
}
