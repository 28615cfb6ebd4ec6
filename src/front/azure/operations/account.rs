//! Operations on the account.

use http::StatusCode;

use crate::front::azure::admission::ask::Ask;
use crate::front::azure::wire::asked::Incoming;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::named;
use crate::front::azure::wire::{errors, properties, xml};
use crate::front::http_date;
use crate::front::reply::Reply;
use crate::gateway::{ReadCors, SetCors};
use crate::model::{CorsRule, CorsTarget, Timestamp};

/// Largest document of properties or of times, in bytes.
const MOST_XML_BYTES: u64 = 64 * 1024;
const DAY_SECONDS: u64 = 86_400;

/// Get Blob Service Properties: what this gateway is, and the account's rules for the pages of other origins.
pub(in crate::front::azure) async fn service_properties(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    Ok(Reply::xml(xml::service_properties(retention_days(ask), &rules(ask).await?)))
}

async fn rules(ask: &Ask<'_>) -> Result<Vec<CorsRule>, Refusal> {
    let op = ask.may(ReadCors { of: CorsTarget::Account })?;
    ask.house.gateway.read_cors(op).await.map_err(|error| ask.refuse(error))
}

/// Set Blob Service Properties. Rules for the pages of other origins are kept, from who may administer every container. The
/// configuration decides all else; a request that asks for what is so already succeeds.
pub(in crate::front::azure) async fn set_service_properties(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let claimed = properties::claims(&ask.asked)?;
    let small = ask.read_small(body, None, MOST_XML_BYTES, &claimed.claims).await?;
    let wanted = xml::read_service_properties(&small.bytes)?;
    if wanted.asks_for_what_is_not_here(retention_days(ask)) {
        let text = "The properties of the service are decided in the gateway's configuration.";
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, Code::NotImplemented, text));
    }
    if let Some(rules) = wanted.cors
        && rules != self::rules(ask).await?
    {
        let op = ask.may(SetCors { of: CorsTarget::Account, rules })?;
        ask.house.gateway.set_cors(op).await.map_err(|error| ask.refuse(error))?;
    }
    Ok(Reply::new(StatusCode::ACCEPTED))
}

/// Get Blob Service Stats: of the secondary endpoint only, as the service has it. Both endpoints read one catalog.
pub(in crate::front::azure) fn stats(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    if !ask.asked.target.secondary {
        return Err(Refusal::invalid_parameter("comp", "stats"));
    }
    Ok(Reply::xml(xml::stats(&http_date::written(Timestamp::now()))))
}

/// Get Account Information.
pub(in crate::front::azure) fn information() -> Reply {
    Reply::new(StatusCode::OK)
        .with(named("x-ms-sku-name"), "Standard_RAGRS")
        .with(named("x-ms-account-kind"), "StorageV2")
        .with(named("x-ms-is-hns-enabled"), "false")
}

/// Get User Delegation Key.
pub(in crate::front::azure) async fn delegation_key(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let small = ask.read_small(body, None, MOST_XML_BYTES, &[]).await?;
    let (start, expiry) = xml::key_info(&small.bytes)?;
    let key = ask.caller.delegation_key(start.as_deref(), &expiry, &ask.version, Timestamp::now())?;
    if key.value.expose().is_empty() {
        return Err(errors::plain(500, Code::InternalError, "The server encountered an internal error."));
    }
    Ok(Reply::xml(xml::delegation_key(&xml::DelegationFields {
        oid: &key.oid,
        tid: &key.tid,
        start: &key.start,
        expiry: &key.expiry,
        service: key.service,
        version: &key.version,
        value: key.value.expose(),
    })))
}

fn retention_days(ask: &Ask<'_>) -> Option<u32> {
    let days = ask.house.soft_delete?.as_secs().div_ceil(DAY_SECONDS);
    Some(u32::try_from(days).unwrap_or(u32::MAX))
}
