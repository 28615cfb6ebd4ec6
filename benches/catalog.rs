//! How the catalog's operations grow with what it holds, beside the raw fsync of the disk that it lies on.
//!
//! One catalog is filled to 10⁴, 10⁵ and 10⁶ objects in turn, and everything is measured at each size. Names are a
//! PACS's: `study/series/instance.dcm`, always of [`STUDIES`] studies, so that a larger catalog has more names below
//! each common prefix and the page of prefixes stays one of 1,000. What a measurement adds it removes again, outside
//! the time it takes. The table at the end holds the median of [`ROUNDS`] rounds.
//!
//! `ECLUSE_BENCH_OBJECTS` names the largest size: 10000000 adds a fourth, and takes as much time and disk as that says.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use ecluse::catalog::{
    Catalog, Content, ListEntry, ListExtras, ListQuery, ListStart, NewVersion, ObjectRef, Select, SqliteCatalog,
};
use ecluse::model::{
    BucketName, BucketRef, Checksum, ChecksumAlgorithm, Conditions, ETag, Metadata, ObjectKey, Part, PartId,
    ProviderName, TenantId, Timestamp, WrappedKey,
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Runtime;

const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const STUDIES: u64 = 2_000;
const INSTANCES_OF_A_SERIES: u64 = 100;
const PAGE: usize = 1_000;
const ROUNDS: usize = 10;
/// Writes in flight where nothing is measured: more than share one transaction.
const FILLING: usize = 512;
const LENGTH: u64 = 40_000;

/// Seconds of one operation, for each round, by name and size.
type Figures = BTreeMap<(String, u64), Vec<f64>>;

/// The catalog with what is in it.
struct Archive {
    runtime: Runtime,
    catalog: Arc<SqliteCatalog>,
    bucket: BucketRef,
    /// How many objects it holds.
    objects: u64,
    /// The studies' names, in order.
    studies: Vec<String>,
    /// Draws names; the same in each run.
    seed: u64,
    /// Numbers the part ids, and the objects that measurements add.
    parts: u64,
}

impl Archive {
    fn new(directory: &Path) -> Self {
        let runtime = Runtime::new().unwrap();
        let catalog = Arc::new(SqliteCatalog::open(&directory.join("catalog.db")).unwrap());
        let bucket = BucketRef { tenant: TenantId::parse("chum").unwrap(), name: BucketName::parse("images").unwrap() };
        runtime.block_on(catalog.create_bucket(&bucket, Timestamp(0), &BTreeMap::new())).unwrap();
        let mut studies: Vec<String> = (0..STUDIES).map(study).collect();
        studies.sort_unstable();
        Self { runtime, catalog, bucket, objects: 0, studies, seed: 1, parts: 0 }
    }

    /// Adds objects up to `objects`, study by study as they arrive.
    fn fill(&mut self, objects: u64) {
        let began = Instant::now();
        let (from, to) = (self.objects / STUDIES, objects / STUDIES);
        let names = (0..STUDIES).flat_map(|study| (from..to).map(move |instance| name(study, instance)));
        let mut parts = self.parts;
        let versions = names.map(|name| {
            parts += 1;
            new_version(&self.bucket, name, parts)
        });
        commit_all(&self.runtime, &self.catalog, versions);
        self.parts = parts;
        println!("filled from {} to {objects} objects in {:.0} s", self.objects, began.elapsed().as_secs_f64());
        self.objects = objects;
    }

    fn random(&mut self, below: u64) -> u64 {
        self.seed = mixed(self.seed);
        self.seed % below
    }

    fn random_name(&mut self) -> ObjectKey {
        let study = self.random(STUDIES);
        let instance = self.random(self.objects / STUDIES);
        name(study, instance)
    }

    fn random_names(&mut self, count: u64) -> Vec<ObjectKey> {
        (0..count).map(|_| self.random_name()).collect()
    }

    /// New instances of random studies, beside those that are there.
    fn new_versions(&mut self, count: u64) -> Vec<NewVersion> {
        let one = |archive: &mut Self| {
            archive.parts += 1;
            let study = archive.random(STUDIES);
            new_version(&archive.bucket, name(study, (1 << 40) | archive.parts), archive.parts)
        };
        (0..count).map(|_| one(self)).collect()
    }

    fn remove(&self, names: Vec<ObjectKey>) {
        let deletions = stream::iter(names).map(|name| async move {
            self.catalog.delete(&self.bucket, &name, &Conditions::default(), Timestamp(0)).await
        });
        self.runtime.block_on(deletions.buffer_unordered(FILLING).try_for_each(|_was| async { Ok(()) })).unwrap();
    }

    /// A page that begins anywhere in the first half of the studies, so that it is full.
    fn page(&mut self, delimiter: Option<&str>) -> ListQuery {
        let study = self.random(STUDIES / 2) as usize;
        ListQuery {
            bucket: self.bucket.clone(),
            prefix: String::new(),
            delimiter: delimiter.map(str::to_owned),
            start: ListStart::After(self.studies[study].clone()),
            limit: PAGE,
            most_bytes: usize::MAX,
            with_metadata: false,
            with_user_metadata: true,
            extras: ListExtras::default(),
        }
    }

    fn commit_alone(&mut self, count: u64) -> Duration {
        let versions = self.new_versions(count);
        let names = keys(&versions);
        let began = Instant::now();
        self.runtime.block_on(async {
            for version in versions {
                black_box(self.catalog.commit(version, Timestamp(0)).await.unwrap());
            }
        });
        let elapsed = began.elapsed();
        self.remove(names);
        elapsed
    }

    /// `count` commits by 64 tasks, each of which waits for one before it begins the next.
    fn commit_among_64(&mut self, count: u64) -> Duration {
        let versions = self.new_versions(count);
        let names = keys(&versions);
        let began = Instant::now();
        at_once(&self.runtime, 64, versions, |version| {
            let catalog = Arc::clone(&self.catalog);
            async move { drop(black_box(catalog.commit(version, Timestamp(0)).await.unwrap())) }
        });
        let elapsed = began.elapsed();
        self.remove(names);
        elapsed
    }

    fn delete_alone(&mut self, count: u64) -> Duration {
        let versions = self.new_versions(count);
        let names = keys(&versions);
        commit_all(&self.runtime, &self.catalog, versions.into_iter());
        let began = Instant::now();
        self.runtime.block_on(async {
            for name in &names {
                let deleted = self.catalog.delete(&self.bucket, name, &Conditions::default(), Timestamp(0)).await;
                assert!(deleted.unwrap());
            }
        });
        began.elapsed()
    }

    fn head_alone(&mut self, count: u64) -> Duration {
        let names = self.random_names(count);
        let began = Instant::now();
        self.runtime.block_on(async {
            for name in &names {
                black_box(self.catalog.head(&ObjectRef::current(&self.bucket, name)).await.unwrap());
            }
        });
        began.elapsed()
    }

    fn head_among_16(&mut self, count: u64) -> Duration {
        let names = self.random_names(count);
        let began = Instant::now();
        at_once(&self.runtime, 16, names, |name| {
            let (catalog, bucket) = (Arc::clone(&self.catalog), self.bucket.clone());
            async move { drop(black_box(catalog.head(&ObjectRef::current(&bucket, &name)).await.unwrap())) }
        });
        began.elapsed()
    }

    fn open_alone(&mut self, count: u64) -> Duration {
        let names = self.random_names(count);
        let began = Instant::now();
        self.runtime.block_on(async {
            for name in &names {
                let opened = self.catalog.open(&ObjectRef::current(&self.bucket, name), Select::All).await.unwrap();
                assert_eq!(opened.slices.len(), 1);
            }
        });
        began.elapsed()
    }

    fn list(&mut self, count: u64, delimiter: Option<&str>) -> Duration {
        let pages: Vec<ListQuery> = (0..count).map(|_| self.page(delimiter)).collect();
        let began = Instant::now();
        for query in &pages {
            let page = self.runtime.block_on(self.catalog.list(query)).unwrap();
            assert_eq!(page.entries.len(), PAGE);
            assert_eq!(matches!(page.entries[0], ListEntry::Prefix(_)), delimiter.is_some());
        }
        began.elapsed()
    }
}

/// What an operation of the table is called, and how `count` of them are timed.
type Measure = (&'static str, fn(&mut Archive, u64) -> Duration);

const MEASURES: [Measure; 8] = [
    ("commit, alone", Archive::commit_alone),
    ("commit, among 64", Archive::commit_among_64),
    ("delete, alone", Archive::delete_alone),
    ("head, alone", Archive::head_alone),
    ("head, among 16", Archive::head_among_16),
    ("open, alone", Archive::open_alone),
    ("list 1,000 names", |archive, count| archive.list(count, None)),
    ("list 1,000 prefixes", |archive, count| archive.list(count, Some("/"))),
];
const FSYNC: &str = "raw fsync of 4 KiB";

/// Runs `work` over all of `items` in `tasks` tasks.
fn at_once<I, F>(runtime: &Runtime, tasks: usize, items: Vec<I>, work: impl Fn(I) -> F)
where
    I: Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut shares: Vec<Vec<F>> = (0..tasks).map(|_| Vec::new()).collect();
    for (item, share) in items.into_iter().zip((0..tasks).cycle()) {
        shares[share].push(work(item));
    }
    let one_by_one = |share: Vec<F>| async {
        for work in share {
            work.await;
        }
    };
    let running: Vec<_> = shares.into_iter().map(|share| runtime.spawn(one_by_one(share))).collect();
    runtime.block_on(futures::future::try_join_all(running)).unwrap();
}

fn commit_all(runtime: &Runtime, catalog: &SqliteCatalog, versions: impl Iterator<Item = NewVersion>) {
    let commits = stream::iter(versions).map(|version| catalog.commit(version, Timestamp(0)));
    runtime.block_on(commits.buffer_unordered(FILLING).try_for_each(|_version| async { Ok(()) })).unwrap();
}

fn keys(versions: &[NewVersion]) -> Vec<ObjectKey> {
    versions.iter().map(|version| version.key.clone()).collect()
}

/// A number that looks nothing like `number` (the finalizer of splitmix64).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn study(number: u64) -> String {
    format!("1.2.840.113619.2.55.{}", mixed(number))
}

