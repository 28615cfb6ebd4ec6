//! A document of XML as a tree of elements, within limits.
//!
//! # Invariants
//! - Depth, elements and attributes are bounded: what is read takes no more than a few times the bytes of the document, or
//!   than a small document. Long lists go by one by one ([`each`]).
//! - Nothing is expanded but character references and XML's five entities.
//! - Document types and processing instructions are refused, and so are attributes that are no declarations of namespaces.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::super::refusal::Refusal;

/// Deepest nesting of elements.
const DEEPEST: usize = 8;
/// Most elements of a document, or of one item of a list that is not kept: some times those of any that means something.
const MOST_ELEMENTS: usize = 1000;
/// Most attributes of an element. They are declarations of namespaces, and nobody needs many.
const MOST_ATTRIBUTES: usize = 16;

/// An element: its text, or the elements in it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Its name, as written.
    pub(super) name: String,
    /// Its text. Where there are children, it is white space.
    pub(super) text: String,
    /// What is in it, in order.
    pub(super) children: Vec<Self>,
}

impl Node {
    /// Its text, of an element that has no others in it.
    pub(super) fn leaf(&self) -> Result<&str, Refusal> {
        if self.children.is_empty() { Ok(&self.text) } else { Err(Refusal::invalid_xml("an element holds elements")) }
    }

    /// Its text without white space around it; `None` when nothing is left.
    pub(super) fn value(&self) -> Result<Option<&str>, Refusal> {
        Ok(Some(self.leaf()?.trim_ascii()).filter(|text| !text.is_empty()))
    }

    /// The elements in it by name, each there at most once. There may be no others.
    pub(super) fn fields<const N: usize>(&self, names: [&str; N]) -> Result<[Option<&Self>; N], Refusal> {
        self.no_text()?;
        let mut fields = [None; N];
        for child in &self.children {
            let named = names.iter().zip(fields.iter_mut()).find(|(name, _)| **name == child.name);
            let (_, field) = named.ok_or_else(|| Refusal::invalid_xml("an element is unknown"))?;
            if field.replace(child).is_some() {
                return Err(Refusal::invalid_xml("an element is there twice"));
            }
        }
        Ok(fields)
    }

    /// The elements in it, which all have that name.
    pub(super) fn items(&self, name: &str) -> Result<&[Self], Refusal> {
        self.no_text()?;
        if self.children.iter().any(|child| child.name != name) {
            return Err(Refusal::invalid_xml("an element is unknown"));
        }
        Ok(&self.children)
    }

    /// Whether nothing is in it but white space.
    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty() && self.no_text().is_ok()
    }

    /// Refuses text between elements.
    pub(super) fn no_text(&self) -> Result<(), Refusal> {
        if self.text.trim_ascii().is_empty() {
            Ok(())
        } else {
            Err(Refusal::invalid_xml("there is text between elements"))
        }
    }
}

/// The document's root, which must have that name.
pub(super) fn root(bytes: &[u8], name: &str) -> Result<Node, Refusal> {
    parse(bytes, Builder::new(name, None))
}

/// Hands each element of the root, which must have that name, to `take`, in order. None of them is kept here.
pub(super) fn each(bytes: &[u8], name: &str, mut take: impl FnMut(Node) -> Result<(), Refusal>) -> Result<(), Refusal> {
    parse(bytes, Builder::new(name, Some(&mut take)))?.no_text()
}

fn parse(bytes: &[u8], mut builder: Builder<'_>) -> Result<Node, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_fault| Refusal::invalid_xml("the document is not UTF-8"))?;
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
                    return Err(Refusal::invalid_xml("the document is not UTF-8"));
                }
            }
            Event::Decl(_) | Event::PI(_) => return Err(Refusal::invalid_xml("there is a processing instruction")),
            Event::DocType(_) => return Err(Refusal::invalid_xml("there is a document type")),
            // Not made: empty elements are expanded.
            Event::Empty(_) => return Err(malformed()),
            Event::Eof => break,
        }
        first = false;
    }
    builder.whole()
}

