//! What every catalog promises of its lists of buckets and of what tags find, as functions over `&dyn Catalog`. Each takes a
//! fresh catalog.

use std::collections::BTreeMap;

use ecluse::catalog::{
    Bucket, BucketLine, BucketPlace, BucketQuery, Catalog, Content, ENTRY_BYTES, GoneBucket, TagQuery,
};
use ecluse::model::{
    Action, BucketName, BucketRef, ClientId, Conditions, Grant, Principal, Sight, TagExpression, TenantId, Timestamp,
};

use super::suite::{GRACE, new, tenant, with_bucket};

pub fn query(tenant: &TenantId) -> BucketQuery {
    BucketQuery {
        tenant: tenant.clone(),
        prefix: String::new(),
        sight: Sight::of_everything(),
        after: None,
        limit: 1000,
        most_bytes: usize::MAX,
        with_user_metadata: true,
        gone: true,
    }
}

/// All buckets of the suite's tenant that are there.
pub async fn all(catalog: &dyn Catalog) -> Vec<Bucket> {
    let page = catalog.buckets(&BucketQuery { gone: false, ..query(&tenant()) }).await.unwrap();
    assert_eq!(page.next, None);
    page.entries.iter().map(|entry| entry.bucket().clone()).collect()
}

/// Those that are gone and can be had back.
pub async fn gone(catalog: &dyn Catalog, tenant: &TenantId) -> Vec<GoneBucket> {
    let entries = catalog.buckets(&query(tenant)).await.unwrap().entries.into_iter();
    let gone = entries.filter_map(|entry| if let BucketLine::Gone(gone) = entry { Some(gone) } else { None });
    gone.collect()
}

async fn create(catalog: &dyn Catalog, name: &str, user: &[(&str, &str)]) -> BucketRef {
    let bucket = BucketRef { tenant: tenant(), name: BucketName::parse(name).unwrap() };
    let user: BTreeMap<String, String> = user.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    catalog.create_bucket(&bucket, Timestamp(1), &user).await.unwrap();
    bucket
}

/// The places that a walk over pages finds, and the sizes of the pages.
async fn walk(catalog: &dyn Catalog, mut query: BucketQuery) -> (Vec<BucketPlace>, Vec<usize>) {
    let (mut places, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = catalog.buckets(&query).await.unwrap();
        assert!(page.entries.len() <= 1 || page.weight() <= query.most_bytes);
        places.extend(page.entries.iter().map(BucketLine::place));
        sizes.push(page.entries.len());
        match page.next {
            Some(next) => query.after = Some(next),
            None => return (places, sizes),
        }
    }
}

pub async fn a_page_of_buckets_ends_by_count_and_by_bytes_and_the_next_goes_on(catalog: &dyn Catalog) {
    let note = "x".repeat(8_000);
    let names: Vec<String> = (0..10).map(|number| format!("b-{number}")).collect();
    for name in names.iter().map(String::as_str).chain(["a-first", "c-last"]) {
        create(catalog, name, &[("note", &note)]).await;
    }
    let within = BucketQuery { prefix: "b-".into(), ..query(&tenant()) };
    let expected: Vec<BucketPlace> = names.into_iter().map(|name| (name, None)).collect();
    assert_eq!(walk(catalog, within.clone()).await, (expected.clone(), vec![10]));
    assert_eq!(walk(catalog, BucketQuery { limit: 4, ..within.clone() }).await, (expected.clone(), vec![4, 4, 2]));
    let three = 3 * (ENTRY_BYTES + "b-0note".len() + note.len());
    let heavy = BucketQuery { most_bytes: three, ..within.clone() };
    assert_eq!(walk(catalog, heavy.clone()).await, (expected.clone(), vec![3, 3, 3, 1]));
    assert_eq!(walk(catalog, BucketQuery { most_bytes: 1, ..within.clone() }).await, (expected.clone(), vec![1; 10]));
    // What is not asked for is not in the way.
    let light = BucketQuery { with_user_metadata: false, ..heavy };
    assert!(catalog.buckets(&light).await.unwrap().entries.iter().all(|entry| entry.bucket().user.is_empty()));
    assert_eq!(walk(catalog, light).await, (expected, vec![10]));
    assert!(catalog.buckets(&BucketQuery { limit: 0, ..within }).await.unwrap().entries.is_empty());
}

