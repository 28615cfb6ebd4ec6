//! Random histories: what the catalog in memory answers, every other one must answer, too.

use std::fmt::Write as _;

use ecluse::catalog::{
    Catalog, CatalogError, Content, Deletion, ListExtras, ListQuery, ListStart, NewAppend, ObjectRef, Revision,
    RunMerge, Select, SnapshotRule, TagQuery, Version, VersionId, Which,
};
use ecluse::model::{
    BlockSource, ByteRange, Conditions, EtagCondition, LeaseAction, Part, PartId, Sight, SnapshotId, TagExpression,
    Tier, Timestamp,
};

use super::azure::{A, B, deletion, object, shown, tags, user};
use super::blocks::{block, commit, new_append, new_block};
use super::suite::{GRACE, bucket, completion, key, new, part, put_part, queued, sound, upload, with_bucket};

const NAMES: [&str; 4] = ["a", "a/b", "a/c", "d"];

/// Numbers that look random; the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

/// A catalog with what a history needs to know of it. Ids of versions differ between catalogs, so they are never shown.
struct Side<'c> {
    catalog: &'c dyn Catalog,
    log: String,
}

impl Side<'_> {
    fn tell(&mut self, what: &str, outcome: Result<String, CatalogError>) {
        let outcome = outcome.unwrap_or_else(|error| format!("{error:?}"));
        writeln!(self.log, "{what}: {outcome}").unwrap();
    }

    async fn conditions(&self, dice: u64, name: &str) -> Conditions {
        let mut dice = Dice(dice);
        let mut conditions = Conditions::default();
        if dice.chance(4) {
            conditions.lease = Some(dice.of(&[A, B]).to_owned());
        }
        conditions.not_archived = dice.chance(3);
        if dice.chance(5) {
            let current = self.catalog.head(&ObjectRef::current(&bucket(), &key(name))).await;
            let tag = current.map_or_else(|_| super::suite::etag(9), |version| version.state_tag());
            conditions.if_match = Some(EtagCondition::OneOf(vec![tag]));
        }
        if dice.chance(9) {
            let text = dice.of(&["n = '1'", "n <> '1' OR m > ''"]);
            conditions.if_tags = Some(TagExpression::parse_condition(text).unwrap());
        }
        conditions
    }
}

/// All that a client could see of a version.
fn seen(version: &Version) -> String {
    let Version { key, length, etag, modified, metadata, part_lengths, snapshot, lease, .. } = version;
    format!("{key:?} {length} {etag} {modified:?} {metadata:?} {part_lengths:?} {snapshot:?} {lease:?}")
}

/// Runs the same history on both; they must tell the same and be sound. Both retain, or neither does.
pub async fn compare(seed: u64, steps: usize, reference: &dyn Catalog, other: &dyn Catalog) {
    let mut sides = [reference, other].map(|catalog| Side { catalog, log: String::new() });
    for side in &sides {
        with_bucket(side.catalog).await;
    }
    let mut dice = Dice(seed);
    for step in 0..steps {
        let (choice, number) = (dice.0, u32::try_from(step).unwrap());
        dice.below(2);
        for side in &mut sides {
            side.log.clear();
            self::step(side, Dice(choice), number).await;
            tell_all(side).await;
        }
        let [reference, other] = &sides;
        let differs = reference.log.lines().zip(other.log.lines()).find(|(one, two)| one != two);
        assert_eq!(differs, None, "seed {seed}, step {step}");
        assert_eq!(reference.log.len(), other.log.len(), "seed {seed}, step {step}");
    }
    for side in &sides {
        sound(side.catalog).await;
    }
    assert_eq!(queued(reference).await, queued(other).await, "seed {seed}");
    for side in &sides {
        side.catalog.drop_bucket(&bucket(), &Conditions { lease: None, ..Conditions::default() }).await.unwrap();
        while side.catalog.purge(Timestamp(i64::MAX), 7, GRACE).await.unwrap() {
            sound(side.catalog).await;
        }
        sound(side.catalog).await;
    }
    assert_eq!(queued(reference).await, queued(other).await, "seed {seed}");
}

