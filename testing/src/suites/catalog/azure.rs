//! What every catalog promises of leases, snapshots, properties and whole buckets, as functions over `&dyn Catalog`.
//! Each takes a fresh catalog that retains nothing.

use std::collections::BTreeMap;

use ecluse::catalog::{
    AccessPolicy, Bucket, BucketRevision, Catalog, CatalogError, Content, Deletion, ListEntry, ListExtras, ListQuery,
    ListStart, ObjectRef, Refusal, Revision, Select, SnapshotRule, Version, Which,
};
use ecluse::model::{
    ByteRange, Conditions, ETag, EtagCondition, LeaseAction, LeaseFault, LeaseState, ShownMd5, SnapshotId,
    SystemMetadata, TagExpression, Tags, Tier, Timestamp,
};

use super::blocks::{block, put_block};
use super::buckets;
use super::suite::{
    self, GRACE, bucket, completion, delete, etag, key, new, part, put, queued, rich_metadata, sound, upload,
    with_bucket,
};

pub const A: &str = "aaaaaaaa-0000-0000-0000-000000000000";
pub const B: &str = "bbbbbbbb-0000-0000-0000-000000000000";

pub fn object(name: &str) -> ObjectRef {
    ObjectRef { bucket: bucket(), key: key(name), which: Which::Current }
}

pub fn snapshot_of(name: &str, id: i64) -> ObjectRef {
    ObjectRef { which: Which::Snapshot(SnapshotId(id)), ..object(name) }
}

/// The conditions of who holds a lease.
pub fn holding(id: &str) -> Conditions {
    Conditions { lease: Some(id.to_owned()), ..Conditions::default() }
}

pub fn user(value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("name".to_owned(), value.to_owned())])
}

pub fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub fn deletion(object: ObjectRef, snapshots: SnapshotRule) -> Deletion {
    Deletion { object, snapshots, conditions: Conditions::default(), at: Timestamp(8_000), for_good: false }
}

pub async fn acquire(catalog: &dyn Catalog, name: Option<&str>, id: &str, seconds: Option<u32>, now: Timestamp) {
    let action = LeaseAction::Acquire { id: id.to_owned(), duration_seconds: seconds };
    let name = name.map(key);
    catalog.lease(&bucket(), name.as_ref(), &action, &Conditions::default(), now).await.unwrap();
}

/// Takes a snapshot with the object's own metadata.
pub async fn snapshot(catalog: &dyn Catalog, name: &str, taken: i64) -> Version {
    let none = Conditions::default();
    catalog.snapshot(&bucket(), &key(name), None, &none, SnapshotId(taken)).await.unwrap()
}

/// Names with their ranks, as a page of extras shows them: `a@5` a snapshot, `!` deleted, `?` of blocks only.
pub async fn listed(catalog: &dyn Catalog, extras: ListExtras) -> Vec<String> {
    let query = |start, limit| ListQuery {
        bucket: bucket(),
        prefix: String::new(),
        delimiter: None,
        start,
        limit,
        most_bytes: usize::MAX,
        with_metadata: false,
        with_user_metadata: true,
        extras,
    };
    let all = catalog.list(&query(ListStart::First, 1_000)).await.unwrap();
    // In pages of one it is the same.
    let (mut start, mut single) = (Some(ListStart::First), Vec::new());
    while let Some(from) = start {
        let page = catalog.list(&query(from, 1)).await.unwrap();
        single.extend(page.entries);
        start = page.next;
    }
    assert_eq!(single, all.entries);
    all.entries.iter().map(shown).collect()
}

pub fn shown(entry: &ListEntry) -> String {
    match entry {
        ListEntry::Object { key, snapshot, retained, .. } => {
            let deleted = if retained.is_some() { "!" } else { "" };
            let at = snapshot.map(|id| format!("@{}", id.0)).unwrap_or_default();
            format!("{}{at}{deleted}", key.as_str())
        }
        ListEntry::Uncommitted { key, .. } => format!("{}?", key.as_str()),
        ListEntry::Prefix(prefix) => format!("{prefix}*"),
    }
}

