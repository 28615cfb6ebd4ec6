//! Steps on blobs: writing, reading, what is said of them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};

use crate::compared::generator::Generator;
use crate::compared::ops::{Step, Value};

impl Generator {
    // --- blobs: writing -----------------------------------------------------------------------------------------------

    pub fn put_blob(&mut self) -> Step {
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
        step = self.with_lease(step, 8);
        self.conditions(step, 8)
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

    pub fn content_headers(&mut self, mut step: Step, one_in: usize) -> Step {
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

    pub fn metadata(&mut self, step: Step) -> Step {
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

    pub fn tags_header(&mut self, step: Step) -> Step {
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

    pub fn put_block(&mut self) -> Step {
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

    pub fn block(&mut self) -> String {
        id(&format!("{:04}", self.below(4)))
    }

    pub fn put_block_list(&mut self) -> Step {
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
        if self.one_in(8) {
            let tier = self.pick(&["Hot", "Cool", "Archive"]);
            step = step.h("x-ms-access-tier", tier);
        }
        step = self.with_lease(step, 5);
        self.conditions(step, 5)
    }

    pub fn block_list(&mut self) -> Step {
        let place = self.blob();
        let step = Step::new("Get Block List", "GET", place).q("comp", "blocklist");
        let step = match self.below(6) {
            0 => step,
            1 => step.q("blocklisttype", "committed"),
            2 => step.q("blocklisttype", "uncommitted"),
            3 => step.q("blocklisttype", "some").odd("an unknown type"),
            4 => step.q("blocklisttype", "committed").q("snapshot", Value::Snapshot(place, 0)),
            _ => step.q("blocklisttype", "all"),
        };
        self.with_lease(step, 8)
    }

    pub fn append(&mut self) -> Step {
        let place = self.blob();
        if self.one_in(3) {
            // So that there is something to append to.
            self.wrote(place);
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

    pub fn read_blob(&mut self) -> Step {
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
        let step = self.with_lease(step, 10);
        self.conditions(step, 4)
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
            1 => step.h("x-ms-range-get-content-md5", "false").odd("a digest that is not wanted"),
            _ => step,
        }
    }

    // --- blobs: what is said of them ----------------------------------------------------------------------------------

    pub fn set_properties(&mut self) -> Step {
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

    pub fn tags(&mut self) -> Step {
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

    pub fn tier(&mut self) -> Step {
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

    pub fn snapshot(&mut self) -> Step {
        let place = self.blob();
        let step = Step::new("Snapshot Blob", "PUT", place).q("comp", "snapshot");
        let step = if self.one_in(4) { self.metadata(step) } else { step };
        let step = self.with_lease(step, 6);
        self.conditions(step, 6)
    }

    pub fn delete_blob(&mut self) -> Step {
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
}

/// The name of a block.
pub fn id(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}
