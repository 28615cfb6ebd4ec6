//! What every catalog promises of the tags of buckets, as functions over `&dyn Catalog`. Each takes a fresh catalog.

use ecluse::catalog::{Catalog, CatalogError, Refusal};
use ecluse::model::{BucketRef, Conditions, Tags, TenantId, Timestamp};

use super::azure::tags;
use super::buckets::gone;
use super::suite::{GRACE, bucket, sound, tenant, with_bucket};

fn some() -> Tags {
    tags(&[("cost centre", "imaging/IRM"), ("hélène", "@accueil"), ("vide", "")])
}

pub async fn tags_of_a_bucket_are_kept_and_replaced_as_a_whole(catalog: &dyn Catalog) {
    assert!(matches!(catalog.bucket_tags(&bucket()).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    assert!(matches!(
        catalog.set_bucket_tags(&bucket(), some()).await,
        Err(CatalogError::Refused(Refusal::NoSuchBucket))
    ));
    with_bucket(catalog).await;
    let before = catalog.bucket(&bucket()).await.unwrap();
    assert_eq!(catalog.bucket_tags(&bucket()).await.unwrap(), Tags::new());
    let many = (0..50).map(|number| (format!("{number}{}", "é".repeat(126)), "ü".repeat(256))).collect();
    for tags in [some(), many, tags(&[("a", "1")]), Tags::new(), some()] {
        catalog.set_bucket_tags(&bucket(), tags.clone()).await.unwrap();
        assert_eq!(catalog.bucket_tags(&bucket()).await.unwrap(), tags);
        sound(catalog).await;
    }
    assert_eq!(catalog.bucket(&bucket()).await.unwrap(), before, "tags are no change of the bucket's state");
    // Not those of a bucket of the same name, of another tenant.
    let other = BucketRef { tenant: TenantId::parse("other").unwrap(), name: bucket().name };
    catalog.create_bucket(&other, Timestamp(1), &std::collections::BTreeMap::new()).await.unwrap();
    assert_eq!(catalog.bucket_tags(&other).await.unwrap(), Tags::new());
}

pub async fn tags_go_with_their_bucket(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    catalog.set_bucket_tags(&bucket(), some()).await.unwrap();
    catalog.delete_bucket(&bucket()).await.unwrap();
    assert!(matches!(catalog.bucket_tags(&bucket()).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    sound(catalog).await;
    with_bucket(catalog).await;
    assert_eq!(catalog.bucket_tags(&bucket()).await.unwrap(), Tags::new(), "another bucket of the name has none");
}

/// Of a catalog that retains.
pub async fn tags_come_back_with_their_bucket(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    catalog.set_bucket_tags(&bucket(), some()).await.unwrap();
    catalog.drop_bucket(&bucket(), &Conditions::default()).await.unwrap();
    assert!(matches!(catalog.bucket_tags(&bucket()).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    let dropped = gone(catalog, &tenant()).await;
    catalog.purge(Timestamp::steady(), 100, GRACE).await.unwrap();
    catalog.restore_bucket(&bucket(), dropped[0].id).await.unwrap();
    assert_eq!(catalog.bucket_tags(&bucket()).await.unwrap(), some());
    sound(catalog).await;
}