pub async fn a_bucket_keeps_what_is_said_of_it(catalog: &dyn Catalog) {
    let created = catalog.create_bucket(&bucket(), Timestamp(1_000), &user("x")).await.unwrap();
    assert_eq!(
        (created.user.clone(), created.created, created.modified),
        (user("x"), Timestamp(1_000), Timestamp(1_000))
    );
    assert_eq!(catalog.bucket(&bucket()).await.unwrap(), created);
    let policy = AccessPolicy { id: "p".into(), start: Some("2026-01-01".into()), ..AccessPolicy::default() };
    let policies =
        BucketRevision::Policies(vec![policy.clone(), AccessPolicy { permissions: Some("rl".into()), ..policy }]);
    let revise = |revision, conditions: Conditions| async move {
        catalog.revise_bucket(&bucket(), revision, &conditions, Timestamp(2_000)).await
    };
    let revised = revise(policies, Conditions::default()).await.unwrap();
    assert_eq!((revised.policies.len(), revised.user.clone(), revised.modified), (2, user("x"), Timestamp(2_000)));
    assert!(revised.revision > created.revision && revised.state_tag() != created.state_tag());
    let again = revise(BucketRevision::User(user("y")), Conditions::default()).await.unwrap();
    assert_eq!((again.user.clone(), again.policies.clone()), (user("y"), revised.policies.clone()));
    assert!(again.revision > revised.revision);
    assert_eq!(buckets::all(catalog).await, [Bucket { policies: Vec::new(), ..again.clone() }]);

    let old = Conditions { if_unmodified_since: Some(1), ..Conditions::default() };
    assert!(matches!(
        revise(BucketRevision::User(user("z")), old).await,
        Err(CatalogError::Refused(Refusal::PreconditionFailed))
    ));
    let stale = Some(EtagCondition::OneOf(vec![revised.state_tag()]));
    let stale = Conditions { if_match: stale, ..Conditions::default() };
    assert!(matches!(
        catalog.drop_bucket(&bucket(), &stale).await,
        Err(CatalogError::Refused(Refusal::PreconditionFailed))
    ));
    assert_eq!(catalog.bucket(&bucket()).await.unwrap(), again);
}