fn name(study_number: u64, instance: u64) -> ObjectKey {
    let series = instance / INSTANCES_OF_A_SERIES;
    let study = study(study_number);
    ObjectKey::parse(&format!("{study}/{study}.{series}/{study}.{series}.{instance}.dcm")).unwrap()
}

/// One small object. Its part's id has a block's prefix and a counter, as the gateway's do.
fn new_version(bucket: &BucketRef, key: ObjectKey, part: u64) -> NewVersion {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&mixed(part >> 10).to_be_bytes());
    id[8..].copy_from_slice(&part.to_be_bytes());
    let metadata = Metadata {
        user: BTreeMap::from([("modality".into(), "MR".into())]),
        content_md5: Some([0x5a; 16]),
        checksums: vec![Checksum { algorithm: ChecksumAlgorithm::Crc64Nvme, value: vec![0x5a; 8], parts: None }],
        ..Metadata::default()
    };
    NewVersion {
        bucket: bucket.clone(),
        key,
        content: Content::Part(Part {
            id: PartId(id),
            length: LENGTH,
            padded_length: LENGTH,
            wrapped_key: WrappedKey { key_version: 1, bytes: vec![0x5a; 76] },
            placements: vec![ProviderName::parse("first").unwrap()],
            stored: Timestamp(1_750_000_000_000),
        }),
        length: LENGTH,
        etag: ETag::parse(&format!("{part:032x}")).unwrap(),
        modified: Timestamp(1_750_000_000_000),
        metadata,
        conditions: Conditions::default(),
        part_lengths: Vec::new(),
    }
}

