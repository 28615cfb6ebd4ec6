//! What every catalog promises of rules for the pages of other origins, as functions over `&dyn Catalog`. Each takes a fresh
//! catalog.

use std::collections::BTreeMap;

use ecluse::catalog::{Catalog, CatalogError, MOST_CORS_TENANTS, Refusal};
use ecluse::model::{BucketName, BucketRef, Conditions, CorsPlace, CorsRule, TenantId, Timestamp};

use super::buckets::gone;
use super::suite::{GRACE, bucket, sound, tenant, with_bucket};

fn rule(origin: &str) -> CorsRule {
    CorsRule {
        id: Some("one".into()),
        origins: vec![origin.into(), "https://*.example".into()],
        methods: vec!["GET".into(), "PUT".into()],
        headers: vec!["x-amz-*".into()],
        exposed: vec!["ETag".into()],
        max_age: Some(3000),
    }
}

fn place() -> CorsPlace {
    CorsPlace::Bucket(bucket())
}

pub async fn rules_are_kept_in_their_order_and_replaced_as_a_whole(catalog: &dyn Catalog) {
    assert!(matches!(catalog.cors(&place()).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    assert!(matches!(
        catalog.set_cors(&place(), vec![rule("https://a")]).await,
        Err(CatalogError::Refused(Refusal::NoSuchBucket))
    ));
    with_bucket(catalog).await;
    let account = CorsPlace::Account(tenant());
    for place in [place(), account.clone()] {
        assert_eq!(catalog.cors(&place).await.unwrap(), []);
        let plain = CorsRule { id: None, headers: vec![], exposed: vec![], max_age: None, ..rule("*") };
        for rules in [vec![rule("https://b"), rule("https://a"), plain], vec![rule("https://c")], vec![]] {
            catalog.set_cors(&place, rules.clone()).await.unwrap();
            assert_eq!(catalog.cors(&place).await.unwrap(), rules);
            sound(catalog).await;
        }
    }
    // All accounts with rules are found, those without are not.
    assert_eq!(catalog.cors_of_accounts().await.unwrap(), Vec::<Vec<CorsRule>>::new());
    for (name, rules) in [("b", vec![rule("https://b")]), ("c", vec![]), ("a", vec![rule("https://a")])] {
        catalog.set_cors(&CorsPlace::Account(TenantId::parse(name).unwrap()), rules).await.unwrap();
    }
    let expected = [vec![rule("https://a")], vec![rule("https://b")]];
    assert_eq!(catalog.cors_of_accounts().await.unwrap(), expected);
    // A bucket's rules are not the account's, and no other tenant's.
    catalog.set_cors(&place(), vec![rule("https://a")]).await.unwrap();
    assert_eq!(catalog.cors(&account).await.unwrap(), []);
    let other = TenantId::parse("other").unwrap();
    assert_eq!(catalog.cors(&CorsPlace::Account(other)).await.unwrap(), []);
}

pub async fn rules_are_found_by_the_name_alone(catalog: &dyn Catalog) {
    let name = bucket().name;
    assert_eq!(catalog.cors_of_name(&name).await.unwrap(), Vec::<Vec<CorsRule>>::new());
    for number in 0..=MOST_CORS_TENANTS {
        let tenant = TenantId::parse(&format!("tenant-{number:03}")).unwrap();
        let bucket = BucketRef { tenant, name: name.clone() };
        catalog.create_bucket(&bucket, Timestamp(1), &BTreeMap::new()).await.unwrap();
        let rules = if number == 0 { vec![] } else { vec![rule(&format!("https://{number}"))] };
        catalog.set_cors(&CorsPlace::Bucket(bucket), rules).await.unwrap();
    }
    let found = catalog.cors_of_name(&name).await.unwrap();
    let expected: Vec<_> = (1..=MOST_CORS_TENANTS).map(|number| vec![rule(&format!("https://{number}"))]).collect();
    assert_eq!(found, expected, "those without a rule do not count");
    let last = BucketRef { tenant: TenantId::parse("zone").unwrap(), name: name.clone() };
    catalog.create_bucket(&last, Timestamp(1), &BTreeMap::new()).await.unwrap();
    catalog.set_cors(&CorsPlace::Bucket(last), vec![rule("https://z")]).await.unwrap();
    assert_eq!(catalog.cors_of_name(&name).await.unwrap().len(), MOST_CORS_TENANTS);
    assert_eq!(catalog.cors_of_name(&BucketName::parse("elsewhere").unwrap()).await.unwrap().len(), 0);
}

pub async fn rules_go_with_their_bucket(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    catalog.set_cors(&place(), vec![rule("https://a")]).await.unwrap();
    catalog.delete_bucket(&bucket()).await.unwrap();
    assert!(matches!(catalog.cors(&place()).await, Err(CatalogError::Refused(Refusal::NoSuchBucket))));
    assert_eq!(catalog.cors_of_name(&bucket().name).await.unwrap().len(), 0);
    sound(catalog).await;
    with_bucket(catalog).await;
    assert_eq!(catalog.cors(&place()).await.unwrap(), [], "another bucket of the name has none");
}

/// Of a catalog that retains.
pub async fn rules_come_back_with_their_bucket(catalog: &dyn Catalog) {
    with_bucket(catalog).await;
    catalog.set_cors(&place(), vec![rule("https://a")]).await.unwrap();
    catalog.drop_bucket(&bucket(), &Conditions::default()).await.unwrap();
    assert_eq!(catalog.cors_of_name(&bucket().name).await.unwrap().len(), 0);
    let dropped = gone(catalog, &tenant()).await;
    catalog.purge(Timestamp::steady(), 100, GRACE).await.unwrap();
    catalog.restore_bucket(&bucket(), dropped[0].id).await.unwrap();
    assert_eq!(catalog.cors(&place()).await.unwrap(), [rule("https://a")]);
    sound(catalog).await;
}