pub async fn a_bucket_under_lease_goes_only_with_it(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let now = Timestamp::steady();
    acquire(catalog, None, A, None, now).await;
    let found = catalog.bucket(&bucket()).await.unwrap().lease.unwrap();
    assert_eq!((found.id.as_str(), found.state(now)), (A, LeaseState::Leased));
    let missing = catalog.delete_bucket(&bucket()).await;
    assert!(matches!(missing, Err(CatalogError::Refused(Refusal::Lease(LeaseFault::IdMissing)))));
    let missing = catalog.drop_bucket(&bucket(), &Conditions::default()).await;
    assert!(matches!(missing, Err(CatalogError::Refused(Refusal::Lease(LeaseFault::IdMissing)))));
    let wrong = catalog.drop_bucket(&bucket(), &holding(B)).await;
    assert!(matches!(wrong, Err(CatalogError::Refused(Refusal::Lease(LeaseFault::IdMismatch)))));
    // Its properties and its objects need no lease, but what is named must fit.
    put(catalog, "a", 1, 10).await;
    let revise = |conditions: Conditions| async move {
        catalog.revise_bucket(&bucket(), BucketRevision::User(user("x")), &conditions, Timestamp(2_000)).await
    };
    assert!(revise(Conditions::default()).await.is_ok() && revise(holding(A)).await.is_ok());
    assert!(matches!(revise(holding(B)).await, Err(CatalogError::Refused(Refusal::Lease(LeaseFault::IdMismatch)))));
    catalog.drop_bucket(&bucket(), &holding(&A.to_uppercase())).await.unwrap();
    assert!(matches!(catalog.bucket(&bucket()).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    while catalog.purge(Timestamp(0), 10, GRACE).await.unwrap() {}
    sound(catalog).await;
}

pub async fn a_dropped_bucket_is_gone_at_once_and_emptied_in_steps(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    for number in 0..5 {
        put(catalog, &format!("n{number}"), number, 10).await;
    }
    snapshot(catalog, "n0", 5).await;
    let copied = catalog.head(&ObjectRef::current(&bucket(), &key("n1"))).await.unwrap();
    let mut tagged = new("tagged", Content::Part(part(9, 10)), 10);
    tagged.metadata.tags = tags(&[("a", "b")]);
    catalog.commit(tagged, GRACE).await.unwrap();
    acquire(catalog, Some("n2"), A, None, Timestamp::steady()).await;
    let id = upload(catalog, "up", 1).await;
    suite::put_part(catalog, "up", &id, 1, part(20, 10)).await;
    put_block(catalog, "only", block(1, 10), 30).await.unwrap();
    catalog.drop_bucket(&bucket(), &Conditions::default()).await.unwrap();
    sound(catalog).await;

    assert!(buckets::all(catalog).await.is_empty());
    assert!(matches!(
        catalog.head(&ObjectRef::current(&bucket(), &key("n0"))).await,
        Err(CatalogError::Refused(Refusal::NoSuchBucket))
    ));
    with_bucket(catalog).await;
    put(catalog, "n0", 100, 10).await;
    let share = Content::Shared { source: copied.id, range: ByteRange { first: 0, end: 10 } };
    assert!(matches!(
        catalog.commit(new("late", share, 10), GRACE).await,
        Err(CatalogError::Refused(Refusal::SourceChanged))
    ));
    assert!(queued(catalog).await.is_empty());
    let mut steps = 0;
    while catalog.purge(Timestamp(0), 2, GRACE).await.unwrap() {
        steps += 1;
        sound(catalog).await;
    }
    assert!(steps >= 4, "{steps}");
    let mut expected: Vec<_> = [0, 1, 2, 3, 4, 9, 20, 30].into_iter().flat_map(|n| [part(n, 1).id; 2]).collect();
    expected.sort();
    assert_eq!(queued(catalog).await, expected);
    assert!(catalog.head(&ObjectRef::current(&bucket(), &key("n0"))).await.is_ok());
    sound(catalog).await;
}

pub async fn a_bucket_with_snapshots_or_blocks_is_not_empty(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put_block(catalog, "a", block(1, 10), 1).await.unwrap();
    assert!(matches!(catalog.delete_bucket(&bucket()).await, Err(CatalogError::Refused(Refusal::BucketNotEmpty))));
    catalog.drop_stale_blocks(Timestamp(i64::MAX), 10, GRACE).await.unwrap();
    catalog.delete_bucket(&bucket()).await.unwrap();
    sound(catalog).await;
}

pub async fn writes_under_a_lease_must_name_it(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put(catalog, "a", 1, 10).await;
    let now = Timestamp::steady();
    acquire(catalog, Some("a"), &A.to_uppercase(), None, now).await;
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap().lease.unwrap().id, A);
    let id = upload(catalog, "a", 1).await;
    suite::put_part(catalog, "a", &id, 1, part(2, 10)).await;
    for (conditions, fault) in [(Conditions::default(), LeaseFault::IdMissing), (holding(B), LeaseFault::IdMismatch)] {
        let given = || conditions.clone();
        let mut commit = new("a", Content::Part(part(3, 10)), 10);
        commit.conditions = given();
        let mut done = completion("a", &id, &[1]);
        done.conditions = given();
        let mut waiting = super::blocks::new_block("a", block(1, 10), 4);
        waiting.conditions = given();
        let deleted = Deletion { conditions: given(), ..deletion(object("a"), SnapshotRule::MustBeNone) };
        let mut list = super::blocks::commit("a", &[]);
        list.conditions = given();
        let outcomes = [
            catalog.commit(commit, GRACE).await.map(drop),
            catalog.complete_upload(done, GRACE).await.map(drop),
            catalog.put_block(waiting, GRACE).await,
            catalog.commit_blocks(list, GRACE).await.map(drop),
            catalog.delete(&bucket(), &key("a"), &given(), GRACE).await.map(drop),
            catalog.delete_as(deleted, GRACE).await,
            catalog.revise(&object("a"), Revision::User(user("x")), &given(), Timestamp(6_000)).await.map(drop),
            catalog.revise(&object("a"), Revision::Tags(tags(&[])), &given(), Timestamp(6_000)).await.map(drop),
        ];
        for (number, outcome) in outcomes.into_iter().enumerate() {
            assert!(
                matches!(outcome, Err(CatalogError::Refused(Refusal::Lease(found))) if found == fault),
                "{number}: {outcome:?}"
            );
        }
    }
    // A snapshot needs none; a change of tier does.
    let tier = Revision::Tier(Some(Tier { name: "Cool".into(), changed: Timestamp(1) }));
    let without = catalog.revise(&object("a"), tier.clone(), &Conditions::default(), Timestamp(6_000)).await;
    assert!(matches!(without, Err(CatalogError::Refused(Refusal::Lease(LeaseFault::IdMissing)))));
    catalog.revise(&object("a"), tier, &holding(A), Timestamp(6_000)).await.unwrap();
    snapshot(catalog, "a", 5).await;
    let wrong = catalog.snapshot(&bucket(), &key("a"), None, &holding(B), SnapshotId(6)).await;
    assert!(matches!(wrong, Err(CatalogError::Refused(Refusal::Lease(LeaseFault::IdMismatch)))));
    catalog.delete_as(deletion(snapshot_of("a", 5), SnapshotRule::MustBeNone), GRACE).await.unwrap();

    let mut commit = new("a", Content::Part(part(3, 10)), 10);
    commit.conditions = holding(A);
    let version = catalog.commit(commit, GRACE).await.unwrap();
    assert_eq!(version.lease.as_ref().unwrap().id, A, "it goes on over an overwrite");
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap(), version);
    assert!(catalog.delete(&bucket(), &key("a"), &holding(A), GRACE).await.unwrap());
    put(catalog, "a", 5, 10).await;
    assert_eq!(
        catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap().lease,
        None,
        "it goes with its object"
    );
    sound(catalog).await;
}

