//! Continuation tokens of ListObjectsV2; their form is [`token`]'s. The payload is text: a key, or a common prefix of one.

use crate::front::token;
use crate::gateway::ListStart;

/// The longest text.
const MAX_TEXT_BYTES: usize = 1024;

/// The token for a page that begins at `start`.
pub(super) fn encode_token(start: &ListStart) -> String {
    let (kind, text) = match start {
        ListStart::First => (0, ""),
        // Only pages with extras begin within a name, and this front asks for none.
        ListStart::After(text) | ListStart::Within { key: text, .. } => (1, text.as_str()),
        ListStart::At(text) => (2, text.as_str()),
        ListStart::AfterPrefix(text) => (3, text.as_str()),
    };
    token::encode(kind, b"", text)
}

/// Where the page of a token begins; `None` when it is not one of ours.
pub fn parse_token(token: &str) -> Option<ListStart> {
    let (kind, payload) = token::parse(token, MAX_TEXT_BYTES)?;
    let text = String::from_utf8(payload).ok()?;
    match kind {
        0 if text.is_empty() => Some(ListStart::First),
        1 => Some(ListStart::After(text)),
        2 => Some(ListStart::At(text)),
        3 => Some(ListStart::AfterPrefix(text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_went() {
        for start in [
            ListStart::First,
            ListStart::After("a/é\n".into()),
            ListStart::At(String::new()),
            ListStart::AfterPrefix("x".repeat(1024)),
        ] {
            assert_eq!(parse_token(&encode_token(&start)), Some(start));
        }
    }

    #[test]
    fn a_token_of_another_kind_is_refused() {
        for other in [token::encode(0, b"", "x"), token::encode(4, b"", "x"), token::encode(1, &[0xff], "")] {
            assert_eq!(parse_token(&other), None, "{other}");
        }
        assert_eq!(parse_token(&encode_token(&ListStart::After("x".repeat(1025)))), None);
    }
}