async fn step(side: &mut Side<'_>, mut dice: Dice, number: u32) {
    let catalog = side.catalog;
    let name = dice.of(&NAMES);
    let at = Timestamp(10_000 + i64::from(number));
    let conditions = side.conditions(dice.0, name).await;
    let length = 10 + u64::from(number % 7);
    let snapshots: Vec<SnapshotId> = snapshots(catalog, name).await;
    let which = ObjectRef {
        which: if snapshots.is_empty() || dice.chance(2) {
            Which::Current
        } else {
            Which::Snapshot(dice.of(&snapshots))
        },
        ..object(name)
    };
    match dice.below(17) {
        0 | 1 => {
            let mut version = new(name, Content::Part(part(number, length)), length);
            (version.modified, version.conditions) = (at, conditions);
            if dice.chance(2) {
                version.metadata.tags = tags(&[("n", dice.of(&["1", "2"])), ("m", "x")]);
            }
            if dice.chance(4) {
                (version.content, version.length) = (Content::Empty, 0);
                version.metadata.append = Some(ecluse::model::AppendState::default());
            }
            side.tell("commit", catalog.commit(version, GRACE).await.map(|version| seen(&version)));
        }
        2 => {
            let Ok(source) = catalog.head(&which).await else { return };
            let Some(range) = range(&mut dice, source.length) else { return };
            let to = dice.of(&NAMES);
            let mut version = new(to, Content::Shared { source: source.id, range }, range.end - range.first);
            (version.modified, version.conditions) = (at, conditions);
            side.tell("copy", catalog.commit(version, GRACE).await.map(|version| seen(&version)));
        }
        3 | 4 => {
            let number_of_block = u8::try_from(dice.below(3)).unwrap();
            let mut waiting = new_block(name, block(number_of_block, length), number);
            (waiting.conditions, waiting.uploaded) = (conditions, at);
            side.tell("put block", catalog.put_block(waiting, GRACE).await.map(|()| String::new()));
        }
        5 | 6 => {
            let sources = [BlockSource::Committed, BlockSource::Uncommitted, BlockSource::Latest, BlockSource::Latest];
            let count = dice.below(4);
            let picks: Vec<_> = (0..count).map(|_| (u8::try_from(dice.below(3)).unwrap(), dice.of(&sources))).collect();
            let mut list = commit(name, &picks);
            (list.conditions, list.modified) = (conditions, at);
            side.tell("block list", catalog.commit_blocks(list, GRACE).await.map(|version| seen(&version)));
        }
        7 | 8 => {
            let mut append = NewAppend { modified: at, conditions, ..new_append(name, number, length) };
            if dice.chance(4) {
                append.position = Some(10);
            }
            let outcome = catalog.append(append, GRACE).await;
            side.tell("append", outcome.map(|done| format!("{} {} {}", seen(&done.version), done.offset, done.slices)));
        }
        9 => {
            let Some(merge) = merge(catalog, &mut dice, name, number).await else { return };
            side.tell("merge", catalog.merge_run(merge, GRACE).await.map(|()| String::new()));
        }
        10 => {
            let user = dice.chance(2).then(|| user("s"));
            let taken = SnapshotId(i64::from(number / 4));
            let outcome = catalog.snapshot(&bucket(), &key(name), user, &conditions, taken).await;
            side.tell("snapshot", outcome.map(|version| seen(&version)));
        }
        11 => {
            let rule = dice.of(&[SnapshotRule::MustBeNone, SnapshotRule::Include, SnapshotRule::Only]);
            let for_good = dice.chance(5);
            let deletion = Deletion { conditions, at, for_good, ..deletion(which, rule) };
            side.tell("delete as", catalog.delete_as(deletion, GRACE).await.map(|()| String::new()));
        }
        12 => {
            side.tell("restore", catalog.restore(&bucket(), &key(name), GRACE).await.map(|()| String::new()));
        }
        13 => {
            let id = dice.of(&[A, B]).to_owned();
            let action = match dice.below(5) {
                0 | 1 => LeaseAction::Acquire { id, duration_seconds: dice.of(&[None, Some(15)]) },
                2 => LeaseAction::Renew { id },
                3 => LeaseAction::Release { id },
                _ => LeaseAction::Break { period_seconds: Some(0) },
            };
            // Long ago, or long from now: what it is now does not depend on how fast the test runs.
            let now = dice.of(&[Timestamp(1_000), Timestamp(1 << 50)]);
            let outcome = catalog.lease(&bucket(), Some(&key(name)), &action, &conditions, now).await;
            side.tell("lease", outcome.map(|(outcome, _, modified)| format!("{outcome:?} {modified:?}")));
        }
        14 => {
            let revision = match dice.below(4) {
                0 => Revision::User(user("r")),
                1 => Revision::Tags(tags(&[("n", dice.of(&["1", "3"]))])),
                2 => Revision::Tier(Some(Tier { name: dice.of(&["Cool", Tier::ARCHIVE]).into(), changed: at })),
                _ => Revision::Close { length: None },
            };
            let outcome = catalog.revise(&which, revision, &conditions, at).await;
            side.tell("revise", outcome.map(|version| seen(&version)));
        }
        15 => {
            let id = upload(catalog, name, number).await;
            put_part(catalog, name, &id, 1, part(number, length)).await;
            let mut done = completion(name, &id, &[1]);
            (done.conditions, done.modified) = (conditions, at);
            let outcome = catalog.complete_upload(done, GRACE).await;
            side.tell("complete", outcome.map(|done| seen(&done.version)));
        }
        _ => {
            // Without a time of its own, what it retains would be retained until another moment on each side.
            let stale = catalog.drop_stale_blocks(Timestamp(at.0 - 20), 1, GRACE).await;
            side.tell("stale", stale.map(|count| count.to_string()));
            let purged = catalog.purge(Timestamp(at.0 - 30), 1, GRACE).await;
            side.tell("purge", purged.map(|more| more.to_string()));
        }
    }
}

