//! What every catalog promises of blocks, appends and tags, as functions over `&dyn Catalog`. Each takes a fresh catalog
//! that retains nothing.

use std::collections::BTreeMap;

use ecluse::catalog::{
    Appended, BlockCommit, BlockCursor, Catalog, CatalogError, Content, Deletion, Failure, NewAppend, NewBlock,
    ObjectRef, PAGE_BLOCKS, Refusal, Revision, RunMerge, Select, SnapshotRule, TagQuery, Version,
};
use ecluse::model::{
    AppendState, Block, BlockId, BlockPick, BlockSource, BucketName, BucketRef, ByteRange, Conditions, ETag,
    EtagCondition, LeaseFault, Metadata, PartId, Sight, TagExpression, TenantId, Timestamp,
};

use super::azure::{A, deletion, holding, object, snapshot, tags};
use super::suite::{
    self, GRACE, bucket, completion, delete, etag, key, new, part, put, queued, rich_metadata, sound, tenant, upload,
    with_bucket,
};

/// A name that decodes to 4 bytes.
pub fn block_id(number: u8) -> BlockId {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    BlockId::parse(&format!("AA{}AAA==", char::from(alphabet[usize::from(number)]))).unwrap()
}

pub fn block(number: u8, length: u64) -> Block {
    Block { id: block_id(number), length, md5: Some([number; 16]) }
}

/// A block of one new part.
pub fn new_block(name: &str, block: Block, number: u32) -> NewBlock {
    NewBlock {
        bucket: bucket(),
        key: key(name),
        content: Content::Part(part(number, block.length)),
        block,
        conditions: Conditions::default(),
        uploaded: Timestamp(4_000),
        owner: None,
    }
}

pub async fn put_block(catalog: &dyn Catalog, name: &str, block: Block, number: u32) -> Result<(), CatalogError> {
    catalog.put_block(new_block(name, block, number), GRACE).await
}

/// A commit of these blocks, under the tag that their MD5s make.
pub fn commit(name: &str, picks: &[(u8, BlockSource)]) -> BlockCommit {
    let picks = picks.iter().map(|(number, source)| BlockPick { id: block_id(*number), source: *source });
    BlockCommit {
        bucket: bucket(),
        key: key(name),
        picks: picks.collect(),
        etag: etag(66),
        tag_of_blocks: true,
        modified: Timestamp(6_000),
        metadata: Metadata::default(),
        conditions: Conditions::default(),
    }
}

/// Parts of an object's slices, with offsets and lengths.
async fn slices(catalog: &dyn Catalog, name: &str) -> Vec<(PartId, u64, u64)> {
    let opened = catalog.open(&ObjectRef::current(&bucket(), &key(name)), Select::All).await.unwrap();
    opened.slices.iter().map(|slice| (slice.part.id, slice.offset, slice.length)).collect()
}

/// The lists of an object's blocks, read to their ends.
#[derive(Debug, Default)]
pub struct Lists {
    pub version: Option<Version>,
    pub committed: Vec<Block>,
    pub uncommitted: Vec<Block>,
}

pub async fn lists_of(catalog: &dyn Catalog, object: &ObjectRef) -> Result<Lists, CatalogError> {
    let found = catalog.blocks(object).await?;
    let committed = read(catalog, found.committed).await?;
    let uncommitted = read(catalog, found.uncommitted).await?;
    Ok(Lists { version: found.version, committed, uncommitted })
}

async fn read(catalog: &dyn Catalog, mut cursor: Option<BlockCursor>) -> Result<Vec<Block>, CatalogError> {
    let mut blocks = Vec::new();
    while let Some(at) = cursor {
        let page = catalog.more_blocks(&at).await?;
        assert!(page.blocks.len() <= PAGE_BLOCKS);
        blocks.extend(page.blocks);
        cursor = page.next;
    }
    Ok(blocks)
}

fn names(blocks: &[Block]) -> Vec<BlockId> {
    blocks.iter().map(|block| block.id.clone()).collect()
}

