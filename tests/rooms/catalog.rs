//! Every implementation of the catalog against its suite, and what only the one on disk promises.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ecluse::catalog::{
    BucketTagging, Catalog, CatalogError, CatalogSettings, Content, Deletion, Failure, ListEntry, ListExtras,
    ListQuery, ListStart, MemoryCatalog, ObjectRef, Refusal, Select, SnapshotRule, SqliteCatalog,
};
use ecluse::model::{BlockSource, Conditions, EtagCondition, Metadata, Part, Timestamp, WrappedKey};
use testing::suites::catalog::suite::{GRACE, bucket, key, new, part, put, with_bucket};
use testing::suites::catalog::{azure, blocks, buckets, histories, retention, suite};

struct Fresh {
    directory: tempfile::TempDir,
}

impl Fresh {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("catalog.db")
    }

    fn open(&self) -> SqliteCatalog {
        SqliteCatalog::open(&self.path()).unwrap()
    }
}

macro_rules! every_catalog {
    ($settings:expr; $($module:ident::$promise:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $promise() {
                testing::suites::catalog::$module::$promise(&ecluse::catalog::MemoryCatalog::with_settings($settings)).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $promise() {
                let fresh = crate::catalog::Fresh::new();
                let catalog = ecluse::catalog::SqliteCatalog::open_with(&fresh.path(), $settings).unwrap();
                testing::suites::catalog::$module::$promise(&catalog).await;
            })*
        }
        mod behind_faults {
            $(#[tokio::test]
            async fn $promise() {
                let inner = std::sync::Arc::new(ecluse::catalog::MemoryCatalog::with_settings($settings));
                let catalog = ecluse::catalog::FaultyCatalog::new(inner, ecluse::catalog::CommitFaults::default());
                testing::suites::catalog::$module::$promise(&catalog).await;
            })*
        }
    };
}

