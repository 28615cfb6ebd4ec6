//! Lease Blob, Lease Container.
//!
//! Source: "Lease Blob", "Lease Container".

use http::StatusCode;

use crate::front::azure::admission::ask::{self, Ask};
use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::conditions;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::named;
use crate::front::reply::Reply;
use crate::gateway::{LeaseBucket, LeaseObject};
use crate::model::{Conditions, ETag, LeaseAction, LeaseOutcome, Timestamp};

/// Lease Blob.
pub(in crate::front::azure) async fn blob(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let action = action(&ask.asked)?;
    let conditions = Conditions { lease: None, ..conditions::of_write(&ask.asked)? };
    let op = ask.may(LeaseObject { bucket: ask.bucket()?, key: ask.key()?, action: action.clone(), conditions })?;
    let outcome = ask.house.gateway.lease_object(op).await.map_err(|error| ask.refuse(error))?;
    Ok(reply(&action, outcome))
}

/// Lease Container.
pub(in crate::front::azure) async fn container(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let action = action(&ask.asked)?;
    let conditions = Conditions { lease: None, ..conditions::of_write(&ask.asked)? };
    let op = ask.may(LeaseBucket { bucket: ask.bucket()?, action: action.clone(), conditions })?;
    let outcome = ask.house.gateway.lease_bucket(op).await.map_err(|error| ask.refuse(error))?;
    Ok(reply(&action, outcome))
}

fn action(asked: &Asked<'_>) -> Result<LeaseAction, Refusal> {
    let Some(word) = asked.headers.get("x-ms-lease-action") else {
        return Err(Refusal::missing_header("x-ms-lease-action"));
    };
    let word = word.to_str().unwrap_or_default();
    let id = || conditions::lease_id(asked, "x-ms-lease-id")?.ok_or_else(|| Refusal::missing_header("x-ms-lease-id"));
    match word.to_ascii_lowercase().as_str() {
        "acquire" => {
            let proposed = conditions::lease_id(asked, "x-ms-proposed-lease-id")?;
            let id = proposed.map_or_else(ask::fresh_id, Ok)?;
            Ok(LeaseAction::Acquire { id, duration_seconds: duration(asked)? })
        }
        "renew" => Ok(LeaseAction::Renew { id: id()? }),
        "change" => {
            let proposed = conditions::lease_id(asked, "x-ms-proposed-lease-id")?
                .ok_or_else(|| Refusal::missing_header("x-ms-proposed-lease-id"))?;
            Ok(LeaseAction::Change { id: id()?, proposed })
        }
        "release" => Ok(LeaseAction::Release { id: id()? }),
        "break" => Ok(LeaseAction::Break { period_seconds: period(asked)? }),
        _ => Err(Refusal::invalid_header("x-ms-lease-action", word)),
    }
}

/// 15 to 60 seconds, or for ever.
fn duration(asked: &Asked<'_>) -> Result<Option<u32>, Refusal> {
    let name = "x-ms-lease-duration";
    let Some(value) = asked.headers.get(name) else { return Err(Refusal::missing_header(name)) };
    match value.to_str().unwrap_or_default() {
        "-1" => Ok(None),
        text => match text.parse() {
            Ok(seconds @ 15..=60) => Ok(Some(seconds)),
            _ => Err(Refusal::invalid_header(name, text)),
        },
    }
}

/// 0 to 60 seconds.
fn period(asked: &Asked<'_>) -> Result<Option<u32>, Refusal> {
    let name = "x-ms-lease-break-period";
    let Some(value) = asked.headers.get(name) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    match text.parse() {
        Ok(seconds @ 0..=60) => Ok(Some(seconds)),
        _ => Err(Refusal::invalid_header(name, text)),
    }
}

fn reply(action: &LeaseAction, (outcome, tag, modified): (LeaseOutcome, ETag, Timestamp)) -> Reply {
    let id = outcome.lease.as_ref().map(|lease| lease.id.as_str());
    match action {
        LeaseAction::Acquire { .. } => Reply::new(StatusCode::CREATED).with_some(named("x-ms-lease-id"), id),
        LeaseAction::Renew { .. } | LeaseAction::Change { .. } => {
            Reply::new(StatusCode::OK).with_some(named("x-ms-lease-id"), id)
        }
        LeaseAction::Release { .. } => Reply::new(StatusCode::OK),
        LeaseAction::Break { .. } => {
            Reply::new(StatusCode::ACCEPTED).with(named("x-ms-lease-time"), &outcome.remaining_seconds.to_string())
        }
    }
    .of_state(&tag, modified)
}