pub async fn blocks_wait_until_a_list_joins_them(catalog: &dyn Catalog) {
    use BlockSource::{Committed, Latest, Uncommitted};
    with_bucket(catalog).await;
    assert!(matches!(lists_of(catalog, &object("a")).await, Err(CatalogError::Refused(Refusal::NoSuchKey))));
    for (number, length) in [(3, 30), (1, 10), (2, 20)] {
        put_block(catalog, "a", block(number, length), number.into()).await.unwrap();
    }
    assert!(matches!(
        catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    let lists = lists_of(catalog, &object("a")).await.unwrap();
    assert_eq!((lists.version, lists.committed), (None, Vec::new()));
    assert_eq!(lists.uncommitted, [block(1, 10), block(2, 20), block(3, 30)]);
    sound(catalog).await;

    let missing = catalog.commit_blocks(commit("a", &[(1, Uncommitted), (4, Latest)]), GRACE).await;
    assert!(matches!(missing, Err(CatalogError::Refused(Refusal::InvalidBlock))));
    let missing = catalog.commit_blocks(commit("a", &[(1, Committed)]), GRACE).await;
    assert!(matches!(missing, Err(CatalogError::Refused(Refusal::InvalidBlock))));
    let picks = [(2, Uncommitted), (1, Latest), (2, Uncommitted)];
    let version = catalog.commit_blocks(commit("a", &picks), GRACE).await.unwrap();
    let expected = ETag::of_parts([[2_u8; 16], [1; 16], [2; 16]].iter().map(<[u8; 16]>::as_slice));
    assert_eq!((version.length, version.etag.clone()), (50, expected));
    assert_eq!(version.part_lengths, [0; 0]);
    let ids = [part(2, 1).id, part(1, 1).id, part(2, 1).id];
    assert_eq!(slices(catalog, "a").await, [(ids[0], 0, 20), (ids[1], 0, 10), (ids[2], 0, 20)]);
    let lists = lists_of(catalog, &object("a")).await.unwrap();
    assert_eq!((lists.version, lists.uncommitted), (Some(version), Vec::new()));
    assert_eq!(lists.committed, [block(2, 20), block(1, 10), block(2, 20)]);
    assert_eq!(queued(catalog).await, [part(3, 1).id; 2], "a block that is not listed goes");
    sound(catalog).await;
}

pub async fn a_list_mixes_committed_and_uncommitted_blocks(catalog: &dyn Catalog) {
    use BlockSource::{Committed, Latest, Uncommitted};
    with_bucket(catalog).await;
    for number in [1_u8, 2, 3] {
        put_block(catalog, "a", block(number, 10), number.into()).await.unwrap();
    }
    catalog.commit_blocks(commit("a", &[(1, Latest), (2, Latest), (3, Latest)]), GRACE).await.unwrap();
    put_block(catalog, "a", block(2, 20), 12).await.unwrap();
    put_block(catalog, "a", block(4, 40), 14).await.unwrap();
    let picks = [(4, Uncommitted), (2, Committed), (2, Latest), (3, Latest), (3, Committed)];
    let version = catalog.commit_blocks(commit("a", &picks), GRACE).await.unwrap();
    assert_eq!(version.length, 90);
    let id = |number| part(number, 1).id;
    let expected = [(id(14), 0, 40), (id(2), 0, 10), (id(12), 0, 20), (id(3), 0, 10), (id(3), 0, 10)];
    assert_eq!(slices(catalog, "a").await, expected);
    assert_eq!(queued(catalog).await, [id(1); 2]);
    // Of two committed blocks of one name the last counts.
    let version = catalog.commit_blocks(commit("a", &[(2, Committed)]), GRACE).await.unwrap();
    assert_eq!((version.length, slices(catalog, "a").await), (20, vec![(id(12), 0, 20)]));
    // An empty list makes an object without bytes, with the tag of any such.
    let version = catalog.commit_blocks(commit("a", &[]), GRACE).await.unwrap();
    assert_eq!((version.length, version.etag), (0, ETag::parse("d41d8cd98f00b204e9800998ecf8427e").unwrap()));
    assert_eq!(version.metadata.created, Some(Timestamp(6_000)));
    sound(catalog).await;
}

pub async fn a_block_replaces_one_of_its_name_and_has_a_name_of_their_length(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put_block(catalog, "a", block(1, 10), 1).await.unwrap();
    put_block(catalog, "a", block(1, 20), 2).await.unwrap();
    assert_eq!(lists_of(catalog, &object("a")).await.unwrap().uncommitted, [block(1, 20)]);
    assert_eq!(queued(catalog).await, [part(1, 1).id; 2]);
    let other = Block { id: BlockId::parse("AAAA").unwrap(), ..block(1, 5) };
    assert!(matches!(
        put_block(catalog, "a", other.clone(), 3).await,
        Err(CatalogError::Refused(Refusal::InvalidBlock))
    ));
    put_block(catalog, "b", other.clone(), 3).await.unwrap();
    let mut empty = new_block("a", block(2, 10), 4);
    empty.content = Content::Empty;
    assert!(matches!(catalog.put_block(empty, GRACE).await, Err(CatalogError::Failed(Failure::Misused(_)))));
    let wrong = NewBlock { content: Content::Part(part(5, 11)), ..new_block("a", block(2, 10), 4) };
    assert!(matches!(catalog.put_block(wrong, GRACE).await, Err(CatalogError::Failed(Failure::Misused(_)))));
    // After a commit another length may be.
    catalog.commit_blocks(commit("a", &[(1, BlockSource::Latest)]), GRACE).await.unwrap();
    put_block(catalog, "a", other, 6).await.unwrap();
    // A block of bytes of another object.
    let source = put(catalog, "source", 7, 100).await;
    let range = ByteRange { first: 10, end: 30 };
    let shared = NewBlock { content: Content::Shared { source: source.id, range }, ..new_block("c", block(1, 20), 0) };
    catalog.put_block(shared, GRACE).await.unwrap();
    delete(catalog, "source").await;
    catalog.commit_blocks(commit("c", &[(1, BlockSource::Uncommitted)]), GRACE).await.unwrap();
    assert_eq!(slices(catalog, "c").await, [(part(7, 1).id, 10, 20)]);
    sound(catalog).await;
}

pub async fn any_write_under_a_name_drops_its_uncommitted_blocks(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let wait = |number: u32| put_block(catalog, "a", block(1, 10), number);
    wait(1).await.unwrap();
    put(catalog, "a", 2, 10).await;
    assert_eq!(queued(catalog).await.len(), 2);
    wait(3).await.unwrap();
    let id = upload(catalog, "a", 1).await;
    suite::put_part(catalog, "a", &id, 1, part(4, 10)).await;
    catalog.complete_upload(completion("a", &id, &[1]), GRACE).await.unwrap();
    assert_eq!(queued(catalog).await.len(), 6);
    wait(5).await.unwrap();
    delete(catalog, "a").await;
    assert_eq!(queued(catalog).await.len(), 10);
    assert!(matches!(lists_of(catalog, &object("a")).await, Err(CatalogError::Refused(Refusal::NoSuchKey))));
    // Nothing to delete is nothing to drop.
    wait(6).await.unwrap();
    assert!(!delete(catalog, "a").await);
    assert_eq!(lists_of(catalog, &object("a")).await.unwrap().uncommitted.len(), 1);
    sound(catalog).await;
}

pub async fn a_copy_of_all_bytes_has_the_blocks_too(catalog: &dyn Catalog) {
    use BlockSource::Latest;
    with_bucket(catalog).await;
    put_block(catalog, "a", block(1, 10), 1).await.unwrap();
    put_block(catalog, "a", block(2, 20), 2).await.unwrap();
    let source = catalog.commit_blocks(commit("a", &[(1, Latest), (2, Latest)]), GRACE).await.unwrap();
    let share = |first, end| Content::Shared { source: source.id, range: ByteRange { first, end } };
    let taken = snapshot(catalog, "a", 5).await;
    catalog.commit(new("whole", share(0, 30), 30), GRACE).await.unwrap();
    catalog.commit(new("cut", share(0, 20), 20), GRACE).await.unwrap();
    let of = |name| async move { names(&lists_of(catalog, &object(name)).await.unwrap().committed) };
    assert_eq!(of("whole").await, [block_id(1), block_id(2)]);
    assert_eq!(of("cut").await, []);
    put(catalog, "a", 3, 10).await;
    assert_eq!(of("a").await, [], "it was not committed by a list");
    let mut at = object("a");
    at.which = taken.snapshot.into();
    put_block(catalog, "a", block(3, 5), 4).await.unwrap();
    let lists = lists_of(catalog, &at).await.unwrap();
    assert_eq!((names(&lists.committed), lists.uncommitted.len()), (vec![block_id(1), block_id(2)], 0));
    let all = Content::Shared { source: taken.id, range: ByteRange { first: 0, end: 30 } };
    catalog.commit(new("promoted", all, 30), GRACE).await.unwrap();
    assert_eq!(of("promoted").await, [block_id(1), block_id(2)]);
    let version = catalog.commit_blocks(commit("promoted", &[(2, BlockSource::Committed)]), GRACE).await.unwrap();
    assert_eq!(version.length, 20);
    sound(catalog).await;
}

pub async fn blocks_that_nobody_adds_to_are_dropped_oldest_first(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    for (number, (name, at)) in [("a", 300), ("b", 100), ("c", 200), ("b", 400)].into_iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let block =
            NewBlock { uploaded: Timestamp(at), ..new_block(name, block(u8::try_from(number).unwrap(), 10), number) };
        catalog.put_block(block, GRACE).await.unwrap();
    }
    assert_eq!(catalog.drop_stale_blocks(Timestamp(200), 9, GRACE).await.unwrap(), 0);
    assert_eq!(catalog.drop_stale_blocks(Timestamp(400), 1, GRACE).await.unwrap(), 1);
    assert!(lists_of(catalog, &object("c")).await.is_err() && lists_of(catalog, &object("a")).await.is_ok());
    assert_eq!(catalog.drop_stale_blocks(Timestamp(400), 9, GRACE).await.unwrap(), 1);
    assert_eq!(lists_of(catalog, &object("b")).await.unwrap().uncommitted.len(), 2);
    assert_eq!(queued(catalog).await.len(), 4);
    sound(catalog).await;
}

pub async fn a_deletion_takes_blocks_that_wait_alone(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let deletion = |rule| deletion(object("a"), rule);
    for (number, rule) in [(1, SnapshotRule::MustBeNone), (2, SnapshotRule::Include)] {
        put_block(catalog, "a", block(1, 10), number).await.unwrap();
        let before = queued(catalog).await;
        // There is neither an object to match nor a lease to name.
        let unmet = Deletion { conditions: only(etag(1)), ..deletion(rule) };
        assert!(matches!(catalog.delete_as(unmet, GRACE).await, Err(CatalogError::Refused(Refusal::NothingToMatch))));
        let leased = Deletion { conditions: holding(A), ..deletion(rule) };
        assert!(matches!(
            catalog.delete_as(leased, GRACE).await,
            Err(CatalogError::Refused(Refusal::Lease(LeaseFault::NotPresent)))
        ));
        // There are no snapshots to take alone.
        catalog.delete_as(deletion(SnapshotRule::Only), GRACE).await.unwrap();
        assert_eq!(lists_of(catalog, &object("a")).await.unwrap().uncommitted.len(), 1);
        assert_eq!(queued(catalog).await, before);
        catalog.delete_as(deletion(rule), GRACE).await.unwrap();
        assert!(matches!(lists_of(catalog, &object("a")).await, Err(CatalogError::Refused(Refusal::NoSuchKey))));
        assert!(matches!(
            catalog.delete_as(deletion(rule), GRACE).await,
            Err(CatalogError::Refused(Refusal::NoSuchKey))
        ));
        assert_eq!(queued(catalog).await.len(), before.len() + 2);
        sound(catalog).await;
    }
}

/// An object that grows, without bytes.
pub async fn growing(catalog: &dyn Catalog, name: &str) {
    let mut empty = new(name, Content::Empty, 0);
    empty.metadata.append = Some(AppendState::default());
    catalog.commit(empty, GRACE).await.unwrap();
}

pub fn new_append(name: &str, number: u32, length: u64) -> NewAppend {
    NewAppend {
        bucket: bucket(),
        key: key(name),
        part: part(number, length),
        position: None,
        most_bytes: None,
        etag: etag(number),
        modified: Timestamp(7_000),
        conditions: Conditions::default(),
    }
}

pub async fn append(catalog: &dyn Catalog, name: &str, number: u32, length: u64) -> Appended {
    catalog.append(new_append(name, number, length), GRACE).await.unwrap()
}

pub async fn an_object_grows_by_appending_and_stays_the_same_version(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    growing(catalog, "a").await;
    let first = catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap();
    let one = append(catalog, "a", 1, 10).await;
    assert_eq!((one.offset, one.slices, one.version.length, one.version.id), (0, 1, 10, first.id));
    let two = append(catalog, "a", 2, 20).await;
    assert_eq!((two.offset, two.slices, two.version.length), (10, 2, 30));
    assert_eq!(two.version.metadata.append, Some(AppendState { blocks: 2, closed: false }));
    assert_eq!((two.version.etag.clone(), two.version.modified), (etag(2), Timestamp(7_000)));
    assert_eq!(two.version.metadata.created, Some(Timestamp(5_000)));
    assert!(two.version.revision > one.version.revision && one.version.revision > first.revision);
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap(), two.version);
    assert_eq!(slices(catalog, "a").await, [(part(1, 1).id, 0, 10), (part(2, 1).id, 0, 20)]);

    for (wrong, expected) in [
        (NewAppend { position: Some(29), ..new_append("a", 3, 5) }, Refusal::AppendPosition),
        (NewAppend { most_bytes: Some(34), ..new_append("a", 3, 5) }, Refusal::AppendLength),
        (NewAppend { conditions: only(etag(1)), ..new_append("a", 3, 5) }, Refusal::PreconditionFailed),
        (new_append("b", 3, 5), Refusal::NoSuchKey),
    ] {
        let refused = catalog.append(wrong, GRACE).await.unwrap_err();
        assert!(matches!(&refused, CatalogError::Refused(told) if *told == expected), "{refused:?}");
    }
    let fits =
        NewAppend { position: Some(30), most_bytes: Some(35), conditions: only(etag(2)), ..new_append("a", 3, 5) };
    catalog.append(fits, GRACE).await.unwrap();
    let closed = catalog
        .revise(&object("a"), Revision::Close { length: None }, &Conditions::default(), Timestamp(8_000))
        .await
        .unwrap();
    assert_eq!(closed.metadata.append, Some(AppendState { blocks: 3, closed: true }));
    assert!(matches!(
        catalog.append(new_append("a", 4, 5), GRACE).await,
        Err(CatalogError::Refused(Refusal::AppendClosed))
    ));
    put(catalog, "plain", 5, 10).await;
    assert!(matches!(
        catalog.append(new_append("plain", 6, 5), GRACE).await,
        Err(CatalogError::Refused(Refusal::WrongKind))
    ));
    // Nor are blocks for what grows.
    assert!(matches!(put_block(catalog, "a", block(1, 10), 7).await, Err(CatalogError::Refused(Refusal::WrongKind))));
    let refused = catalog.commit_blocks(commit("a", &[]), GRACE).await;
    assert!(matches!(refused, Err(CatalogError::Refused(Refusal::WrongKind))));
    sound(catalog).await;
}

