//! Searches by tags, tokens of pages, and what lists tell to whom.

use ecluse::gateway::{
    Error, FindByTags, Found, Gateway, HeadBucket, ListBuckets, ListEntry, ListObjects, PutObject, ReadBucket,
};
use ecluse::model::{Action, Conditions, Grant, Metadata, Principal, SystemMetadata, TagExpression, Tags};

use testing::in_process::*;

const SEES: &[Action] = &[Action::List, Action::Read];

fn grant(buckets: &[&str], prefixes: &[&str], actions: &[Action]) -> Grant {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Grant::new(&owned(buckets), owned(prefixes), actions.to_vec())
}

/// Puts an object with the tag `all = x`.
async fn tagged(house: &House, name: &str) {
    let metadata = Metadata {
        tags: Tags::from([("all".to_owned(), "x".to_owned())]),
        user: [("patient".to_owned(), "Roy".to_owned())].into(),
        system: SystemMetadata { content_type: Some("application/dicom".into()), ..SystemMetadata::default() },
        ..Metadata::default()
    };
    let op = PutObject { bucket: bucket(BUCKET), key: key(name), metadata, conditions: Conditions::default() };
    house.gateway.put_object(house.may(op), body(name.as_bytes())).await.unwrap();
}

fn search(after: Option<&Found>, limit: usize) -> FindByTags {
    let after = after.map(|found| (found.bucket.clone(), found.key.clone()));
    FindByTags { bucket: None, expression: TagExpression::parse_search("all = 'x'").unwrap(), after, limit }
}

#[tokio::test]
async fn a_page_of_a_search_is_cut_after_what_its_client_may_not_see_was_left_out() {
    for house in [House::new().await, House::sqlite(settings()).await] {
        for name in ["a-lab/1", "lab/2", "lab/3", "mri/1", "mri/2", "mri/3", "zoo/1"] {
            tagged(&house, name).await;
        }
        for (grants, wanted) in [
            (vec![grant(&["imag*"], &["mri/"], SEES)], vec!["mri/1", "mri/2", "mri/3"]),
            (vec![grant(&["*"], &["zoo/"], SEES)], vec!["zoo/1"]),
            // Tags are read: to list a name is not enough, nor is another name's right.
            (vec![grant(&["*"], &[], &[Action::List]), grant(&["*"], &["mri/2"], &[Action::Read])], vec!["mri/2"]),
            (vec![grant(&["billing"], &[], SEES)], vec![]),
        ] {
            let client = principal("chum", grants);
            for limit in 1..=3 {
                let mut names: Vec<String> = Vec::new();
                let mut last: Option<Found> = None;
                loop {
                    let op = client.authorize(search(last.as_ref(), limit)).unwrap();
                    let (page, _share) = house.gateway.find_by_tags(op).await.unwrap();
                    names.extend(page.found.iter().map(|found| found.key.as_str().to_owned()));
                    let Some(next) = page.next else { break };
                    last = page.found.last().cloned();
                    let shown = last.as_ref().map(|found| (found.bucket.clone(), found.key.clone()));
                    assert_eq!(Some(next), shown, "where the next page begins was shown");
                }
                assert_eq!(names, wanted, "in pages of {limit}");
            }
        }
        let writes = principal("chum", vec![grant(&["*"], &[], &[Action::List, Action::Write, Action::Admin])]);
        assert!(writes.authorize(search(None, 1)).is_err(), "who reads nothing finds nothing by its tags");
    }
}

async fn entries(gateway: &Gateway, client: &Principal) -> Vec<(String, Metadata)> {
    let op = ListObjects {
        bucket: bucket(BUCKET),
        prefix: String::new(),
        delimiter: None,
        start: ecluse::catalog::ListStart::First,
        limit: 10,
        with_metadata: true,
        with_user_metadata: true,
        extras: ecluse::catalog::ListExtras::default(),
    };
    let page = gateway.list_objects(client.authorize(op).unwrap()).await.unwrap();
    let of = |entry| match entry {
        ListEntry::Object { key, metadata, .. } => (key.as_str().to_owned(), *metadata.unwrap()),
        other => panic!("{other:?}"),
    };
    page.0.entries.into_iter().map(of).collect()
}

