//! Two servers are asked the same, step by step; differences are looked up among the known ones, and those that are not known
//! are shrunk to few steps.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::compared::compare::{Difference, compare};
use crate::compared::flat::Flat;
use crate::compared::generator::Generator;
use crate::compared::known::{Before, Known, Met};
use crate::compared::ops::{BLOBS, CONTAINERS, Place, Step, Value};
use crate::compared::script::Scene;
use crate::compared::side::Side;

/// A lease is broken after so long, on both sides: else it would end by itself on one a moment before the other.
const LEASE_LIVES: Duration = Duration::from_secs(8);
/// And after so many steps, so that it does not keep writers out for ever.
const LEASE_STEPS: usize = 60;
/// So many steps at most are shown and replayed for a difference.
const HISTORY: usize = 60;

/// How often an operation had which status.
pub type Outcomes = BTreeMap<&'static str, BTreeMap<u16, usize>>;

/// What a run found.
#[derive(Default)]
pub struct Report {
    /// Unknown differences: how often, and the steps that led to the first.
    pub unknown: BTreeMap<Difference, (usize, Vec<Step>)>,
    /// How often each known one was met, by its number.
    pub known: BTreeMap<usize, usize>,
    /// How often an operation had which status: one that never succeeds shows nothing.
    pub outcomes: Outcomes,
}

pub struct Run {
    pub ours: Side,
    pub theirs: Side,
    known: Vec<&'static Known>,
    history: Vec<Step>,
    leased: HashMap<Place, (Instant, usize)>,
    asked: usize,
    /// Whether the last step succeeded.
    succeeded: bool,
    /// Blobs with uncommitted blocks.
    waiting: HashSet<Place>,
    /// Written to since their lease ended.
    freed: HashSet<Place>,
    /// Copies that were changed since.
    changed: HashSet<Place>,
    changed_once: HashSet<Place>,
    /// Sources of copies, and copies.
    shared: HashSet<Place>,
    /// Snapshots with metadata of their own were taken of these.
    retagged: HashSet<Place>,
    /// Kinds of blobs that snapshots were taken of.
    taken: HashMap<Place, Vec<String>>,
    /// Whether ours must answer with the version that was asked for.
    strict: bool,
}

impl Run {
    /// `strict`: what is promised of our answers alone is held against them, too.
    pub fn new(ours: Side, theirs: Side, known: Vec<&'static Known>, strict: bool) -> Self {
        Self {
            ours,
            theirs,
            known,
            history: Vec::new(),
            leased: HashMap::new(),
            asked: 0,
            succeeded: false,
            waiting: HashSet::new(),
            freed: HashSet::new(),
            changed: HashSet::new(),
            changed_once: HashSet::new(),
            shared: HashSet::new(),
            retagged: HashSet::new(),
            taken: HashMap::new(),
            strict,
        }
    }

    /// So many steps from a seed.
    pub async fn run(&mut self, seed: u64, steps: usize) -> Report {
        let mut report = Report::default();
        let mut generator = Generator::new(seed);
        for container in 0..CONTAINERS.len() {
            let step = Step::new("Create Container", "PUT", Place::Container(container)).q("restype", "container");
            self.check(&step, &mut report).await;
        }
        for done in 0..steps {
            let step = generator.step();
            self.check(&step, &mut report).await;
            if done % 100 == 99 {
                for container in 0..CONTAINERS.len() {
                    self.check(&whole_list(container), &mut report).await;
                }
            }
        }
        report
    }

    /// These steps, and their waits; leases end as they end.
    pub async fn scripted(&mut self, scenes: &[Scene]) -> Report {
        let mut report = Report::default();
        for container in 0..CONTAINERS.len() {
            let step = Step::new("Create Container", "PUT", Place::Container(container)).q("restype", "container");
            self.check(&step, &mut report).await;
        }
        for scene in scenes {
            match scene {
                Scene::Do(step) => self.check(step, &mut report).await,
                Scene::Wait(time) => tokio::time::sleep(*time).await,
            }
            self.leased.clear();
        }
        report
    }

    async fn check(&mut self, step: &Step, report: &mut Report) {
        let before = self.before(step).await;
        let mut differences = self.ask(step, before, report).await;
        let blocks_left = self.leaves_blocks_behind(step);
        // The state after, seen from outside.
        if step.is_write() && differences.iter().all(|(difference, _)| difference.what != "status") {
            let after = self.state_after(step, report).await;
            differences.extend(after);
        }
        let mut apart = false;
        for (difference, known) in differences {
            // One side did it and the other did not, or did something else.
            apart |=
                difference.what == "status" && difference.ours.starts_with('2') != difference.theirs.starts_with('2');
            match known {
                Some(at) => *report.known.entry(at).or_default() += 1,
                None => {
                    apart |= difference.kind.starts_with("after ");
                    let history = self.relevant(step.place);
                    report.unknown.entry(difference).or_insert_with(|| (0, history)).0 += 1;
                }
            }
        }
        // It must not count twice.
        if step.is_write() && (apart || blocks_left) {
            self.heal(step.place).await;
        }
    }

