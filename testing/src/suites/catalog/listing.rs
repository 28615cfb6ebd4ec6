//! What every catalog promises of its pages, as functions over `&dyn Catalog`. Each takes a fresh catalog.

use std::collections::BTreeSet;

use ecluse::catalog::{
    Catalog, CatalogError, CatalogSettings, Content, ListEntry, ListExtras, ListPage, ListQuery, ListStart, NewUpload,
    Refusal, TagQuery, Upload, UploadId, UploadQuery,
};
use ecluse::model::{Conditions, Metadata, Sight, TagExpression, Timestamp};

use super::suite::{GRACE, bucket, key, new, rich_metadata, tenant, upload, with_bucket};

fn query(prefix: &str, delimiter: Option<&str>, start: ListStart, limit: usize) -> ListQuery {
    let delimiter = delimiter.map(str::to_owned);
    ListQuery {
        bucket: bucket(),
        prefix: prefix.to_owned(),
        delimiter,
        start,
        limit,
        most_bytes: usize::MAX,
        with_metadata: false,
        with_user_metadata: true,
        extras: ListExtras::default(),
    }
}

async fn add(catalog: &dyn Catalog, names: &[&str]) {
    for name in names {
        catalog.commit(new(name, Content::Empty, 0), GRACE).await.unwrap();
    }
}

fn texts(page: &ListPage) -> Vec<String> {
    let text = |entry: &ListEntry| match entry {
        ListEntry::Object { key, .. } => key.as_str().to_owned(),
        ListEntry::Prefix(prefix) => format!("{prefix}*"),
        ListEntry::Uncommitted { key, .. } => panic!("{}", key.as_str()),
    };
    page.entries.iter().map(text).collect()
}

/// The entries that a walk over pages of `limit` finds; each page but the last must be full.
async fn walk(catalog: &dyn Catalog, mut query: ListQuery) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = catalog.list(&query).await.unwrap();
        all.extend(texts(&page));
        match page.next {
            Some(next) => {
                assert_eq!(page.entries.len(), query.limit);
                query.start = next;
            }
            None => return all,
        }
    }
}

/// What a page must hold, worked out the long way.
fn model(names: &BTreeSet<String>, prefix: &str, delimiter: Option<&str>, start: &ListStart) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names.iter().filter(|name| name.starts_with(prefix)) {
        let rest = &name[prefix.len()..];
        let common = delimiter.and_then(|d| rest.find(d).map(|at| &name[..prefix.len() + at + d.len()]));
        let behind = match start {
            ListStart::First => false,
            ListStart::At(text) => name < text,
            ListStart::After(text) => name <= text || common == Some(text.as_str()),
            ListStart::AfterPrefix(text) => name.starts_with(text.as_str()) || name < text,
            ListStart::Within { .. } => panic!("a page without extras"),
        };
        let entry = common.map_or_else(|| name.clone(), |common| format!("{common}*"));
        if !behind && found.last() != Some(&entry) {
            found.push(entry);
        }
    }
    found
}

pub async fn a_marker_skips_the_prefix_it_equals_and_keeps_the_one_it_lies_in(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    add(catalog, &["a/1", "a/5", "a/9", "a0", "b", "b/", "b/1"]).await;
    let list = async |start: ListStart| walk(catalog, query("", Some("/"), start, 100)).await;
    let after = |text: &str| ListStart::After(text.into());
    assert_eq!(list(ListStart::First).await, ["a/*", "a0", "b", "b/*"]);
    assert_eq!(list(after("a")).await, ["a/*", "a0", "b", "b/*"]);
    assert_eq!(list(after("a/")).await, ["a0", "b", "b/*"]);
    assert_eq!(list(after("a/5")).await, ["a/*", "a0", "b", "b/*"]);
    assert_eq!(list(after("a/9")).await, ["a0", "b", "b/*"]);
    assert_eq!(list(ListStart::AfterPrefix("a/".into())).await, ["a0", "b", "b/*"]);
    assert_eq!(list(ListStart::At("a/".into())).await, ["a/*", "a0", "b", "b/*"]);
    assert_eq!(list(ListStart::At("a0".into())).await, ["a0", "b", "b/*"]);
    assert_eq!(list(after("b/")).await, Vec::<String>::new());
    // Without a delimiter nothing is rolled up, so nothing is skipped.
    assert_eq!(walk(catalog, query("", None, after("a/"), 2)).await, ["a/1", "a/5", "a/9", "a0", "b", "b/", "b/1"]);
    // A name that is the prefix itself is a name.
    assert_eq!(walk(catalog, query("b/", Some("/"), ListStart::First, 1)).await, ["b/", "b/1"]);
    assert_eq!(walk(catalog, query("b/", Some("/"), after("b/"), 1)).await, ["b/1"]);
}

