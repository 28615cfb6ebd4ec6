//! The store: every provider keeps the contract and sees nothing else. The guard has `store_guard.rs`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ecluse::model::ProviderName;
use ecluse::secret::SecretText;
use ecluse::store::{
    Call, ChunkStore, Consent, Fault, FaultPlan, Faulty, FolderAccess, MemoryChunks, NamePage, ObjectStoreChunks,
    OpenError, ProviderSpec, Store, StoreError, When,
};
use futures::{StreamExt as _, TryStreamExt as _};
use testing::provider::azurite::{self, Azurite};
use testing::provider::hostile::{Act, Hostile, Protocol, Reply};
use testing::provider::s3_server::{self, S3Server};
use testing::suites::chunk_store::{self, bytes, name, read};

fn provider(name: &str) -> ProviderName {
    ProviderName::parse(name).unwrap()
}

fn folder(path: &std::path::Path) -> ObjectStoreChunks {
    ObjectStoreChunks::open(ProviderSpec::Dir { path: path.to_owned(), access: FolderAccess::Make }).unwrap()
}

// ---- the contract ----

#[tokio::test]
async fn memory_keeps_the_contract() {
    chunk_store::run(&MemoryChunks::default()).await;
    chunk_store::of_several_who_create_one_chunk_one_makes_it(&MemoryChunks::default()).await;
}

#[tokio::test]
async fn a_folder_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let store = folder(dir.path());
    chunk_store::run(&store).await;
    chunk_store::of_several_who_create_one_chunk_one_makes_it(&store).await;
    chunk_store::a_long_list_goes_on_from_page_to_page(&store).await;
}

#[tokio::test]
async fn an_s3_server_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path()).await;
    let store = ObjectStoreChunks::open(server.spec(s3_server::BUCKET)).unwrap();
    chunk_store::run(&store).await;
    chunk_store::a_long_list_goes_on_from_page_to_page(&store).await;
}

#[tokio::test]
async fn azurite_keeps_the_contract() {
    let server = Azurite::start().await;
    let store = ObjectStoreChunks::open(server.spec(azurite::CONTAINER)).unwrap();
    chunk_store::run(&store).await;
    chunk_store::of_several_who_create_one_chunk_one_makes_it(&store).await;
    chunk_store::a_long_list_goes_on_from_page_to_page(&store).await;
    a_missing_container_and_a_wrong_key_are_refusals(&server).await;
}

#[tokio::test]
async fn a_faulty_provider_without_faults_keeps_the_contract() {
    chunk_store::run(&Faulty::new(Arc::new(MemoryChunks::default()), FaultPlan::default())).await;
}

// ---- refusals ----

async fn all_refuse(store: &ObjectStoreChunks, secret: &str) {
    let chunk = name(20, 1);
    let errors = [
        store.put(&chunk, Bytes::from_static(b"sealed")).await.unwrap_err(),
        store.get(&chunk, 0..10).await.err().unwrap(),
        store.exists(&chunk).await.unwrap_err(),
        store.delete(&chunk, &Consent::given()).await.unwrap_err(),
        store.probe().await.unwrap_err(),
    ];
    for error in errors {
        let StoreError::Refused(cause) = &error else { panic!("{error:?}") };
        let text = format!("{error} {error:?} {cause} {cause:?}");
        for leak in [secret, "http://", "AKIA", "Signature=", "SharedKey"] {
            assert!(!text.contains(leak), "{leak} in {text}");
        }
        assert!(text.contains("HTTP 40"), "{text}");
    }
}

async fn a_missing_container_and_a_wrong_key_are_refusals(server: &Azurite) {
    all_refuse(&ObjectStoreChunks::open(server.spec("absent")).unwrap(), azurite::KEY).await;
    let wrong = "d3Jvbmcga2V5IGZvciB0ZXN0cw==";
    let spec = ProviderSpec::Azure {
        account: azurite::ACCOUNT.into(),
        container: azurite::CONTAINER.into(),
        key: SecretText::new(wrong.into()),
        endpoint: Some(server.endpoint.clone()),
        ca: None,
    };
    all_refuse(&ObjectStoreChunks::open(spec).unwrap(), wrong).await;
}