every_catalog!(
    ecluse::catalog::CatalogSettings::default();
    suite::the_first_canary_and_the_first_of_each_tenant_key_win,
    belonging::the_first_identity_wins_and_epochs_are_intended_before_they_are_entered,
    belonging::it_knows_which_providers_were_marked_and_which_are_used,
    suite::buckets_belong_to_their_tenant_and_go_only_when_empty,
    suite::a_version_comes_back_as_it_was_committed,
    suite::conditions_are_held_against_the_current_version,
    suite::a_part_goes_with_its_last_slice_and_its_chunks_wait_out_the_grace,
    queue::what_waits_too_long_is_hastened_and_nothing_else,
    queue::what_fails_waits_longer_each_time_and_lets_those_behind_it_pass,
    queue::a_part_in_doubt_is_looked_at_again_and_deleted_unless_it_lives,
    queue::a_block_set_aside_is_not_open_and_comes_back_when_its_time_has_come,
    queue::what_was_found_is_told_once_and_forgotten_when_it_is_looked_at_again,
    queue::queueing_again_keeps_the_earlier_time_and_spares_committed_parts,
    queue::what_may_be_at_a_provider_still_is_told_page_by_page,
    suite::what_does_not_add_up_is_refused_and_leaves_nothing,
    suite::shared_ranges_are_cut_and_open_finds_what_overlaps,
    suite::a_part_number_selects_the_bytes_of_its_part,
    suite::blocks_stay_open_until_closed_and_know_what_is_settled,
    suite::completing_uses_the_parts_named_and_drops_the_others,
    suite::a_completion_can_be_repeated_while_its_version_is_current,
    suite::aborting_drops_every_part,
    suite::a_closed_catalog_refuses_everything,
    quotas::what_a_client_has_is_counted_and_given_back,
    quotas::beyond_a_quota_nothing_is_written_and_within_it_all_is,
    quotas::a_bucket_holds_no_more_than_its_quota_whoever_writes,
    times::times_go_forward_within_a_name_whatever_the_clock_does,
    listing::a_marker_skips_the_prefix_it_equals_and_keeps_the_one_it_lies_in,
    listing::pages_have_their_edges,
    listing::pages_end_by_bytes_as_well_as_by_count,
    cors::rules_are_kept_in_their_order_and_replaced_as_a_whole,
    cors::rules_are_found_by_the_name_alone,
    cors::rules_go_with_their_bucket,
    bucket_tags::tags_of_a_bucket_are_kept_and_replaced_as_a_whole,
    bucket_tags::tags_go_with_their_bucket,
    buckets::a_page_of_buckets_ends_by_count_and_by_bytes_and_the_next_goes_on,
    buckets::a_page_of_what_tags_find_ends_by_bytes_and_the_next_goes_on,
    listing::pages_agree_with_a_naive_model_on_any_names,
    listing::a_page_sees_deletions_and_overwrites_at_once,
    listing::uploads_are_listed_by_key_then_id_and_rolled_up,
    azure::a_bucket_keeps_what_is_said_of_it,
    azure::a_bucket_under_lease_goes_only_with_it,
    azure::a_dropped_bucket_is_gone_at_once_and_emptied_in_steps,
    azure::a_bucket_with_snapshots_or_blocks_is_not_empty,
    azure::writes_under_a_lease_must_name_it,
    azure::a_lease_that_ended_is_forgotten_by_the_next_write,
    azure::lists_show_leases_where_they_show_metadata,
    azure::a_revision_changes_the_state_and_leaves_bytes_and_tag,
    azure::conditions_take_either_tag_and_look_at_tags,
    azure::an_object_keeps_the_time_of_its_creation_until_it_is_deleted,
    azure::a_snapshot_shares_bytes_and_stays_what_it_was,
    azure::a_deletion_minds_snapshots_as_it_is_told,
    retention::many_snapshots_are_gone_with_their_object_at_once,
    azure::lists_show_snapshots_and_names_of_blocks_in_order,
    blocks::blocks_wait_until_a_list_joins_them,
    blocks::a_list_mixes_committed_and_uncommitted_blocks,
    blocks::a_block_replaces_one_of_its_name_and_has_a_name_of_their_length,
    blocks::any_write_under_a_name_drops_its_uncommitted_blocks,
    blocks::a_copy_of_all_bytes_has_the_blocks_too,
    blocks::blocks_that_nobody_adds_to_are_dropped_oldest_first,
    blocks::a_deletion_takes_blocks_that_wait_alone,
    blocks::an_object_grows_by_appending_and_stays_the_same_version,
    blocks::a_run_of_slices_becomes_one_part_and_nothing_else_changes,
    blocks::objects_are_found_by_their_tags,
    slices::neighbours_in_one_part_become_one_slice,
    slices::an_object_is_made_of_a_bounded_number_of_slices,
    slices::as_many_blocks_as_azure_allows_are_committed_and_copied,
    slices::a_read_that_has_begun_gets_every_page_of_what_it_opened,
    slices::what_shares_its_bytes_grows_and_goes_by_itself,
    slices::blocks_whose_md5_nobody_knows_give_no_tag_that_others_have,
    leases::each_kind_of_write_is_refused_without_the_lease_and_done_with_it,
    leases::a_lease_guards_while_it_is_being_broken,
    leases::a_lease_that_ran_out_guards_nothing_and_cannot_be_named,
    leases::each_kind_of_write_leaves_the_archive_as_it_is_where_it_is_told_to,
    leases::a_list_that_is_refused_leaves_the_version_and_what_waits,
);

mod looking_at_few {
    every_catalog!(
        testing::suites::catalog::listing::LOOKING_AT_FEW;
        listing::pages_that_show_nothing_lead_to_all_that_there_is,
        buckets::pages_of_buckets_lead_to_those_that_are_there_and_those_that_are_gone,
    );
}

