//! A refusal as an answer.

use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};

use super::context::Context;
use super::refusal::Refusal;
use super::xml;
use crate::front::http_date;
use crate::front::reply::{Payload, Reply};
use crate::model::Timestamp;

/// An error as an answer. The answer to HEAD, and 304, have its code in a header only.
pub(in crate::front::azure) fn refused(refusal: Refusal, context: &Context) -> Reply {
    let mut reply = error_reply(&refusal, context.id());
    if refusal.status == StatusCode::NOT_MODIFIED {
        reply.payload = Payload::Empty;
        reply.headers.remove(CONTENT_TYPE);
    }
    reply
}

/// A refusal with its body.
pub(in crate::front::azure) fn error_reply(refusal: &Refusal, id: &str) -> Reply {
    let mut reply = Reply::new(refusal.status);
    reply.headers.extend(refusal.headers.clone());
    let text = xml::error(refusal.code, &refusal.text, id, &now(), &refusal.details);
    reply.payload = Payload::Whole(text.into());
    reply.with(CONTENT_TYPE, "application/xml").with(ERROR_CODE, refusal.code)
}

/// Now, as error bodies write it.
fn now() -> String {
    let format =
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");
    time::OffsetDateTime::now_utc().format(format).unwrap_or_else(|_cause| http_date::written(Timestamp::now()))
}

const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
