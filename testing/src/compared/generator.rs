//! Steps, deterministic from a seed: everything that clients do on a small namespace, and much that they should not.

use std::collections::VecDeque;

use crate::compared::ops::{BLOBS, Flaw, Place, Sas, Scope, Step, Value};
use crate::noise::Noise;

const LONG_AGO: &str = "Wed, 25 Nov 2015 15:27:24 GMT";
const FAR_OFF: &str = "Wed, 25 Nov 2037 15:27:24 GMT";
const LEASES: [&str; 3] = [
    "11111111-1111-4111-8111-111111111111",
    "22222222-2222-4222-8222-222222222222",
    "33333333-3333-4333-8333-333333333333",
];

/// Makes steps.
pub struct Generator {
    dice: Noise,
    /// Steps that belong together come one after the other.
    next: VecDeque<Step>,
    /// What was written last: half of all steps are about it, so that there is something to read, change and take away.
    last: Place,
    /// What all is about for now.
    pinned: Option<Place>,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { dice: Noise::new(seed), next: VecDeque::new(), last: Place::Blob(0, 0), pinned: None }
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.dice.below(limit as u64)).expect("a small number")
    }

    pub fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub fn container(&mut self) -> usize {
        [0, 0, 0, 0, 0, 0, 1, 1, 1, 2][self.below(10)]
    }

    pub fn blob(&mut self) -> Place {
        if let Some(place) = self.pinned {
            return place;
        }
        if self.one_in(2) {
            return self.last;
        }
        let container = self.container();
        // Half of the rest meet on three names.
        let blob = if self.one_in(2) { self.below(3) } else { self.below(BLOBS.len()) };
        Place::Blob(container, blob)
    }

    pub fn content(&mut self) -> Vec<u8> {
        let lengths = [0, 1, 5, 10, 100, 1000, 70_000];
        let length = lengths[self.below(lengths.len())];
        let seed = self.dice.next();
        crate::noise::content(seed, length)
    }

    /// The next one.
    pub fn step(&mut self) -> Step {
        if let Some(step) = self.next.pop_front() {
            return step;
        }
        let step = match self.below(100) {
            0..=2 => self.create_container(),
            3 if self.one_in(2) => self.delete_container(),
            3..=8 => self.container_properties(),
            9..=11 => self.container_acl(),
            12..=14 => {
                let place = Place::Container(self.container());
                self.lease(place)
            }
            15..=27 => self.put_blob(),
            28..=31 => self.put_block(),
            32..=34 => self.put_block_list(),
            35..=40 => self.upload(),
            41..=42 => self.block_list(),
            43..=55 => self.read_blob(),
            56..=60 => self.set_properties(),
            61..=65 => self.tags(),
            66..=67 => self.tier(),
            68..=71 => self.snapshot(),
            72..=75 => self.delete_blob(),
            76..=82 => {
                let place = if self.one_in(4) { self.blob() } else { self.last };
                self.conversation(place)
            }
            83..=85 => self.copy(),
            86..=91 => self.append(),
            92..=94 => self.list_blobs(),
            95 => self.pages(),
            96 => self.list_containers(),
            97 => self.find_by_tags(),
            98 => self.signed(),
            _ => self.invalid(),
        };
        if step.kind.starts_with("Put Blob") || step.kind.starts_with("Copy Blob") {
            self.last = step.place;
        }
        step
    }

    /// The next steps may be about it.
    pub fn wrote(&mut self, place: Place) {
        self.last = place;
    }

    /// Blocks, and the list that commits them.
    fn upload(&mut self) -> Step {
        let place = self.blob();
        self.last = place;
        let names: Vec<String> = (0..=self.below(3)).map(|_| self.block()).collect();
        for name in &names {
            let mut content = self.content();
            content.push(b'x');
            let step = Step::new("Put Block", "PUT", place).q("comp", "block").q("blockid", name.as_str());
            self.next.push_back(step.body(content));
        }
        let sources = ["Latest", "Uncommitted"];
        let entries: String = names
            .iter()
            .map(|name| {
                let source = self.pick(&sources);
                format!("<{source}>{name}</{source}>")
            })
            .collect();
        let step = Step::new("Put Block List", "PUT", place).q("comp", "blocklist");
        let mut step = step.body(format!("<BlockList>{entries}</BlockList>"));
        step = self.content_headers(step, 3);
        step = if self.one_in(2) { self.metadata(step) } else { step };
        step = if self.one_in(6) { self.tags_header(step) } else { step };
        self.next.push_back(step);
        self.next.pop_front().unwrap_or_else(|| Step::new("Get Blob Properties", "HEAD", place))
    }

    // --- containers ---------------------------------------------------------------------------------------------------

    fn create_container(&mut self) -> Step {
        let place = Place::Container([0, 1, 1, 2, 2][self.below(5)]);
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

    /// A lease, and what is done with it and under it at once.
    fn conversation(&mut self, place: Place) -> Step {
        let first = self.lease(place);
        for _ in 0..self.below(5) {
            let step = if self.one_in(3) { self.lease(place) } else { self.under_lease(place) };
            self.next.push_back(step);
        }
        first
    }

    /// A read or a write of a blob that is leased, perhaps.
    fn under_lease(&mut self, place: Place) -> Step {
        self.pinned = Some(place);
        let step = match self.below(10) {
            0 => self.put_blob(),
            1 => self.put_block(),
            2 => self.put_block_list(),
            3 | 4 => self.set_properties(),
            5 => self.tags(),
            6 => self.tier(),
            7 => self.snapshot(),
            8 => self.append(),
            _ => self.read_blob(),
        };
        self.pinned = None;
        self.with_lease(step, 2)
    }

    /// One in so many steps names a lease.
    pub fn with_lease(&mut self, step: Step, one_in: usize) -> Step {
        if !self.one_in(one_in) || step.headers.iter().any(|(name, _)| name == "x-ms-lease-id") {
            return step;
        }
        let place = step.place;
        match self.below(5) {
            0 | 1 => {
                let id = LEASES[self.below(3)];
                step.h("x-ms-lease-id", id).odd("a lease, perhaps another")
            }
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
        if self.one_in(6) {
            step = step.h("x-ms-requires-sync", "true");
            step.kind = "Copy Blob From URL";
        }
        if self.one_in(8) {
            let tier = self.pick(&["Hot", "Cool", "Archive"]);
            step = step.h("x-ms-access-tier", tier);
        }
        step = if self.one_in(8) { self.tags_header(step) } else { step };
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
        // Azurite's order of snapshots is none to end a page in.
        let paged = step.query.iter().any(|(name, _)| *name == "maxresults");
        match self.below(8) {
            0 => step.q("include", "metadata"),
            1 | 3 if paged => step.q("include", "uncommittedblobs,metadata,tags,copy"),
            1 => step.q("include", "metadata,snapshots,tags,copy"),
            2 => step.q("include", "uncommittedblobs"),
            3 => step.q("include", "snapshots,uncommittedblobs,metadata,tags,copy,deleted"),
            4 => step.q("include", "everything").odd("an unknown include"),
            _ => step,
        }
    }

    /// A list, page after page.
    fn pages(&mut self) -> Step {
        let container = self.container();
        let delimiter = self.pick(&["", "", "/", "b"]);
        let most = self.pick(&["1", "2", "3"]);
        let include = self.pick(&["", "metadata", "uncommittedblobs,tags,copy"]);
        let page = |first: bool| {
            let mut step = Step::new("List Blobs", "GET", Place::Container(container)).odd("page after page");
            step = step.q("restype", "container").q("comp", "list").q("maxresults", most);
            step = if delimiter.is_empty() { step } else { step.q("delimiter", delimiter) };
            step = if include.is_empty() { step } else { step.q("include", include) };
            if first { step } else { step.q("marker", Value::Marker(container)) }
        };
        for _ in 0..self.below(4) {
            self.next.push_back(page(false));
        }
        page(true)
    }

    /// With a shared access signature, of this kind or that.
    fn signed(&mut self) -> Step {
        let place = self.blob();
        let step = match self.below(5) {
            0 => Step::new("Get Blob", "GET", place),
            1 => Step::new("Get Blob Properties", "HEAD", place),
            2 => Step::new("Put Blob", "PUT", place).h("x-ms-blob-type", "BlockBlob").body("abc"),
            3 => Step::new("Delete Blob", "DELETE", place),
            _ => {
                let step = Step::new("List Blobs", "GET", Place::Container(place.container().unwrap_or(0)));
                step.q("restype", "container").q("comp", "list")
            }
        };
        let scope = match (self.below(3), step.place) {
            (0, _) => Scope::Account,
            (1, Place::Blob(..)) => Scope::Blob,
            _ => Scope::Container,
        };
        let permissions = self.pick(&["r", "rw", "racwdl", "l", "c", "d", "racwdl"]);
        let (flaw, odd) = match self.below(12) {
            0 => (Flaw::Expired, "a signature that ended"),
            1 => (Flaw::Early, "a signature that has not begun"),
            2 if permissions != "racwdl" => (Flaw::Widened, "a signature of other permissions"),
            3 => (Flaw::Elsewhere, "a signature for elsewhere"),
            4 => (Flaw::OtherAddress, "a signature for another address"),
            _ => (Flaw::None, ""),
        };
        let odd = if odd.is_empty() { format!("signed {scope:?} {permissions}") } else { odd.to_owned() };
        // Nothing but the signature is to be compared: leases are for the others.
        Step { sas: Some(Sas { scope, permissions, flaw }), ..step.odd(&odd) }
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
        match self.below(10) {
            7 => {
                let place = [Place::Account, container, place][self.below(3)];
                let step = Step::new("Get Account Information", "HEAD", place);
                step.q("restype", "account").q("comp", "properties")
            }
            8 => {
                let step = Step::new("Abort Copy Blob", "PUT", place).q("comp", "copy").q("copyid", LEASES[0]);
                step.h("x-ms-copy-action", "abort").odd("abort")
            }
            9 => Step::new("nothing", "GET", container)
                .q("restype", "container")
                .q("comp", "everything")
                .odd("an unknown comp"),
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
    pub fn conditions(&mut self, step: Step, one_in: usize) -> Step {
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