/// Appends 4 KiB and syncs, as often as asked: what a disk takes at least for one commit.
fn raw_fsync(directory: &Path, count: u64) -> Duration {
    let path = directory.join("fsync");
    let mut file = File::create(&path).unwrap();
    let began = Instant::now();
    for _ in 0..count {
        file.write_all(&[0x5a; 4096]).unwrap();
        file.sync_all().unwrap();
    }
    let elapsed = began.elapsed();
    std::fs::remove_file(path).unwrap();
    elapsed
}

/// Has criterion measure `work`, and notes what it saw. Criterion warms up first: the last rounds count.
fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    figures: &mut Figures,
    (name, size): (&str, u64),
    mut work: impl FnMut(u64) -> Duration,
) {
    let rounds = figures.entry((name.to_owned(), size)).or_default();
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| {
            let elapsed = work(count);
            rounds.push(elapsed.as_secs_f64() / count as f64);
            elapsed
        });
    });
    rounds.drain(..rounds.len().saturating_sub(ROUNDS));
    rounds.sort_by(f64::total_cmp);
}

fn table(figures: &Figures, sizes: &[u64]) {
    let median = |name: &str, size: u64| {
        let rounds = figures.get(&(name.to_owned(), size))?;
        rounds.get(rounds.len() / 2).copied()
    };
    println!(
        "\nmicroseconds of one operation, medians; growth from the smallest to the largest; fsyncs: the largest's"
    );
    println!("worth in raw fsyncs, measured at the same size\n");
    let heads: String = sizes.iter().map(|size| format!(" {size} |")).collect();
    println!("| operation |{heads} growth | fsyncs |\n|---|{}---|---|", "---|".repeat(sizes.len()));
    let (smallest, largest) = (sizes[0], sizes[sizes.len() - 1]);
    for name in std::iter::once(FSYNC).chain(MEASURES.iter().map(|(name, _)| *name)) {
        let cells: Vec<f64> = sizes.iter().filter_map(|size| median(name, *size)).collect();
        let (Some(first), Some(last)) = (median(name, smallest), median(name, largest)) else { continue };
        let fsync = median(FSYNC, largest).map_or_else(String::new, |fsync| format!("{:.3}", last / fsync));
        let cells: String = cells.iter().map(|seconds| format!(" {:.1} |", seconds * 1e6)).collect();
        println!("| {name} |{cells} {:.2} | {fsync} |", last / first);
    }
}