pub async fn pages_have_their_edges(catalog: &dyn Catalog) {
    let missing = catalog.list(&query("", None, ListStart::First, 1)).await;
    assert!(matches!(missing, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    with_bucket(catalog).await;
    assert_eq!(catalog.list(&query("", None, ListStart::First, 5)).await.unwrap().entries, []);
    let mut rich = new("b", Content::Empty, 0);
    rich.metadata = rich_metadata();
    let version = catalog.commit(rich, GRACE).await.unwrap();
    add(catalog, &["a", "c"]).await;
    let none = catalog.list(&query("", None, ListStart::First, 0)).await.unwrap();
    assert_eq!((none.entries.len(), none.next), (0, None));
    let exact = catalog.list(&query("", None, ListStart::First, 3)).await.unwrap();
    assert_eq!((exact.entries.len(), exact.next), (3, None));
    let short = catalog.list(&query("", None, ListStart::First, 2)).await.unwrap();
    assert_eq!(short.next, Some(ListStart::After("b".into())));
    let with = ListQuery { with_metadata: true, ..query("b", None, ListStart::First, 2) };
    let expected = ListEntry::Object {
        key: key("b"),
        version: version.id,
        length: 0,
        etag: version.etag,
        modified: version.modified,
        storage_class: rich_metadata().system.storage_class,
        metadata: Some(Box::new(rich_metadata())),
        revision: version.revision,
        lease: None,
        snapshot: None,
        retained: None,
    };
    assert_eq!(catalog.list(&with).await.unwrap().entries, [expected]);
    assert_eq!(storage_class_of(catalog, "b").await, rich_metadata().system.storage_class);
    assert!(storage_class_of(catalog, "b").await.is_some());
    add(catalog, &["b"]).await;
    assert_eq!(storage_class_of(catalog, "b").await, None, "what replaced it has none");
    assert_eq!(walk(catalog, query("", Some(""), ListStart::First, 2)).await, ["a", "b", "c"]);
}

/// What a list without metadata says of a name's storage class.
async fn storage_class_of(catalog: &dyn Catalog, name: &str) -> Option<String> {
    let page = catalog.list(&query(name, None, ListStart::First, 1)).await.unwrap();
    match page.entries.into_iter().next() {
        Some(ListEntry::Object { storage_class, metadata: None, .. }) => storage_class,
        other => panic!("{other:?}"),
    }
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }

    fn text(&mut self, most: usize) -> String {
        const PIECES: [&str; 12] = ["a", "b", "/", "/", "-", "--", "\0", "\u{7f}", "ÿ", "é", "\u{10ffff}", "\u{7ff}"];
        (0..self.below(most + 1)).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }
}

/// Names of 1 to 6 with metadata of 16 KiB each: a page ends before it has more bytes than it may, and the next goes on there.
pub async fn pages_end_by_bytes_as_well_as_by_count(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let names = ["1", "2", "3", "4", "5", "6"];
    for name in names {
        let mut rich = new(name, Content::Empty, 0);
        rich.metadata.user.insert("note".into(), "x".repeat(16 * 1024));
        catalog.commit(rich, GRACE).await.unwrap();
        let metadata = Metadata { user: [("note".into(), "x".repeat(16 * 1024))].into(), ..Metadata::default() };
        let id = UploadId(format!("{:0>32}", name));
        let upload = Upload { id, key: key(name), created: Timestamp(1), metadata, checksum: None };
        catalog.create_upload(NewUpload { bucket: bucket(), upload }).await.unwrap();
    }
    let pages = async |most_bytes: usize, with_user_metadata: bool, limit: usize| {
        let first = query("", None, ListStart::First, limit);
        let mut query = ListQuery { most_bytes, with_metadata: true, with_user_metadata, ..first };
        let (mut counts, mut all) = (Vec::new(), Vec::new());
        loop {
            let page = catalog.list(&query).await.unwrap();
            counts.push(page.entries.len());
            for entry in page.entries {
                let ListEntry::Object { key, metadata, .. } = entry else { panic!("not an object") };
                assert_eq!(metadata.unwrap().user.is_empty(), !with_user_metadata);
                all.push(key.as_str().to_owned());
            }
            match page.next {
                Some(next) => query.start = next,
                None => break,
            }
        }
        assert_eq!(all, names);
        counts
    };
    assert_eq!(pages(40 * 1024, true, 100).await, [2, 2, 2]);
    assert_eq!(pages(70 * 1024, true, 100).await, [4, 2]);
    assert_eq!(pages(1, true, 100).await, [1, 1, 1, 1, 1, 1]);
    assert_eq!(pages(40 * 1024, false, 100).await, [6], "what is not asked for counts for nothing");
    assert_eq!(pages(70 * 1024, true, 3).await, [3, 3]);
    let mut query = UploadQuery {
        bucket: bucket(),
        prefix: String::new(),
        delimiter: None,
        after: None,
        limit: 100,
        most_bytes: 40 * 1024,
    };
    let mut counts = Vec::new();
    loop {
        let page = catalog.list_uploads(&query).await.unwrap();
        counts.push(page.uploads.len());
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    assert_eq!(counts, [2, 2, 2]);
}

pub async fn pages_agree_with_a_naive_model_on_any_names(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let mut random = Random(0x5eed_0001);
    let mut names = BTreeSet::new();
    while names.len() < 120 {
        let name = random.text(6);
        if !name.is_empty() && names.insert(name.clone()) {
            add(catalog, &[&name]).await;
        }
    }
    for _ in 0..400 {
        let prefix = random.text(2);
        let delimiter = [None, Some("/"), Some("--"), Some("ÿ"), Some("\0"), Some("\u{10ffff}")][random.below(6)];
        let text = random.text(4);
        let start = match random.below(4) {
            0 => ListStart::First,
            1 => ListStart::At(text),
            2 => ListStart::After(text),
            _ => ListStart::AfterPrefix(text),
        };
        let limit = 1 + random.below(9);
        let expected = model(&names, &prefix, delimiter, &start);
        let case = format!("prefix {prefix:?} delimiter {delimiter:?} start {start:?} limit {limit}");
        assert_eq!(walk(catalog, query(&prefix, delimiter, start, limit)).await, expected, "{case}");
    }
}

pub async fn a_page_sees_deletions_and_overwrites_at_once(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    add(catalog, &["a", "b", "c"]).await;
    let again = catalog.commit(new("b", Content::Empty, 0), GRACE).await.unwrap();
    assert!(catalog.delete(&bucket(), &key("a"), &Default::default(), GRACE).await.unwrap());
    let page = catalog.list(&query("", None, ListStart::First, 9)).await.unwrap();
    assert_eq!(texts(&page), ["b", "c"]);
    assert!(matches!(&page.entries[0], ListEntry::Object { version, .. } if *version == again.id));
}

pub async fn uploads_are_listed_by_key_then_id_and_rolled_up(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    for (number, name) in [(3, "a"), (1, "a"), (2, "d/1"), (4, "d/2"), (6, "e"), (5, "d0")] {
        upload(catalog, name, number).await;
    }
    let list = async |prefix: &str, delimiter: Option<&str>, after: Option<(&str, Option<&str>)>, limit: usize| {
        let mut query = UploadQuery {
            bucket: bucket(),
            prefix: prefix.into(),
            delimiter: delimiter.map(str::to_owned),
            after: after.map(|(key, id)| (key.to_owned(), id.map(str::to_owned))),
            limit,
            most_bytes: usize::MAX,
        };
        let mut all = Vec::new();
        loop {
            let page = catalog.list_uploads(&query).await.unwrap();
            let ids = page.uploads.iter().map(|u| format!("{}:{}", u.key.as_str(), u.id.0.trim_start_matches('0')));
            let mut found: Vec<String> = ids.chain(page.prefixes.iter().cloned()).collect();
            found.sort();
            assert!(found.len() <= limit);
            all.extend(found);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return all,
            }
        }
    };
    for limit in 1..=7 {
        assert_eq!(list("", None, None, limit).await, ["a:1", "a:3", "d/1:2", "d/2:4", "d0:5", "e:6"]);
        assert_eq!(list("", Some("/"), None, limit).await, ["a:1", "a:3", "d/", "d0:5", "e:6"]);
        assert_eq!(list("d", Some("/"), None, limit).await, ["d/", "d0:5"]);
        let first = format!("{:032x}", 1);
        assert_eq!(list("", Some("/"), Some(("a", Some(&first))), limit).await, ["a:3", "d/", "d0:5", "e:6"]);
        assert_eq!(list("", Some("/"), Some(("a", None)), limit).await, ["d/", "d0:5", "e:6"]);
        assert_eq!(list("", Some("/"), Some(("d/", None)), limit).await, ["d0:5", "e:6"]);
        assert_eq!(list("d", None, Some(("a", Some(&first))), limit).await, ["d/1:2", "d/2:4", "d0:5"]);
    }
    assert!(list("", None, None, 0).await.is_empty());
}

/// Pages look at so few rows.
pub const LOOKING_AT_FEW: CatalogSettings =
    CatalogSettings { page_rows: 7, ..CatalogSettings::retaining(Some(std::time::Duration::from_secs(3_600))) };

/// Of a catalog that is [`LOOKING_AT_FEW`].
pub async fn pages_that_show_nothing_lead_to_all_that_there_is(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let mut names = Vec::new();
    for number in 0..40 {
        let mut version = new(&format!("a/{number:02}"), Content::Empty, 0);
        version.metadata.tags = match number {
            33 => [("p", "1"), ("q", "1")].map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            _ => [(if number % 2 == 0 { "p" } else { "q" }.to_owned(), "1".to_owned())].into(),
        };
        catalog.commit(version.clone(), GRACE).await.unwrap();
        // What is replaced is retained, and shown only where snapshots are.
        catalog.commit(version, GRACE).await.unwrap();
        if number % 10 != 0 {
            catalog.delete(&bucket(), &key(&format!("a/{number:02}")), &Conditions::default(), GRACE).await.unwrap();
        } else {
            names.push(format!("a/{number:02}"));
        }
    }
    add(catalog, &["b", "c/1"]).await;
    names.extend(["b", "c/1"].map(str::to_owned));
    for extras in [
        ListExtras { snapshots: true, ..ListExtras::default() },
        ListExtras { uncommitted: true, ..ListExtras::default() },
    ] {
        for (delimiter, expected) in
            [(None, names.clone()), (Some("/"), ["a/*", "b", "c/*"].map(str::to_owned).to_vec())]
        {
            for limit in [1, 3, 100] {
                let mut query = ListQuery { extras, ..query("", delimiter, ListStart::First, limit) };
                let (mut found, mut empty) = (Vec::new(), 0);
                loop {
                    let page = catalog.list(&query).await.unwrap();
                    assert!(page.entries.len() <= limit.min(7));
                    empty += usize::from(page.entries.is_empty());
                    found.extend(texts(&page));
                    let Some(next) = page.next else { break };
                    query.start = next;
                }
                assert_eq!(found, expected, "{extras:?} {delimiter:?} {limit}");
                assert!(!extras.snapshots || delimiter.is_some() || empty > 0);
            }
        }
    }
    // What was deleted is found by no tag; what is there by both.
    let mut both = new("a/33", Content::Empty, 0);
    both.metadata.tags = [("p", "1"), ("q", "1")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    catalog.commit(both, GRACE).await.unwrap();
    for number in 100..180 {
        let mut version = new(&format!("d/{number}"), Content::Empty, 0);
        version.metadata.tags = [(if number % 2 == 0 { "p" } else { "q" }.to_owned(), "1".to_owned())].into();
        catalog.commit(version, GRACE).await.unwrap();
    }
    for text in ["p = '1' AND q = '1'", "p > '' AND q > ''", "p >= '1' AND q = '1'"] {
        let expression = TagExpression::parse_search(text).unwrap();
        let sight = Sight::of_everything();
        let mut query = TagQuery {
            tenant: tenant(),
            bucket: None,
            expression,
            sight,
            after: None,
            limit: 5,
            most_bytes: usize::MAX,
        };
        let (mut found, mut empty) = (Vec::new(), 0);
        loop {
            let page = catalog.find_by_tags(&query).await.unwrap();
            empty += usize::from(page.found.is_empty());
            found.extend(page.found.into_iter().map(|found| found.key.as_str().to_owned()));
            let Some(next) = page.next else { break };
            query.after = Some(next);
        }
        assert_eq!(found, ["a/33"], "{text}");
        assert!(empty > 0, "{text}");
    }
}
