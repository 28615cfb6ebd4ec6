//! What every catalog promises of its identity, its epochs and its providers.

use ecluse::catalog::{Catalog, Content};
use ecluse::model::{CatalogId, CatalogIdentity, EpochEntry, Epochs, ProviderName, Timestamp};

use super::suite::{bucket, delete, new, part, put, tenant};

fn provider(name: &str) -> ProviderName {
    ProviderName::parse(name).unwrap()
}

pub async fn the_first_identity_wins_and_epochs_are_intended_before_they_are_entered(catalog: &dyn Catalog) {
    let identity = |byte: u8| CatalogIdentity { id: CatalogId([byte; 16]), wrapped_secret: vec![byte; 76] };
    assert_eq!(catalog.identity().await.unwrap(), None);
    assert_eq!(catalog.put_identity(identity(1)).await.unwrap(), identity(1));
    assert_eq!(catalog.put_identity(identity(2)).await.unwrap(), identity(1));
    assert_eq!(catalog.identity().await.unwrap(), Some(identity(1)));

    assert_eq!(catalog.epochs().await.unwrap(), Epochs::default());
    let entry = |epoch, byte| EpochEntry { epoch, nonce: [byte; 16] };
    catalog.intend_epoch(entry(1, 1)).await.unwrap();
    catalog.intend_epoch(entry(1, 2)).await.unwrap();
    assert_eq!(catalog.epochs().await.unwrap(), Epochs { entered: None, intended: Some(entry(1, 2)) });
    catalog.enter_epoch(entry(1, 2)).await.unwrap();
    assert_eq!(catalog.epochs().await.unwrap(), Epochs { entered: Some(entry(1, 2)), intended: None });
    catalog.intend_epoch(entry(2, 3)).await.unwrap();
    assert_eq!(catalog.epochs().await.unwrap(), Epochs { entered: Some(entry(1, 2)), intended: Some(entry(2, 3)) });
    catalog.enter_epoch(entry(2, 3)).await.unwrap();
    assert_eq!(catalog.epochs().await.unwrap().current(), 2);
}

pub async fn it_knows_which_providers_were_marked_and_which_are_used(catalog: &dyn Catalog) {
    catalog.create_bucket(&bucket(), Timestamp(1), &std::collections::BTreeMap::default()).await.unwrap();
    for name in ["there", "here", "there"] {
        catalog.mark_provider(&provider(name)).await.unwrap();
    }
    assert_eq!(catalog.marked_providers().await.unwrap(), [provider("here"), provider("there")]);
    assert_eq!(catalog.providers_in_use().await.unwrap(), []);
    put(catalog, "a", 1, 10).await;
    put(catalog, "b", 2, 2_000_000).await;
    catalog.commit(new("empty", Content::Empty, 0), Timestamp(9_000)).await.unwrap();
    assert_eq!(catalog.providers_in_use().await.unwrap(), [provider("here"), provider("there")]);
    let found = catalog.sample_at(&provider("there"), 9).await.unwrap();
    let alone = |number, length| {
        let mut part = part(number, length);
        part.placements = vec![provider("there")];
        (tenant(), part)
    };
    assert_eq!(found, [alone(1, 10), alone(2, 2_000_000)]);
    assert_eq!(catalog.sample_at(&provider("there"), 1).await.unwrap().len(), 1);
    assert_eq!(catalog.sample_at(&provider("elsewhere"), 9).await.unwrap(), []);
    delete(catalog, "a").await;
    delete(catalog, "b").await;
    assert_eq!(catalog.providers_in_use().await.unwrap(), []);
    assert_eq!(catalog.sample_at(&provider("there"), 9).await.unwrap(), []);
}
