//! Set Blob Properties, Set Blob Metadata, Set Blob Tier, Snapshot Blob, Delete Blob, Undelete Blob.

use http::StatusCode;

use super::received::encrypted;
use crate::front::azure::admission::ask::Ask;
use crate::front::azure::wire::errors::no_tier_here;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::shown::named;
use crate::front::azure::wire::{conditions, properties};
use crate::front::reply::Reply;
use crate::gateway::{
    HeadObject, RemoveObject, RestoreObject, ReviseObject, Revision, Select, SnapshotObject, SnapshotRule, Version,
};
use crate::model::{Conditions, Tier};

/// Set Blob Properties: all six headers, those that are not sent too.
pub(in crate::front::azure) async fn properties(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let system = properties::system(&ask.asked, false)?;
    let shown_md5 = properties::shown_md5(&ask.asked)?;
    let revision = Revision::Headers { system: Box::new(system), shown_md5 };
    let version = revised(ask, revision, conditions::of_change(&ask.asked)?).await?;
    Ok(Reply::new(StatusCode::OK).of_state(&version.state_tag(), version.modified))
}

/// Set Blob Metadata.
pub(in crate::front::azure) async fn metadata(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let revision = Revision::User(properties::user(&ask.asked)?);
    let version = revised(ask, revision, conditions::of_change(&ask.asked)?).await?;
    Ok(encrypted(Reply::new(StatusCode::OK).of_state(&version.state_tag(), version.modified)))
}

/// Set Blob Tier. Nothing moves; from Archive a blob is back at once.
pub(in crate::front::azure) async fn tier(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let tier = properties::tier(&ask.asked)?.ok_or_else(|| Refusal::missing_header("x-ms-access-tier"))?;
    let conditions = conditions::of_tags(&ask.asked)?;
    let op = ask.may(HeadObject {
        bucket: ask.bucket()?,
        key: ask.key()?,
        snapshot: ask.snapshot()?,
        select: Select::All,
        conditions: Conditions::default(),
    });
    // Whoever may set a tier need not be allowed to read: then the answer cannot tell where the blob comes from.
    let before = match op {
        Ok(op) => Some(ask.house.gateway.head_object(op).await.map_err(|error| ask.refuse(error))?.0),
        Err(_denied) => None,
    };
    if before.as_ref().is_some_and(|version| version.metadata.append.is_some()) {
        return Err(no_tier_here());
    }
    let rehydrated = before.as_ref().is_some_and(Version::is_archived) && tier.name != Tier::ARCHIVE;
    revised(ask, Revision::Tier(Some(tier)), conditions).await?;
    Ok(Reply::new(if rehydrated { StatusCode::ACCEPTED } else { StatusCode::OK }))
}

/// Snapshot Blob.
pub(in crate::front::azure) async fn snapshot(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let user = properties::user(&ask.asked)?;
    let op = SnapshotObject {
        bucket: ask.bucket()?,
        key: ask.key()?,
        user: (!user.is_empty()).then_some(user),
        conditions: conditions::of_change(&ask.asked)?,
    };
    let version = ask.house.gateway.snapshot_object(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    let taken = version.snapshot.map(|id| id.to_string()).unwrap_or_default();
    let reply = Reply::new(StatusCode::CREATED).of_state(&version.state_tag(), version.modified);
    Ok(encrypted(reply).with(named("x-ms-snapshot"), &taken))
}

/// Delete Blob.
pub(in crate::front::azure) async fn delete(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let snapshot = ask.snapshot()?;
    let rule = ask.asked.headers.get("x-ms-delete-snapshots").map(|value| value.to_str().unwrap_or_default());
    let snapshots = match rule {
        None => SnapshotRule::MustBeNone,
        Some(text) if snapshot.is_some() => return Err(Refusal::invalid_header("x-ms-delete-snapshots", text)),
        Some(text) if text.eq_ignore_ascii_case("include") => SnapshotRule::Include,
        Some(text) if text.eq_ignore_ascii_case("only") => SnapshotRule::Only,
        Some(text) => return Err(Refusal::invalid_header("x-ms-delete-snapshots", text)),
    };
    let for_good = match ask.asked.parameter("deletetype") {
        None => false,
        Some(text) if text.eq_ignore_ascii_case("permanent") => true,
        Some(text) => return Err(Refusal::invalid_parameter("deletetype", text)),
    };
    let op = RemoveObject {
        bucket: ask.bucket()?,
        key: ask.key()?,
        snapshot,
        snapshots,
        for_good,
        conditions: conditions::of_write(&ask.asked)?,
    };
    ask.house.gateway.remove_object(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    let permanent = for_good || ask.house.soft_delete.is_none();
    Ok(Reply::new(StatusCode::ACCEPTED)
        .with(named("x-ms-delete-type-permanent"), if permanent { "true" } else { "false" }))
}

/// Undelete Blob.
pub(in crate::front::azure) async fn undelete(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let op = RestoreObject { bucket: ask.bucket()?, key: ask.key()? };
    ask.house.gateway.restore_object(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::OK))
}

async fn revised(ask: &Ask<'_>, revision: Revision, conditions: Conditions) -> Result<Version, Refusal> {
    let op = ReviseObject { bucket: ask.bucket()?, key: ask.key()?, snapshot: ask.snapshot()?, revision, conditions };
    ask.house.gateway.revise_object(ask.may(op)?).await.map_err(|error| ask.refuse(error))
}
