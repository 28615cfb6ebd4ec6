//! What somebody who writes into the catalog can do, and what only whoever also has the root key can.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use ecluse::catalog::{Catalog, Content, NewVersion};
use ecluse::keys::{Custodian, FileCustodian, Keyring};
use ecluse::model::{
    BucketRef, Conditions, ETag, Metadata, ObjectKey, Part, PartId, TenantId, TenantKeyPurpose, Timestamp, WrappedKey,
};

/// The keys of a catalog, opened with its root key: how a test looks inside.
pub async fn keyring(catalog: &dyn Catalog, root_key: &Path) -> Keyring {
    let custodian = FileCustodian::open(root_key).expect("the root key");
    let keyring = Keyring::new(Arc::new(custodian));
    keyring.unlock(&catalog.tenant_keys().await.expect("tenant keys")).await.expect("the keyring opens");
    keyring
}

/// A wrap of a key of our choice, as only whoever has the root key can make it.
pub async fn wrap_chosen(
    catalog: &dyn Catalog,
    root_key: &Path,
    owner: &TenantId,
    part: PartId,
    chosen: &[u8],
) -> WrappedKey {
    let lp = |text: &str| {
        let length = u16::try_from(text.len()).expect("a short text");
        [&length.to_be_bytes(), text.as_bytes()].concat()
    };
    let keys = catalog.tenant_keys().await.expect("tenant keys");
    let wrapped = keys
        .iter()
        .find(|key| key.tenant == *owner && key.purpose == TenantKeyPurpose::Wrap && key.version == 1)
        .expect("the tenant's key");
    let context = [lp("tenant key"), lp(owner.as_str()), lp("wrap"), 1_u32.to_be_bytes().to_vec()].concat();
    let custodian = FileCustodian::open(root_key).expect("the root key");
    let tenant_key = custodian.unwrap(&context, &wrapped.bytes).await.expect("the tenant's key opens");
    let (salt, nonce) = ([1_u8; 16], [2_u8; 12]);
    let mut derived = [0_u8; 32];
    hkdf::Hkdf::<sha2::Sha256>::new(Some(&salt), tenant_key.expose())
        .expand(b"ecluse/1/wrap", &mut derived)
        .expect("32 bytes");
    let aad = [lp(owner.as_str()), part.0.to_vec(), 1_u32.to_be_bytes().to_vec()].concat();
    let mut secret = chosen.to_vec();
    let cipher = Aes256Gcm::new((&derived).into());
    let tag = cipher.encrypt_inout_detached(&nonce.into(), &aad, secret.as_mut_slice().into()).expect("a wrap");
    WrappedKey { key_version: 1, bytes: [salt.as_slice(), &nonce, &secret, &tag].concat() }
}

/// Writes the catalog: this object is `part`.
pub async fn forge(catalog: &dyn Catalog, at: BucketRef, key: ObjectKey, part: Part) {
    let now = Timestamp::now();
    catalog.delete(&at, &key, &Conditions::default(), now).await.expect("it was there");
    // Its chunks stay where they are.
    let soon = now.plus(Duration::from_secs(1));
    for provider in &part.placements {
        let queued = catalog.due_deletions(provider, soon, 10).await.expect("the queue");
        catalog.finish_deletions(queued).await.expect("the queue is empty");
    }
    let forged = NewVersion {
        bucket: at,
        key,
        length: part.length,
        content: Content::Part(part),
        etag: ETag::md5([7; 16]),
        modified: now,
        metadata: Metadata::default(),
        conditions: Conditions::default(),
        part_lengths: Vec::new(),
    };
    catalog.commit(forged, now).await.expect("the forged version");
}