    /// One step on both sides.
    async fn ask(&mut self, step: &Step, before: Before, report: &mut Report) -> Vec<(Difference, Option<usize>)> {
        for place in step.needs_time_of() {
            let look = look_at(place);
            self.ours.ask(&look).await;
            self.theirs.ask(&look).await;
        }
        self.history.push(step.clone());
        let tags = (self.ours.tag(step.place).map(str::to_owned), self.theirs.tag(step.place).map(str::to_owned));
        let ours = self.ours.ask(step).await;
        let theirs = self.theirs.ask(step).await;
        if (step.odd.starts_with("acquire") || step.odd.starts_with("break later")) && theirs.is_success() {
            self.leased.insert(step.place, (Instant::now(), self.asked));
        }
        self.succeeded = theirs.is_success();
        *report.outcomes.entry(step.kind).or_default().entry(theirs.status).or_default() += 1;
        let mut differences = compare(step, &ours, &theirs);
        let changed = |side: &Side, before: &Option<String>| side.tag(step.place).map(str::to_owned) != *before;
        let (mine, other) = (changed(&self.ours, &tags.0), changed(&self.theirs, &tags.1));
        if differences.is_empty() && mine != other {
            differences.push(Difference {
                kind: step.kind.into(),
                on: step.kind,
                odd: step.odd.clone(),
                what: "tag".into(),
                ours: if mine { "changed" } else { "same" }.into(),
                theirs: if other { "changed" } else { "same" }.into(),
            });
        }
        let asked = self.ours.account.dated(self.ours.request(step)).value("x-ms-version").to_owned();
        if self.strict && ours.header("x-ms-version") != asked {
            differences.push(Difference {
                kind: "any".into(),
                on: "any",
                odd: step.odd.clone(),
                what: "the version asked for".into(),
                ours: ours.header("x-ms-version").into(),
                theirs: asked,
            });
        }
        let ordered = matches!(step.kind, "List Blobs" | "Get Block List");
        if self.strict && ordered && ours.is_success() && !Flat::of(&ours.text()).sorted {
            differences.push(Difference {
                kind: step.kind.into(),
                on: "any",
                odd: step.odd.clone(),
                what: "order of snapshots or blocks".into(),
                ours: ours.text(),
                theirs: "sorted".into(),
            });
        }
        self.follow(step, &before);
        let met = Met { step, before: &before, ours: &ours, theirs: &theirs };
        let known = |difference: &Difference| self.known.iter().position(|known| known.covers(difference, &met));
        differences.into_iter().map(|difference| (difference.clone(), known(&difference))).collect()
    }

    /// What is there before a step. Only Azurite is asked: where the two differed, the place was cleared.
    async fn before(&mut self, step: &Step) -> Before {
        self.break_old_leases().await;
        let mut before = Before { waiting: self.waiting.contains(&step.place), ..Before::default() };
        let within = |places: &HashSet<Place>| match step.place {
            Place::Container(_) => places.iter().any(|place| place.container() == step.place.container()),
            Place::Account | Place::Blob(..) => places.contains(&step.place),
        };
        (before.freed, before.changed) = (within(&self.freed), within(&self.changed));
        before.changed_once = within(&self.changed_once);
        before.shared = self.shared.contains(&step.place);
        before.retagged = self.retagged.contains(&step.place);
        before.snapshots_of = self.taken.get(&step.place).cloned().unwrap_or_default();
        if step.place != Place::Account {
            let snapshot = step.query.iter().find(|(name, _)| *name == "snapshot");
            let look =
                snapshot.into_iter().fold(look_at(step.place), |look, (name, value)| look.q(name, value.clone()));
            before.place = self.theirs.send(self.theirs.request(&look)).await;
        }
        for (name, value) in &step.headers {
            if let (true, Value::Address(source, nth)) = (name == "x-ms-copy-source", value) {
                before.retagged |= self.retagged.contains(source);
                let look = match nth {
                    Some(nth) => look_at(*source).q("snapshot", Value::Snapshot(*source, *nth)),
                    None => look_at(*source),
                };
                before.source = self.theirs.send(self.theirs.request(&look)).await;
            }
        }
        before
    }

