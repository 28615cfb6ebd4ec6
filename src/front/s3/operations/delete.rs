//! DeleteObject and DeleteObjects.

use futures::{StreamExt, stream};
use http::StatusCode;

use crate::front::reply::Reply;
use crate::front::s3::admission::ask::{self, Ask};
use crate::front::s3::wire::errors;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::xml::{self, Deletion, Doomed};
use crate::front::s3::wire::{checksums, conditions};
use crate::front::server::RequestBody;
use crate::gateway::DeleteObject;
use crate::model::{BucketName, Conditions, ETag, EtagCondition};

/// Deletions of one request that run at once.
const PARALLEL: usize = 16;
/// Bytes of memory for each byte of a key: as it was asked for, and in the answer, where one byte may take five.
const KEY_FACTOR: u64 = 6;
/// Most bytes of what else the answer says of a key.
const OUTCOME_BYTES: u64 = 512;

/// DeleteObject.
pub(in crate::front::s3) async fn one(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let conditions = conditions::for_write(&ask.asked.headers);
    let op = DeleteObject { bucket: ask.bucket()?, key: ask.key()?, conditions };
    let bucket = op.bucket.clone();
    let deleted = ask.house.gateway.delete_object(ask.may(op)?).await;
    deleted.map_err(|error| ask.refuse_change(error, &bucket, ask.key_name()))?;
    Ok(Reply::new(StatusCode::NO_CONTENT))
}

/// DeleteObjects: each key has its own grant and its own outcome.
pub(in crate::front::s3) async fn many(ask: &Ask<'_>, body: RequestBody) -> Result<Reply, Refusal> {
    let bucket = ask.bucket()?;
    let (Deletion { keys, quiet }, held) = ask.read_xml_held(body, checksums::required, xml::deletion).await?;
    // Before anything is deleted: an answer that there is no memory for would hide what was.
    let most = keys.iter().map(|doomed| doomed.key.len() as u64 * KEY_FACTOR + OUTCOME_BYTES).sum();
    let share = ask.room(held, most).await?;
    let outcomes: Vec<_> = stream::iter(keys)
        .map(|doomed| {
            let bucket = &bucket;
            async move {
                let outcome = delete(ask, bucket, &doomed).await;
                (doomed.key, outcome)
            }
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    let text = xml::document("DeleteResult", |writer| {
        for (key, outcome) in &outcomes {
            match outcome {
                Ok(()) if quiet => {}
                Ok(()) => writer.within("Deleted", |writer| writer.text("Key", key)),
                Err(refusal) => writer.within("Error", |writer| {
                    writer.text("Key", key);
                    writer.text("Code", refusal.code);
                    writer.text("Message", &refusal.text);
                }),
            }
        }
    });
    Ok(Reply::xml(text).holding(share))
}

async fn delete(ask: &Ask<'_>, bucket: &BucketName, doomed: &Doomed) -> Result<(), Refusal> {
    if doomed.version.as_deref().is_some_and(|version| version != "null") {
        return Err(errors::no_such_version());
    }
    if doomed.has_more_conditions {
        return Err(errors::not_implemented("conditions on size and time of keys to delete"));
    }
    let if_match = doomed.etag.as_deref().map(|tag| match tag {
        "*" => EtagCondition::Any,
        tag => EtagCondition::OneOf(ETag::parse(tag).into_iter().collect()),
    });
    let conditions = Conditions { if_match, ..Conditions::default() };
    let op = DeleteObject { bucket: bucket.clone(), key: ask::key(&doomed.key)?, conditions };
    let deleted = ask.house.gateway.delete_object(ask.may(op)?).await;
    deleted.map_err(|error| ask.refuse_change(error, bucket, &doomed.key))
}