#[tokio::test]
async fn a_wrong_secret_is_a_refusal_and_leaks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path()).await;
    let wrong = "a-wrong-secret";
    let mut spec = server.spec(s3_server::BUCKET);
    if let ProviderSpec::S3 { secret_access_key, .. } = &mut spec {
        *secret_access_key = SecretText::new(wrong.into());
    }
    all_refuse(&ObjectStoreChunks::open(spec).unwrap(), wrong).await;
}

/// A provider that gives every request the same answer, and how to reach it.
async fn canned(answer: &'static [u8]) -> (ObjectStoreChunks, tokio::task::JoinHandle<()>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let spec = ProviderSpec::S3 {
        bucket: "sealed".into(),
        region: "us-east-1".into(),
        endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
        access_key_id: "AKIAECLUSETEST".into(),
        secret_access_key: SecretText::new("a-secret".into()),
        path_style: true,
        ca: None,
    };
    let task = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 8192];
            let _read = socket.read(&mut request).await;
            let _sent = socket.write_all(answer).await;
            let _closed = socket.shutdown().await;
        }
    });
    (ObjectStoreChunks::open(spec).unwrap(), task)
}

#[tokio::test]
async fn a_missing_bucket_is_a_refusal_for_every_call() {
    let (store, server) = canned(
        b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 73\r\n\r\n\
          <Error><Code>NoSuchBucket</Code><Message>Signature=AKIA</Message></Error>",
    )
    .await;
    all_refuse(&store, "a-secret").await;
    server.abort();
}

#[tokio::test]
async fn an_overloaded_provider_says_when_to_come_back_and_is_asked_once() {
    let (store, server) =
        canned(b"HTTP/1.1 503 Slow Down\r\nRetry-After: 17\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    let began = Instant::now();
    let error = store.put(&name(25, 1), Bytes::from_static(b"sealed")).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5), "retrying is the guard's business");
    let StoreError::Unavailable { retry_after, cause: Some(cause) } = error else { panic!("{error:?}") };
    assert_eq!((retry_after, cause.to_string().as_str()), (Some(Duration::from_secs(17)), "HTTP 503"));
    server.abort();
}

#[tokio::test]
async fn a_body_that_breaks_off_on_the_network_is_an_interruption() {
    let (store, server) = canned(
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-99/100\r\nContent-Length: 100\r\n\
          Connection: close\r\nETag: \"1\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\nonly a part",
    )
    .await;
    let error = read(&store, &name(25, 2), 0..100).await.unwrap_err();
    assert!(matches!(error, StoreError::Interrupted(_)), "{error:?}");
    server.abort();
}

#[tokio::test]
async fn an_answer_to_another_range_is_not_taken() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\nETag: \"1\"\r\n\
           Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\nsome"[..],
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/100\r\nContent-Length: 4\r\nConnection: close\r\n\
          ETag: \"1\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\nsome",
    ] {
        let (store, server) = canned(answer).await;
        let error = read(&store, &name(25, 3), 50..54).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        server.abort();
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable_and_says_why() {
    let spec = ProviderSpec::S3 {
        bucket: "sealed".into(),
        region: "us-east-1".into(),
        endpoint: Some("http://127.0.0.1:1".into()),
        access_key_id: "AKIAECLUSETEST".into(),
        secret_access_key: SecretText::new("a-secret".into()),
        path_style: true,
        ca: None,
    };
    let error = ObjectStoreChunks::open(spec).unwrap().exists(&name(20, 3)).await.unwrap_err();
    let StoreError::Unavailable { cause: Some(cause), .. } = error else { panic!("{error:?}") };
    assert!(cause.to_string().contains("refused"), "{cause}");
}

#[test]
fn plain_http_to_another_machine_is_refused() {
    for endpoint in ["http://192.0.2.1:9000", "http://storage.example"] {
        let s3 = ProviderSpec::S3 {
            bucket: "sealed".into(),
            region: "us-east-1".into(),
            endpoint: Some(endpoint.into()),
            access_key_id: "id".into(),
            secret_access_key: SecretText::new("secret".into()),
            path_style: true,
            ca: None,
        };
        let azure = ProviderSpec::Azure {
            account: "account".into(),
            container: "sealed".into(),
            key: SecretText::new("c2VjcmV0".into()),
            endpoint: Some(endpoint.into()),
            ca: None,
        };
        for spec in [s3, azure] {
            assert!(matches!(ObjectStoreChunks::open(spec), Err(OpenError::PlainHttp)), "{endpoint}");
        }
    }
}

// ---- what the provider sees ----

#[tokio::test]
async fn an_s3_provider_sees_names_bytes_and_neutral_headers_only() {
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path()).await;
    let store = ObjectStoreChunks::open(server.spec(s3_server::BUCKET)).unwrap();
    let (chunk, sealed) = (name(21, 1), bytes(21, 2_000));
    store.put(&chunk, sealed).await.unwrap();
    read(&store, &chunk, 0..1_000).await.unwrap();
    store.delete(&chunk, &Consent::given()).await.unwrap();

    let seen = server.seen();
    assert_eq!(seen.len(), 3, "one call is one request");
    let known = [
        "accept",
        "authorization",
        "content-length",
        "content-md5",
        "content-type",
        "host",
        "range",
        "user-agent",
        "x-amz-content-sha256",
        "x-amz-date",
    ];
    for request in seen {
        for (header, value) in &request.headers {
            assert!(known.contains(&header.as_str()), "{} sends {header}: {value:?}", request.method);
        }
        assert_eq!(request.headers["user-agent"], "ecluse");
        let content_type = request.headers.get("content-type");
        assert!(content_type.is_none_or(|value| value == "application/octet-stream"), "{content_type:?}");
        assert!(request.path_and_query.ends_with(&format!("/{}/{chunk}", s3_server::BUCKET)), "{request:?}");
    }
}

