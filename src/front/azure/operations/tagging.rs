//! Get Blob Tags, Set Blob Tags, Find Blobs by Tags.

use http::StatusCode;

use super::listing;
use crate::front::azure::admission::ask::Ask;
use crate::front::azure::wire::asked::Incoming;
use crate::front::azure::wire::refusal::Refusal;
use crate::front::azure::wire::{conditions, properties, tokens, xml};
use crate::front::reply::Reply;
use crate::gateway::{FindByTags, HeadObject, ReviseObject, Revision, Select};
use crate::model::{Action, TagExpression};

/// Largest set of tags, in bytes: ten of the longest fit many times.
const MOST_TAGS_BYTES: u64 = 64 * 1024;
/// What markers of searches are sealed for.
const FOUND: &str = "azure/found";

/// Get Blob Tags.
pub(in crate::front::azure) async fn get(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let op = ask.may(HeadObject {
        bucket: ask.bucket()?,
        key: ask.key()?,
        snapshot: ask.snapshot()?,
        select: Select::All,
        conditions: conditions::of_tags(&ask.asked)?,
    })?;
    let (version, _) = ask.house.gateway.head_object(op).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::xml(xml::tags(&version.metadata.tags)))
}

/// Set Blob Tags.
pub(in crate::front::azure) async fn set(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    let claimed = properties::claims(&ask.asked)?;
    let small = ask.read_small(body, Some(Action::Write), MOST_TAGS_BYTES, &claimed.claims).await?;
    let tags = properties::checked(xml::read_tags(&small.bytes)?)?;
    let op = ReviseObject {
        bucket: ask.bucket()?,
        key: ask.key()?,
        snapshot: ask.snapshot()?,
        revision: Revision::Tags(tags),
        conditions: conditions::of_tags(&ask.asked)?,
    };
    ask.house.gateway.revise_object(ask.may(op)?).await.map_err(|error| ask.refuse(error))?;
    Ok(Reply::new(StatusCode::NO_CONTENT))
}

/// Find Blobs by Tags, in the account or in one container.
pub(in crate::front::azure) async fn find(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let text = ask.asked.parameter("where").unwrap_or_default();
    let expression = TagExpression::parse_search(text).map_err(|_fault| Refusal::invalid_parameter("where", text))?;
    let bucket = match &ask.asked.target.container {
        Some(name) => Some(crate::front::azure::admission::ask::bucket(name)?),
        None => None,
    };
    let limit = listing::limit(&ask.asked)?;
    let search = [FOUND, ask.asked.target.container.as_deref().unwrap_or_default(), text];
    let marker = ask.asked.parameter("marker").filter(|text| !text.is_empty());
    let after = match marker {
        None => None,
        Some(marker) => {
            let found = ask.read_marker(&search, marker)?.and_then(|found| tokens::parse_found(&found));
            Some(found.ok_or_else(|| listing::bad_marker(marker))?)
        }
    };
    let named: Vec<String> = expression.ranges().iter().map(|range| range.name.to_owned()).collect();
    let op = ask.may(FindByTags { bucket, expression, after, limit })?;
    let (mut page, share) = ask.house.gateway.find_by_tags(op).await.map_err(|error| ask.refuse(error))?;
    // Only the tags that were asked for are shown.
    for found in &mut page.found {
        found.tags.retain(|name, _| named.contains(name));
    }
    let next = page.next.as_ref().map(|(bucket, key)| ask.marker(&search, &tokens::found_bytes(bucket, key)));
    let next = next.transpose()?;
    Ok(Reply::xml(xml::found(&ask.endpoint(), text, &page.found, next.as_deref())).holding(share))
}