    /// Notes what a step did to leases that had ended and to copies.
    fn follow(&mut self, step: &Step, before: &Before) {
        if !self.succeeded || !step.is_write() {
            return;
        }
        let ended = matches!(before.place.header("x-ms-lease-state"), "broken" | "expired");
        match step.kind {
            "Delete Blob" if ended && step.headers.iter().any(|(_, value)| *value == Value::from("only")) => {
                self.freed.insert(step.place);
            }
            "Lease Blob" | "Delete Blob" => {
                self.freed.remove(&step.place);
            }
            "Snapshot Blob" => {
                let kind = before.place.header("x-ms-blob-type").to_owned();
                if step.headers.iter().any(|(name, _)| name.starts_with("x-ms-meta-")) {
                    self.retagged.insert(step.place);
                }
                self.taken.entry(step.place).or_default().push(kind);
            }
            _ if ended => {
                self.freed.insert(step.place);
            }
            _ => {}
        }
        for (_, value) in &step.headers {
            if let Value::Address(source, _) = value {
                self.shared.extend([*source, step.place]);
            }
        }
        match step.kind {
            "Set Blob Properties" | "Set Blob Metadata" | "Append Block" | "Append Blob Seal" | "Put Block List"
                if before.place.find("x-ms-copy-id").is_some() =>
            {
                self.changed.insert(step.place);
                self.changed_once.insert(step.place);
            }
            "Copy Blob" | "Copy Blob From URL" | "Put Blob" | "Put Blob (append)" => {
                self.changed.remove(&step.place);
            }
            _ => {}
        }
    }

    /// Whether blocks waited while the blob was replaced or deleted. Azure drops them then, Azurite keeps them ("Put Blob",
    /// remarks): what follows would differ.
    fn leaves_blocks_behind(&mut self, step: &Step) -> bool {
        if !self.succeeded {
            return false;
        }
        match step.kind {
            "Put Block" => {
                self.waiting.insert(step.place);
                false
            }
            "Put Block List" => {
                self.waiting.remove(&step.place);
                false
            }
            "Put Blob" | "Put Blob (append)" | "Copy Blob" | "Copy Blob From URL" | "Delete Blob" => {
                self.waiting.contains(&step.place)
            }
            _ => false,
        }
    }

    /// HEAD of what a write was about; differences are told under the write's name.
    async fn state_after(&mut self, step: &Step, report: &mut Report) -> Vec<(Difference, Option<usize>)> {
        let look = look_at(step.place);
        let before = self.before(&look).await;
        let found = self.ask(&look, before, report).await;
        self.history.pop();
        let told = |difference: Difference| Difference {
            kind: format!("after {}", step.kind),
            odd: step.odd.clone(),
            ..difference
        };
        found.into_iter().map(|(difference, known)| (told(difference), known)).collect()
    }

