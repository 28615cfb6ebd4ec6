//! What whoever stole a client's secret can do.

use ecluse::gateway::{AbortUpload, CreateBucket, CreateUpload, DeleteBucket, DeleteObject, PutObject};
use ecluse::model::{Action, Conditions, Grant, Metadata};

use super::attacker::*;
use testing::in_process::*;

/// Codefinger (January 2025): stolen client keys re-encrypt or delete everything. What holds today: a credential does
/// what its grants say. Without `write` it changes nothing; without `delete` and `admin` it deletes nothing. There are
/// no versions yet: whoever may write may overwrite, and what was there before is gone after the grace time.
#[tokio::test]
async fn a_stolen_credential_deletes_nothing_without_the_grant_and_overwrites_only_with_the_grant_to_write() {
    let house = House::new().await;
    let record = Target::of_chum("record", noise(1, 5_000));
    record.put(&house).await;
    let upload = house.begin_upload("upload", None).await;
    let holder = |actions: &[Action]| principal("chum", vec![Grant::new(&["*".to_owned()], vec![], actions.to_vec())]);
    let put = || PutObject {
        bucket: bucket(BUCKET),
        key: key("record"),
        metadata: Metadata::default(),
        conditions: Conditions::default(),
    };
    let delete = || DeleteObject { bucket: bucket(BUCKET), key: key("record"), conditions: Conditions::default() };
    for actions in [vec![Action::Read, Action::List], vec![Action::Read, Action::List, Action::Write]] {
        let thief = holder(&actions);
        assert!(thief.authorize(delete()).is_err(), "{actions:?}");
        assert!(thief.authorize(DeleteBucket { bucket: bucket(BUCKET) }).is_err(), "{actions:?}");
        assert!(
            thief
                .authorize(CreateBucket { bucket: bucket("ransom"), user: std::collections::BTreeMap::default() })
                .is_err(),
            "{actions:?}"
        );
        let may_write = actions.contains(&Action::Write);
        assert_eq!(thief.authorize(put()).is_ok(), may_write);
        assert_eq!(thief.authorize(house.copy_op("other", "record")).is_ok(), may_write);
        let (bucket, key, checksum, metadata) = (bucket(BUCKET), key("record"), None, Metadata::default());
        let create = CreateUpload { bucket: bucket.clone(), key, metadata, checksum };
        assert_eq!(thief.authorize(create).is_ok(), may_write);
        let abort = AbortUpload { bucket, key: upload.key.clone(), upload: upload.id.0.clone() };
        assert_eq!(thief.authorize(abort).is_ok(), may_write);
        record.assert_right(&house, "so far").await;
    }
    assert!(holder(&[Action::Delete]).authorize(delete()).is_ok(), "with the grant it would be allowed");
    let writer = holder(&[Action::Write]);
    house.gateway.put_object(writer.authorize(put()).unwrap(), body(b"ransom")).await.unwrap();
    assert_eq!(house.read("record").await.unwrap(), b"ransom", "overwriting is writing");
}