#[tokio::test]
async fn an_azure_provider_sees_names_bytes_and_neutral_headers_only() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let spec = ProviderSpec::Azure {
        account: azurite::ACCOUNT.into(),
        container: azurite::CONTAINER.into(),
        key: SecretText::new(azurite::KEY.into()),
        endpoint: Some(format!("http://{}/{}", listener.local_addr().unwrap(), azurite::ACCOUNT)),
        ca: None,
    };
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"sealed") {
            assert!(socket.read_buf(&mut request).await.unwrap() > 0);
        }
        // MD5 of "sealed".
        let answer = "HTTP/1.1 201 Created\r\nETag: \"1\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\
                      Content-MD5: C+rYhIA/6MVkPdoNy5SxvA==\r\nContent-Length: 0\r\n\r\n";
        socket.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    let chunk = name(21, 2);
    ObjectStoreChunks::open(spec).unwrap().put(&chunk, Bytes::from_static(b"sealed")).await.unwrap();
    let request = server.await.unwrap();
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next().unwrap(), format!("PUT /{}/{}/{chunk} HTTP/1.1", azurite::ACCOUNT, azurite::CONTAINER));
    let known = [
        "accept",
        "authorization",
        "content-length",
        "content-md5",
        "date",
        "host",
        "user-agent",
        "x-ms-blob-type",
        "x-ms-date",
        "x-ms-version",
    ];
    for line in lines {
        let (header, value) = line.split_once(": ").unwrap();
        let neutral = header == "x-ms-blob-content-type" && value == "application/octet-stream";
        assert!(neutral || known.contains(&header), "{line}");
    }
}

// ---- folders ----

#[tokio::test]
async fn a_folder_survives_reopening_and_staged_leftovers_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("new/chunks");
    let (chunk, sealed) = (name(22, 0xab), bytes(22, 4_000));
    folder(&root).put(&chunk, sealed.clone()).await.unwrap();
    let path = root.join(chunk.to_string());
    let staged = std::path::PathBuf::from(format!("{}#1", path.display()));
    let mine = path.with_file_name("a note by the administrator #1");
    std::fs::write(&staged, b"half").unwrap();
    std::fs::write(&mine, b"not ours").unwrap();

    let again = folder(&root);
    assert!(staged.exists(), "nothing is touched before it is certain whose folder it is");
    again.tidy().await.unwrap();
    assert!(!staged.exists());
    assert!(mine.exists(), "only staged chunks are swept");
    assert_eq!(read(&again, &chunk, 0..4_000).await.unwrap(), sealed);
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(entries, 2, "the chunk and the note");
}

