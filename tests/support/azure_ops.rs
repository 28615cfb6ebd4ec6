//! Operations on a small namespace, deterministic from a seed: three containers, eight names, everything that clients do
//! and much that they should not.
//!
//! A step names earlier results by what they are (the lease of this blob, its second snapshot, its tag), so that two servers
//! get equivalent requests. What a step is about is in `kind` and `odd`: known differences are told by them.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses a part")]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};

use crate::noise::Noise;

/// Names of blobs, most of them awkward.
pub const BLOBS: [&str; 8] = ["plain", "a b", "é", "a//b", "a%b", "dir/", "dir/x+y", "q?r&s"];
/// Names of containers, after the prefix of the run.
pub const CONTAINERS: [&str; 3] = ["a", "b", "c"];

const LONG_AGO: &str = "Wed, 25 Nov 2015 15:27:24 GMT";
const FAR_OFF: &str = "Wed, 25 Nov 2037 15:27:24 GMT";
const LEASES: [&str; 3] = [
    "11111111-1111-4111-8111-111111111111",
    "22222222-2222-4222-8222-222222222222",
    "33333333-3333-4333-8333-333333333333",
];

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
}

impl Step {
    pub fn new(kind: &'static str, method: &'static str, place: Place) -> Self {
        Self { kind, odd: String::new(), method, place, query: Vec::new(), headers: Vec::new(), body: Vec::new() }
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

/// Makes steps.
pub struct Generator {
    dice: Noise,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { dice: Noise::new(seed) }
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.dice.below(limit as u64)).expect("a small number")
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn container(&mut self) -> usize {
        [0, 0, 0, 0, 0, 0, 1, 1, 1, 2][self.below(10)]
    }

    fn blob(&mut self) -> Place {
        let container = self.container();
        // Half of all steps meet on three names, so that they meet at all.
        let blob = if self.one_in(2) { self.below(3) } else { self.below(BLOBS.len()) };
        Place::Blob(container, blob)
    }

    fn content(&mut self) -> Vec<u8> {
        let lengths = [0, 1, 5, 10, 100, 1000, 70_000];
        let length = lengths[self.below(lengths.len())];
        let seed = self.dice.next();
        crate::noise::content(seed, length)
    }

    /// The next one.
    pub fn step(&mut self) -> Step {
        match self.below(100) {
            0..=3 => self.create_container(),
            4 => self.delete_container(),
            5..=10 => self.container_properties(),
            11..=13 => self.container_acl(),
            14..=16 => {
                let place = Place::Container(self.container());
                self.lease(place)
            }
            17..=28 => self.put_blob(),
            29..=34 => self.put_block(),
            35..=41 => self.put_block_list(),
            42..=43 => self.block_list(),
            44..=53 => self.read_blob(),
            54..=58 => self.set_properties(),
            59..=63 => self.tags(),
            64..=65 => self.tier(),
            66..=69 => self.snapshot(),
            70..=74 => self.delete_blob(),
            75..=82 => {
                let place = self.blob();
                self.lease(place)
            }
            83..=85 => self.copy(),
            86..=91 => self.append(),
            92..=95 => self.list_blobs(),
            96 => self.list_containers(),
            97 => self.find_by_tags(),
            _ => self.invalid(),
        }
    }

    // --- containers ---------------------------------------------------------------------------------------------------

    fn create_container(&mut self) -> Step {
        let place = Place::Container(self.container());
        let step = Step::new("Create Container", "PUT", place).q("restype", "container");
        if self.one_in(3) { self.metadata(step) } else { step }
    }

    fn delete_container(&mut self) -> Step {
        let place = Place::Container(1 + self.below(2));
        let step = Step::new("Delete Container", "DELETE", place).q("restype", "container");
        self.with_lease(step, 3)
    }

    fn container_properties(&mut self) -> Step {
        let place = Place::Container(self.container());
        let method = if self.one_in(2) { "GET" } else { "HEAD" };
        match self.below(4) {
            0 | 1 => {
                let step = Step::new("Get Container Properties", method, place).q("restype", "container");
                self.with_lease(step, 6)
            }
            2 => {
                let step = Step::new("Get Container Metadata", method, place).q("restype", "container");
                self.with_lease(step.q("comp", "metadata"), 6)
            }
            _ => {
                let step = Step::new("Set Container Metadata", "PUT", place).q("restype", "container");
                let step = self.metadata(step.q("comp", "metadata"));
                let step = self.with_lease(step, 5);
                match self.below(6) {
                    0 => step.h("if-modified-since", FAR_OFF).odd("If-Modified-Since to come"),
                    1 => step.h("if-modified-since", LONG_AGO).odd("If-Modified-Since past"),
                    _ => step,
                }
            }
        }
    }

    fn container_acl(&mut self) -> Step {
        let place = Place::Container(self.container());
        if self.one_in(3) {
            let step = Step::new("Get Container ACL", "GET", place).q("restype", "container").q("comp", "acl");
            return self.with_lease(step, 6);
        }
        let step = Step::new("Set Container ACL", "PUT", place).q("restype", "container").q("comp", "acl");
        let policies = |count: usize| {
            let policy = |n| {
                format!(
                    "<SignedIdentifier><Id>policy {n}</Id><AccessPolicy><Start>2026-01-0{n}T00:00:00Z</Start>\
                     <Expiry>2037-01-01T00:00:00Z</Expiry><Permission>rl</Permission></AccessPolicy></SignedIdentifier>"
                )
            };
            let policies: String = (1..=count).map(policy).collect();
            format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><SignedIdentifiers>{policies}</SignedIdentifiers>")
        };
        match self.below(10) {
            0 => step.body(policies(6)).odd("six policies"),
            1 => step.body("<SignedIdentifiers><SignedIdentifier>").odd("broken XML"),
            2 => step.body("<Other/>").odd("another root"),
            3 => step.odd("no body"),
            4 => step.body(policies(1).replace("<Permission>rl", "<Permission>zz")).odd("unknown permission"),
            5 => step.body(policies(2).replace("policy 2", "policy 1")).odd("one id twice"),
            _ => {
                let count = self.below(6);
                let step = step.body(policies(count));
                self.with_lease(step, 6)
            }
        }
    }

    // --- blobs: writing -----------------------------------------------------------------------------------------------

    fn put_blob(&mut self) -> Step {
        let place = self.blob();
        let append = self.one_in(6);
        let kind = if append { "Put Blob (append)" } else { "Put Blob" };
        let mut step =
            Step::new(kind, "PUT", place).h("x-ms-blob-type", if append { "AppendBlob" } else { "BlockBlob" });
        if !append {
            let content = self.content();
            step = self.digests(step.body(content));
        } else if self.one_in(10) {
            step = step.body("abc").odd("a body");
        }
        step = self.content_headers(step, 3);
        step = if self.one_in(3) { self.metadata(step) } else { step };
        if self.one_in(6) {
            step = self.tags_header(step);
        }
        if self.one_in(8) && !append {
            let tier = self.pick(&["Hot", "Cool", "Cold", "Archive", "Tepid"]);
            step = step.h("x-ms-access-tier", tier).odd(match tier {
                "Tepid" => "unknown tier",
                _ => "",
            });
        }
        step = self.with_lease(step, 5);
        self.conditions(step, 4)
    }

    fn digests(&mut self, step: Step) -> Step {
        let right = BASE64_STANDARD.encode(Md5::digest(&step.body));
        let wrong = BASE64_STANDARD.encode(Md5::digest(b"something else entirely"));
        match self.below(20) {
            0..=2 => step.h("content-md5", right),
            3 => step.h("content-md5", wrong).odd("wrong MD5"),
            4 => step.h("content-md5", "not an MD5").odd("no MD5"),
            5 => step.h("content-md5", "YWJj").odd("short MD5"),
            6 if step.kind == "Put Blob" => step.h("x-ms-blob-content-md5", right),
            7 if step.kind == "Put Blob" => step.h("x-ms-blob-content-md5", wrong).odd("another x-ms-blob-content-md5"),
            _ => step,
        }
    }

    fn content_headers(&mut self, mut step: Step, one_in: usize) -> Step {
        let values = [
            ("x-ms-blob-content-type", "application/dicom"),
            ("x-ms-blob-content-encoding", "gzip"),
            ("x-ms-blob-content-language", "fr-CA"),
            ("x-ms-blob-content-disposition", "attachment; filename=\"a.dcm\""),
            ("x-ms-blob-cache-control", "no-store"),
        ];
        for (name, value) in values {
            if self.one_in(one_in) {
                step = step.h(name, value);
            }
        }
        if step.kind == "Put Blob" && self.one_in(5) {
            step = step.h("content-type", "text/plain; charset=utf-8");
        }
        step
    }

    fn metadata(&mut self, step: Step) -> Step {
        match self.below(14) {
            0 => step.h("x-ms-meta-a-b", "1").odd("a metadata name with a hyphen"),
            1 => step.h("x-ms-meta-empty", "").odd("an empty metadata value"),
            2 => step.h("x-ms-meta-a", "x".repeat(8 * 1024 + 1)).odd("too much metadata"),
            3 => step.h("x-ms-meta-", "1").odd("an empty metadata name"),
            4 => step.h("x-ms-meta-Mixed_Case", "Value, with; signs"),
            5 => step.h("x-ms-meta-_a1", "1").h("x-ms-meta-b", "two  spaces"),
            _ => {
                let value = self.below(1000).to_string();
                step.h("x-ms-meta-ward", value).h("x-ms-meta-bed", "7")
            }
        }
    }

    fn tags_header(&mut self, step: Step) -> Step {
        match self.below(10) {
            0 => step.h("x-ms-tags", "a=1&a=2").odd("one tag twice"),
            1 => {
                let many: Vec<String> = (0..11).map(|n| format!("k{n}=1")).collect();
                step.h("x-ms-tags", many.join("&")).odd("eleven tags")
            }
            2 => step.h("x-ms-tags", "a%21=b").odd("a character that tags have not"),
            3 => step.h("x-ms-tags", format!("{}=1", "k".repeat(129))).odd("a long tag"),
            4 => step.h("x-ms-tags", "=1").odd("a tag without a name"),
            _ => {
                let ward = self.below(3).to_string();
                step.h("x-ms-tags", format!("ward={ward}&kind=CT%20scan"))
            }
        }
    }

    fn put_block(&mut self) -> Step {
        let place = self.blob();
        let step = Step::new("Put Block", "PUT", place).q("comp", "block");
        let content = self.content();
        let content = if content.is_empty() { vec![b'x'] } else { content };
        let step = match self.below(24) {
            0 => step.q("blockid", id("long name")).body(content).odd("a name of another length"),
            1 => step.q("blockid", "***").body(content).odd("a name that is not base64"),
            2 => step.q("blockid", "").body(content).odd("an empty name"),
            3 => step.body(content).odd("no name"),
            4 => step.q("blockid", id(&"x".repeat(65))).body(content).odd("a name of 65 bytes"),
            5 => step.q("blockid", id("0001").trim_end_matches('=')).body(content).odd("a name without padding"),
            6 => {
                let name = self.block();
                step.q("blockid", name).odd("no bytes")
            }
            _ => {
                let name = self.block();
                self.digests(step.q("blockid", name).body(content))
            }
        };
        self.with_lease(step, 4)
    }

    fn block(&mut self) -> String {
        id(&format!("{:04}", self.below(4)))
    }

    fn put_block_list(&mut self) -> Step {
        let place = self.blob();
        let step = Step::new("Put Block List", "PUT", place).q("comp", "blocklist");
        let list =
            |entries: &str| format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{entries}</BlockList>");
        match self.below(20) {
            0 => return step.body("<BlockList><Latest>").odd("broken XML"),
            1 => return step.body("<Other/>").odd("another root"),
            2 => {
                let name = self.block();
                return step.body(list(&format!("<Newest>{name}</Newest>"))).odd("an unknown element");
            }
            3 => return step.body(list("<Latest>***</Latest>")).odd("a name that is not base64"),
            4 => return step.body(list(&format!("<Latest>{}</Latest>", id("nono")))).odd("an unknown block"),
            _ => {}
        }
        let mut entries = String::new();
        for _ in 0..self.below(4) {
            let source = self.pick(&["Latest", "Latest", "Latest", "Uncommitted", "Uncommitted", "Committed"]);
            entries.push_str(&format!("<{source}>{}</{source}>", self.block()));
        }
        let mut step = step.body(list(&entries));
        if self.one_in(12) {
            let wrong = BASE64_STANDARD.encode(Md5::digest(b"something else entirely"));
            step = step.h("content-md5", wrong).odd("wrong MD5");
        }
        if self.one_in(6) {
            step = step.h("x-ms-blob-content-md5", BASE64_STANDARD.encode(Md5::digest(b"what a client says")));
        }
        step = self.content_headers(step, 4);
        step = if self.one_in(3) { self.metadata(step) } else { step };
        step = if self.one_in(8) { self.tags_header(step) } else { step };
        step = self.with_lease(step, 5);
        self.conditions(step, 5)
    }

    fn block_list(&mut self) -> Step {
        let place = self.blob();
        let step = Step::new("Get Block List", "GET", place).q("comp", "blocklist");
        let step = match self.below(6) {
            0 => step,
            1 => step.q("blocklisttype", "committed"),
            2 => step.q("blocklisttype", "uncommitted"),
            3 => step.q("blocklisttype", "some").odd("an unknown type"),
            _ => step.q("blocklisttype", "all"),
        };
        self.with_lease(step, 8)
    }

    fn append(&mut self) -> Step {
        let place = self.blob();
        if self.one_in(3) {
            // So that there is something to append to.
            let step = Step::new("Put Blob (append)", "PUT", place).h("x-ms-blob-type", "AppendBlob");
            return self.with_lease(step, 8);
        }
        if self.one_in(12) {
            let step = Step::new("Append Blob Seal", "PUT", place).q("comp", "seal");
            let step = self.with_lease(step, 6);
            return self.conditions(step, 4);
        }
        let content = self.content();
        let step = Step::new("Append Block", "PUT", place).q("comp", "appendblock").body(content);
        let empty = step.body.is_empty();
        let step = self.digests(step).odd(if empty { "no bytes" } else { "" });
        let step = match self.below(10) {
            0 => step.h("x-ms-blob-condition-appendpos", "0"),
            1 => step.h("x-ms-blob-condition-appendpos", "10"),
            2 => step.h("x-ms-blob-condition-appendpos", "here").odd("a position that is no number"),
            3 => step.h("x-ms-blob-condition-maxsize", "1000"),
            4 => step.h("x-ms-blob-condition-maxsize", "1"),
            _ => step,
        };
        let step = self.with_lease(step, 5);
        self.conditions(step, 5)
    }

    // --- blobs: reading -----------------------------------------------------------------------------------------------

    fn read_blob(&mut self) -> Step {
        let place = self.blob();
        let step = match self.below(10) {
            0..=3 => {
                let step = Step::new("Get Blob", "GET", place);
                self.range(step)
            }
            4 => {
                let nth = self.below(2);
                let step = Step::new("Get Blob", "GET", place).q("snapshot", Value::Snapshot(place, nth));
                self.range(step)
            }
            5 => {
                let nth = self.below(2);
                Step::new("Get Blob Properties", "HEAD", place).q("snapshot", Value::Snapshot(place, nth))
            }
            6 => Step::new("Get Blob Metadata", "GET", place).q("comp", "metadata"),
            _ => Step::new("Get Blob Properties", "HEAD", place),
        };
        let step = self.with_lease(step, 6);
        self.conditions(step, 3)
    }

    fn range(&mut self, step: Step) -> Step {
        let name = if self.one_in(2) { "range" } else { "x-ms-range" };
        let step = match self.below(12) {
            0 => step.h(name, "bytes=0-3"),
            1 => step.h(name, "bytes=3-"),
            2 => step.h(name, "bytes=0-33554431"),
            3 => step.h(name, "bytes=65535-65537"),
            4 => step.h(name, "bytes=5-2").odd("a range that ends before it begins"),
            5 => step.h(name, "bytes=100000-100001"),
            6 => step.h(name, "bytes=0-1,3-4").odd("two ranges"),
            7 => step.h("range", "bytes=5-7").h("x-ms-range", "bytes=0-1"),
            8 => step.h(name, "bytes=10-").odd("a range from the tenth byte"),
            _ => return step,
        };
        match self.below(4) {
            0 => step.h("x-ms-range-get-content-md5", "true"),
            1 => step.h("x-ms-range-get-content-md5", "false"),
            _ => step,
        }
    }

    // --- blobs: what is said of them ----------------------------------------------------------------------------------

    fn set_properties(&mut self) -> Step {
        let place = self.blob();
        let step = if self.one_in(2) {
            let step = Step::new("Set Blob Metadata", "PUT", place).q("comp", "metadata");
            if self.one_in(6) { step } else { self.metadata(step) }
        } else {
            let step = Step::new("Set Blob Properties", "PUT", place).q("comp", "properties");
            let step = self.content_headers(step, 2);
            match self.below(8) {
                0 => step.h("x-ms-blob-content-md5", BASE64_STANDARD.encode(Md5::digest(b"what a client says"))),
                1 => step.h("x-ms-blob-content-md5", "not an MD5").odd("no MD5"),
                2 => step.h("x-ms-blob-content-length", "512").odd("a length"),
                _ => step,
            }
        };
        let step = self.with_lease(step, 4);
        self.conditions(step, 4)
    }

    fn tags(&mut self) -> Step {
        let place = self.blob();
        if self.one_in(3) {
            let step = Step::new("Get Blob Tags", "GET", place).q("comp", "tags");
            return self.with_lease(step, 6);
        }
        let step = Step::new("Set Blob Tags", "PUT", place).q("comp", "tags");
        let xml = |tags: &[(String, &str)]| {
            let tag = |(name, value): &(String, &str)| format!("<Tag><Key>{name}</Key><Value>{value}</Value></Tag>");
            let tags: String = tags.iter().map(tag).collect();
            format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><Tags><TagSet>{tags}</TagSet></Tags>")
        };
        let step = match self.below(12) {
            0 => step.body(xml(&[("a".into(), "1"), ("a".into(), "2")])).odd("one tag twice"),
            1 => {
                let many: Vec<(String, &str)> = (0..11).map(|n| (format!("k{n}"), "1")).collect();
                step.body(xml(&many)).odd("eleven tags")
            }
            2 => step.body("<Tags><").odd("broken XML"),
            3 => step.body("<Other/>").odd("another root"),
            4 => step.body(xml(&[("a!".into(), "1")])).odd("a character that tags have not"),
            5 => step.body(xml(&[])),
            _ => {
                let ward = self.pick(&["0", "1", "2"]);
                step.body(xml(&[("ward".into(), ward), ("kind".into(), "CT scan")]))
            }
        };
        self.with_lease(step, 4)
    }

    fn tier(&mut self) -> Step {
        let place = self.blob();
        let step = Step::new("Set Blob Tier", "PUT", place).q("comp", "tier");
        let step = match self.below(10) {
            0 => step.odd("no tier"),
            1 => step.h("x-ms-access-tier", "Tepid").odd("unknown tier"),
            2 => step.h("x-ms-access-tier", "P10").odd("a tier of disks"),
            3 => step.h("x-ms-access-tier", "Archive"),
            _ => {
                let tier = self.pick(&["Hot", "Cool", "Cold"]);
                step.h("x-ms-access-tier", tier)
            }
        };
        self.with_lease(step, 5)
    }

    fn snapshot(&mut self) -> Step {
        let place = self.blob();
        let step = Step::new("Snapshot Blob", "PUT", place).q("comp", "snapshot");
        let step = if self.one_in(4) { self.metadata(step) } else { step };
        let step = self.with_lease(step, 6);
        self.conditions(step, 6)
    }

    fn delete_blob(&mut self) -> Step {
        let place = self.blob();
        let step = Step::new("Delete Blob", "DELETE", place);
        let step = match self.below(9) {
            0 => return step.q("snapshot", Value::Snapshot(place, 0)),
            1 => {
                let step = step.q("snapshot", Value::Snapshot(place, 0)).h("x-ms-delete-snapshots", "include");
                return step.odd("a rule for snapshots and a snapshot");
            }
            2 => step.h("x-ms-delete-snapshots", "some").odd("an unknown rule"),
            3 => step.h("x-ms-delete-snapshots", "only"),
            4..=6 => step.h("x-ms-delete-snapshots", "include"),
            _ => step,
        };
        let step = self.with_lease(step, 4);
        self.conditions(step, 5)
    }

    // --- leases -------------------------------------------------------------------------------------------------------

    fn lease(&mut self, place: Place) -> Step {
        let step = match place {
            Place::Blob(..) => Step::new("Lease Blob", "PUT", place).q("comp", "lease"),
            Place::Account | Place::Container(_) => {
                Step::new("Lease Container", "PUT", place).q("restype", "container").q("comp", "lease")
            }
        };
        let lease: Value = match self.below(8) {
            0 => LEASES[0].into(),
            1 => LEASES[1].into(),
            _ => Value::Lease(place),
        };
        let proposed = LEASES[self.below(3)];
        let step = match self.below(20) {
            0..=5 => {
                let duration = self.pick(&["-1", "60", "60"]);
                let step = step.h("x-ms-lease-action", "acquire").h("x-ms-lease-duration", duration).odd("acquire");
                if self.one_in(4) { step } else { step.h("x-ms-proposed-lease-id", proposed) }
            }
            6 => {
                let duration = self.pick(&["0", "14", "61", "-2"]);
                let step = step.h("x-ms-lease-action", "acquire").h("x-ms-lease-duration", duration);
                step.h("x-ms-proposed-lease-id", proposed).odd("acquire for a wrong time")
            }
            7 | 8 => step.h("x-ms-lease-action", "renew").h("x-ms-lease-id", lease).odd("renew"),
            9 => step.h("x-ms-lease-action", "renew").odd("renew without an id"),
            10 | 11 => {
                let step = step.h("x-ms-lease-action", "change").h("x-ms-lease-id", lease);
                step.h("x-ms-proposed-lease-id", proposed).odd("change")
            }
            12..=14 => step.h("x-ms-lease-action", "release").h("x-ms-lease-id", lease).odd("release"),
            15 => step.h("x-ms-lease-action", "break").odd("break"),
            16 => {
                let step = step.h("x-ms-lease-action", "break").h("x-ms-lease-break-period", "0");
                step.odd("break now")
            }
            17 => {
                let step = step.h("x-ms-lease-action", "break").h("x-ms-lease-break-period", "40");
                step.odd("break later")
            }
            18 => {
                let step = step.h("x-ms-lease-action", "break").h("x-ms-lease-break-period", "61");
                step.odd("break after a wrong time")
            }
            _ => step.h("x-ms-lease-action", "borrow").odd("an unknown action"),
        };
        if matches!(place, Place::Blob(..)) { self.conditions(step, 6) } else { step }
    }

    /// One in so many steps names a lease.
    fn with_lease(&mut self, step: Step, one_in: usize) -> Step {
        if !self.one_in(one_in) {
            return step;
        }
        let place = step.place;
        match self.below(5) {
            0 => step.h("x-ms-lease-id", LEASES[1]).odd("a lease, perhaps another"),
            _ => step.h("x-ms-lease-id", Value::Lease(place)).odd("a lease"),
        }
    }

    // --- copies -------------------------------------------------------------------------------------------------------

    fn copy(&mut self) -> Step {
        let (place, source) = (self.blob(), self.blob());
        let snapshot = if self.one_in(4) { Some(0) } else { None };
        let mut step = Step::new("Copy Blob", "PUT", place);
        step = match self.below(10) {
            0 => step.h("x-ms-copy-source", "junk").odd("a source that is no address"),
            _ => step.h("x-ms-copy-source", Value::Address(source, snapshot)),
        };
        step = if self.one_in(3) { self.metadata(step) } else { step };
        step = match self.below(10) {
            0 => step.h("x-ms-source-if-match", "\"0x1\"").odd("a source condition"),
            1 => step.h("x-ms-source-if-match", Value::Tag("", source, "")).odd("a source condition"),
            2 => step.h("x-ms-source-if-none-match", Value::Tag("", source, "")).odd("a source condition"),
            3 => step.h("x-ms-source-if-unmodified-since", LONG_AGO).odd("a source condition"),
            _ => step,
        };
        step = self.with_lease(step, 5);
        self.conditions(step, 5)
    }

    // --- lists --------------------------------------------------------------------------------------------------------

    fn list_blobs(&mut self) -> Step {
        let container = self.container();
        let mut step = Step::new("List Blobs", "GET", Place::Container(container));
        step = step.q("restype", "container").q("comp", "list");
        step = match self.below(7) {
            0 => step.q("prefix", "a"),
            1 => step.q("prefix", "dir/"),
            2 => step.q("prefix", "é"),
            3 => step.q("prefix", "nothing"),
            _ => step,
        };
        let delimiter = match self.below(5) {
            0 | 1 => "/",
            2 => "b",
            3 => "//",
            _ => "",
        };
        if !delimiter.is_empty() {
            step = step.q("delimiter", delimiter).odd("a delimiter");
        }
        step = match self.below(10) {
            0 => step.q("maxresults", "0").odd("maxresults 0"),
            1 => step.q("maxresults", "-1").odd("maxresults -1"),
            2 => step.q("maxresults", "many").odd("maxresults that is no number"),
            3 => step.q("maxresults", "6000").odd("maxresults 6000"),
            4 | 5 => step.q("maxresults", "2"),
            6 => step.q("maxresults", "2").q("marker", Value::Marker(container)),
            _ => step,
        };
        match self.below(8) {
            0 => step.q("include", "metadata"),
            1 => step.q("include", "metadata,snapshots,tags,copy"),
            2 => step.q("include", "uncommittedblobs"),
            3 => step.q("include", "snapshots,uncommittedblobs,metadata,tags,copy,deleted"),
            4 => step.q("include", "everything").odd("an unknown include"),
            _ => step,
        }
    }

    fn list_containers(&mut self) -> Step {
        let step = Step::new("List Containers", "GET", Place::Account).q("comp", "list");
        let step = step.q("prefix", Value::Namespace(String::new()));
        let step = match self.below(8) {
            0 => step.q("maxresults", "0").odd("maxresults 0"),
            1 => step.q("maxresults", "many").odd("maxresults that is no number"),
            2 => step.q("maxresults", "1"),
            _ => step,
        };
        match self.below(4) {
            0 => step.q("include", "metadata"),
            1 => step.q("include", "everything").odd("an unknown include"),
            _ => step,
        }
    }

    fn find_by_tags(&mut self) -> Step {
        let place = Place::Container(self.container());
        let step = Step::new("Find Blobs by Tags in Container", "GET", place).q("restype", "container");
        let step = step.q("comp", "blobs");
        match self.below(5) {
            0 => step.q("where", "ward").odd("an expression that is none"),
            1 => step.q("where", "\"ward\" >= '1'"),
            2 => step.q("where", "\"ward\" = '1' AND \"kind\" = 'CT scan'"),
            _ => step.q("where", "\"ward\" = '1'"),
        }
    }

    // --- what no client should send -----------------------------------------------------------------------------------

    fn invalid(&mut self) -> Step {
        let place = self.blob();
        let container = Place::Container(self.container());
        match self.below(7) {
            0 => Step::new("Put Blob", "PUT", place).body("abc").odd("no type"),
            1 => Step::new("Put Blob", "PUT", place).h("x-ms-blob-type", "RockBlob").body("abc").odd("an unknown type"),
            2 => Step::new("nothing", "POST", place).odd("POST"),
            3 => Step::new("nothing", "PATCH", place).odd("PATCH"),
            4 => Step::new("nothing", "POST", container).q("restype", "container").odd("POST"),
            5 => Step::new("nothing", "GET", Place::Account).q("comp", "everything").odd("an unknown comp"),
            _ => Step::new("Get Service Stats", "GET", Place::Account).q("restype", "service").q("comp", "stats"),
        }
    }

    /// One in so many steps has conditions.
    fn conditions(&mut self, step: Step, one_in: usize) -> Step {
        if !self.one_in(one_in) {
            return step;
        }
        let place = step.place;
        let (same, other) = (Value::Tag("", place, ""), Value::from("\"0x1\""));
        let read = !step.is_write();
        match self.below(24) {
            0 | 1 => step.h("if-match", same).odd("If-Match"),
            2 => step.h("if-match", other).odd("If-Match another"),
            3 => step.h("if-match", "*").odd("If-Match *"),
            4 => step.h("if-match", Value::BareTag(place)).odd("If-Match without quotes"),
            5 => step.h("if-match", Value::TagBefore(place)).odd("If-Match the tag before"),
            6 => step.h("if-match", Value::Tag("\"0x1\", ", place, "")).odd("If-Match two"),
            7 | 8 => step.h("if-none-match", same).odd("If-None-Match"),
            9 => step.h("if-none-match", other).odd("If-None-Match another"),
            10 => step.h("if-none-match", "*").odd("If-None-Match *"),
            11 => step.h("if-none-match", Value::TagBefore(place)).odd("If-None-Match the tag before"),
            12 => step.h("if-modified-since", LONG_AGO).odd("If-Modified-Since past"),
            13 => step.h("if-modified-since", FAR_OFF).odd("If-Modified-Since to come"),
            14 => step.h("if-modified-since", Value::Modified(place)).odd("If-Modified-Since same"),
            15 => step.h("if-unmodified-since", LONG_AGO).odd("If-Unmodified-Since past"),
            16 => step.h("if-unmodified-since", FAR_OFF).odd("If-Unmodified-Since to come"),
            17 => step.h("if-unmodified-since", Value::Modified(place)).odd("If-Unmodified-Since same"),
            18 => {
                let step = step.h("if-match", same).h("if-unmodified-since", LONG_AGO);
                step.odd("If-Match and If-Unmodified-Since past")
            }
            19 => {
                let step = step.h("if-none-match", same).h("if-modified-since", LONG_AGO);
                step.odd("If-None-Match and If-Modified-Since past")
            }
            20 => {
                let step = step.h("if-none-match", other).h("if-modified-since", FAR_OFF);
                step.odd("If-None-Match another and If-Modified-Since to come")
            }
            21 => step.h("if-match", same.clone()).h("if-none-match", same).odd("If-Match and If-None-Match"),
            22 => {
                let step = step.h("if-modified-since", LONG_AGO).h("if-unmodified-since", FAR_OFF);
                step.odd("If-Modified-Since and If-Unmodified-Since")
            }
            _ if read => step.h("x-ms-if-tags", "\"ward\" = '1'").odd("x-ms-if-tags"),
            _ => step.h("x-ms-if-tags", "\"ward\" = '0'").odd("x-ms-if-tags"),
        }
    }
}

/// The name of a block.
pub fn id(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}