#[tokio::test]
async fn lists_tell_metadata_of_what_their_client_may_read_only() {
    for house in [House::new().await, House::sqlite(settings()).await] {
        tagged(&house, "lab/1").await;
        tagged(&house, "mri/1").await;
        let lists = grant(&["*"], &[], &[Action::List]);
        let client = principal("chum", vec![lists, grant(&["*"], &["mri/"], &[Action::Read])]);
        let told = entries(&house.gateway, &client).await;
        let (lab, mri) = (&told[0].1, &told[1].1);
        assert_eq!((told[0].0.as_str(), told[1].0.as_str()), ("lab/1", "mri/1"));
        assert_eq!((mri.user["patient"].as_str(), mri.tags.len(), mri.content_md5.is_some()), ("Roy", 1, true));
        assert_eq!(*lab, Metadata { created: lab.created, ..Metadata::default() });
    }
}

#[tokio::test]
async fn a_bucket_shows_its_metadata_to_who_may_read_in_it_and_itself_to_who_may_list() {
    let house = House::new().await;
    let user = [("ward".to_owned(), "oncology".to_owned())].into();
    let create = ecluse::gateway::CreateBucket { bucket: bucket("wards"), user };
    house.gateway.create_bucket(house.may(create)).await.unwrap();
    let of = |actions: &[Action]| principal("chum", vec![grant(&["wards"], &["a/"], actions)]);
    let (lists, reads) = (of(&[Action::List]), of(SEES));
    for (client, wanted) in [(&lists, 0), (&reads, 1)] {
        let head = client.authorize(HeadBucket { bucket: bucket("wards") }).unwrap();
        assert_eq!(house.gateway.head_bucket(head).await.unwrap().user.len(), wanted);
        let all = ListBuckets { with_user_metadata: true, ..ListBuckets::default() };
        let (all, _share) = house.gateway.list_buckets(client.authorize(all).unwrap()).await.unwrap();
        assert_eq!(all.entries.iter().map(|entry| entry.bucket().user.len()).collect::<Vec<_>>(), [wanted]);
    }
    assert!(lists.authorize(ReadBucket { bucket: bucket("wards") }).is_err());
    let read = reads.authorize(ReadBucket { bucket: bucket("wards") }).unwrap();
    assert_eq!(house.gateway.read_bucket(read).await.unwrap().user["ward"], "oncology");
    for blind in [of(&[Action::Read, Action::Write, Action::Delete]), of(&[])] {
        assert!(blind.authorize(ListBuckets::default()).is_err(), "who lists nothing is shown no bucket");
        assert!(blind.authorize(HeadBucket { bucket: bucket("wards") }).is_err());
    }
}

#[tokio::test]
async fn a_token_is_read_by_no_bearer_and_serves_its_own_list_under_its_tenant_s_keys() {
    let house = House::sqlite(settings()).await;
    let (chum, chus) = (tenant("chum"), tenant("chus"));
    let list = ["s3/objects", BUCKET];
    let seal = |content: &[u8]| house.gateway.seal_token(&chum, &list, content).unwrap();
    let token = seal(b"patients/Roy");
    let open = |gateway: &Gateway, list: &[&str], token: &str| gateway.open_token(&chum, list, token).unwrap();
    assert_eq!(open(&house.gateway, &list, &token).as_deref(), Some(&b"patients/Roy"[..]));
    // The same is never the same again, and short and long ones look alike.
    assert_ne!(seal(b"patients/Roy"), token);
    assert_eq!((seal(b"").len(), seal(&[b'x'; 126]).len()), (token.len(), token.len()));
    assert_eq!(open(&house.gateway, &list, &seal(&[7; 2000])), Some(vec![7; 2000]));
    use base64::Engine;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&token).unwrap();
    assert!(!bytes.windows(4).any(|window| window == b"pati" || window == b"/Roy"));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let changed = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(changed);
        assert_eq!(open(&house.gateway, &list, &changed), None, "byte {at}");
    }
    let long = "A".repeat(100_000);
    for other in ["", "A", "AAAA", "AQE", &token[..token.len() - 4], &format!("{token}AAAA"), "é", &long] {
        assert_eq!(open(&house.gateway, &list, other), None, "{other:.40}");
    }
    for other in [&["s3/objects", "other"][..], &["azure/blobs", BUCKET], &["s3/objects"], &["s3", "objects", BUCKET]] {
        assert_eq!(open(&house.gateway, other, &token), None, "{other:?}");
    }
    assert_eq!(house.gateway.open_token(&chus, &list, &token).unwrap(), None, "another tenant's");
    // After a restart, or at another gateway with the same keys.
    let again = House::on(house.catalog.clone(), house.chunks.clone(), house.folder.clone(), settings()).await;
    assert_eq!(open(&again.gateway, &list, &token).as_deref(), Some(&b"patients/Roy"[..]));
    house.gateway.seal();
    assert!(matches!(house.gateway.open_token(&chum, &list, &token), Err(Error::Sealed)));
}
