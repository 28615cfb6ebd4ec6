//! What every catalog promises, as functions over `&dyn Catalog`. Each takes a fresh catalog.

use std::collections::BTreeMap;
use std::sync::Arc;

use ecluse::catalog::{
    Catalog, CatalogError, Completion, Content, Failure, NewUpload, NewUploadPart, NewVersion, ObjectRef,
    QueuedDeletion, Refusal, Select, Upload, UploadId, UploadPart, Version, VersionId,
};
use ecluse::model::{
    BucketName, BucketRef, ByteRange, Checksum, ChecksumAlgorithm, Conditions, CopyRecord, ETag, EtagCondition,
    Metadata, ObjectKey, Part, PartBlock, PartId, ProviderName, RangeRequest, ShownMd5, TenantId, TenantKeyPurpose,
    Tier, Timestamp, WrappedKey, WrappedTenantKey,
};

use super::buckets;

pub const GRACE: Timestamp = Timestamp(9_000);
const MIB: u64 = 1 << 20;

pub fn tenant() -> TenantId {
    TenantId::parse("chum").unwrap()
}

pub fn bucket() -> BucketRef {
    BucketRef { tenant: tenant(), name: BucketName::parse("imaging").unwrap() }
}

pub fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

pub fn etag(number: u32) -> ETag {
    ETag::md5(u128::from(number).to_be_bytes())
}

pub fn provider(name: &str) -> ProviderName {
    ProviderName::parse(name).unwrap()
}

/// A part with an id of its own, held by two providers.
pub fn part(number: u32, length: u64) -> Part {
    let block = PartBlock { tenant: tenant(), prefix: [7; 12], count: u32::MAX };
    Part {
        id: block.id(number).unwrap(),
        length,
        padded_length: length.max(1024),
        wrapped_key: WrappedKey { key_version: 3, bytes: vec![0xa5; 76] },
        placements: vec![provider("here"), provider("there")],
        stored: Timestamp(4_000),
    }
}

pub fn new(name: &str, content: Content, length: u64) -> NewVersion {
    NewVersion {
        bucket: bucket(),
        key: key(name),
        content,
        length,
        etag: etag(1),
        modified: Timestamp(5_000),
        metadata: Metadata::default(),
        conditions: Conditions::default(),
        part_lengths: Vec::new(),
    }
}

pub async fn with_bucket(catalog: &dyn Catalog) {
    catalog.create_bucket(&bucket(), Timestamp(1_000), &BTreeMap::new()).await.unwrap();
}

pub async fn put(catalog: &dyn Catalog, name: &str, number: u32, length: u64) -> Version {
    catalog.commit(new(name, Content::Part(part(number, length)), length), GRACE).await.unwrap()
}

pub async fn delete(catalog: &dyn Catalog, name: &str) -> bool {
    catalog.delete(&bucket(), &key(name), &Conditions::default(), GRACE).await.unwrap()
}

pub async fn sound(catalog: &dyn Catalog) {
    assert_eq!(catalog.audit().await.unwrap(), Vec::<String>::new());
}

/// What is due at one provider.
pub async fn due(catalog: &dyn Catalog, name: &str, now: i64, limit: usize) -> Vec<QueuedDeletion> {
    catalog.due_deletions(&provider(name), Timestamp(now), limit).await.unwrap()
}

/// Ids of all queued parts, each as often as it is queued.
pub async fn queued(catalog: &dyn Catalog) -> Vec<PartId> {
    let mut ids = Vec::new();
    for name in ["here", "there"] {
        ids.extend(due(catalog, name, i64::MAX, 100_000).await.into_iter().map(|deletion| deletion.part));
    }
    ids.sort();
    ids
}