fn only(tag: ETag) -> Conditions {
    Conditions { if_match: Some(EtagCondition::OneOf(vec![tag])), ..Conditions::default() }
}

pub async fn a_run_of_slices_becomes_one_part_and_nothing_else_changes(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    growing(catalog, "a").await;
    for number in 1..=4 {
        append(catalog, "a", number, 10).await;
    }
    let taken = snapshot(catalog, "a", 5).await;
    let before = append(catalog, "a", 5, 10).await.version;
    let merge = |first, end, numbers: &[u32], number| RunMerge {
        bucket: bucket(),
        key: key("a"),
        version: before.id,
        range: ByteRange { first, end },
        parts: numbers.iter().map(|number| part(*number, 1).id).collect(),
        part: part(number, end - first),
    };
    for wrong in [
        merge(5, 30, &[1, 2, 3], 20),
        merge(10, 25, &[2, 3], 20),
        merge(10, 30, &[2], 20),
        merge(10, 30, &[3, 2], 20),
        merge(10, 60, &[2, 3, 4, 5], 20),
        RunMerge { version: taken.id, ..merge(10, 30, &[2, 3], 20) },
        RunMerge { key: key("b"), ..merge(10, 30, &[2, 3], 20) },
    ] {
        assert!(matches!(catalog.merge_run(wrong, GRACE).await, Err(CatalogError::Refused(Refusal::SourceChanged))));
    }
    let short = RunMerge { part: part(20, 19), ..merge(10, 30, &[2, 3], 20) };
    assert!(matches!(catalog.merge_run(short, GRACE).await, Err(CatalogError::Failed(Failure::Misused(_)))));
    sound(catalog).await;

    catalog.merge_run(merge(10, 30, &[2, 3], 20), GRACE).await.unwrap();
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await.unwrap(), before);
    let id = |number| part(number, 1).id;
    assert_eq!(slices(catalog, "a").await, [(id(1), 0, 10), (id(20), 0, 20), (id(4), 0, 10), (id(5), 0, 10)]);
    assert!(queued(catalog).await.is_empty(), "the snapshot has its own slices");
    catalog.merge_run(merge(30, 50, &[4, 5], 21), GRACE).await.unwrap();
    assert_eq!(queued(catalog).await, [id(5); 2]);
    catalog.merge_run(merge(0, 50, &[1, 20, 21], 22), GRACE).await.unwrap();
    assert_eq!(append(catalog, "a", 6, 10).await.slices, 2);
    sound(catalog).await;
}

