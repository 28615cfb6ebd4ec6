//! What every catalog promises of slices: that they are joined, bounded, read page by page and shared. Each takes a fresh
//! catalog that retains nothing.

use ecluse::catalog::{
    Catalog, CatalogError, Content, MOST_SLICES, MOST_SLICES_OF_PIECE, NewBlock, NewUploadPart, ObjectRef,
    OpenedVersion, PAGE_SLICES, Refusal, RunMerge, Select, UploadId, UploadPart, Version,
};
use ecluse::model::{
    AppendState, Block, BlockPick, BlockSource, ByteRange, Conditions, PartId, RangeRequest, Slice, Timestamp,
};

use super::azure::{object, snapshot};
use super::blocks::{append, block, block_id, commit, growing, put_block};
use super::suite::{GRACE, bucket, completion, delete, etag, key, new, part, put, queued, sound, upload, with_bucket};

fn shared(source: &Version, first: u64, end: u64) -> Content {
    Content::Shared { source: source.id, range: ByteRange { first, end } }
}

fn whole(source: &Version) -> Content {
    shared(source, 0, source.length)
}

async fn put_shared(catalog: &dyn Catalog, name: &str, number: u8, content: Content) -> Result<(), CatalogError> {
    let Content::Shared { range, .. } = content else { panic!("{content:?}") };
    let new = NewBlock {
        bucket: bucket(),
        key: key(name),
        block: Block { id: block_id(number), length: range.length(), md5: None },
        content,
        conditions: Conditions::default(),
        uploaded: Timestamp(4_000),
        owner: None,
    };
    catalog.put_block(new, GRACE).await
}

async fn put_part(catalog: &dyn Catalog, id: &UploadId, number: u32, content: Content) -> Result<(), CatalogError> {
    let Content::Shared { range, .. } = content else { panic!("{content:?}") };
    let seen = UploadPart {
        number,
        length: range.length(),
        etag: etag(number),
        md5: None,
        modified: Timestamp(4_000),
        checksums: Vec::new(),
    };
    let new = NewUploadPart { bucket: bucket(), key: key("up"), upload: id.clone(), content, part: seen };
    catalog.put_upload_part(new, GRACE).await
}

/// An object of `count` slices: one block of 10 bytes, named so often.
async fn sliced(catalog: &dyn Catalog, name: &str, number: u32, count: usize) -> Version {
    put_block(catalog, name, block(1, 10), number).await.unwrap();
    catalog.commit_blocks(commit(name, &vec![(1, BlockSource::Latest); count]), GRACE).await.unwrap()
}

/// All slices of what was opened, and how many pages they came in.
async fn all(catalog: &dyn Catalog, opened: OpenedVersion) -> (Vec<Slice>, usize) {
    let (mut slices, mut more, mut pages) = (opened.slices, opened.more, 1);
    while let Some(next) = more {
        let page = catalog.more_slices(&next).await.unwrap();
        assert!((1..=PAGE_SLICES).contains(&page.slices.len()));
        slices.extend(page.slices);
        more = page.more;
        pages += 1;
    }
    (slices, pages)
}

/// Parts, offsets and lengths of an object's slices, which must join.
async fn pieces(catalog: &dyn Catalog, object: &ObjectRef) -> Vec<(PartId, u64, u64)> {
    let opened = catalog.open(object, Select::All).await.unwrap();
    let length = opened.version.length;
    let (slices, _) = all(catalog, opened).await;
    let mut due = 0;
    for slice in &slices {
        assert_eq!(slice.position, due);
        due += slice.length;
    }
    assert_eq!(due, length);
    slices.iter().map(|slice| (slice.part.id, slice.offset, slice.length)).collect()
}

pub async fn neighbours_in_one_part_become_one_slice(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let source = put(catalog, "a", 1, 40).await;
    let id = part(1, 40).id;
    for (number, first, end) in [(1, 0, 10), (2, 10, 20), (3, 25, 30), (4, 30, 40)] {
        put_shared(catalog, "b", number, shared(&source, first, end)).await.unwrap();
    }
    let picks = [1, 2, 3, 4, 4].map(|number| (number, BlockSource::Uncommitted));
    catalog.commit_blocks(commit("b", &picks), GRACE).await.unwrap();
    assert_eq!(pieces(catalog, &object("b")).await, [(id, 0, 20), (id, 25, 15), (id, 30, 10)]);
    sound(catalog).await;
    // Blocks of a list that is committed join those that are put beside them.
    let picks = [(3, BlockSource::Committed), (4, BlockSource::Committed), (1, BlockSource::Committed)];
    let again = catalog.commit_blocks(commit("b", &picks), GRACE).await.unwrap();
    assert_eq!(pieces(catalog, &object("b")).await, [(id, 25, 15), (id, 0, 10)]);
    sound(catalog).await;

    let up = upload(catalog, "up", 1).await;
    for (number, first, end) in [(1, 20, 25), (2, 5, 15), (3, 15, 25)] {
        put_part(catalog, &up, number, shared(&again, first, end)).await.unwrap();
    }
    catalog.complete_upload(completion("up", &up, &[2, 3]), GRACE).await.unwrap();
    assert_eq!(pieces(catalog, &object("up")).await, [(id, 30, 10), (id, 0, 10)]);
    sound(catalog).await;
    for name in ["a", "b", "up"] {
        assert!(queued(catalog).await.is_empty());
        delete(catalog, name).await;
    }
    assert_eq!(queued(catalog).await, [id; 2]);
    sound(catalog).await;
}

