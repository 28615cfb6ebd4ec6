//! Operations on a small namespace: three containers, eight names.
//!
//! A step names earlier results by what they are (the lease of this blob, its second snapshot, its tag), so that two servers
//! get equivalent requests. What a step is about is in `kind` and `odd`: known differences are told by them.

/// Names of blobs, most of them awkward.
pub const BLOBS: [&str; 8] = ["plain", "a b", "é", "a//b", "a%b", "dir/", "dir/x+y", "q?r&s"];
/// Names of containers, after the prefix of the run.
pub const CONTAINERS: [&str; 3] = ["a", "b", "c"];

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    Account,
    Container(usize),
    Blob(usize, usize),
}

impl Place {
    pub fn container(self) -> Option<usize> {
        match self {
            Self::Account => None,
            Self::Container(container) | Self::Blob(container, _) => Some(container),
        }
    }
}

/// A value of a header or of the query: as it is, or an earlier result of the same server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Plain(String),
    /// The place's tag, between these texts.
    Tag(&'static str, Place, &'static str),
    /// The tag that it had before.
    TagBefore(Place),
    /// The place's tag without its quotes.
    BareTag(Place),
    /// When the place was last modified.
    Modified(Place),
    /// The lease that the server gave last for the place.
    Lease(Place),
    /// The nth snapshot of a blob, from the last one back.
    Snapshot(Place, usize),
    /// Where the last list of the container ended.
    Marker(usize),
    /// The address of a blob, with a query after it.
    Address(Place, Option<usize>),
    /// The prefix that the run's containers have, and this text.
    Namespace(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Plain(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

/// One request, before the names in it are known.
#[derive(Debug, Clone)]
pub struct Step {
    /// The operation, in Microsoft's words.
    pub kind: &'static str,
    /// What is odd about it; empty when nothing is.
    pub odd: String,
    pub method: &'static str,
    pub place: Place,
    pub query: Vec<(&'static str, Value)>,
    pub headers: Vec<(String, Value)>,
    pub body: Vec<u8>,
    /// Not signed by key, but with a shared access signature.
    pub sas: Option<Sas>,
}

/// A shared access signature, before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sas {
    /// Of the account, of the place's container, or of the place itself.
    pub scope: Scope,
    pub permissions: &'static str,
    /// What is wrong with it.
    pub flaw: Flaw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Account,
    Container,
    Blob,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// It ended.
    Expired,
    /// It has not begun.
    Early,
    /// Its signature is of other permissions.
    Widened,
    /// It is for another container, or for another service.
    Elsewhere,
    /// It is for another address.
    OtherAddress,
}

impl Step {
    pub fn new(kind: &'static str, method: &'static str, place: Place) -> Self {
        Self {
            kind,
            odd: String::new(),
            method,
            place,
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            sas: None,
        }
    }

    pub fn q(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub fn h(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn odd(mut self, what: &str) -> Self {
        if !what.is_empty() {
            self.odd = if self.odd.is_empty() { what.into() } else { format!("{}, {what}", self.odd) };
        }
        self
    }

    /// Whether it can change what is there.
    pub fn is_write(&self) -> bool {
        !matches!(self.method, "GET" | "HEAD")
    }

    /// The places whose time it needs to know.
    pub fn needs_time_of(&self) -> Vec<Place> {
        let values = self.headers.iter().map(|(_, value)| value);
        values.filter_map(|value| if let Value::Modified(place) = value { Some(*place) } else { None }).collect()
    }
}