/// Builds the tree from what is read.
struct Builder<'b> {
    /// What the root must be called.
    name: &'b str,
    /// Takes the elements of the root, where they are not kept.
    take: Option<Take<'b>>,
    open: Vec<Node>,
    root: Option<Node>,
    elements: usize,
}

type Take<'b> = &'b mut dyn FnMut(Node) -> Result<(), Refusal>;

impl<'b> Builder<'b> {
    fn new(name: &'b str, take: Option<Take<'b>>) -> Self {
        Self { name, take, open: Vec::new(), root: None, elements: 0 }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Refusal> {
        self.elements += 1;
        if self.elements > MOST_ELEMENTS || self.open.len() == DEEPEST {
            return Err(Refusal::invalid_xml("the document is too large"));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(malformed());
        }
        for (position, attribute) in start.attributes().enumerate() {
            if position == MOST_ATTRIBUTES {
                return Err(Refusal::invalid_xml("the document is too large"));
            }
            let name = attribute.map_err(|_fault| malformed())?.key.into_inner();
            if name != b"xmlns" && !name.starts_with(b"xmlns:") {
                return Err(Refusal::invalid_xml("an attribute is unknown"));
            }
        }
        let name = std::str::from_utf8(start.name().into_inner()).map_err(|_fault| malformed())?.to_owned();
        if self.open.is_empty() && name != self.name {
            return Err(Refusal::invalid_xml("the root element is unknown"));
        }
        self.open.push(Node { name, ..Node::default() });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refusal> {
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

    fn text(&mut self, text: &str) -> Result<(), Refusal> {
        if !text.chars().all(is_character) {
            return Err(Refusal::invalid_xml("there is a character that XML does not allow"));
        }
        match self.open.last_mut() {
            Some(node) => node.text.push_str(text),
            None if text.trim_ascii().is_empty() => {}
            None => return Err(malformed()),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), Refusal> {
        if self.open.is_empty() {
            return Err(malformed());
        }
        if let Some(character) = reference.resolve_char_ref().map_err(|_fault| malformed())? {
            return self.text(character.encode_utf8(&mut [0; 4]));
        }
        let name = reference.decode().map_err(|_fault| malformed())?;
        let text = resolve_predefined_entity(&name).ok_or_else(|| Refusal::invalid_xml("an entity is unknown"))?;
        self.text(text)
    }

    fn whole(self) -> Result<Node, Refusal> {
        self.root.filter(|_| self.open.is_empty()).ok_or_else(malformed)
    }
}

/// What XML 1.0 allows (§2.2).
pub(super) fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

fn malformed() -> Refusal {
    Refusal::invalid_xml("the document is malformed")
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
            assert_eq!(root(document.as_bytes(), "A").unwrap().text, " a&é/<b> ", "{document}");
        }
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
            assert_eq!(root(document.as_bytes(), "A").unwrap_err().code, "InvalidXmlDocument", "{start}");
        }
        assert!(root(b"<A>\xff</A>", "A").is_err());
        assert!(root(b"<A/>", "B").is_err());
    }

    #[test]
    fn the_elements_of_a_long_list_go_by_one_by_one() {
        let list = |items: &str| format!("<A> {items} </A>");
        let count = |document: &str| {
            let mut count = 0;
            each(document.as_bytes(), "A", |_node| {
                count += 1;
                Ok(())
            })
            .map(|()| count)
        };
        assert_eq!(count(&list(&"<B>c</B>".repeat(MOST_ELEMENTS + 1))).unwrap(), MOST_ELEMENTS + 1);
        assert_eq!(count("<A/>").unwrap(), 0);
        let wide = format!("<B>{}</B>", "<C/>".repeat(MOST_ELEMENTS));
        for document in [&list(&wide), &list("b<B/>"), &list("<B/>b"), "<B><A/></B>", "<A><A/>", "<A/><A/>"] {
            assert_eq!(count(document).unwrap_err().code, "InvalidXmlDocument", "{document:.60}");
        }
        let mut seen = 0;
        let refused = each(list("<B/><B/><B/>").as_bytes(), "A", |_node| {
            seen += 1;
            if seen < 2 { Ok(()) } else { Err(malformed()) }
        });
        assert!(refused.is_err() && seen == 2);
    }
}
