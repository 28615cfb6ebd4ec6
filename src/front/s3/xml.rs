//! What XML 1.0 can carry, and how listings encode what it cannot.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but RFC 3986's unreserved characters and the slash: what `encoding-type=url` escapes.
const URL_ENCODING: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Whether a reader of XML 1.0 gets `text` back as it is (XML 1.0 §2.2, and §2.11, which eats carriage returns).
pub(super) fn can_carry(text: &str) -> bool {
    !text.chars().any(|c| (c < ' ' && c != '\t' && c != '\n') || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
}

/// `text` as `encoding-type=url` shows it.
pub(super) fn url_encode(text: &str) -> String {
    utf8_percent_encode(text, URL_ENCODING).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_cannot_be_carried() {
        assert!(can_carry("radiologie/é\t\n<&>"));
        for text in ["\u{1}", "a\rb", "\u{0}", "\u{1f}", "\u{FFFF}"] {
            assert!(!can_carry(text), "{text:?}");
        }
    }

    #[test]
    fn encoding_keeps_slashes_and_escapes_the_rest() {
        assert_eq!(url_encode("a/b c+é\r"), "a/b%20c%2B%C3%A9%0D");
    }
}