    async fn heal(&mut self, place: Place) {
        self.leased.remove(&place);
        let gone = |other: &Place| match place {
            Place::Container(_) => other.container() == place.container(),
            Place::Account | Place::Blob(..) => *other == place,
        };
        for places in [
            &mut self.waiting,
            &mut self.freed,
            &mut self.changed,
            &mut self.changed_once,
            &mut self.shared,
            &mut self.retagged,
        ] {
            places.retain(|other| !gone(other));
        }
        self.taken.retain(|other, _| !gone(other));
        for side in [&mut self.ours, &mut self.theirs] {
            side.clear(place).await;
        }
        if let Place::Container(_) = place {
            let again = Step::new("Create Container", "PUT", place).q("restype", "container");
            for side in [&mut self.ours, &mut self.theirs] {
                let mut answer = side.ask(&again).await;
                for _ in 0..100 {
                    if answer.is_success() || answer.status == 409 {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    answer = side.ask(&again).await;
                }
            }
            self.history.retain(|step| step.place.container() != place.container());
            self.history.push(again);
        } else {
            self.history.retain(|step| step.place != place);
        }
    }

    async fn break_old_leases(&mut self) {
        self.asked += 1;
        let ends = |at: &(Instant, usize)| at.0.elapsed() > LEASE_LIVES || self.asked > at.1 + LEASE_STEPS;
        let old: Vec<Place> = self.leased.iter().filter(|(_, at)| ends(at)).map(|(place, _)| *place).collect();
        for place in old {
            self.leased.remove(&place);
            let step = match place {
                Place::Blob(..) => Step::new("Lease Blob", "PUT", place),
                Place::Account | Place::Container(_) => {
                    Step::new("Lease Container", "PUT", place).q("restype", "container")
                }
            };
            let step = step.q("comp", "lease").h("x-ms-lease-action", "break").h("x-ms-lease-break-period", "0");
            self.ours.ask(&step).await;
            self.theirs.ask(&step).await;
            self.history.push(step);
        }
    }

    /// The steps that may have had a part in what a place is now.
    fn relevant(&self, place: Place) -> Vec<Step> {
        let concerns = |other: Place| match place {
            Place::Account => true,
            Place::Container(container) => other.container() == Some(container),
            Place::Blob(container, _) => other == place || other == Place::Container(container),
        };
        let mut steps: Vec<Step> = self.history.iter().filter(|step| concerns(step.place)).cloned().collect();
        steps.drain(..steps.len().saturating_sub(HISTORY));
        steps
    }

    /// Whether these steps, in new containers, lead to a difference again.
    async fn leads_to(&self, namespace: &str, steps: &[Step], wanted: &Difference) -> bool {
        let mut again = Self::new(
            self.ours.elsewhere(namespace),
            self.theirs.elsewhere(namespace),
            self.known.clone(),
            self.strict,
        );
        let mut report = Report::default();
        for container in 0..CONTAINERS.len() {
            let create = Step::new("Create Container", "PUT", Place::Container(container)).q("restype", "container");
            again.check(&create, &mut report).await;
        }
        report.unknown.clear();
        for step in steps {
            again.check(step, &mut report).await;
            if report.unknown.contains_key(wanted) {
                return true;
            }
        }
        false
    }

    /// The fewest steps found that lead to a difference.
    pub async fn shrunk(&self, steps: &[Step], wanted: &Difference, tag: usize) -> Vec<Step> {
        let mut round = 0;
        let mut namespace = || {
            round += 1;
            format!("s{tag}x{round}{}", &self.ours.namespace)
        };
        if !self.leads_to(&namespace(), steps, wanted).await {
            return steps.to_vec();
        }
        let mut left = steps.to_vec();
        let mut size = left.len() / 2;
        while size > 0 {
            let mut at = 0;
            while at < left.len() {
                let mut fewer = left.clone();
                fewer.drain(at..(at + size).min(left.len()));
                if self.leads_to(&namespace(), &fewer, wanted).await {
                    left = fewer;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        left
    }

    /// A report in words. The first unknown differences are shrunk.
    pub async fn told(&self, report: &Report, shrink: usize) -> String {
        let mut text = String::new();
        for (kind, outcomes) in &report.outcomes {
            let _ = writeln!(text, "{kind}: {outcomes:?}");
        }
        for (at, known) in self.known.iter().enumerate().filter(|(at, _)| !report.known.contains_key(at)) {
            let Known { on, what, ours, theirs, why, .. } = known;
            let _ = writeln!(text, "{at} not met: {on:?} {what}, {ours} and {theirs}: {why}");
        }
        let _ = writeln!(text, "{} unknown differences", report.unknown.len());
        for (at, (difference, (count, steps))) in report.unknown.iter().enumerate() {
            let _ = writeln!(text, "{count} × {difference}");
            if at < shrink {
                for step in self.shrunk(steps, difference, at).await {
                    let _ = writeln!(text, "      {}", shown(&step));
                }
            }
        }
        text
    }
}

fn shown(step: &Step) -> String {
    let Step { kind, odd, method, place, query, headers, body, sas } = step;
    let place = match place {
        Place::Account => "the account".to_owned(),
        Place::Container(container) => CONTAINERS[*container].to_owned(),
        Place::Blob(container, blob) => format!("{}/{}", CONTAINERS[*container], BLOBS[*blob]),
    };
    let body = match body.len() {
        0 => String::new(),
        1..400 if body.is_ascii() => format!(" {}", String::from_utf8_lossy(body)),
        length => format!(" {length} bytes"),
    };
    let sas = sas.map_or(String::new(), |sas| format!(" {sas:?}"));
    format!("{kind} [{odd}] {method} {place:?} {query:?} {headers:?}{body}{sas}")
}

fn look_at(place: Place) -> Step {
    match place {
        Place::Account => {
            Step::new("Get Account Information", "HEAD", place).q("restype", "account").q("comp", "properties")
        }
        Place::Container(_) => Step::new("Get Container Properties", "HEAD", place).q("restype", "container"),
        Place::Blob(..) => Step::new("Get Blob Properties", "HEAD", place),
    }
}

fn whole_list(container: usize) -> Step {
    let step = Step::new("List Blobs", "GET", Place::Container(container)).q("restype", "container").q("comp", "list");
    step.q("include", "snapshots,uncommittedblobs,metadata,tags,copy")
}