mod retaining {
    every_catalog!(
        testing::suites::catalog::retention::SETTINGS;
        cors::rules_come_back_with_their_bucket,
        bucket_tags::tags_come_back_with_their_bucket,
        retention::a_deletion_can_be_undone_until_its_time_is_over,
        retention::what_is_replaced_is_a_snapshot_that_was_deleted,
        retention::a_new_object_under_the_name_of_a_deleted_one_turns_that_into_a_snapshot,
        retention::deletions_through_the_other_protocol_are_retained_as_well,
        retention::what_is_retained_can_be_ended_for_good,
        retention::blocks_wait_on_unless_an_object_that_grows_comes_back,
        quotas::what_is_retained_counts_until_it_is_gone,
        quotas::a_bucket_that_comes_back_is_never_refused,
        retention::many_snapshots_that_were_deleted_come_back_with_their_object,
        many::many_that_come_back_are_there_at_once_and_whatever_is_done_next_finds_them,
        many::many_that_are_ended_for_good_are_gone_at_once,
        times::times_go_forward_after_what_was_deleted_and_is_retained,
        retention::a_bucket_that_holds_only_deletions_keeps_them_and_comes_back,
        retention::a_dropped_bucket_comes_back_with_all_that_it_held_until_its_time_is_over,
        suite::a_version_comes_back_as_it_was_committed,
        listing::pages_agree_with_a_naive_model_on_any_names,
        azure::a_revision_changes_the_state_and_leaves_bytes_and_tag,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_create_only_exactly_one_wins_in_memory() {
    suite::of_many_that_create_only_exactly_one_wins(Arc::new(MemoryCatalog::default())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_create_only_exactly_one_wins_in_sqlite() {
    let fresh = Fresh::new();
    suite::of_many_that_create_only_exactly_one_wins(Arc::new(fresh.open())).await;
}

#[tokio::test]
async fn random_histories_go_the_same_way_in_memory_and_in_sqlite() {
    for seed in 0..8 {
        // Every other one retains what is deleted.
        let settings = if seed % 2 == 0 { CatalogSettings::default() } else { retention_of_20_ms() };
        let fresh = Fresh::new();
        let sqlite = SqliteCatalog::open_with(&fresh.path(), settings).unwrap();
        histories::compare(seed, 120, &MemoryCatalog::with_settings(settings), &sqlite).await;
    }
}

fn retention_of_20_ms() -> CatalogSettings {
    CatalogSettings::retaining(Some(Duration::from_millis(20)))
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_opening_again() {
    let fresh = Fresh::new();
    let catalog = fresh.open();
    with_bucket(&catalog).await;
    let version = put(&catalog, "a", 1, 10).await;
    let block = catalog.reserve_parts(&suite::tenant(), 4).await.unwrap();
    // Dropped without closing.
    drop(catalog);
    let catalog = fresh.open();
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap(), version);
    assert_eq!(catalog.open_blocks().await.unwrap(), vec![block]);
    catalog.close().await;
    drop(catalog);
    let catalog = fresh.open();
    assert_eq!(
        catalog.open(&ObjectRef::current(&bucket(), &key("a")), Select::All).await.unwrap().slices[0].part,
        part(1, 10)
    );
    assert!(put(&catalog, "b", 2, 10).await.id > version.id);
}

#[tokio::test]
async fn a_crash_between_the_steps_of_an_undelete_or_a_forgetting_leaves_one_truth() {
    const ALL: ListExtras = ListExtras { snapshots: true, uncommitted: false, deleted: true };
    let fresh = Fresh::new();
    // Dropped without closing.
    let reopened = || SqliteCatalog::open_with(&fresh.path(), retention::SETTINGS).unwrap();
    let catalog = reopened();
    with_bucket(&catalog).await;
    for number in 0..400 {
        put(&catalog, "a", number, 10).await;
    }
    let deletion = |for_good| Deletion { for_good, ..azure::deletion(azure::object("a"), SnapshotRule::Only) };
    let after_each_step = async |mut catalog: SqliteCatalog, snapshots: usize, deleted: usize| {
        for _ in 0..9 {
            drop(catalog);
            catalog = reopened();
            let all = azure::listed(&catalog, ALL).await;
            assert_eq!((all.len(), all.iter().filter(|name| name.ends_with('!')).count()), (snapshots + 1, deleted));
            assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
            catalog.purge(Timestamp(0), 50, GRACE).await.unwrap();
        }
        catalog
    };
    catalog.restore(&bucket(), &key("a"), GRACE).await.unwrap();
    let catalog = after_each_step(catalog, 399, 0).await;
    catalog.delete_as(deletion(false), GRACE).await.unwrap();
    let catalog = after_each_step(catalog, 399, 399).await;
    catalog.delete_as(deletion(true), GRACE).await.unwrap();
    let catalog = after_each_step(catalog, 0, 0).await;
    assert!(!catalog.purge(Timestamp(0), 50, GRACE).await.unwrap());
}

#[tokio::test]
async fn what_was_acknowledged_is_in_the_files_before_anything_is_closed() {
    let fresh = Fresh::new();
    let catalog = fresh.open();
    with_bucket(&catalog).await;
    let version = put(&catalog, "a", 1, 10).await;
    // The files as a killed process would leave them.
    let other = Fresh::new();
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", fresh.path().display());
        std::fs::copy(from, format!("{}{suffix}", other.path().display())).unwrap();
    }
    let copy = other.open();
    assert_eq!(copy.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap(), version);
    assert_eq!(copy.audit().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_has_gone() {
    let fresh = Fresh::new();
    let first = fresh.open();
    assert!(matches!(SqliteCatalog::open(&fresh.path()), Err(CatalogError::Failed(Failure::InUse))));
    with_bucket(&first).await;
    drop(first);
    assert_eq!(fresh.open().bucket(&bucket()).await.unwrap().name, bucket().name);
}

#[tokio::test]
async fn its_files_are_for_its_owner_only_and_the_directory_must_exist() {
    let fresh = Fresh::new();
    let catalog = fresh.open();
    with_bucket(&catalog).await;
    for entry in std::fs::read_dir(fresh.directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
    let nowhere = fresh.directory.path().join("missing").join("catalog.db");
    assert!(matches!(SqliteCatalog::open(&nowhere), Err(CatalogError::Failed(Failure::Io(_)))));
}

#[tokio::test]
async fn a_later_schema_and_a_foreign_file_are_refused_and_left_as_they_are() {
    let fresh = Fresh::new();
    drop(fresh.open());
    rusqlite::Connection::open(fresh.path()).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let before = std::fs::read(fresh.path()).unwrap();
    let refused = SqliteCatalog::open(&fresh.path());
    assert!(matches!(refused, Err(CatalogError::Failed(Failure::TooNew { found: 999, known: 7 }))));
    assert_eq!(std::fs::read(fresh.path()).unwrap(), before);

    let foreign = Fresh::new();
    rusqlite::Connection::open(foreign.path()).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let before = std::fs::read(foreign.path()).unwrap();
    assert!(matches!(SqliteCatalog::open(&foreign.path()), Err(CatalogError::Failed(Failure::Damaged(_)))));
    assert_eq!(std::fs::read(foreign.path()).unwrap(), before);

    let noise = Fresh::new();
    std::fs::write(noise.path(), vec![0x42; 8192]).unwrap();
    assert!(matches!(SqliteCatalog::open(&noise.path()), Err(CatalogError::Failed(Failure::Engine(_)))));
}

#[tokio::test]
async fn waiting_commits_share_a_transaction_and_one_failure_is_its_own() {
    let fresh = Fresh::new();
    let catalog = fresh.open();
    with_bucket(&catalog).await;
    put(&catalog, "taken", 0, 10).await;
    let before = catalog.commits();
    let commits = (1..=400).map(|number| {
        let catalog = &catalog;
        async move {
            // Every fourth fails: half of those at its condition, half in the middle of its work.
            let name = if number % 8 == 0 { "taken".to_owned() } else { format!("n{number}") };
            let length = if number % 8 == 4 { 11 } else { 10 };
            let mut wanted = new(&name, Content::Part(part(number, 10)), length);
            wanted.conditions = Conditions { if_none_match: Some(EtagCondition::Any), ..Conditions::default() };
            (number, catalog.commit(wanted, GRACE).await)
        }
    });
    for (number, result) in futures::future::join_all(commits).await {
        match number % 8 {
            0 => assert!(matches!(result, Err(CatalogError::Refused(Refusal::PreconditionFailed)))),
            4 => assert!(matches!(result, Err(CatalogError::Failed(Failure::Misused(_))))),
            _ => assert!(result.is_ok(), "{number}"),
        }
    }
    let transactions = catalog.commits() - before;
    assert!((1..=100).contains(&transactions), "{transactions} transactions for 400 commits");
    for number in 1..=400 {
        let found = catalog.head(&ObjectRef::current(&bucket(), &key(&format!("n{number}")))).await;
        assert_eq!(found.is_ok(), number % 4 != 0);
    }
    assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
}

/// How often `needle` occurs in the catalog's files.
fn occurrences(path: &Path, needle: &[u8]) -> usize {
    let files = ["", "-wal"].map(|suffix| std::fs::read(format!("{}{suffix}", path.display())).unwrap_or_default());
    files.iter().map(|bytes| bytes.windows(needle.len()).filter(|window| *window == needle).count()).sum()
}

fn keyed(number: u32) -> Part {
    let bytes: Vec<u8> =
        (0..19_u32).flat_map(|i| (number.wrapping_mul(2_654_435_761) ^ i.wrapping_mul(97)).to_be_bytes()).collect();
    Part { wrapped_key: WrappedKey { key_version: 1, bytes }, ..part(number, 10) }
}

#[tokio::test]
async fn an_erased_key_is_in_none_of_the_files() {
    let fresh = Fresh::new();
    let catalog = fresh.open();
    with_bucket(&catalog).await;
    // Committed out of order, so that pages split and rows move.
    let numbers: Vec<u32> = (0..600).map(|i| (i * 7919) % 600).collect();
    let commits = numbers.iter().map(|n| catalog.commit(new(&format!("n{n}"), Content::Part(keyed(*n)), 10), GRACE));
    assert!(futures::future::join_all(commits).await.iter().all(Result::is_ok));
    let erased = |n: &&u32| !n.is_multiple_of(3);
    for n in numbers.iter().filter(erased) {
        assert!(catalog.delete(&bucket(), &key(&format!("n{n}")), &Conditions::default(), GRACE).await.unwrap());
    }
    catalog.close().await;
    drop(catalog);
    let left = numbers.iter().filter(erased).filter(|n| occurrences(&fresh.path(), &keyed(**n).wrapped_key.bytes) > 0);
    assert_eq!(left.count(), 0);
    assert!(occurrences(&fresh.path(), &keyed(3).wrapped_key.bytes) > 0);
}

/// A catalog as an earlier version of this program left it: of so many migrations, with two objects, a shared part, an
/// upload and a bucket.
fn write_earlier_schema(path: &Path, migrations: usize) {
    let all = [
        include_str!("../../src/catalog/migrations/0001_start.sql"),
        include_str!("../../src/catalog/migrations/0002_storage_class.sql"),
    ];
    let db = rusqlite::Connection::open(path).unwrap();
    all.iter().take(migrations).for_each(|sql| db.execute_batch(sql).unwrap());
    let etag = "00000000000000000000000000000001";
    let part = "07070707070707070707070700000001";
    db.execute_batch(&format!(
        "PRAGMA application_id = 0x45434c55;
         PRAGMA user_version = {migrations};
         UPDATE counter SET value = 3;
         INSERT INTO bucket (bucket_id, tenant, name, created) VALUES (1, 'chum', 'imaging', 1000);
         INSERT INTO part VALUES (x'{part}', 'chum', 10, 1024, 3, zeroblob(76), 2);
         INSERT INTO placement VALUES (x'{part}', 'here');
         INSERT INTO version (version_id, bucket_id, key, length, etag, modified, metadata, part_lengths)
             VALUES (1, 1, CAST('rich' AS BLOB), 0, '{etag}', 5000, '{{\"v\":1,\"storage_class\":\"COLD\"}}', '[]'),
                    (2, 1, CAST('plain' AS BLOB), 10, '{etag}', 5000, '{{\"v\":1}}', '[]');
         INSERT INTO slice VALUES (2, 0, x'{part}', 0, 10), (3, 0, x'{part}', 0, 10);
         INSERT INTO upload VALUES (1, 1, CAST('up' AS BLOB), 'u', 5000, '{{\"v\":1}}', NULL);
         INSERT INTO upload_part VALUES (1, 1, 3, 10, '{etag}', NULL, 5000, '[]');
         INSERT INTO object (bucket_id, key, version_id, length, etag, {column})
             VALUES (1, CAST('rich' AS BLOB), 1, 0, '{etag}', {rich}), (1, CAST('plain' AS BLOB), 2, 10, '{etag}', {plain});",
        column = if migrations > 1 { "modified, storage_class" } else { "modified" },
        rich = if migrations > 1 { "5000, 'COLD'" } else { "5000" },
        plain = if migrations > 1 { "5000, NULL" } else { "5000" },
    ))
    .unwrap();
}

#[tokio::test]
async fn a_catalog_of_an_earlier_schema_is_brought_up_to_date() {
    for migrations in [1, 2] {
        let fresh = Fresh::new();
        write_earlier_schema(&fresh.path(), migrations);
        let catalog = fresh.open();
        assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
        let found = catalog.bucket(&bucket()).await.unwrap();
        assert_eq!((found.created, found.modified, found.user.len()), (Timestamp(1_000), Timestamp(1_000), 0));
        let query = ListQuery {
            bucket: bucket(),
            prefix: String::new(),
            delimiter: None,
            start: ListStart::First,
            limit: 9,
            most_bytes: usize::MAX,
            with_metadata: false,
            with_user_metadata: true,
            extras: ListExtras::default(),
        };
        let shown = catalog.list(&query).await.unwrap().entries.into_iter().map(|entry| match entry {
            ListEntry::Object { storage_class, revision, .. } => (storage_class, revision),
            other => panic!("{other:?}"),
        });
        assert_eq!(shown.collect::<Vec<_>>(), [(None, 2), (Some("COLD".to_owned()), 1)]);
        let opened = catalog.open(&ObjectRef::current(&bucket(), &key("plain")), Select::All).await.unwrap();
        assert_eq!((opened.version.revision, opened.version.metadata), (2, Metadata::default()));
        assert_eq!(opened.slices.len(), 1);
        // And goes on: a new version, which is the first to know when the object was created.
        let again = put(&catalog, "plain", 2, 10).await;
        assert_eq!(again.metadata.created, Some(Timestamp(5_000)));
        assert!(again.revision > 3);
        assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
    }
}

/// Schema 6, of a gateway that had no tags of buckets.
#[tokio::test]
async fn a_catalog_of_schema_6_keeps_what_it_had_and_its_buckets_can_be_tagged() {
    let fresh = Fresh::new();
    let catalog = fresh.open();
    with_bucket(&catalog).await;
    let before = put(&catalog, "a", 1, 10).await;
    drop(catalog);
    let db = rusqlite::Connection::open(fresh.path()).unwrap();
    db.execute_batch("DROP TRIGGER bucket_with_tags_goes; DROP TABLE bucket_tags; PRAGMA user_version = 6;").unwrap();
    let schema_6 = rusqlite::Connection::open_in_memory().unwrap();
    for migration in [
        include_str!("../../src/catalog/migrations/0001_start.sql"),
        include_str!("../../src/catalog/migrations/0002_storage_class.sql"),
        include_str!("../../src/catalog/migrations/0003_azure.sql"),
        include_str!("../../src/catalog/migrations/0004_edges.sql"),
        include_str!("../../src/catalog/migrations/0005_bulk.sql"),
        include_str!("../../src/catalog/migrations/0006_queue.sql"),
    ] {
        schema_6.execute_batch(migration).unwrap();
    }
    let structure = |db: &rusqlite::Connection| -> Vec<String> {
        let mut statement = db.prepare("SELECT name || coalesce(sql, '') FROM sqlite_schema ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(structure(&db), structure(&schema_6), "not what schema 6 was");
    drop(db);
    let catalog = fresh.open();
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap(), before);
    assert_eq!(catalog.bucket_tags(&bucket()).await.unwrap(), azure::tags(&[]));
    catalog.set_bucket_tags(&bucket(), azure::tags(&[("a", "1")])).await.unwrap();
    assert_eq!(catalog.bucket_tags(&bucket()).await.unwrap(), azure::tags(&[("a", "1")]));
    assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn the_audit_looks_at_tags_of_buckets() {
    let fresh = Fresh::new();
    let catalog = fresh.open();
    with_bucket(&catalog).await;
    drop(catalog);
    let db = rusqlite::Connection::open(fresh.path()).unwrap();
    for (row, fault) in [
        ("(99, '{\"a\":\"1\"}')", "tags of a bucket have no bucket: 99"),
        ("(1, '{\"\":\"1\"}')", "tags of a bucket that cannot be read: 1: "),
        ("(1, '{\"b\":\"1\",\"a\":\"1\"}')", "tags of a bucket that cannot be read: 1: "),
        ("(1, '{}')", "tags of a bucket that cannot be read: 1: "),
        ("(1, 'x')", "tags of a bucket that cannot be read: 1: "),
    ] {
        db.execute_batch(&format!("DELETE FROM bucket_tags; INSERT INTO bucket_tags VALUES {row}")).unwrap();
        let faults = fresh.open().audit().await.unwrap();
        assert!(faults.iter().any(|line| line.starts_with(fault)), "{fault} is not in {faults:?}");
    }
}

#[tokio::test]
async fn snapshots_that_schema_4_was_deleting_stay_deleted() {
    let fresh = Fresh::new();
    let db = rusqlite::Connection::open(fresh.path()).unwrap();
    for migration in [
        include_str!("../../src/catalog/migrations/0001_start.sql"),
        include_str!("../../src/catalog/migrations/0002_storage_class.sql"),
        include_str!("../../src/catalog/migrations/0003_azure.sql"),
        include_str!("../../src/catalog/migrations/0004_edges.sql"),
    ] {
        db.execute_batch(migration).unwrap();
    }
    let etag = "00000000000000000000000000000001";
    db.execute_batch(&format!(
        "PRAGMA application_id = 0x45434c55;
         PRAGMA user_version = 4;
         UPDATE counter SET value = 9;
         INSERT INTO bucket (bucket_id, tenant, name, created) VALUES (1, 'chum', 'imaging', 1000);
         INSERT INTO version (version_id, bucket_id, key, length, etag, modified, metadata, part_lengths, revision)
             SELECT value, 1, x'61', 0, '{etag}', 5000, '{{\"v\":1}}', '[]', value FROM json_each('[1, 2, 3, 4]');
         INSERT INTO object (bucket_id, key, version_id, length, etag, modified, revision)
             VALUES (1, x'61', 4, 0, '{etag}', 5000, 4);
         INSERT INTO past SELECT 1, x'61', version_id, version_id, 0, '{etag}', 5000, NULL, revision, NULL, NULL
             FROM version WHERE version_id < 4;
         INSERT INTO ending VALUES (1, x'61', 2, 7, 9);",
    ))
    .unwrap();
    drop(db);
    let all = ListExtras { snapshots: true, uncommitted: false, deleted: true };
    let catalog = fresh.open();
    assert_eq!(azure::listed(&catalog, all).await, ["a@1!", "a@2!", "a@3", "a"]);
    assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
    assert!(!catalog.purge(Timestamp(0), 9, GRACE).await.unwrap());
    assert_eq!(azure::listed(&catalog, all).await, ["a@1!", "a@2!", "a@3", "a"]);
    assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn deletions_that_waited_under_schema_5_are_counted() {
    let fresh = Fresh::new();
    let db = rusqlite::Connection::open(fresh.path()).unwrap();
    for migration in [
        include_str!("../../src/catalog/migrations/0001_start.sql"),
        include_str!("../../src/catalog/migrations/0002_storage_class.sql"),
        include_str!("../../src/catalog/migrations/0003_azure.sql"),
        include_str!("../../src/catalog/migrations/0004_edges.sql"),
        include_str!("../../src/catalog/migrations/0005_bulk.sql"),
    ] {
        db.execute_batch(migration).unwrap();
    }
    db.execute_batch(
        "PRAGMA application_id = 0x45434c55;
         PRAGMA user_version = 5;
         INSERT INTO deletion (part_id, provider, tenant, chunks, due, since, attempts) VALUES
             (zeroblob(16), 'here', 'chum', 1, 500, 500, 0), (zeroblob(16), 'there', 'chum', 1, 900, 400, 2);",
    )
    .unwrap();
    drop(db);
    let catalog = fresh.open();
    let queue = catalog.deletion_queue().await.unwrap();
    assert_eq!((queue.waiting, queue.failing, queue.oldest), (2, 1, Some(Timestamp(400))));
    assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
    drop(catalog);
    let db = rusqlite::Connection::open(fresh.path()).unwrap();
    db.execute_batch("UPDATE deletion_count SET waiting = 3").unwrap();
    drop(db);
    let faults = fresh.open().audit().await.unwrap();
    assert_eq!(faults, ["the deletions that wait are counted wrong: the count"]);
}

#[tokio::test]
async fn the_audit_names_what_is_wrong() {
    let fresh = Fresh::new();
    let catalog = fresh.open();
    with_bucket(&catalog).await;
    put(&catalog, "a", 1, 10).await;
    put(&catalog, "b", 2, 10).await;
    put(&catalog, "c", 3, 10).await;
    put(&catalog, "d", 4, 10).await;
    drop(catalog);
    let db = rusqlite::Connection::open(fresh.path()).unwrap();
    db.execute_batch(
        "PRAGMA foreign_keys = OFF;
         UPDATE part SET slices = 2 WHERE part_id = (SELECT min(part_id) FROM part);
         UPDATE slice SET position = 1 WHERE content_id = 2;
         UPDATE slice SET length = 11 WHERE content_id = 3;
         DELETE FROM slice WHERE content_id = 4;
         UPDATE object SET storage_class = 'COLD' WHERE key = CAST('b' AS BLOB);",
    )
    .unwrap();
    drop(db);
    let faults = fresh.open().audit().await.unwrap();
    for fault in [
        "a part's count of slices is wrong: ",
        "a slice does not begin where the one before ends: 2 at 1",
        "a slice goes beyond its part: 3 at 0",
        "a version's length is not its slices': 3",
        "a version's length is not its slices': 4",
        "a name's line in lists is not its version's: 3",
    ] {
        assert!(faults.iter().any(|line| line.starts_with(fault)), "{fault} is not in {faults:?}");
    }
}

#[tokio::test]
async fn the_audit_looks_at_snapshots_blocks_tags_and_leases_too() {
    let fresh = Fresh::new();
    let catalog = fresh.open();
    with_bucket(&catalog).await;
    for (number, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let mut version = new(name, Content::Part(part(number, 10)), 10);
        version.metadata.tags = azure::tags(&[("n", name)]);
        catalog.commit(version, GRACE).await.unwrap();
        azure::snapshot(&catalog, name, 5).await;
    }
    blocks::put_block(&catalog, "e", blocks::block(1, 10), 10).await.unwrap();
    blocks::put_block(&catalog, "f", blocks::block(1, 10), 11).await.unwrap();
    let joined = blocks::commit("f", &[(1, BlockSource::Latest)]);
    let joined = catalog.commit_blocks(joined, GRACE).await.unwrap().id.0;
    azure::acquire(&catalog, Some("a"), azure::A, None, Timestamp::steady()).await;
    drop(catalog);
    let db = rusqlite::Connection::open(fresh.path()).unwrap();
    db.execute_batch(
        "PRAGMA foreign_keys = OFF;
         UPDATE past SET revision = 99 WHERE key = CAST('a' AS BLOB);
         UPDATE past SET version_id = 98 WHERE key = CAST('b' AS BLOB);
         DELETE FROM object WHERE key = CAST('c' AS BLOB);
         UPDATE past SET snapshot = 9223372036854775806, deleted = 1, until = 2 WHERE key = CAST('d' AS BLOB);
         UPDATE lease SET key = CAST('z' AS BLOB);
         UPDATE uncommitted SET blocks = 2;
         UPDATE block SET length = 11;
         UPDATE version SET blocks = x'01' WHERE key = CAST('f' AS BLOB);
         UPDATE tag SET value = 'other' WHERE key = CAST('a' AS BLOB);
         UPDATE object SET created = 1 WHERE key = CAST('b' AS BLOB);",
    )
    .unwrap();
    drop(db);
    let faults = fresh.open().audit().await.unwrap();
    let joined = format!("a version's blocks do not add up: {joined}");
    for fault in [
        "a past version's line in lists is not its version's: ",
        "a version is neither current nor past: ",
        "a snapshot has no current version: ",
        "what was deleted is current: ",
        "a lease is of nothing: aaaaaaaa",
        "a count of uncommitted blocks is wrong: ",
        "a block's length is not its slices': ",
        &joined,
        "a tag is not in the index: ",
        "the index has a tag that no object has: in bucket 1",
        "a name's line in lists is not its version's: 4",
    ] {
        assert!(faults.iter().any(|line| line.starts_with(fault)), "{fault} is not in {faults:?}");
    }
}

#[tokio::test]
async fn bytes_without_a_slice_are_damage_and_not_an_answer() {
    let fresh = Fresh::new();
    let catalog = fresh.open();
    with_bucket(&catalog).await;
    put(&catalog, "a", 1, 10).await;
    drop(catalog);
    rusqlite::Connection::open(fresh.path()).unwrap().execute("UPDATE slice SET length = 9", []).unwrap();
    let opened = fresh.open().open(&ObjectRef::current(&bucket(), &key("a")), Select::All).await;
    assert!(matches!(opened, Err(CatalogError::Failed(Failure::Damaged(_)))));
}

#[tokio::test]
async fn what_was_promised_outlives_the_setting_and_nothing_else_does() {
    for drop_it in [true, false] {
        let fresh = Fresh::new();
        let catalog = SqliteCatalog::open_with(&fresh.path(), retention::SETTINGS).unwrap();
        with_bucket(&catalog).await;
        put(&catalog, "promised", 1, 10).await;
        suite::delete(&catalog, "promised").await;
        drop(catalog);
        // Nothing that is deleted from now on is retained.
        let catalog = fresh.open();
        if drop_it {
            put(&catalog, "live", 2, 10).await;
            azure::snapshot(&catalog, "live", 5).await;
            blocks::put_block(&catalog, "waits", blocks::block(1, 10), 3).await.unwrap();
            catalog.drop_bucket(&bucket(), &Conditions::default()).await.unwrap();
            assert!(buckets::gone(&catalog, &suite::tenant()).await.is_empty(), "it is not whole yet");
        } else {
            catalog.delete_bucket(&bucket()).await.unwrap();
        }
        while catalog.purge(Timestamp::steady(), 1, GRACE).await.unwrap() {}
        let mut gone = if drop_it { vec![part(2, 1).id, part(2, 1).id, part(3, 1).id, part(3, 1).id] } else { vec![] };
        gone.sort();
        assert_eq!(suite::queued(&catalog).await, gone);
        suite::sound(&catalog).await;
        let kept = buckets::gone(&catalog, &suite::tenant()).await;
        catalog.restore_bucket(&bucket(), kept[0].id).await.unwrap();
        catalog.restore(&bucket(), &key("promised"), GRACE).await.unwrap();
        assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("promised"))).await.unwrap().length, 10);
        suite::sound(&catalog).await;
    }
}