pub async fn an_object_is_made_of_a_bounded_number_of_slices(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    // A block list, and what is copied of it: blocks and parts of uploads have a bound of their own.
    let large = sliced(catalog, "a", 1, MOST_SLICES_OF_PIECE + 1).await;
    assert!(matches!(
        put_shared(catalog, "b", 1, whole(&large)).await,
        Err(CatalogError::Refused(Refusal::TooManySlices))
    ));
    let up = upload(catalog, "up", 1).await;
    assert!(matches!(
        put_part(catalog, &up, 1, whole(&large)).await,
        Err(CatalogError::Refused(Refusal::TooManySlices))
    ));
    assert!(matches!(
        super::blocks::lists_of(catalog, &object("b")).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    // Of 10,000 slices each, six fit in an object and seven do not.
    let content = shared(&large, 10, large.length);
    put_shared(catalog, "b", 1, content.clone()).await.unwrap();
    for number in 1..=7 {
        put_part(catalog, &up, number, content.clone()).await.unwrap();
    }
    sound(catalog).await;
    let too_many = catalog.commit_blocks(commit("b", &[(1, BlockSource::Latest); 7]), GRACE).await;
    assert!(matches!(too_many, Err(CatalogError::Refused(Refusal::TooManySlices))));
    let too_many = catalog.complete_upload(completion("up", &up, &[1, 2, 3, 4, 5, 6, 7]), GRACE).await;
    assert!(matches!(too_many, Err(CatalogError::Refused(Refusal::TooManySlices))));
    assert_eq!(super::blocks::lists_of(catalog, &object("b")).await.unwrap().uncommitted.len(), 1);
    let fits = catalog.commit_blocks(commit("b", &[(1, BlockSource::Latest); 6]), GRACE).await.unwrap();
    // Of the block that was committed, too.
    let too_many = catalog.commit_blocks(commit("b", &[(1, BlockSource::Latest); 7]), GRACE).await;
    assert!(matches!(too_many, Err(CatalogError::Refused(Refusal::TooManySlices))));
    catalog.complete_upload(completion("up", &up, &[1, 2, 3, 4, 5, 7]), GRACE).await.unwrap();
    // The whole of an object is copied whatever it is made of.
    let copy = catalog.commit(new("c", whole(&fits), fits.length), GRACE).await.unwrap();
    snapshot(catalog, "c", 5).await;
    assert!(copy.length > 10 * u64::try_from(MOST_SLICES_OF_PIECE).unwrap());
    while catalog.purge(Timestamp(0), usize::MAX, GRACE).await.unwrap() {}
    sound(catalog).await;
}

pub async fn as_many_blocks_as_azure_allows_are_committed_and_copied(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let most = 50_000;
    assert!(most < MOST_SLICES);
    let listed = sliced(catalog, "a", 1, most).await;
    let copy = catalog.commit(new("b", whole(&listed), listed.length), GRACE).await.unwrap();
    delete(catalog, "a").await;
    while catalog.purge(Timestamp(0), usize::MAX, GRACE).await.unwrap() {}
    let (slices, pages) =
        all(catalog, catalog.open(&ObjectRef::current(&bucket(), &key("b")), Select::All).await.unwrap()).await;
    assert_eq!((slices.len(), pages), (most, most.div_ceil(PAGE_SLICES)));
    assert_eq!(super::blocks::lists_of(catalog, &object("b")).await.unwrap().committed.len(), most);
    assert_eq!(copy.length, 10 * u64::try_from(most).unwrap());
    assert!(queued(catalog).await.is_empty());
}

pub async fn a_read_that_has_begun_gets_every_page_of_what_it_opened(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let count = 2 * PAGE_SLICES + 10;
    sliced(catalog, "a", 1, count).await;
    let open = async |select| catalog.open(&ObjectRef::current(&bucket(), &key("a")), select).await.unwrap();
    let expected = all(catalog, open(Select::All).await).await;
    assert_eq!((expected.0.len(), expected.1), (count, 3));
    // A range begins and ends where it does.
    let few = open(Select::Range(RangeRequest::Between { first: 25, last: 44 })).await;
    assert!(few.more.is_none());
    assert_eq!(few.slices.iter().map(|slice| slice.position).collect::<Vec<_>>(), [20, 30, 40]);
    let tail = 10 * u64::try_from(PAGE_SLICES).unwrap() + 1;
    let (late, pages) = all(catalog, open(Select::Range(RangeRequest::Suffix { length: tail })).await).await;
    assert_eq!((late.len(), pages), (PAGE_SLICES + 1, 2));

    // Replaced, and purged: who began goes on.
    let begun = open(Select::All).await;
    let second = catalog.more_slices(begun.more.as_ref().unwrap()).await.unwrap();
    put(catalog, "a", 2, 10).await;
    while catalog.purge(Timestamp(0), usize::MAX, GRACE).await.unwrap() {}
    let found = all(catalog, begun.clone()).await;
    assert_eq!(found, expected);
    let third = catalog.more_slices(second.more.as_ref().unwrap()).await.unwrap();
    assert_eq!(third.slices, expected.0[2 * PAGE_SLICES..]);
    assert!(third.more.is_none());
    sound(catalog).await;
    // Nobody reads any more: what is left goes.
    drop((begun, second));
    while catalog.purge(Timestamp(0), usize::MAX, GRACE).await.unwrap() {}
    assert_eq!(queued(catalog).await, [part(1, 10).id; 2]);
    sound(catalog).await;
}

pub async fn what_shares_its_bytes_grows_and_goes_by_itself(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let id = |number| part(number, 1).id;
    growing(catalog, "a").await;
    for number in 1..=3 {
        append(catalog, "a", number, 10).await;
    }
    let taken = snapshot(catalog, "a", 5).await;
    let source = append(catalog, "a", 4, 10).await.version;
    let mut copy = new("b", whole(&source), 40);
    copy.metadata.append = Some(AppendState { blocks: 4, closed: false });
    catalog.commit(copy, GRACE).await.unwrap();
    // Both grow, and neither sees what the other got.
    append(catalog, "a", 5, 10).await;
    append(catalog, "b", 6, 10).await;
    append(catalog, "b", 7, 10).await;
    append(catalog, "a", 8, 10).await;
    sound(catalog).await;
    let of =
        async |name: &str| pieces(catalog, &object(name)).await.into_iter().map(|(id, _, _)| id).collect::<Vec<_>>();
    assert_eq!(of("a").await, [1, 2, 3, 4, 5, 8].map(id));
    assert_eq!(of("b").await, [1, 2, 3, 4, 6, 7].map(id));
    let at = ObjectRef { which: taken.snapshot.into(), ..object("a") };
    assert_eq!(pieces(catalog, &at).await, [1, 2, 3].map(|number| (id(number), 0, 10)));
    // A run is merged for one of them only.
    let merge = RunMerge {
        bucket: bucket(),
        key: key("b"),
        version: catalog.head(&ObjectRef::current(&bucket(), &key("b"))).await.unwrap().id,
        range: ByteRange { first: 10, end: 30 },
        parts: vec![id(2), id(3)],
        part: part(20, 20),
    };
    catalog.merge_run(merge, GRACE).await.unwrap();
    assert_eq!(of("b").await, [1, 20, 4, 6, 7].map(id));
    assert_eq!(of("a").await, [1, 2, 3, 4, 5, 8].map(id));
    assert!(queued(catalog).await.is_empty());
    sound(catalog).await;
    // What only the object had that grew goes with it; what its snapshot has stays.
    put(catalog, "a", 9, 10).await;
    assert_eq!(queued(catalog).await, [5, 5, 8, 8].map(id));
    assert_eq!(pieces(catalog, &at).await, [1, 2, 3].map(|number| (id(number), 0, 10)));
    sound(catalog).await;
    delete(catalog, "b").await;
    assert_eq!(queued(catalog).await, [4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 20, 20].map(id));
    sound(catalog).await;
    let gone = super::azure::deletion(at, ecluse::catalog::SnapshotRule::MustBeNone);
    catalog.delete_as(gone, GRACE).await.unwrap();
    assert_eq!(queued(catalog).await.len(), 18);
    sound(catalog).await;
}

pub async fn blocks_whose_md5_nobody_knows_give_no_tag_that_others_have(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let mut tags = Vec::new();
    for (number, md5) in [(1, None), (2, None), (3, Some([3; 16])), (4, Some([3; 16]))] {
        // The same name each time; other bytes where no MD5 says that they are the same.
        put_block(catalog, "a", Block { md5, ..block(1, 10) }, number).await.unwrap();
        let mut list = commit("a", &[]);
        list.picks = vec![BlockPick { id: block_id(1), source: BlockSource::Latest }];
        list.etag = etag(100 + number);
        tags.push(catalog.commit_blocks(list, GRACE).await.unwrap().etag);
    }
    assert_eq!(tags[..2], [etag(101), etag(102)]);
    assert_eq!(tags[2], tags[3]);
    assert!(tags[2].as_str().ends_with("-1"), "{}", tags[2]);
}