/// What a start looks through does not grow with the chunks: staged files have a folder of their own. Only where there is none
/// yet, as with version 0.1, it looks beside every chunk.
#[tokio::test]
async fn staged_files_lie_in_a_folder_of_their_own_once_the_chunks_were_looked_through() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("chunks");
    let store = folder(&root);
    let (before, after) = (name(23, 0xab), name(24, 0xcd));
    store.put(&before, bytes(23, 4_000)).await.unwrap();
    let staging = root.join("staging");
    assert!(!staging.exists());
    store.tidy().await.unwrap();
    assert_eq!(std::fs::read_dir(&staging).unwrap().count(), 0);
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&staging.metadata().unwrap().permissions()) & 0o777, 0o700);
    store.put(&after, bytes(24, 4_000)).await.unwrap();
    assert_eq!(std::fs::read_dir(&staging).unwrap().count(), 0, "it has its name");
    let left = staging.join(format!("{}#7", after.to_string().replace('/', "")));
    let mine = staging.join("a note by the administrator #1");
    let beside = root.join(format!("{before}#1"));
    for file in [&left, &mine, &beside] {
        std::fs::write(file, b"half").unwrap();
    }
    drop(store);
    let again = folder(&root);
    assert_eq!(again.names(None).await.unwrap().names.len(), 0, "neither a chunk nor a stranger's file");
    again.tidy().await.unwrap();
    assert!(!left.exists());
    assert!(mine.exists() && beside.exists(), "it looked nowhere else");
    // Without the folder all is as it was before there was one.
    std::fs::remove_dir_all(&staging).unwrap();
    let third = name(25, 0xef);
    again.put(&third, bytes(25, 4_000)).await.unwrap();
    assert!(!staging.exists());
    again.tidy().await.unwrap();
    assert!(staging.exists() && !beside.exists());
    // And a folder of chunks that somebody deleted is made again.
    std::fs::remove_dir_all(root.join("ef")).unwrap();
    again.put(&third, bytes(25, 4_000)).await.unwrap();
    for (chunk, seed) in [(&before, 23), (&after, 24), (&third, 25)] {
        assert_eq!(read(&again, chunk, 0..4_000).await.unwrap(), bytes(seed, 4_000));
    }
}

#[tokio::test]
async fn a_new_folder_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("chunks");
    folder(&root);
    assert_eq!(std::fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_folder_that_has_gone_is_a_refusal_not_a_missing_chunk() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("chunks");
    let store = folder(&root);
    std::fs::remove_dir_all(&root).unwrap();
    let chunk = name(23, 1);
    assert!(matches!(store.probe().await.unwrap_err(), StoreError::Refused(_)));
    assert!(matches!(store.get(&chunk, 0..1).await.err().unwrap(), StoreError::Refused(_)));
    assert!(matches!(store.exists(&chunk).await.unwrap_err(), StoreError::Refused(_)));
    assert!(matches!(store.delete(&chunk, &Consent::given()).await.unwrap_err(), StoreError::Refused(_)));
    assert!(matches!(store.put(&chunk, bytes(23, 10)).await.unwrap_err(), StoreError::Refused(_)));
    assert!(!root.exists(), "a disk that is not mounted is not replaced by a folder");
}

#[tokio::test]
async fn a_folder_is_read_in_pieces_of_whole_segments() {
    const SEGMENT: u64 = 65_552;
    let dir = tempfile::tempdir().unwrap();
    let store = folder(dir.path());
    let chunk = bytes(24, chunk_store::LARGEST_CHUNK);
    store.put(&name(24, 1), chunk.clone()).await.unwrap();
    let end = chunk.len() as u64;
    for range in [0..u64::MAX, 0..end, 40 + 3 * SEGMENT..40 + 9 * SEGMENT, 41..end - 1, 7..8, end - 5..end + 5] {
        let pieces: Vec<Bytes> = store.get(&name(24, 1), range.clone()).await.unwrap().try_collect().await.unwrap();
        let wanted = usize::try_from(range.start).unwrap()..usize::try_from(range.end.min(end)).unwrap();
        assert_eq!(pieces.concat(), chunk[wanted], "{range:?}");
        let mut at = range.start;
        for piece in &pieces[..pieces.len() - 1] {
            assert!(piece.len() as u64 <= 4 * SEGMENT + 40, "{range:?}: a piece of {}", piece.len());
            at += piece.len() as u64;
            assert_eq!((at - 40) % SEGMENT, 0, "{range:?}: a piece ends within a segment");
        }
    }
}

