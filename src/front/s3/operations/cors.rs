//! Pages of other origins: a bucket's rules, what a browser asks beforehand, and what answers tell it.
//!
//! # Invariants
//! - A preflight says nothing of who asks and holds nothing: one look-up by the bucket's name. A bucket that is not there is
//!   answered as one without a rule that fits.
//! - An answer to who is known is shared by the rules of the bucket of that tenant, and no other's.
//!
//! Source: S3 API reference, "PutBucketCors", "OPTIONS object"; S3 user guide, "CORS configuration".

use std::net::IpAddr;

use http::{HeaderMap, Method, StatusCode};

use crate::front::cors;
use crate::front::exchange::Exchange;
use crate::front::reply::Reply;
use crate::front::s3::admission::ask::Ask;
use crate::front::s3::admission::house::House;
use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::errors::{self, access_forbidden, invalid, plain};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::{checksums, cors_xml};
use crate::front::server::RequestBody;
use crate::gateway::{ReadCors, SetCors};
use crate::model::{BucketName, BucketRef, CorsTarget, CrossOrigin, first_that_fits};

/// GetBucketCors.
pub(in crate::front::s3) async fn get(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let op = ask.may(ReadCors { of: CorsTarget::Bucket(ask.bucket()?) })?;
    let share = ask.room(None, cors_xml::MOST_MEMORY).await?;
    let rules = ask.house.gateway.read_cors(op).await.map_err(|error| ask.refuse(error))?;
    if rules.is_empty() {
        return Err(plain("NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"));
    }
    Ok(Reply::xml(cors_xml::write(&rules)).holding(share))
}

/// PutBucketCors.
pub(in crate::front::s3) async fn set(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    let read = |bytes: &[u8]| Ok((bytes.len(), cors_xml::read(bytes)?));
    let (length, rules) = ask.read_xml(body, checksums::claims, read).await?;
    if length > cors_xml::MOST_BYTES {
        return Err(invalid("MaxMessageLengthExceeded", "Your request was too large."));
    }
    if let Some(reason) = cors_xml::fault(&rules) {
        return Err(invalid("InvalidRequest", reason));
    }
    let op = ask.may(SetCors { of: CorsTarget::Bucket(ask.bucket()?), rules })?;
    ask.house.gateway.set_cors(op).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::OK))
}

/// DeleteBucketCors.
pub(in crate::front::s3) async fn delete(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let op = ask.may(SetCors { of: CorsTarget::Bucket(ask.bucket()?), rules: Vec::new() })?;
    ask.house.gateway.set_cors(op).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::NO_CONTENT))
}

/// OPTIONS: asked before the page's request, by a browser that says nothing of who the page is.
pub(in crate::front::s3) async fn preflight(
    house: &House,
    asked: &Asked<'_>,
    from: IpAddr,
    exchange: &Exchange,
) -> Result<Reply, Refusal> {
    let Some(page) = cors::preflight(&asked.headers) else {
        let text = "Insufficient information. Origin request header needed, and Access-Control-Request-Method.";
        return Err(invalid("BadRequest", text));
    };
    let name = asked.target.bucket.as_deref().and_then(|name| BucketName::parse(name).ok());
    let name = name.ok_or_else(access_forbidden)?;
    let rules = house.gateway.cors_of_name(&name, from).await.map_err(|error| errors::answer(error, exchange))?;
    let found = rules.iter().find_map(|rules| first_that_fits(rules, &page)).ok_or_else(access_forbidden)?;
    let mut reply = Reply::new(StatusCode::OK);
    cors::allow(&mut reply.headers, &found, &page);
    Ok(reply)
}

/// A page's request, as far as its answer must tell of it.
pub(in crate::front::s3) struct Page {
    /// Its origin.
    pub(in crate::front::s3) origin: String,
    /// Its method.
    pub(in crate::front::s3) method: Method,
    /// Where it comes from.
    pub(in crate::front::s3) from: IpAddr,
    /// The bucket that it names.
    pub(in crate::front::s3) bucket: Option<BucketName>,
}

impl Page {
    /// That of a request of a page.
    pub(in crate::front::s3) fn of(method: &Method, headers: &HeaderMap, from: IpAddr) -> Option<Self> {
        let origin = cors::origin(headers).filter(|_| *method != Method::OPTIONS)?;
        Some(Self { origin, method: method.clone(), from, bucket: None })
    }

    /// Tells the page what it may read of an answer, which has all its other headers. What is not known is not shared.
    pub(in crate::front::s3) async fn share(self, house: &House, exchange: &Exchange, answer: &mut HeaderMap) {
        let Self { origin, method, from, bucket: Some(name) } = self else { return };
        let rules = match exchange.client().and_then(|client| house.gateway.clients().find(client.as_str())) {
            Some(client) => {
                let tenant = client.principal.tenant.clone();
                house.gateway.cors_of_bucket(BucketRef { tenant, name }).await.map(|rules| vec![rules])
            }
            None => house.gateway.cors_of_name(&name, from).await,
        };
        let page = CrossOrigin { origin: &origin, method: method.as_str(), headers: "" };
        let rules = rules.unwrap_or_default();
        if let Some(found) = rules.iter().find_map(|rules| first_that_fits(rules, &page)) {
            cors::share(answer, &found, &origin);
            cors::vary_by_all(answer);
        } else if rules.iter().any(|rules| !rules.is_empty()) {
            // S3 says nothing here; but a cache must not give this answer to a page that a rule allows.
            cors::vary(answer);
        }
    }
}