async fn snapshots(catalog: &dyn Catalog, name: &str) -> Vec<SnapshotId> {
    let extras = ListExtras { snapshots: true, uncommitted: false, deleted: true };
    let page = catalog.list(&query(None, ListStart::First, 1_000, extras)).await.unwrap();
    let of_name = page.entries.into_iter().filter_map(|entry| match entry {
        ecluse::catalog::ListEntry::Object { key, snapshot, .. } if key.as_str() == name => snapshot,
        _ => None,
    });
    of_name.collect()
}

fn range(dice: &mut Dice, length: u64) -> Option<ByteRange> {
    let most = usize::try_from(length).unwrap();
    if most == 0 {
        return None;
    }
    if dice.chance(2) {
        return Some(ByteRange { first: 0, end: length });
    }
    let first = u64::try_from(dice.below(most)).unwrap();
    Some(ByteRange { first, end: first + 1 + u64::try_from(dice.below(most)).unwrap() % (length - first) })
}

/// Two or more slices of an object, as one part.
async fn merge(catalog: &dyn Catalog, dice: &mut Dice, name: &str, number: u32) -> Option<RunMerge> {
    let opened = catalog.open(&ObjectRef::current(&bucket(), &key(name)), Select::All).await.ok()?;
    let count = opened.slices.len();
    let (first, last) = (dice.below(count.max(1)), dice.below(count.max(1)));
    let run = opened.slices.get(first..=last)?;
    let range = ByteRange { first: run.first()?.position, end: run.last()?.position + run.last()?.length };
    let parts: Vec<PartId> = run.iter().map(|slice| slice.part.id).collect();
    let part: Part = part(number, range.end - range.first);
    let version: VersionId = opened.version.id;
    Some(RunMerge { bucket: bucket(), key: key(name), version, range, parts, part })
}

fn query(delimiter: Option<&str>, start: ListStart, limit: usize, extras: ListExtras) -> ListQuery {
    ListQuery {
        bucket: bucket(),
        prefix: String::new(),
        delimiter: delimiter.map(str::to_owned),
        start,
        limit,
        most_bytes: usize::MAX,
        with_metadata: true,
        with_user_metadata: true,
        extras,
    }
}

/// All that can be asked of a catalog, in words.
async fn tell_all(side: &mut Side<'_>) {
    let catalog = side.catalog;
    for bits in 0..8 {
        let extras = ListExtras { snapshots: bits & 1 > 0, uncommitted: bits & 2 > 0, deleted: bits & 4 > 0 };
        for delimiter in [None, Some("/")] {
            let mut start = Some(ListStart::First);
            while let Some(from) = start {
                let page = catalog.list(&query(delimiter, from, 2, extras)).await.unwrap();
                let names: Vec<_> = page.entries.iter().map(shown).collect();
                writeln!(side.log, "{extras:?} {delimiter:?} {names:?} {:?}", page.next).unwrap();
                start = page.next;
            }
        }
    }
    for name in NAMES {
        let mut all = vec![Which::Current];
        all.extend(snapshots(catalog, name).await.into_iter().map(Which::Snapshot));
        for which in all {
            let at = ObjectRef { which, ..object(name) };
            let opened = catalog.open(&at, Select::All).await;
            let told = opened.map(|opened| {
                let slices = opened.slices.iter().map(|s| (s.position, s.part.id, s.offset, s.length));
                format!("{} {:?} {:?}", seen(&opened.version), opened.range, slices.collect::<Vec<_>>())
            });
            side.tell(name, told);
            let blocks = super::blocks::lists_of(catalog, &at).await;
            side.tell("blocks", blocks.map(|lists| format!("{:?} {:?}", lists.committed, lists.uncommitted)));
        }
    }
    for text in ["n = '1'", "n > '0' AND m = 'x'"] {
        let expression = TagExpression::parse_search(text).unwrap();
        let (tenant, sight) = (super::suite::tenant(), Sight::of_everything());
        let query = TagQuery { tenant, bucket: None, expression, sight, after: None, limit: 2, most_bytes: usize::MAX };
        side.tell(text, catalog.find_by_tags(&query).await.map(|page| format!("{page:?}")));
    }
    side.tell("waiting", catalog.deletions_waiting().await.map(|count| count.to_string()));
}
