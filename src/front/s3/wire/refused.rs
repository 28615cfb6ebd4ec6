//! A refusal as an answer.

use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::front::reply::{Payload, Reply};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::xml::Writer;

/// An error as an answer. That to HEAD, and 304, have no body, and say nothing of one.
pub(in crate::front::s3) fn refused(refusal: Refusal, id: &str, head: bool) -> Reply {
    let mut reply = Reply::new(refusal.status);
    if !head && refusal.status != StatusCode::NOT_MODIFIED {
        reply.payload = Payload::Whole(body(&refusal, id).into());
        reply = reply.with(CONTENT_TYPE, "application/xml");
    }
    reply.headers.extend(refusal.headers);
    reply
}

fn body(refusal: &Refusal, id: &str) -> String {
    let mut writer = Writer::new();
    writer.within("Error", |writer| {
        writer.text("Code", refusal.code);
        writer.text("Message", &refusal.text);
        for (name, value) in &refusal.details {
            writer.text(name, value);
        }
        writer.text("RequestId", id);
    });
    writer.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_which_request_it_was() {
        let refusal = Refusal::new(StatusCode::NOT_FOUND, "X", "a < b").detail("Region", "r");
        assert!(body(&refusal, "AB").ends_with(
            "<Error><Code>X</Code><Message>a &lt; b</Message><Region>r</Region><RequestId>AB</RequestId></Error>"
        ));
        let reply = refused(refusal, "AB", true);
        assert!(matches!(reply.payload, Payload::Empty) && !reply.headers.contains_key(CONTENT_TYPE));
    }
}