#[tokio::test]
async fn another_folder_in_its_place_is_neither_written_nor_believed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("chunks");
    let store = folder(&root);
    let (chunk, sealed) = (name(25, 1), bytes(25, 2_000));
    store.put(&chunk, sealed.clone()).await.unwrap();
    // The disk is not mounted any more: the folder that it was mounted on shows, with whatever is in it.
    std::fs::rename(&root, dir.path().join("mounted")).unwrap();
    std::fs::create_dir_all(root.join("00")).unwrap();
    let refused = |error: StoreError| matches!(error, StoreError::Refused(_));
    assert!(refused(store.probe().await.unwrap_err()));
    assert!(refused(store.get(&chunk, 0..1).await.err().unwrap()));
    assert!(refused(store.exists(&chunk).await.unwrap_err()));
    assert!(refused(store.delete(&chunk, &Consent::given()).await.unwrap_err()));
    assert!(refused(store.put(&chunk, sealed.clone()).await.unwrap_err()));
    assert!(refused(store.create(&chunk, sealed.clone()).await.unwrap_err()));
    assert!(refused(store.tidy().await.unwrap_err()));
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 1, "it was written to");
    // It is back.
    std::fs::remove_dir_all(&root).unwrap();
    std::fs::rename(dir.path().join("mounted"), &root).unwrap();
    assert_eq!(read(&store, &chunk, 0..9_000).await.unwrap(), sealed);
    store.delete(&chunk, &Consent::given()).await.unwrap();
}

#[tokio::test]
async fn a_folder_has_one_user_and_may_be_looked_at_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("chunks");
    let open =
        |path: &std::path::Path, access| ObjectStoreChunks::open(ProviderSpec::Dir { path: path.to_owned(), access });
    assert!(matches!(open(&root, FolderAccess::Own), Err(OpenError::Folder(_))), "only `Make` makes one");
    assert!(!root.exists());
    let store = folder(&root);
    let (chunk, sealed) = (name(26, 1), bytes(26, 2_000));
    store.put(&chunk, sealed.clone()).await.unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&root, &link).unwrap();
    for path in [&root, &link] {
        for access in [FolderAccess::Make, FolderAccess::Own] {
            assert!(matches!(open(path, access), Err(OpenError::InUse)), "{access:?}");
        }
        let beside = open(path, FolderAccess::Look).unwrap();
        assert_eq!(read(&beside, &chunk, 0..9_000).await.unwrap(), sealed);
        assert!(matches!(beside.put(&name(26, 2), sealed.clone()).await, Err(StoreError::Refused(_))));
        assert!(matches!(beside.create(&name(26, 2), sealed.clone()).await, Err(StoreError::Refused(_))));
        assert!(matches!(beside.delete(&chunk, &Consent::given()).await, Err(StoreError::Refused(_))));
    }
    drop(store);
    assert!(open(&link, FolderAccess::Own).is_ok(), "the lock goes with its holder");
}

// ---- placement ----

#[tokio::test]
async fn a_put_goes_to_every_placement_and_a_get_to_the_first() {
    let (a, b) = (Arc::new(MemoryChunks::default()), Arc::new(MemoryChunks::default()));
    let store = Store::new(vec![
        (provider("zulu"), Arc::clone(&a) as Arc<dyn ChunkStore>),
        (provider("alpha"), Arc::clone(&b) as Arc<dyn ChunkStore>),
    ]);
    assert_eq!(store.place(), [provider("zulu")], "the first of the configuration, not of the alphabet");
    let (both, chunk) = ([provider("zulu"), provider("alpha")], name(42, 1));
    store.put(&both, &chunk, bytes(42, 50)).await.unwrap();
    assert_eq!(a.snapshot(), b.snapshot());
    a.replace(&chunk, Bytes::from_static(b"first"));
    let got: Vec<_> = store.get(&both, &chunk, 0..50).await.unwrap().collect().await;
    assert_eq!(got.into_iter().next().unwrap().unwrap(), Bytes::from_static(b"first"));
    for none in [vec![], vec![provider("gone")]] {
        assert!(matches!(store.put(&none, &chunk, Bytes::new()).await, Err(StoreError::UnknownProvider)));
        assert!(matches!(store.get(&none, &chunk, 0..1).await.err(), Some(StoreError::UnknownProvider)));
    }
}

