//! XML documents as values by path, to compare what two servers say.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

/// Elements whose text differs from server to server.
const UNLIKE: [&str; 10] = [
    "Etag",
    "Last-Modified",
    "Creation-Time",
    "AccessTierChangeTime",
    "CopyId",
    "CopySource",
    "CopyCompletionTime",
    "Snapshot",
    "NextMarker",
    "Marker",
];

/// An XML document as values by path. Items of a list are told apart by their name, not by their position.
#[derive(Default)]
pub struct Flat {
    /// Which item, and the path of element names: the texts there, each with a semicolon.
    pub values: BTreeMap<(String, String), String>,
    /// The items, in order; prefixes first, because some servers tell them before the blobs and others between them.
    pub order: Vec<String>,
    /// Whether what has an order of its own, whatever the server, came in it.
    pub sorted: bool,
}

impl Flat {
    pub fn of(text: &str) -> Self {
        let mut flat = Self::default();
        match Element::parse(text) {
            Ok(mut root) => {
                flat.sorted = root.sort();
                flat.add(&root, "", &root.name);
            }
            Err(error) => {
                flat.values.insert((String::new(), "broken".into()), error);
            }
        }
        flat.order.sort_by_key(|name| !name.starts_with("BlobPrefix"));
        flat
    }

    fn add(&mut self, element: &Element, item: &str, path: &str) {
        let text = if UNLIKE.contains(&element.name.as_str()) && !element.text.is_empty() {
            "there"
        } else {
            element.text.as_str()
        };
        let value = self.values.entry((item.to_owned(), path.to_owned())).or_default();
        value.push_str(text);
        value.push(';');
        for child in &element.children {
            let path = format!("{path}/{}", child.name);
            match child.item() {
                Some(mut name) => {
                    // Of several snapshots of one name each is an item.
                    let before =
                        self.order.iter().filter(|other| **other == name || other.starts_with(&format!("{name} #")));
                    if name.ends_with("(snapshot)") {
                        name = format!("{name} #{}", before.count() + 1);
                    }
                    // Tags are a set, and the two lists of blocks are two.
                    match child.name.as_str() {
                        "Tag" => {}
                        "Block" => self.order.push(format!("{} {name}", element.name)),
                        _ => self.order.push(name.clone()),
                    }
                    self.add(child, &format!("{item} {name}"), &path);
                }
                None => self.add(child, item, &path),
            }
        }
    }
}

#[derive(Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Self>,
}

impl Element {
    fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        let named = |name: &[u8]| Self { name: String::from_utf8_lossy(name).into_owned(), ..Self::default() };
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let Some(last) = open.last_mut() else { return Err("more ends than beginnings".into()) };
            match event {
                Event::Start(start) => open.push(named(start.name().as_ref())),
                Event::Empty(start) => last.children.push(named(start.name().as_ref())),
                Event::Text(text) => last.text.push_str(&String::from_utf8_lossy(&text)),
                Event::GeneralRef(reference) => last.text.push_str(match &*reference {
                    b"amp" => "&",
                    b"lt" => "<",
                    b"gt" => ">",
                    b"quot" => "\"",
                    b"apos" => "'",
                    _ => "?",
                }),
                Event::End(_) => {
                    let done = open.pop().unwrap_or_default();
                    open.last_mut().ok_or("more ends than beginnings")?.children.push(done);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        open.pop().and_then(|mut root| root.children.pop()).ok_or_else(|| "nothing".to_owned())
    }

    /// Sorts what the pages give an order to: snapshots of one name, oldest first, before their blob ("List Blobs"), and blocks
    /// that wait, by name ("Get Block List"). Azurite tells both as they were made. Returns whether they were in order.
    fn sort(&mut self) -> bool {
        let text = |element: &Self, name: &str| {
            element.children.iter().find(|child| child.name == name).map(|child| child.text.clone())
        };
        let before: Vec<String> = self.children.iter().map(|child| format!("{:?}", key(child, text))).collect();
        match self.name.as_str() {
            // Only neighbours of one name change places: the order of names is the server's.
            "Blobs" => {
                self.children.chunk_by_mut(|one, two| text(one, "Name") == text(two, "Name")).for_each(|chunk| {
                    chunk.sort_by_key(|child| key(child, text));
                })
            }
            "UncommittedBlocks" => self.children.sort_by_key(|child| key(child, text)),
            _ => {}
        }
        let after: Vec<String> = self.children.iter().map(|child| format!("{:?}", key(child, text))).collect();
        let mut sorted = before == after;
        for child in &mut self.children {
            sorted &= child.sort();
        }
        sorted
    }

    /// Which item of a list this is, if it is one.
    fn item(&self) -> Option<String> {
        let items = ["Blob", "BlobPrefix", "Container", "Block", "Tag", "SignedIdentifier"];
        let text = |name: &str| self.children.iter().find(|child| child.name == name).map(|child| child.text.as_str());
        let name = text("Name").or(text("Key")).or(text("Id")).unwrap_or("");
        let snapshot = if text("Snapshot").is_some() { " (snapshot)" } else { "" };
        items.contains(&self.name.as_str()).then(|| format!("{} {name}{snapshot}", self.name))
    }
}

type Key = (Option<String>, bool, Option<String>);

fn key(element: &Element, text: impl Fn(&Element, &str) -> Option<String>) -> Key {
    let snapshot = text(element, "Snapshot");
    (text(element, "Name"), snapshot.is_none(), snapshot)
}