/// Of a catalog that looks at few rows a page, and retains.
pub async fn pages_of_buckets_lead_to_those_that_are_there_and_those_that_are_gone(catalog: &dyn Catalog) {
    let mut expected = Vec::new();
    for number in 0..20 {
        let name = format!("b{number:02}");
        for _ in 0..2 {
            let bucket = create(catalog, &name, &[]).await;
            catalog.drop_bucket(&bucket, &Conditions::default()).await.unwrap();
        }
        if number % 2 == 0 {
            create(catalog, &name, &[]).await;
            expected.push((name, true));
        } else {
            expected.push((name, false));
        }
    }
    let shape = |places: &[BucketPlace]| {
        let mut names: BTreeMap<String, (bool, Vec<i64>)> = BTreeMap::new();
        for (name, gone) in places {
            let entry = names.entry(name.clone()).or_default();
            match gone {
                None => assert!(entry.1.is_empty(), "what is there comes first"),
                Some(id) => entry.1.push(*id),
            }
            entry.0 |= gone.is_none();
        }
        assert!(names.values().all(|(_, gone)| gone.len() == 2 && gone[0] < gone[1]), "by when they went");
        names.into_iter().map(|(name, (there, _))| (name, there)).collect::<Vec<_>>()
    };
    for limit in [1, 3, 100] {
        let (places, sizes) = walk(catalog, BucketQuery { limit, ..query(&tenant()) }).await;
        assert_eq!((places.len(), shape(&places)), (50, expected.clone()), "{limit}");
        assert!(sizes.iter().all(|size| *size <= limit.min(7)));
    }
    let there = walk(catalog, BucketQuery { gone: false, ..query(&tenant()) }).await.0;
    assert_eq!(there.len(), 10);
    // Of what is not in sight nothing is shown, and it is gone past.
    let grant = Grant::new(&["b19".to_owned()], Vec::new(), vec![Action::List]);
    let sight = Principal::new(ClientId::parse("lab").unwrap(), tenant(), vec![grant]).sight(&[Action::List]);
    let (places, sizes) = walk(catalog, BucketQuery { sight, ..query(&tenant()) }).await;
    assert_eq!((places.len(), places[0].0.as_str()), (2, "b19"));
    assert!(sizes.len() > 5, "each looks at few");
}

pub async fn a_page_of_what_tags_find_ends_by_bytes_and_the_next_goes_on(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    let long = "v".repeat(256);
    for number in 0..10 {
        let mut version = new(&format!("k{number}"), Content::Empty, 0);
        version.metadata.tags = (0..9).map(|tag| (format!("t{tag}"), long.clone())).collect();
        version.metadata.tags.insert("a".into(), "1".into());
        catalog.commit(version, GRACE).await.unwrap();
    }
    let expression = TagExpression::parse_search("a = '1'").unwrap();
    let mut query = TagQuery {
        tenant: tenant(),
        bucket: None,
        expression,
        sight: Sight::of_everything(),
        after: None,
        limit: 100,
        most_bytes: 10_000,
    };
    let (mut keys, mut pages) = (Vec::new(), 0);
    loop {
        let page = catalog.find_by_tags(&query).await.unwrap();
        assert!(page.weight() <= 10_000, "{} bytes", page.weight());
        keys.extend(page.found.into_iter().map(|found| found.key.as_str().to_owned()));
        pages += 1;
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(keys, (0..10).map(|number| format!("k{number}")).collect::<Vec<_>>());
    assert!((4..=5).contains(&pages), "{pages}: three or four to a page");
    let page = catalog.find_by_tags(&TagQuery { most_bytes: 1, ..query }).await.unwrap();
    assert_eq!(page.found.len(), 1, "one at least");
}