pub fn rich_metadata() -> Metadata {
    let mut metadata = Metadata::default();
    metadata.system.content_type = Some("application/dicom; été".into());
    metadata.system.content_encoding = Some("gzip".into());
    metadata.system.content_language = Some("fr".into());
    metadata.system.content_disposition = Some("inline".into());
    metadata.system.cache_control = Some("no-store".into());
    metadata.system.expires = Some("0".into());
    metadata.system.website_redirect = Some("/x".into());
    metadata.system.storage_class = Some("COLD".into());
    metadata.user.insert("modality".into(), "IRM \"tête\"\n".into());
    metadata.content_md5 = Some([9; 16]);
    metadata.checksums.push(Checksum { algorithm: ChecksumAlgorithm::Crc64Nvme, value: vec![1; 8], parts: None });
    metadata.checksums.push(Checksum { algorithm: ChecksumAlgorithm::Sha256, value: vec![2; 32], parts: Some(4) });
    metadata.tags.insert("étude".into(), "a/b = \"c\"".into());
    metadata.tags.insert("vide".into(), String::new());
    metadata.shown_md5 = ShownMd5::Given(Some([8; 16]));
    metadata.tier = Some(Tier { name: "Cool".into(), changed: Timestamp(7) });
    metadata.copied = Some(Box::new(CopyRecord {
        id: "7".into(),
        source: "https://host/a".into(),
        finished: Timestamp(8),
        length: 9,
    }));
    metadata
}

pub async fn the_first_canary_and_the_first_of_each_tenant_key_win(catalog: &dyn Catalog) {
    assert_eq!(catalog.canary().await.unwrap(), None);
    assert_eq!(catalog.put_canary(vec![1]).await.unwrap(), vec![1]);
    assert_eq!(catalog.put_canary(vec![2]).await.unwrap(), vec![1]);
    assert_eq!(catalog.canary().await.unwrap(), Some(vec![1]));
    let wrapped = |purpose, version, byte| WrappedTenantKey { tenant: tenant(), purpose, version, bytes: vec![byte] };
    let first = vec![wrapped(TenantKeyPurpose::Name, 1, 1), wrapped(TenantKeyPurpose::Wrap, 1, 2)];
    assert_eq!(catalog.add_tenant_keys(first.clone()).await.unwrap(), first);
    let again = vec![wrapped(TenantKeyPurpose::Wrap, 1, 9), wrapped(TenantKeyPurpose::Wrap, 2, 3)];
    let all = catalog.add_tenant_keys(again).await.unwrap();
    assert_eq!(all, [first, vec![wrapped(TenantKeyPurpose::Wrap, 2, 3)]].concat());
    assert_eq!(catalog.tenant_keys().await.unwrap(), all);
}