/// Seconds that single look-ups and commits took, sorted, as long as `goes_on`.
fn waits(archive: &mut Archive, goes_on: impl Fn() -> bool) -> [Vec<f64>; 2] {
    let [mut heads, mut commits] = [Vec::new(), Vec::new()];
    while goes_on() {
        for _ in 0..10 {
            heads.push(archive.head_alone(1).as_secs_f64());
        }
        commits.push(archive.commit_alone(1).as_secs_f64());
    }
    for waited in [&mut heads, &mut commits] {
        waited.sort_by(f64::total_cmp);
    }
    [heads, commits]
}

/// What `ecluse check` does to a catalog that is at work: every row is read in a snapshot, a page of part keys at a time.
fn beside_a_check(archive: &mut Archive, path: &Path) {
    let began = Instant::now();
    let calm = waits(archive, || began.elapsed() < Duration::from_secs(3));
    let path = path.to_owned();
    let check = std::thread::spawn(move || {
        let (snapshot, runtime) = (SqliteCatalog::open_snapshot(&path).unwrap(), Runtime::new().unwrap());
        let began = Instant::now();
        runtime.block_on(async {
            assert_eq!(snapshot.audit().await.unwrap(), Vec::<String>::new());
            let (mut after, mut parts) = (None, 0);
            loop {
                let page = snapshot.part_keys(after, PAGE).await.unwrap();
                let Some(last) = page.last() else { break };
                (after, parts) = (Some(last.part), parts + page.len());
            }
            assert!(parts > 0);
            let all = began.elapsed();
            let began = Instant::now();
            assert!(snapshot.glance().await.unwrap().faults.is_empty());
            (all, began.elapsed())
        })
    });
    let beside = waits(archive, || !check.is_finished());
    let (all, some) = check.join().unwrap();
    let of = |waited: &[f64], part: f64| waited[((waited.len() - 1) as f64 * part) as usize] * 1e6;
    let pair = |waited: &[f64]| format!("{:.0} / {:.0}", of(waited, 0.5), of(waited, 0.99));
    println!(
        "\nevery row looked at in {:.1} s, some in {:.3} s; p50 / p99 in microseconds, in calm and beside it\n",
        all.as_secs_f64(),
        some.as_secs_f64()
    );
    println!("| operation | calm | beside a look at every row |\n|---|---|---|");
    for (name, (calm, beside)) in ["head", "commit"].iter().zip(calm.iter().zip(&beside)) {
        println!("| {name} | {} | {} |", pair(calm), pair(beside));
    }
}

fn largest() -> u64 {
    // Without `--bench` cargo only asks whether it runs.
    let default = if std::env::args().any(|argument| argument == "--bench") { 1_000_000 } else { SIZES[0] };
    std::env::var_os("ECLUSE_BENCH_OBJECTS").map_or(default, |objects| objects.to_str().unwrap().parse().unwrap())
}

fn main() {
    let largest = largest();
    let sizes: Vec<u64> = SIZES.into_iter().filter(|size| *size <= largest).collect();
    // In the target directory: what lies in /tmp may be no disk.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut archive = Archive::new(directory.path());
    let mut figures = Figures::new();
    let mut criterion = Criterion::default()
        .sample_size(ROUNDS)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .configure_from_args();
    for size in &sizes {
        archive.fill(*size);
        let mut group = criterion.benchmark_group(format!("catalog of {size}"));
        measure(&mut group, &mut figures, (FSYNC, *size), |count| raw_fsync(directory.path(), count));
        for (name, work) in MEASURES {
            measure(&mut group, &mut figures, (name, *size), |count| work(&mut archive, count));
        }
        group.finish();
    }
    criterion.final_summary();
    table(&figures, &sizes);
    beside_a_check(&mut archive, &directory.path().join("catalog.db"));
    archive.runtime.block_on(archive.catalog.close());
}