// ---- the hostile provider ----

#[tokio::test]
async fn every_planned_lie_is_told() {
    let plan = FaultPlan::default();
    let store = Faulty::new(Arc::new(MemoryChunks::default()), plan.clone());
    let (chunk, other) = (name(43, 1), name(43, 2));
    plan.record();
    store.put(&chunk, Bytes::from_static(b"old chunk")).await.unwrap();
    store.put(&chunk, Bytes::from_static(b"new chunk")).await.unwrap();
    store.put(&other, Bytes::from_static(b"the other")).await.unwrap();
    let lies = [
        (Fault::Flip { at: 0 }, "oew chunk"),
        (Fault::Flip { at: 99 }, "new chunj"),
        (Fault::Swap(other.clone()), "the other"),
        (Fault::Truncate { by: 6 }, "new"),
        (Fault::Extend(Bytes::from_static(b"!")), "new chunk!"),
        (Fault::Replay, "old chunk"),
        (Fault::Substitute(Bytes::from_static(b"forged by me")), "forged by"),
    ];
    for (lie, told) in lies {
        plan.clear();
        plan.on(Call::Get, When::Nth(2), lie.clone());
        assert_eq!(read(&store, &chunk, 0..9).await.unwrap(), "new chunk");
        assert_eq!(read(&store, &chunk, 0..9).await.unwrap(), told, "{lie:?}");
        assert_eq!(read(&store, &chunk, 0..9).await.unwrap(), "new chunk");
    }
    plan.on(Call::Get, When::Always, Fault::Swap(other));
    assert_eq!(read(&store, &chunk, 4..9).await.unwrap(), "other", "ranges, too");
}

// ---- lists ----

/// A hostile service, as an S3 provider.
fn s3_at(port: u16) -> ObjectStoreChunks {
    ObjectStoreChunks::open(ProviderSpec::S3 {
        bucket: "sealed".into(),
        region: "ca-east-1".into(),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        access_key_id: "gateway".into(),
        secret_access_key: SecretText::new("secret".into()),
        path_style: true,
        ca: None,
    })
    .unwrap()
}

#[tokio::test]
async fn a_list_that_is_too_long_or_none_is_a_failed_call() {
    let hostile = Hostile::start(Protocol::S3);
    let store = s3_at(hostile.port);
    let entry = |key: &str| {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>x</ETag><Size>1</Size></Contents>"
        )
    };
    let list = |inner: &str| format!("<?xml version=\"1.0\"?><ListBucketResult>{inner}</ListBucketResult>");
    let answer = |body: String| {
        let reply = Reply::status(200).with("content-type", "application/xml").body(body);
        hostile.rule(move |asked| {
            assert!(asked.target.contains("max-keys=1000"), "{}", asked.target);
            Act::Answer(reply.clone())
        });
    };
    let chunk = name(95, 1).to_string();
    answer(list(&entry(&chunk)));
    let page = store.names(None).await.unwrap();
    assert_eq!((page.names.len(), page.names[0].name.as_str(), page.next), (1, chunk.as_str(), None));
    assert_eq!(page.names[0].modified.0, 1_767_225_600_000);

    // A page of more than 16 MiB, or one that never ends, takes no more memory than that.
    answer(list(&entry(&chunk).repeat(150_000)));
    assert!(store.names(None).await.unwrap_err().is_transient());
    for body in ["", "<", "{}", "<ListBucketResult><Contents>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"] {
        answer(body.to_owned());
        match store.names(None).await {
            Err(error) => assert!(error.is_transient(), "{body}: {error:?}"),
            // What is no list may be read as an empty one; it says nothing of what is there.
            Ok(page) => assert_eq!(page, NamePage::default(), "{body}"),
        }
    }
    // A name that is no path is named to the operator as what it is.
    for key in ["ab//x", "ab/../x", "./x"] {
        answer(list(&entry(key)));
        let error = store.names(None).await.unwrap_err();
        let StoreError::Refused(cause) = &error else { panic!("{key}: {error:?}") };
        assert!(cause.to_string().contains("empty segment"), "{cause}");
    }
    for status in [403, 404] {
        hostile.rule(move |_| Act::Answer(Reply::status(status)));
        assert!(matches!(store.names(None).await.unwrap_err(), StoreError::Refused(_)), "{status}");
    }
}