pub async fn buckets_belong_to_their_tenant_and_go_only_when_empty(catalog: &dyn Catalog) {
    assert!(matches!(catalog.bucket(&bucket()).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    assert!(matches!(catalog.delete_bucket(&bucket()).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    with_bucket(catalog).await;
    assert!(matches!(
        catalog.create_bucket(&bucket(), Timestamp(2), &BTreeMap::new()).await,
        Err(CatalogError::Refused(Refusal::BucketExists))
    ));
    assert_eq!(catalog.bucket(&bucket()).await.unwrap().created, Timestamp(1_000));
    let other = BucketRef { tenant: TenantId::parse("autre").unwrap(), ..bucket() };
    assert!(matches!(catalog.bucket(&other).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    catalog.create_bucket(&other, Timestamp(3), &BTreeMap::new()).await.unwrap();
    assert_eq!(buckets::all(catalog).await.len(), 1);
    put(catalog, "a", 1, 10).await;
    assert!(matches!(catalog.delete_bucket(&bucket()).await, Err(CatalogError::Refused(Refusal::BucketNotEmpty))));
    assert!(delete(catalog, "a").await);
    let id = upload(catalog, "b", 1).await;
    assert!(matches!(catalog.delete_bucket(&bucket()).await, Err(CatalogError::Refused(Refusal::BucketNotEmpty))));
    catalog.abort_upload(&bucket(), &key("b"), &id, GRACE).await.unwrap();
    catalog.delete_bucket(&bucket()).await.unwrap();
    assert!(buckets::all(catalog).await.is_empty());
    assert!(matches!(
        catalog.commit(new("a", Content::Empty, 0), GRACE).await,
        Err(CatalogError::Refused(Refusal::NoSuchBucket))
    ));
    assert!(matches!(
        catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await,
        Err(CatalogError::Refused(Refusal::NoSuchBucket))
    ));
}

pub async fn a_version_comes_back_as_it_was_committed(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let mut wanted = new("a\0b/é", Content::Part(part(1, 5)), 5);
    wanted.metadata = rich_metadata();
    let version = catalog.commit(wanted, GRACE).await.unwrap();
    assert_eq!(version.metadata, rich_metadata());
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("a\0b/é"))).await.unwrap(), version);
    let opened = catalog.open(&ObjectRef::current(&bucket(), &key("a\0b/é")), Select::All).await.unwrap();
    assert_eq!(opened.version, version);
    assert_eq!(opened.range, Ok(Some(ByteRange { first: 0, end: 5 })));
    assert_eq!(opened.slices.len(), 1);
    assert_eq!(opened.slices[0].part, part(1, 5));
    assert!(matches!(
        catalog.head(&ObjectRef::current(&bucket(), &key("a"))).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    assert!(matches!(
        catalog.open(&ObjectRef::current(&bucket(), &key("a")), Select::All).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    let empty = catalog.commit(new("empty", Content::Empty, 0), GRACE).await.unwrap();
    assert!(empty.id > version.id);
    let opened = catalog.open(&ObjectRef::current(&bucket(), &key("empty")), Select::All).await.unwrap();
    assert_eq!((opened.range, opened.slices.len()), (Ok(None), 0));
    let select = Select::Range(RangeRequest::From { first: 0 });
    assert!(catalog.open(&ObjectRef::current(&bucket(), &key("empty")), select).await.unwrap().range.is_err());
    sound(catalog).await;
}

pub async fn of_many_that_create_only_exactly_one_wins(catalog: Arc<dyn Catalog>) {
    with_bucket(&*catalog).await;
    let mut tasks = Vec::new();
    for number in 0..40 {
        let catalog = Arc::clone(&catalog);
        tasks.push(tokio::spawn(async move {
            let mut wanted = new("one", Content::Part(part(number, 10)), 10);
            wanted.conditions.if_none_match = Some(EtagCondition::Any);
            catalog.commit(wanted, GRACE).await
        }));
    }
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(CatalogError::Refused(Refusal::PreconditionFailed)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(won, 1);
    assert!(queued(&*catalog).await.is_empty());
    sound(&*catalog).await;
}

pub async fn conditions_are_held_against_the_current_version(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let matching = |tag| Conditions { if_match: Some(EtagCondition::OneOf(vec![tag])), ..Conditions::default() };
    let absent = catalog.delete(&bucket(), &key("a"), &matching(etag(1)), GRACE).await;
    assert!(matches!(absent, Err(CatalogError::Refused(Refusal::NothingToMatch))));
    assert!(!delete(catalog, "a").await);
    put(catalog, "a", 1, 10).await;
    let mut wanted = new("a", Content::Part(part(2, 10)), 10);
    wanted.conditions = matching(etag(2));
    assert!(matches!(
        catalog.commit(wanted.clone(), GRACE).await,
        Err(CatalogError::Refused(Refusal::PreconditionFailed))
    ));
    assert!(queued(catalog).await.is_empty());
    wanted.conditions = matching(etag(1));
    wanted.etag = etag(2);
    catalog.commit(wanted, GRACE).await.unwrap();
    assert!(catalog.delete(&bucket(), &key("a"), &matching(etag(1)), GRACE).await.is_err());
    assert!(catalog.delete(&bucket(), &key("a"), &matching(etag(2)), GRACE).await.unwrap());
    sound(catalog).await;
}

pub async fn a_part_goes_with_its_last_slice_and_its_chunks_wait_out_the_grace(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let length = 20 * MIB;
    let version = put(catalog, "a", 1, length).await;
    let shared = Content::Shared { source: version.id, range: ByteRange { first: 0, end: length } };
    catalog.commit(new("copy", shared.clone(), length), GRACE).await.unwrap();
    put(catalog, "a", 2, 10).await;
    assert!(queued(catalog).await.is_empty());
    let gone = catalog.commit(new("late", shared, length), GRACE).await;
    assert!(matches!(gone, Err(CatalogError::Refused(Refusal::SourceChanged))));
    assert!(delete(catalog, "copy").await);
    assert_eq!(queued(catalog).await, vec![part(1, 1).id; 2]);
    assert!(due(catalog, "here", GRACE.0 - 1, 10).await.is_empty());
    let expected = |name| QueuedDeletion {
        part: part(1, 1).id,
        tenant: tenant(),
        chunks: 3,
        provider: provider(name),
        in_doubt: false,
    };
    assert_eq!(due(catalog, "here", GRACE.0, 10).await, vec![expected("here")]);
    assert_eq!(due(catalog, "there", GRACE.0, 10).await, vec![expected("there")]);
    catalog.finish_deletions(vec![expected("here")]).await.unwrap();
    assert_eq!(catalog.deletions_waiting().await.unwrap(), 1);
    catalog.finish_deletions(vec![expected("here"), expected("there")]).await.unwrap();
    assert_eq!(catalog.deletions_waiting().await.unwrap(), 0);
    sound(catalog).await;
}

pub async fn what_does_not_add_up_is_refused_and_leaves_nothing(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let version = put(catalog, "a", 1, 10).await;
    let share = |first, end| Content::Shared { source: version.id, range: ByteRange { first, end } };
    let mut lengths = new("b", Content::Part(part(3, 10)), 10);
    lengths.part_lengths = vec![5, 6];
    for wrong in [
        new("b", Content::Part(part(1, 10)), 10),
        new("b", Content::Part(part(2, 10)), 11),
        new("b", Content::Empty, 1),
        new("b", share(5, 11), 6),
        new("b", share(5, 5), 0),
        new("b", share(0, 5), 6),
        new("b", Content::Part(Part { placements: Vec::new(), ..part(4, 10) }), 10),
        new("b", Content::Part(Part { length: 0, ..part(5, 10) }), 0),
        lengths,
    ] {
        assert!(matches!(catalog.commit(wrong, GRACE).await, Err(CatalogError::Failed(Failure::Misused(_)))));
    }
    let unknown = Content::Shared { source: VersionId(999), range: ByteRange { first: 0, end: 1 } };
    assert!(matches!(
        catalog.commit(new("b", unknown, 1), GRACE).await,
        Err(CatalogError::Refused(Refusal::SourceChanged))
    ));
    assert!(matches!(
        catalog.head(&ObjectRef::current(&bucket(), &key("b"))).await,
        Err(CatalogError::Refused(Refusal::NoSuchKey))
    ));
    let other = BucketRef { tenant: TenantId::parse("autre").unwrap(), ..bucket() };
    catalog.create_bucket(&other, Timestamp(1), &BTreeMap::new()).await.unwrap();
    let foreign = NewVersion { bucket: other, ..new("b", share(0, 5), 5) };
    assert!(matches!(catalog.commit(foreign, GRACE).await, Err(CatalogError::Refused(Refusal::SourceChanged))));
    sound(catalog).await;
    put(catalog, "b", 2, 10).await;
}

pub async fn shared_ranges_are_cut_and_open_finds_what_overlaps(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let id = upload(catalog, "m", 1).await;
    for (number, length) in [(1, 10), (2, 20), (3, 30)] {
        put_part(catalog, "m", &id, number, part(number, length)).await;
    }
    let done = catalog.complete_upload(completion("m", &id, &[1, 2, 3]), GRACE).await.unwrap().version;
    assert_eq!((done.length, done.part_lengths.as_slice()), (60, [10, 20, 30].as_slice()));
    let shared = Content::Shared { source: done.id, range: ByteRange { first: 5, end: 35 } };
    catalog.commit(new("cut", shared, 30), GRACE).await.unwrap();
    let opened = catalog.open(&ObjectRef::current(&bucket(), &key("cut")), Select::All).await.unwrap();
    let seen: Vec<_> = opened.slices.iter().map(|s| (s.position, s.part.length, s.offset, s.length)).collect();
    assert_eq!(seen, [(0, 10, 5, 5), (5, 20, 0, 20), (25, 30, 0, 5)]);
    // Every range of both objects, against the slices that it must touch.
    for (name, bounds) in [("m", vec![0, 10, 30, 60]), ("cut", vec![0, 5, 25, 30])] {
        let length = *bounds.last().unwrap();
        for first in 0..length {
            for last in first..length {
                let range = RangeRequest::Between { first, last };
                let opened =
                    catalog.open(&ObjectRef::current(&bucket(), &key(name)), Select::Range(range)).await.unwrap();
                let positions: Vec<u64> = opened.slices.iter().map(|s| s.position).collect();
                let touched = bounds.windows(2).filter(|b| b[0] <= last && b[1] > first).map(|b| b[0]);
                assert_eq!(positions, touched.collect::<Vec<u64>>(), "{name} {first}-{last}");
            }
        }
    }
    delete(catalog, "m").await;
    assert!(queued(catalog).await.is_empty());
    // A copy onto itself, of a part of itself.
    let own = catalog.head(&ObjectRef::current(&bucket(), &key("cut"))).await.unwrap();
    let shared = Content::Shared { source: own.id, range: ByteRange { first: 0, end: 5 } };
    catalog.commit(new("cut", shared, 5), GRACE).await.unwrap();
    let mut expected = vec![part(2, 1).id, part(2, 1).id, part(3, 1).id, part(3, 1).id];
    expected.sort();
    assert_eq!(queued(catalog).await, expected);
    sound(catalog).await;
}

pub async fn a_part_number_selects_the_bytes_of_its_part(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let id = upload(catalog, "m", 1).await;
    for (number, length) in [(2, 10), (700, 20), (10_000, 30)] {
        put_part(catalog, "m", &id, number, part(number, length)).await;
    }
    catalog.complete_upload(completion("m", &id, &[2, 700, 10_000]), GRACE).await.unwrap();
    let select = async |name: &str, number| {
        let opened =
            catalog.open(&ObjectRef::current(&bucket(), &key(name)), Select::PartNumber(number)).await.unwrap();
        opened.range.map(|range| range.map(|r| (r.first, r.end, opened.slices.len())))
    };
    assert_eq!(select("m", 1).await, Ok(Some((0, 10, 1))));
    assert_eq!(select("m", 2).await, Ok(Some((10, 30, 1))));
    assert_eq!(select("m", 3).await, Ok(Some((30, 60, 1))));
    assert!(select("m", 4).await.is_err());
    assert!(select("m", 0).await.is_err());
    put(catalog, "simple", 5, 7).await;
    assert_eq!(select("simple", 1).await, Ok(Some((0, 7, 1))));
    assert!(select("simple", 2).await.is_err());
}

pub async fn blocks_stay_open_until_closed_and_know_what_is_settled(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let (one, two) =
        (catalog.reserve_parts(&tenant(), 8).await.unwrap(), catalog.reserve_parts(&tenant(), 8).await.unwrap());
    assert_ne!(one.prefix, two.prefix);
    assert_eq!(catalog.open_blocks().await.unwrap().len(), 2);
    let committed = Part { id: one.id(2).unwrap(), ..part(1, 10) };
    catalog.commit(new("a", Content::Part(committed), 10), GRACE).await.unwrap();
    let lost = QueuedDeletion {
        part: one.id(7).unwrap(),
        tenant: tenant(),
        chunks: 1,
        provider: provider("here"),
        in_doubt: false,
    };
    catalog.queue_deletions(vec![lost.clone()], Timestamp(1)).await.unwrap();
    assert_eq!(catalog.settled_parts(&one).await.unwrap(), vec![one.id(2).unwrap(), one.id(7).unwrap()]);
    assert!(catalog.settled_parts(&two).await.unwrap().is_empty());
    delete(catalog, "a").await;
    assert_eq!(catalog.settled_parts(&one).await.unwrap().len(), 2);
    catalog.finish_deletions(vec![lost]).await.unwrap();
    assert_eq!(catalog.settled_parts(&one).await.unwrap(), vec![one.id(2).unwrap()]);
    catalog.close_block(&one).await.unwrap();
    assert_eq!(catalog.open_blocks().await.unwrap(), vec![two]);
}

pub async fn upload(catalog: &dyn Catalog, name: &str, number: u32) -> UploadId {
    let id = UploadId(format!("{number:032x}"));
    let upload = Upload {
        id: id.clone(),
        key: key(name),
        created: Timestamp(3_000),
        metadata: rich_metadata(),
        checksum: Some("CRC32/COMPOSITE".into()),
    };
    catalog.create_upload(NewUpload { bucket: bucket(), upload: upload.clone() }).await.unwrap();
    assert_eq!(catalog.upload(&bucket(), &key(name), &id).await.unwrap(), upload);
    id
}

pub fn upload_part(name: &str, id: &UploadId, number: u32, part: Part) -> NewUploadPart {
    let seen = UploadPart {
        number,
        length: part.length,
        etag: etag(number),
        md5: Some([1; 16]),
        modified: Timestamp(4_000),
        checksums: rich_metadata().checksums,
    };
    NewUploadPart { bucket: bucket(), key: key(name), upload: id.clone(), content: Content::Part(part), part: seen }
}

pub async fn put_part(catalog: &dyn Catalog, name: &str, id: &UploadId, number: u32, part: Part) {
    catalog.put_upload_part(upload_part(name, id, number, part), GRACE).await.unwrap();
}

pub fn completion(name: &str, id: &UploadId, numbers: &[u32]) -> Completion {
    Completion {
        bucket: bucket(),
        key: key(name),
        upload: id.clone(),
        parts: numbers.iter().map(|number| (*number, etag(*number))).collect(),
        etag: etag(77),
        modified: Timestamp(6_000),
        metadata: rich_metadata(),
        conditions: Conditions::default(),
    }
}

pub async fn completing_uses_the_parts_named_and_drops_the_others(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    put(catalog, "m", 100, 9).await;
    let id = upload(catalog, "m", 1).await;
    for number in [1, 5, 9_999, 10_000] {
        put_part(catalog, "m", &id, number, part(number, 10)).await;
    }
    for wrong in [0, 10_001] {
        let refused = catalog.put_upload_part(upload_part("m", &id, wrong, part(50, 10)), GRACE).await;
        assert!(matches!(refused, Err(CatalogError::Refused(Refusal::InvalidPart { number })) if number == wrong));
    }
    // Replacing a part drops the one before.
    put_part(catalog, "m", &id, 5, part(6, 11)).await;
    assert_eq!(queued(catalog).await, vec![part(5, 1).id; 2]);
    let page = catalog.upload_parts(&bucket(), &key("m"), &id, 1, 2).await.unwrap();
    assert_eq!(page.iter().map(|p| (p.number, p.length)).collect::<Vec<_>>(), [(5, 11), (9_999, 10)]);
    assert_eq!(page[0], upload_part("m", &id, 5, part(6, 11)).part);
    for (wrong, number) in [(vec![1, 2], 2), (vec![5, 1], 1), (vec![1, 1], 1)] {
        let refused = catalog.complete_upload(completion("m", &id, &wrong), GRACE).await;
        assert!(matches!(refused, Err(CatalogError::Refused(Refusal::InvalidPart { number: n })) if n == number));
    }
    assert!(catalog.complete_upload(completion("m", &id, &[]), GRACE).await.is_err());
    let mut stale = completion("m", &id, &[1, 5]);
    stale.parts[1].1 = etag(99);
    let refused = catalog.complete_upload(stale, GRACE).await;
    assert!(matches!(refused, Err(CatalogError::Refused(Refusal::InvalidPart { number: 5 }))));
    let mut conditional = completion("m", &id, &[1]);
    conditional.conditions.if_none_match = Some(EtagCondition::Any);
    let refused = catalog.complete_upload(conditional, GRACE).await;
    assert!(matches!(refused, Err(CatalogError::Refused(Refusal::PreconditionFailed))));
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("m"))).await.unwrap().length, 9);
    sound(catalog).await;

    let done = catalog.complete_upload(completion("m", &id, &[1, 5, 10_000]), GRACE).await.unwrap();
    assert!(!done.repeated);
    assert_eq!((done.version.length, done.version.part_lengths.clone()), (31, vec![10, 11, 10]));
    assert_eq!(catalog.head(&ObjectRef::current(&bucket(), &key("m"))).await.unwrap(), done.version);
    // The overwritten object, the replaced part and the one left out, at two providers each.
    let mut gone = [100, 100, 5, 5, 9_999, 9_999].map(|number| part(number, 1).id);
    gone.sort();
    assert_eq!(queued(catalog).await, gone);
    sound(catalog).await;
}

pub async fn a_completion_can_be_repeated_while_its_version_is_current(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let id = upload(catalog, "m", 1).await;
    put_part(catalog, "m", &id, 1, part(1, 10)).await;
    put_part(catalog, "m", &id, 2, part(2, 10)).await;
    let mut request = completion("m", &id, &[1, 2]);
    request.conditions.if_none_match = Some(EtagCondition::Any);
    let first = catalog.complete_upload(request.clone(), GRACE).await.unwrap();
    // The tag may be another: opaque tags are made anew for each request.
    request.etag = etag(78);
    let second = catalog.complete_upload(request.clone(), GRACE).await.unwrap();
    assert!(second.repeated);
    assert_eq!(second.version, first.version);
    let other = catalog.complete_upload(completion("m", &id, &[1]), GRACE).await;
    assert!(matches!(other, Err(CatalogError::Refused(Refusal::NoSuchUpload))));
    let elsewhere = catalog.complete_upload(completion("n", &id, &[1, 2]), GRACE).await;
    assert!(matches!(elsewhere, Err(CatalogError::Refused(Refusal::NoSuchUpload))));
    put(catalog, "m", 3, 10).await;
    assert!(matches!(catalog.complete_upload(request, GRACE).await, Err(CatalogError::Refused(Refusal::NoSuchUpload))));
    sound(catalog).await;
}

pub async fn aborting_drops_every_part(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let source = put(catalog, "source", 1, 10).await;
    let id = upload(catalog, "m", 1).await;
    put_part(catalog, "m", &id, 1, part(2, 10)).await;
    let shared = Content::Shared { source: source.id, range: ByteRange { first: 2, end: 6 } };
    let mut copied = upload_part("m", &id, 2, part(3, 4));
    copied.content = shared;
    catalog.put_upload_part(copied, GRACE).await.unwrap();
    delete(catalog, "source").await;
    assert!(queued(catalog).await.is_empty());
    assert!(matches!(
        catalog.abort_upload(&bucket(), &key("x"), &id, GRACE).await,
        Err(CatalogError::Refused(Refusal::NoSuchUpload))
    ));
    catalog.abort_upload(&bucket(), &key("m"), &id, GRACE).await.unwrap();
    assert_eq!(queued(catalog).await.len(), 4);
    for gone in [
        catalog.abort_upload(&bucket(), &key("m"), &id, GRACE).await,
        catalog.put_upload_part(upload_part("m", &id, 1, part(9, 1)), GRACE).await,
        catalog.upload(&bucket(), &key("m"), &id).await.map(|_| ()),
        catalog.upload_parts(&bucket(), &key("m"), &id, 0, 10).await.map(|_| ()),
        catalog.complete_upload(completion("m", &id, &[1]), GRACE).await.map(|_| ()),
    ] {
        assert!(matches!(gone, Err(CatalogError::Refused(Refusal::NoSuchUpload))));
    }
    sound(catalog).await;
}

pub async fn a_closed_catalog_refuses_everything(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    catalog.probe().await.unwrap();
    catalog.close().await;
    catalog.close().await;
    assert!(matches!(catalog.probe().await, Err(CatalogError::Failed(Failure::Closed))));
    assert!(matches!(catalog.bucket(&bucket()).await, Err(CatalogError::Failed(Failure::Closed))));
    assert!(matches!(
        catalog.commit(new("a", Content::Empty, 0), GRACE).await,
        Err(CatalogError::Failed(Failure::Closed))
    ));
}