fn search(text: &str, limit: usize) -> TagQuery {
    let expression = TagExpression::parse_search(text).unwrap();
    TagQuery {
        tenant: tenant(),
        bucket: None,
        expression,
        sight: Sight::of_everything(),
        after: None,
        limit,
        most_bytes: usize::MAX,
    }
}

/// Bucket and key of all that is found, in pages of each size.
async fn found(catalog: &dyn Catalog, query: TagQuery) -> Vec<String> {
    let all = catalog.find_by_tags(&TagQuery { limit: 100, ..query.clone() }).await.unwrap();
    assert_eq!(all.next, None);
    for limit in 1..=3 {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page = catalog.find_by_tags(&TagQuery { limit, after, ..query.clone() }).await.unwrap();
            assert!(page.found.len() == limit || page.next.is_none());
            pages.extend(page.found);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, all.found);
    }
    all.found.iter().map(|found| format!("{}/{}", found.bucket, found.key.as_str())).collect()
}

pub async fn objects_are_found_by_their_tags(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let second = BucketRef { tenant: tenant(), name: BucketName::parse("archive").unwrap() };
    let foreign = BucketRef { tenant: TenantId::parse("autre").unwrap(), ..bucket() };
    for other in [&second, &foreign] {
        catalog.create_bucket(other, Timestamp(1), &BTreeMap::new()).await.unwrap();
    }
    let tagged = |at: &BucketRef, name: &str, pairs: &[(&str, &str)]| {
        let mut version = new(name, Content::Empty, 0);
        version.bucket = at.clone();
        version.metadata.tags = tags(pairs);
        catalog.commit(version, GRACE)
    };
    for number in 0..5 {
        let number = number.to_string();
        tagged(&bucket(), &format!("n{number}"), &[("all", "x"), ("number", &number)]).await.unwrap();
    }
    tagged(&second, "z", &[("all", "x"), ("number", "2")]).await.unwrap();
    tagged(&foreign, "n9", &[("all", "x")]).await.unwrap();
    put(catalog, "plain", 1, 10).await;

    let of = |text: &str| found(catalog, search(text, 0));
    assert_eq!(of("all = 'x' AND number = '2'").await, ["archive/z", "imaging/n2"]);
    assert_eq!(of("number > '1' AND number <= '3'").await, ["archive/z", "imaging/n2", "imaging/n3"]);
    assert_eq!(of("number >= '4'").await, ["imaging/n4"]);
    assert_eq!(of("number < '1' AND all = 'x'").await, ["imaging/n0"]);
    assert_eq!(of("@container = 'archive' AND all = 'x'").await, ["archive/z"]);
    assert_eq!(of("@container = 'archive'").await, ["archive/z"]);
    assert_eq!(of("@container = 'none' AND all = 'x'").await, [""; 0]);
    assert_eq!(of("all = 'x' AND other = 'y'").await, [""; 0]);
    let within = TagQuery { bucket: Some(second.name.clone()), ..search("all = 'x'", 0) };
    assert_eq!(found(catalog, within).await, ["archive/z"]);
    let page = catalog.find_by_tags(&search("number = '2'", 1)).await.unwrap();
    assert_eq!(page.found[0].tags, tags(&[("all", "x"), ("number", "2")]));
    assert_eq!(catalog.find_by_tags(&search("number = '2'", 0)).await.unwrap().found, []);

    // Every change of what is current is seen.
    tagged(&bucket(), "n0", &[("number", "7")]).await.unwrap();
    delete(catalog, "n1").await;
    let other = Revision::Tags(tags(&[("all", "y")]));
    catalog.revise(&object("n2"), other, &Conditions::default(), Timestamp(1)).await.unwrap();
    put(catalog, "n3", 2, 10).await;
    snapshot(catalog, "n4", 1).await;
    assert_eq!(of("all > ''").await, ["archive/z", "imaging/n2", "imaging/n4"]);
    assert_eq!(of("number = '7'").await, ["imaging/n0"]);
    sound(catalog).await;
    catalog.drop_bucket(&second, &Conditions::default()).await.unwrap();
    assert_eq!(of("all = 'x'").await, ["imaging/n4"]);
    let mut rich = new("rich", Content::Empty, 0);
    rich.metadata = rich_metadata();
    catalog.commit(rich, GRACE).await.unwrap();
    sound(catalog).await;
}
