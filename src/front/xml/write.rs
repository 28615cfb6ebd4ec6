//! Documents that are written.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::tree::is_character;
use crate::model::Tags;

/// What documents begin with.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

/// All but RFC 3986's unreserved characters and the slash.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Writes a document; the one place that escapes.
pub(in crate::front) struct Writer(String);

impl Writer {
    /// A document with its declaration.
    pub(in crate::front) fn new() -> Self {
        Self(DECLARATION.to_owned())
    }

    /// A piece of a document, without a declaration.
    pub(in crate::front) fn piece() -> Self {
        Self(String::new())
    }

    /// An element and what `inner` writes in it.
    pub(in crate::front) fn within(&mut self, name: &str, inner: impl FnOnce(&mut Self)) {
        self.with(name, &[], inner);
    }

    /// The same with attributes.
    pub(in crate::front) fn with(&mut self, name: &str, attributes: &[(&str, &str)], inner: impl FnOnce(&mut Self)) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.escaped(value, true);
            self.0.push('"');
        }
        self.0.push('>');
        let begin = self.0.len();
        inner(self);
        if self.0.len() == begin {
            self.0.pop();
            self.0.push_str(" />");
        } else {
            self.0.push_str("</");
            self.0.push_str(name);
            self.0.push('>');
        }
    }

    /// An element that holds text.
    pub(in crate::front) fn text(&mut self, name: &str, text: &str) {
        self.within(name, |writer| writer.characters(text));
    }

    /// Text.
    pub(in crate::front) fn characters(&mut self, text: &str) {
        self.escaped(text, false);
    }

    /// An element that holds a number.
    pub(in crate::front) fn number(&mut self, name: &str, number: u64) {
        self.text(name, &number.to_string());
    }

    /// An element that holds `true` or `false`.
    pub(in crate::front) fn boolean(&mut self, name: &str, value: bool) {
        self.text(name, if value { "true" } else { "false" });
    }

    /// An element that holds text, if there is any.
    pub(in crate::front) fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// `TagSet`, with the tags in it.
    pub(in crate::front) fn tag_set(&mut self, tags: &Tags) {
        self.within("TagSet", |writer| {
            for (name, value) in tags {
                writer.within("Tag", |writer| {
                    writer.text("Key", name);
                    writer.text("Value", value);
                });
            }
        });
    }

    /// The document.
    pub(in crate::front) fn done(self) -> String {
        self.0
    }

    /// Reading that XML does not allow become U+FFFD.
    fn escaped(&mut self, text: &str, attribute: bool) {
        // Nearly all text is plain, and lists have much of it.
        if text.bytes().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'&' | b'<' | b'>' | b'"')) {
            self.0.push_str(text);
            return;
        }
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' if attribute => self.0.push_str("&quot;"),
                '\r' => self.0.push_str("&#xD;"),
                '\n' if attribute => self.0.push_str("&#xA;"),
                '\t' if attribute => self.0.push_str("&#x9;"),
                c if is_character(c) => self.0.push(c),
                _ => self.0.push(char::REPLACEMENT_CHARACTER),
            }
        }
    }
}

/// Whether XML 1.0 can carry `text`, if need be by references.
pub(in crate::front) fn can_carry(text: &str) -> bool {
    text.chars().all(is_character)
}

/// `text` percent-encoded, slashes not.
pub(in crate::front) fn url_encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{Reading, root};
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["a<b>&\"c'", " é\t\n", "Icon\r", "\u{FFFD}", "]]>"] {
            let mut writer = Writer::new();
            writer.with("A", &[("xmlns", text)], |writer| writer.text("B", text));
            let document = writer.done();
            let node = root(document.as_bytes(), "A", Reading::Strict).unwrap();
            assert_eq!(node.children[0].text, text, "{document}");
        }
    }

    #[test]
    fn what_xml_cannot_carry_leaves_the_document_whole() {
        assert!(can_carry("radiologie/é\t\n\r<&>") && !can_carry("\u{1}") && !can_carry("\u{FFFF}"));
        let mut writer = Writer::new();
        writer.within("A", |writer| writer.text("B", "a\u{1}b"));
        assert!(writer.done().ends_with("<A><B>a\u{FFFD}b</B></A>"));
    }

    #[test]
    fn encoding_keeps_slashes_and_escapes_the_rest() {
        assert_eq!(url_encoded("a/b c+é\r"), "a/b%20c%2B%C3%A9%0D");
    }
}
