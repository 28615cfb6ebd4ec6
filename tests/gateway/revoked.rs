//! Revocation reaches what has begun: who is no longer allowed when everything has come commits nothing.

use ecluse::catalog::ObjectRef;
use std::sync::Arc;

use ecluse::gateway::{Body, BodyError, Client, Clients, Error};
use ecluse::model::{Action, ClientId, Grant, Principal};
use ecluse::secret::SecretText;
use futures::StreamExt as _;
use tokio::sync::Notify;

use testing::in_process::*;

/// What takes a right away while a body comes.
type Revoke = fn(&House);
/// What it is, and what the operation is told then.
type Revocation = (&'static str, Revoke, fn(&Error) -> bool);

const REVOCATIONS: [Revocation; 3] = [
    ("the client is gone", |house| house.pacs.end(), |error| matches!(error, Error::AccessDenied)),
    (
        "the client may only read now",
        |house| {
            let reads = vec![Grant::everywhere(vec![Action::Read, Action::List])];
            let _newer = house.pacs.regranted(&principal("chum", reads));
        },
        |error| matches!(error, Error::AccessDenied),
    ),
    ("the gateway is sealed", |house| house.gateway.seal(), |error| matches!(error, Error::Sealed)),
];

/// A body whose last piece comes after `begun` was told and `go` was heard.
fn held(bytes: &[u8], begun: &Arc<Notify>, go: &Arc<Notify>) -> Body {
    let (begun, go) = (Arc::clone(begun), Arc::clone(go));
    let (first, last) = bytes.split_at(bytes.len() / 2);
    let (first, last) = (bytes::Bytes::copy_from_slice(first), bytes::Bytes::copy_from_slice(last));
    let stream = futures::stream::iter([first]).chain(futures::stream::once(async move {
        begun.notify_one();
        go.notified().await;
        last
    }));
    Body { stream: stream.map(Ok::<_, BodyError>).boxed(), ..body(bytes) }
}

/// Runs `write` with a body in whose middle the right is taken away.
async fn revoked(
    house: &House,
    revoke: Revoke,
    write: impl AsyncFnOnce(&House, Body) -> Result<(), Error>,
) -> Result<(), Error> {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let body = held(&noise(1, 200 * KIB), &begun, &go);
    let takes = async {
        begun.notified().await;
        revoke(house);
        go.notify_one();
    };
    tokio::join!(write(house, body), takes).0
}

#[tokio::test]
async fn nothing_is_committed_for_who_was_revoked_while_the_body_came() {
    for (what, revoke, is_right) in REVOCATIONS {
        for operation in ["put", "part", "block", "append"] {
            let house = House::new().await;
            let upload = house.begin_upload("upload", None).await;
            let before = house.begin_append("log").await;
            let outcome = revoked(&house, revoke, async |house: &House, body| match operation {
                "put" => house.put_body("record", body).await.map(|_| ()),
                "part" => {
                    let op = ecluse::gateway::PutUploadPart {
                        bucket: bucket(BUCKET),
                        key: upload.key.clone(),
                        upload: upload.id.0.clone(),
                        number: 1,
                    };
                    house.gateway.put_upload_part(house.may(op), body).await.map(|_| ())
                }
                "block" => house.put_block("blocks", 1, body).await.map(|_| ()),
                _ => house.append("log", body, None).await.map(|_| ()),
            })
            .await;
            assert!(outcome.as_ref().is_err_and(is_right), "{operation}, {what}: {outcome:?}");
            // Asked of the catalog itself: the client is told nothing any more.
            let at = |name| (ecluse::model::BucketRef { tenant: tenant("chum"), name: bucket(BUCKET) }, key(name));
            let (place, name) = at("record");
            assert!(house.catalog.head(&ObjectRef::current(&place, &name)).await.is_err(), "{operation}, {what}");
            let parts = house.catalog.upload_parts(&place, &key("upload"), &upload.id, 0, 10).await.unwrap();
            assert!(parts.is_empty(), "{operation}, {what}");
            assert_eq!(
                house.catalog.head(&ObjectRef::current(&place, &key("log"))).await.unwrap().length,
                before.length
            );
            // Names of chunks take keys.
            house.gateway.unlock(&[tenant("chum")]).await.unwrap();
            house.settles_at(0).await;
        }
    }
}

#[tokio::test]
async fn what_was_authorized_before_is_not_begun_for_who_was_revoked() {
    for (what, revoke, is_right) in REVOCATIONS {
        let house = House::new().await;
        house.put("record", b"x").await.unwrap();
        let upload = house.begin_upload("upload", None).await;
        let part = house.put_part(&upload, 1, b"x").await.unwrap();
        house.put_block("blocks", 1, body(b"x")).await.unwrap();
        let complete = house.may(house.completion(&upload, &[(1, &part.etag)]));
        let delete = house.may(ecluse::gateway::DeleteObject {
            bucket: bucket(BUCKET),
            key: key("record"),
            conditions: ecluse::model::Conditions::default(),
        });
        let copy = house.may(house.copy_op("record", "copy"));
        let commit = house.may(ecluse::gateway::CommitBlocks {
            bucket: bucket(BUCKET),
            key: key("blocks"),
            metadata: ecluse::model::Metadata::default(),
            conditions: ecluse::model::Conditions::default(),
        });
        revoke(&house);
        let gateway = &house.gateway;
        let outcomes = [
            ("complete", gateway.complete_upload(complete).await.map(|_| ())),
            ("delete", gateway.delete_object(delete).await),
            ("copy", gateway.copy_object(copy).await.map(|_| ())),
            ("commit", gateway.commit_blocks(commit, Vec::new()).await.map(|_| ())),
        ];
        for (operation, outcome) in outcomes {
            assert!(outcome.as_ref().is_err_and(is_right), "{operation}, {what}: {outcome:?}");
        }
    }
}

#[test]
fn a_reload_takes_from_what_has_begun_what_it_takes_from_the_client() {
    let client = |id: &str, owner: &str, actions: &[Action], secret: &str| Client {
        principal: Principal::new(
            ClientId::parse(id).unwrap(),
            tenant(owner),
            vec![Grant::everywhere(actions.to_vec())],
        ),
        secret: SecretText::new(secret.to_owned()),
    };
    const BOTH: &[Action] = &[Action::Read, Action::Write];
    let write = || ecluse::gateway::PutObject {
        bucket: bucket(BUCKET),
        key: key("x"),
        metadata: ecluse::model::Metadata::default(),
        conditions: ecluse::model::Conditions::default(),
    };
    let changes: [(&str, Vec<Client>, bool); 6] = [
        ("nothing changed", vec![client("pacs", "chum", BOTH, "s"), client("new", "chum", BOTH, "s")], true),
        ("it may do more", vec![client("pacs", "chum", &[Action::Write, Action::Admin], "s")], true),
        ("it may only read", vec![client("pacs", "chum", &[Action::Read], "s")], false),
        ("it is gone", vec![client("other", "chum", BOTH, "s")], false),
        ("it has another secret", vec![client("pacs", "chum", BOTH, "t")], false),
        ("it is of another tenant", vec![client("pacs", "chus", BOTH, "s")], false),
    ];
    for (what, newer, wanted) in changes {
        let clients = Clients::new(vec![client("pacs", "chum", BOTH, "s")]);
        let found = clients.find("pacs").unwrap().principal.clone();
        let begun = found.authorize(write()).unwrap().into_parts().0;
        clients.replace(newer);
        assert_eq!(begun.still_may(), wanted, "{what}");
        clients.replace(vec![client("pacs", "chum", BOTH, "s")]);
        assert!(clients.find("pacs").unwrap().principal.authorize(write()).is_ok(), "{what}");
    }
}