pub async fn a_lease_that_ended_is_forgotten_by_the_next_write(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let renew = LeaseAction::Renew { id: A.to_owned() };
    let none = Conditions::default();
    let name = key("a");
    put(catalog, "a", 1, 10).await;
    let now = Timestamp::steady();
    let long_ago = Timestamp(now.0 - 60_000);
    acquire(catalog, Some("a"), A, Some(15), long_ago).await;
    assert_eq!(
        catalog.head(&ObjectRef::current(&bucket(), &name)).await.unwrap().lease.unwrap().state(now),
        LeaseState::Expired
    );
    let mut commit = new("a", Content::Part(part(2, 10)), 10);
    commit.conditions = holding(A);
    assert!(matches!(
        catalog.commit(commit, GRACE).await,
        Err(CatalogError::Refused(Refusal::Lease(LeaseFault::Lost)))
    ));
    catalog.lease(&bucket(), Some(&name), &renew, &none, now).await.unwrap();
    let (outcome, ..) = catalog
        .lease(&bucket(), Some(&name), &LeaseAction::Break { period_seconds: Some(0) }, &none, now)
        .await
        .unwrap();
    assert_eq!(outcome.lease.unwrap().state(now), LeaseState::Broken);
    let version = put(catalog, "a", 3, 10).await;
    assert_eq!(version.lease, None);
    let gone = catalog.lease(&bucket(), Some(&name), &renew, &none, now).await;
    assert!(matches!(gone, Err(CatalogError::Refused(Refusal::Lease(LeaseFault::ActionIdMismatch)))));
    let nothing = catalog.lease(&bucket(), Some(&key("b")), &renew, &none, now).await;
    assert!(matches!(nothing, Err(CatalogError::Refused(Refusal::NoSuchKey))));
    let unmet = Conditions { if_match: Some(EtagCondition::OneOf(vec![etag(9)])), ..none.clone() };
    let unmet = catalog.lease(&bucket(), Some(&name), &renew, &unmet, now).await;
    assert!(matches!(unmet, Err(CatalogError::Refused(Refusal::PreconditionFailed))));
    let acquired = LeaseAction::Acquire { id: B.to_owned(), duration_seconds: Some(60) };
    let (_, tag, modified) = catalog.lease(&bucket(), Some(&name), &acquired, &none, now).await.unwrap();
    assert_eq!((tag, modified), (version.state_tag(), version.modified));
    sound(catalog).await;
}

