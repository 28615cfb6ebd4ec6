//! A document of XML as a tree of elements, within limits.
//!
//! # Invariants
//! - Depth, elements and attributes are bounded: what is read takes no more than a few times the bytes of the document, or
//!   than a small document. Long lists go by one by one ([`each`]).
//! - Nothing is expanded but character references and XML's five entities.
//! - Document types and processing instructions are refused, and so are attributes that are no declarations of namespaces,
//!   but for `xsi:type` where it may stand.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Deepest nesting of elements.
const DEEPEST: usize = 8;
/// Most elements of a document, or of one item of a list that is not kept: some times those of any that means something.
const MOST_ELEMENTS: usize = 1000;
/// Most attributes of an element. They are declarations of namespaces, and nobody needs many.
const MOST_ATTRIBUTES: usize = 16;

/// Why a document is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::front) struct Fault(pub(in crate::front) &'static str);

/// How strictly a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front) enum Reading {
    /// It holds what XML 1.0 allows, and no attribute but declarations of namespaces.
    Strict,
    /// It may hold any character but U+0000: names of objects have others, and clients write them as they are. And it may
    /// say `xsi:type` of an element, which what is in it says again.
    Lenient,
}

impl Reading {
    fn allows(self, c: char) -> bool {
        match self {
            Self::Strict => is_character(c),
            Self::Lenient => c != '\0',
        }
    }

    fn allows_attribute(self, name: &[u8]) -> bool {
        name == b"xmlns" || name.starts_with(b"xmlns:") || self == Self::Lenient && name == b"xsi:type"
    }
}

/// An element: its text, or the elements in it.
#[derive(Debug, Default)]
pub(in crate::front) struct Node {
    /// Its name, as written.
    pub(in crate::front) name: String,
    /// Its text. Where there are children, it is white space.
    pub(in crate::front) text: String,
    /// What is in it, in order.
    pub(in crate::front) children: Vec<Self>,
}

impl Node {
    /// Its text, of an element that has no others in it.
    pub(in crate::front) fn leaf(&self) -> Result<&str, Fault> {
        if self.children.is_empty() { Ok(&self.text) } else { Err(Fault("an element holds elements")) }
    }

    /// Its text without white space around it; `None` when nothing is left.
    pub(in crate::front) fn value(&self) -> Result<Option<&str>, Fault> {
        Ok(Some(self.leaf()?.trim_ascii()).filter(|text| !text.is_empty()))
    }

    /// The elements in it by name, each there at most once. There may be no others.
    pub(in crate::front) fn fields<const N: usize>(&self, names: [&str; N]) -> Result<[Option<&Self>; N], Fault> {
        self.no_text()?;
        let mut fields = [None; N];
        for child in &self.children {
            let named = names.iter().zip(fields.iter_mut()).find(|(name, _)| **name == child.name);
            let (_, field) = named.ok_or(Fault("an element is unknown"))?;
            if field.replace(child).is_some() {
                return Err(Fault("an element is there twice"));
            }
        }
        Ok(fields)
    }

    /// The elements in it, which all have that name.
    pub(in crate::front) fn items(&self, name: &str) -> Result<&[Self], Fault> {
        self.no_text()?;
        if self.children.iter().any(|child| child.name != name) {
            return Err(Fault("an element is unknown"));
        }
        Ok(&self.children)
    }

    /// Whether nothing is in it but white space.
    pub(in crate::front) fn is_empty(&self) -> bool {
        self.children.is_empty() && self.no_text().is_ok()
    }

    /// Refuses text between elements.
    pub(in crate::front) fn no_text(&self) -> Result<(), Fault> {
        if self.text.trim_ascii().is_empty() { Ok(()) } else { Err(Fault("there is text between elements")) }
    }
}