pub async fn lists_show_leases_where_they_show_metadata(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put(catalog, "a", 1, 10).await;
    put(catalog, "b", 2, 10).await;
    acquire(catalog, Some("b"), A, None, Timestamp::steady()).await;
    for (with_metadata, extras) in [(true, false), (true, true), (false, false)] {
        let query = ListQuery {
            bucket: bucket(),
            prefix: String::new(),
            delimiter: None,
            start: ListStart::First,
            limit: 9,
            most_bytes: usize::MAX,
            with_metadata,
            with_user_metadata: true,
            extras: ListExtras { snapshots: extras, ..ListExtras::default() },
        };
        let leased: Vec<_> = catalog
            .list(&query)
            .await
            .unwrap()
            .entries
            .into_iter()
            .map(|entry| match entry {
                ListEntry::Object { lease, .. } => lease.is_some(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(leased, [false, with_metadata]);
    }
}

pub async fn a_revision_changes_the_state_and_leaves_bytes_and_tag(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let mut rich = new("a", Content::Part(part(1, 10)), 10);
    rich.metadata = rich_metadata();
    let first = catalog.commit(rich, GRACE).await.unwrap();
    let revise = |revision, at| async move {
        catalog.revise(&object("a"), revision, &Conditions::default(), Timestamp(at)).await
    };
    let second = revise(Revision::User(user("x")), 6_000).await.unwrap();
    assert_eq!((second.id, second.etag.clone(), second.length), (first.id, first.etag.clone(), 10));
    assert!(second.revision > first.revision && second.state_tag() != first.state_tag());
    assert_eq!((second.modified, second.metadata.created), (Timestamp(6_000), Some(Timestamp(5_000))));
    let system = SystemMetadata { content_type: Some("text/plain".into()), ..SystemMetadata::default() };
    let headers = Revision::Headers { system: Box::new(system), shown_md5: ShownMd5::Given(None) };
    let third = revise(headers, 7_000).await.unwrap();
    assert_eq!(third.metadata.system.content_type.as_deref(), Some("text/plain"));
    assert_eq!(third.metadata.system.content_encoding, None);
    assert_eq!(third.metadata.system.storage_class, rich_metadata().system.storage_class);
    assert_eq!(third.metadata.shown_md5, ShownMd5::Given(None));
    assert_eq!((third.metadata.user.clone(), third.metadata.content_md5), (user("x"), Some([9; 16])));
    for revision in [
        Revision::Tags(tags(&[("a", "1"), ("b", "2")])),
        Revision::Tier(Some(Tier { name: "Cold".into(), changed: Timestamp(3) })),
        Revision::Tier(None),
    ] {
        let same = revise(revision, 8_000).await.unwrap();
        assert_eq!(
            (same.revision, same.modified, same.state_tag()),
            (third.revision, third.modified, third.state_tag())
        );
    }
    let now = catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap();
    assert_eq!((now.metadata.tags.clone(), now.metadata.tier.clone()), (tags(&[("a", "1"), ("b", "2")]), None));
    assert!(matches!(
        revise(Revision::Close { length: None }, 9_000).await,
        Err(CatalogError::Refused(Refusal::WrongKind))
    ));
    assert!(matches!(
        catalog.revise(&object("b"), Revision::Close { length: None }, &Conditions::default(), Timestamp(1)).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    assert_eq!(catalog.open(&ObjectRef::current(&bucket(), &key("a")), Select::All).await.unwrap().slices.len(), 1);
    sound(catalog).await;
}

pub async fn conditions_take_either_tag_and_look_at_tags(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let mut tagged = new("a", Content::Empty, 0);
    tagged.metadata.tags = tags(&[("status", "draft")]);
    let version = catalog.commit(tagged.clone(), GRACE).await.unwrap();
    let only = |tag: ETag| Conditions { if_match: Some(EtagCondition::OneOf(vec![tag])), ..Conditions::default() };
    let tagged_so = |text: &str| Conditions {
        if_tags: Some(TagExpression::parse_condition(text).unwrap()),
        ..Conditions::default()
    };
    for (conditions, holds) in [
        (only(version.etag.clone()), true),
        (only(version.state_tag()), true),
        (only(etag(9)), false),
        (tagged_so("status = 'draft'"), true),
        (tagged_so("status <> 'draft'"), false),
        (tagged_so("other = 'x' OR status > 'a'"), true),
    ] {
        let outcome = catalog.revise(&object("a"), Revision::Tier(None), &conditions, Timestamp(1)).await;
        assert_eq!(outcome.is_ok(), holds, "{conditions:?}");
        let mut again = tagged.clone();
        again.key = key("b");
        catalog.delete(&bucket(), &key("b"), &Conditions::default(), GRACE).await.unwrap();
        let state = catalog.commit(again.clone(), GRACE).await.unwrap();
        let mut conditions = conditions;
        if conditions.if_match == only(version.state_tag()).if_match {
            conditions = only(state.state_tag());
        }
        again.conditions = conditions.clone();
        let outcome = catalog.commit(again, GRACE).await;
        assert_eq!(outcome.is_ok(), holds, "{conditions:?}");
        if !holds {
            assert!(matches!(outcome, Err(CatalogError::Refused(Refusal::PreconditionFailed))));
        }
    }
    sound(catalog).await;
}

pub async fn an_object_keeps_the_time_of_its_creation_until_it_is_deleted(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let commit = |at, number| {
        let mut version = new("a", Content::Part(part(number, 10)), 10);
        version.modified = Timestamp(at);
        // What a copy may bring along counts for nothing.
        version.metadata.created = Some(Timestamp(1));
        version
    };
    assert_eq!(catalog.commit(commit(5_000, 1), GRACE).await.unwrap().metadata.created, None);
    assert_eq!(catalog.commit(commit(6_000, 2), GRACE).await.unwrap().metadata.created, Some(Timestamp(5_000)));
    let third = catalog.commit(commit(7_000, 3), GRACE).await.unwrap();
    assert_eq!(third.metadata.created, Some(Timestamp(5_000)));
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap(), third);
    delete(catalog, "a").await;
    assert_eq!(catalog.commit(commit(8_000, 4), GRACE).await.unwrap().metadata.created, None);
    sound(catalog).await;
}

pub async fn a_snapshot_shares_bytes_and_stays_what_it_was(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let mut rich = new("a", Content::Part(part(1, 10)), 10);
    rich.metadata = rich_metadata();
    let base = catalog.commit(rich, GRACE).await.unwrap();
    let first = snapshot(catalog, "a", 50_000_000).await;
    assert_eq!((first.snapshot, first.modified), (Some(SnapshotId(50_000_000)), base.modified));
    assert_eq!((first.metadata.clone(), first.state_tag()), (base.metadata.clone(), base.state_tag()));
    let second = snapshot(catalog, "a", 50_000_000).await;
    assert_eq!(second.snapshot, Some(SnapshotId(50_000_001)), "the next that is free");
    let other = Some(user("y"));
    let none = Conditions::default();
    let third = catalog.snapshot(&bucket(), &key("a"), other, &none, SnapshotId(60_000_000)).await.unwrap();
    assert_eq!((third.metadata.user.clone(), third.modified), (user("y"), Timestamp(6_000)));
    assert_ne!(third.state_tag(), base.state_tag());

    put(catalog, "a", 2, 20).await;
    assert!(queued(catalog).await.is_empty(), "the snapshots hold the first part");
    for version in [&first, &second, &third] {
        let at = ObjectRef { which: version.snapshot.into(), ..object("a") };
        assert_eq!(catalog.head(&at).await.unwrap(), *version);
        let opened = catalog.open(&at, Select::All).await.unwrap();
        assert_eq!((opened.version, opened.slices[0].part.clone()), (version.clone(), part(1, 10)));
    }
    assert_eq!(catalog.head(&object("a")).await.unwrap().length, 20);
    assert!(matches!(catalog.head(&snapshot_of("a", 7)).await, Err(CatalogError::Refused(Refusal::NoSuchKey))));
    let missing = catalog.snapshot(&bucket(), &key("b"), None, &none, SnapshotId(1)).await;
    assert!(matches!(missing, Err(CatalogError::Refused(Refusal::NoSuchKey))));

    // Bytes can be shared from a snapshot: so it is made current again.
    let all = Content::Shared { source: first.id, range: ByteRange { first: 0, end: 10 } };
    let promoted = catalog.commit(new("a", all, 10), GRACE).await.unwrap();
    assert_eq!(promoted.length, 10);
    // Of a snapshot only tags and tier can change.
    let at = ObjectRef { which: first.snapshot.into(), ..object("a") };
    let revised = catalog.revise(&at, Revision::Tags(tags(&[("x", "y")])), &none, Timestamp(9)).await.unwrap();
    assert_eq!((revised.metadata.tags.clone(), revised.snapshot), (tags(&[("x", "y")]), first.snapshot));
    assert_eq!(catalog.head(&at).await.unwrap(), revised);
    let refused = catalog.revise(&at, Revision::User(user("z")), &none, Timestamp(9)).await;
    assert!(matches!(refused, Err(CatalogError::Refused(Refusal::WrongKind))));
    let empty = catalog.commit(new("empty", Content::Empty, 0), GRACE).await.unwrap();
    assert_eq!(snapshot(catalog, "empty", 1).await.length, empty.length);
    sound(catalog).await;
}

pub async fn a_deletion_minds_snapshots_as_it_is_told(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let first = put(catalog, "a", 1, 10).await;
    snapshot(catalog, "a", 1).await;
    snapshot(catalog, "a", 2).await;
    let refused = catalog.delete(&bucket(), &key("a"), &Conditions::default(), GRACE).await;
    assert!(matches!(refused, Err(CatalogError::Refused(Refusal::SnapshotsPresent))));
    let refused = catalog.delete_as(deletion(object("a"), SnapshotRule::MustBeNone), GRACE).await;
    assert!(matches!(refused, Err(CatalogError::Refused(Refusal::SnapshotsPresent))));
    catalog.delete_as(deletion(snapshot_of("a", 1), SnapshotRule::MustBeNone), GRACE).await.unwrap();
    let gone = catalog.delete_as(deletion(snapshot_of("a", 1), SnapshotRule::MustBeNone), GRACE).await;
    assert!(matches!(gone, Err(CatalogError::Refused(Refusal::NoSuchKey))));
    let unmet = Conditions { if_match: Some(EtagCondition::OneOf(vec![etag(9)])), ..Conditions::default() };
    let unmet = Deletion { conditions: unmet, ..deletion(snapshot_of("a", 2), SnapshotRule::MustBeNone) };
    assert!(matches!(catalog.delete_as(unmet, GRACE).await, Err(CatalogError::Refused(Refusal::PreconditionFailed))));
    catalog.delete_as(deletion(object("a"), SnapshotRule::Only), GRACE).await.unwrap();
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap(), first);
    let snapshots = ListExtras { snapshots: true, ..ListExtras::default() };
    assert_eq!(listed(catalog, snapshots).await, ["a"]);
    snapshot(catalog, "a", 3).await;
    assert!(queued(catalog).await.is_empty());
    catalog.delete_as(deletion(object("a"), SnapshotRule::Include), GRACE).await.unwrap();
    assert_eq!(listed(catalog, snapshots).await, [""; 0]);
    assert_eq!(queued(catalog).await.len(), 2);
    for rule in [SnapshotRule::MustBeNone, SnapshotRule::Include, SnapshotRule::Only] {
        assert!(matches!(
            catalog.delete_as(deletion(object("a"), rule), GRACE).await,
            Err(CatalogError::Refused(Refusal::NoSuchKey))
        ));
    }
    let nothing = Deletion { for_good: true, ..deletion(object("a"), SnapshotRule::MustBeNone) };
    assert!(matches!(catalog.delete_as(nothing, GRACE).await, Err(CatalogError::Refused(Refusal::NoSuchKey))));
    assert!(matches!(
        catalog.restore(&bucket(), &key("a"), GRACE).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    sound(catalog).await;
}

pub async fn lists_show_snapshots_and_names_of_blocks_in_order(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    for (number, name) in ["a", "b/1", "b/2", "c"].into_iter().enumerate() {
        put(catalog, name, u32::try_from(number).unwrap(), 10).await;
    }
    for (name, taken) in [("a", 20), ("a", 10), ("b/1", 5), ("c", 7)] {
        snapshot(catalog, name, taken).await;
    }
    for (number, name) in ["a", "aa", "d/1", "d/2"].into_iter().enumerate() {
        put_block(catalog, name, block(1, 10), u32::try_from(100 + number).unwrap()).await.unwrap();
    }
    let extras = |snapshots, uncommitted| ListExtras { snapshots, uncommitted, deleted: true };
    assert_eq!(listed(catalog, ListExtras::default()).await, ["a", "b/1", "b/2", "c"]);
    assert_eq!(listed(catalog, extras(true, false)).await, ["a@10", "a@20", "a", "b/1@5", "b/1", "b/2", "c@7", "c"]);
    assert_eq!(listed(catalog, extras(false, true)).await, ["a", "aa?", "b/1", "b/2", "c", "d/1?", "d/2?"]);
    let query = ListQuery {
        bucket: bucket(),
        prefix: String::new(),
        delimiter: Some("/".into()),
        start: ListStart::After("a".into()),
        limit: 9,
        most_bytes: usize::MAX,
        with_metadata: true,
        with_user_metadata: true,
        extras: extras(true, true),
    };
    let page = catalog.list(&query).await.unwrap();
    assert_eq!(page.entries.iter().map(shown).collect::<Vec<_>>(), ["aa?", "b/*", "c@7", "c", "d/*"]);
    let within = ListQuery { start: ListStart::Within { key: "a".into(), rank: 10 }, limit: 2, ..query.clone() };
    let page = catalog.list(&within).await.unwrap();
    assert_eq!(page.entries.iter().map(shown).collect::<Vec<_>>(), ["a@20", "a"]);
    assert_eq!(page.next, Some(ListStart::Within { key: "a".into(), rank: i64::MAX }));
    let prefixed = ListQuery { prefix: "b/".into(), start: within.start, limit: 9, ..query };
    let page = catalog.list(&prefixed).await.unwrap();
    assert_eq!(page.entries.iter().map(shown).collect::<Vec<_>>(), ["b/1@5", "b/1", "b/2"]);
}