/// The document's root, which must have that name.
pub(in crate::front) fn root(bytes: &[u8], name: &str, reading: Reading) -> Result<Node, Fault> {
    parse(bytes, Builder::new(name, reading, None::<Take<'_, Fault>>))
}

/// Hands each element of the root, which must have that name, to `take`, in order. None of them is kept here.
pub(in crate::front) fn each<E: From<Fault>>(
    bytes: &[u8],
    name: &str,
    reading: Reading,
    mut take: impl FnMut(Node) -> Result<(), E>,
) -> Result<(), E> {
    Ok(parse(bytes, Builder::new(name, reading, Some(&mut take)))?.no_text()?)
}

fn parse<E: From<Fault>>(bytes: &[u8], mut builder: Builder<'_, E>) -> Result<Node, E> {
    let text = std::str::from_utf8(bytes).map_err(|_fault| Fault("the document is not UTF-8"))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_comments = true;
    let mut first = true;
    loop {
        match reader.read_event().map_err(|_fault| malformed())? {
            Event::Start(start) => builder.open(&start)?,
            Event::End(_) => builder.close()?,
            Event::Text(text) => builder.text(&text.xml10_content().map_err(|_fault| malformed())?)?,
            Event::CData(text) => builder.text(&text.xml10_content().map_err(|_fault| malformed())?)?,
            Event::GeneralRef(reference) => builder.reference(&reference)?,
            Event::Comment(_) => {}
            Event::Decl(declaration) if first => {
                let utf8 = match declaration.encoding() {
                    None => true,
                    Some(Ok(name)) => name.eq_ignore_ascii_case(b"utf-8"),
                    Some(Err(_)) => false,
                };
                if !utf8 {
                    return Err(Fault("the document is not UTF-8").into());
                }
            }
            Event::Decl(_) | Event::PI(_) => return Err(Fault("there is a processing instruction").into()),
            Event::DocType(_) => return Err(Fault("there is a document type").into()),
            // Not made: empty elements are expanded.
            Event::Empty(_) => return Err(malformed().into()),
            Event::Eof => break,
        }
        first = false;
    }
    Ok(builder.whole()?)
}

/// Builds the tree from what is read.
struct Builder<'b, E> {
    /// What the root must be called.
    name: &'b str,
    reading: Reading,
    /// Takes the elements of the root, where they are not kept.
    take: Option<Take<'b, E>>,
    open: Vec<Node>,
    root: Option<Node>,
    elements: usize,
}

type Take<'b, E> = &'b mut dyn FnMut(Node) -> Result<(), E>;

impl<'b, E: From<Fault>> Builder<'b, E> {
    fn new(name: &'b str, reading: Reading, take: Option<Take<'b, E>>) -> Self {
        Self { name, reading, take, open: Vec::new(), root: None, elements: 0 }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Fault> {
        self.elements += 1;
        if self.elements > MOST_ELEMENTS || self.open.len() == DEEPEST {
            return Err(Fault("the document is too large"));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(malformed());
        }
        for (position, attribute) in start.attributes().enumerate() {
            if position == MOST_ATTRIBUTES {
                return Err(Fault("the document is too large"));
            }
            let name = attribute.map_err(|_fault| malformed())?.key.into_inner();
            if !self.reading.allows_attribute(name) {
                return Err(Fault("an attribute is unknown"));
            }
        }
        let name = std::str::from_utf8(start.name().into_inner()).map_err(|_fault| malformed())?.to_owned();
        if self.open.is_empty() && name != self.name {
            return Err(Fault("the root element is unknown"));
        }
        self.open.push(Node { name, ..Node::default() });
        Ok(())
    }

    fn close(&mut self) -> Result<(), E> {
        let node = self.open.pop().ok_or_else(malformed)?;
        if !node.children.is_empty() {
            node.no_text()?;
        }
        match (self.open.as_mut_slice(), &mut self.take) {
            ([], _) => self.root = Some(node),
            ([_root], Some(take)) => {
                self.elements = 0;
                take(node)?;
            }
            ([.., parent], _) => parent.children.push(node),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        if !text.chars().all(|c| self.reading.allows(c)) {
            return Err(Fault("there is a character that XML does not allow"));
        }
        match self.open.last_mut() {
            Some(node) => node.text.push_str(text),
            None if text.trim_ascii().is_empty() => {}
            None => return Err(malformed()),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), Fault> {
        if self.open.is_empty() {
            return Err(malformed());
        }
        if let Some(character) = reference.resolve_char_ref().map_err(|_fault| malformed())? {
            return self.text(character.encode_utf8(&mut [0; 4]));
        }
        let name = reference.decode().map_err(|_fault| malformed())?;
        let text = resolve_predefined_entity(&name).ok_or(Fault("an entity is unknown"))?;
        self.text(text)
    }

    fn whole(self) -> Result<Node, Fault> {
        self.root.filter(|_| self.open.is_empty()).ok_or_else(malformed)
    }
}

/// What XML 1.0 allows (§2.2).
pub(in crate::front) fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

fn malformed() -> Fault {
    Fault("the document is malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_with_its_references_and_spaces() {
        for document in [
            "<A> a&amp;&#233;&#x2F;<![CDATA[<b>]]> </A>",
            "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A xmlns:i=\"urn:i\"> a&#38;é<!-- no -->/&lt;b> </A>\n",
        ] {
            assert_eq!(root(document.as_bytes(), "A", Reading::Strict).unwrap().text, " a&é/<b> ", "{document}");
        }
    }

    #[test]
    fn text_in_cdata_is_text_and_a_carriage_return_comes_as_a_reference() {
        for (document, text) in [
            ("<A><![CDATA[a]]></A>", "a"),
            ("<A>a<![CDATA[&lt;]]>b</A>", "a&lt;b"),
            ("<A>Icon&#13;</A>", "Icon\r"),
            ("<A>Icon&#xD;<![CDATA[]]></A>", "Icon\r"),
            ("<A>a\r\nb\rc</A>", "a\nb\nc"),
        ] {
            for reading in [Reading::Strict, Reading::Lenient] {
                assert_eq!(root(document.as_bytes(), "A", reading).unwrap().text, text, "{document}");
            }
        }
    }

    #[test]
    fn other_characters_are_taken_where_they_may_stand() {
        for document in ["<A>a\u{1}b</A>", "<A>a&#1;b</A>", "<A><![CDATA[a\u{1}b]]></A>"] {
            assert!(root(document.as_bytes(), "A", Reading::Strict).is_err(), "{document:?}");
            assert_eq!(root(document.as_bytes(), "A", Reading::Lenient).unwrap().text, "a\u{1}b", "{document:?}");
        }
        assert!(root(b"<A>\0</A>", "A", Reading::Lenient).is_err());
    }

    #[test]
    fn what_is_no_plain_document_is_refused() {
        let deep = format!("{}{}", "<A>".repeat(9), "</A>".repeat(9));
        let wide = format!("<A>{}</A>", "<B/>".repeat(MOST_ELEMENTS));
        let named: String = (0..=MOST_ATTRIBUTES).map(|n| format!(" xmlns:a{n}=\"b\"")).collect();
        let named = format!("<A{named}/>");
        for document in [
            "",
            "A",
            "<A>",
            "<A></B>",
            "</A>",
            "<A/><A/>",
            "<A/>b",
            "<A>b<B/></A>",
            "<A>&b;</A>",
            "<A>&#0;</A>",
            "<A>\u{1}</A>",
            "<A b=\"c\"/>",
            &named,
            "<A xmlns=\"c\" xmlns=\"c\"/>",
            "<!DOCTYPE A [<!ENTITY b \"c\">]><A/>",
            "<?php?><A/>",
            "<A/><?xml version=\"1.0\"?>",
            "<?xml version=\"1.0\" encoding=\"utf-16\"?><A/>",
            &deep,
            &wide,
        ] {
            let start: String = document.chars().take(60).collect();
            assert!(root(document.as_bytes(), "A", Reading::Strict).is_err(), "{start}");
        }
        assert!(root(b"<A>\xff</A>", "A", Reading::Strict).is_err());
        assert!(root(b"<A/>", "B", Reading::Strict).is_err());
    }

    #[test]
    fn the_elements_of_a_long_list_go_by_one_by_one() {
        let list = |items: &str| format!("<A> {items} </A>");
        let count = |document: &str| {
            let mut count = 0;
            each::<Fault>(document.as_bytes(), "A", Reading::Strict, |_node| {
                count += 1;
                Ok(())
            })
            .map(|()| count)
        };
        assert_eq!(count(&list(&"<B>c</B>".repeat(MOST_ELEMENTS + 1))).unwrap(), MOST_ELEMENTS + 1);
        assert_eq!(count("<A/>").unwrap(), 0);
        let wide = format!("<B>{}</B>", "<C/>".repeat(MOST_ELEMENTS));
        for document in [&list(&wide), &list("b<B/>"), &list("<B/>b"), "<B><A/></B>", "<A><A/>", "<A/><A/>"] {
            assert!(count(document).is_err(), "{document:.60}");
        }
        let mut seen = 0;
        let refused = each(list("<B/><B/><B/>").as_bytes(), "A", Reading::Strict, |_node| {
            seen += 1;
            if seen < 2 { Ok(()) } else { Err(malformed()) }
        });
        assert!(refused.is_err() && seen == 2);
    }
}
