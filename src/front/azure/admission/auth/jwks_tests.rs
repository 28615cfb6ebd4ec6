//! Where keys come from, and how often they are asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::super::bearer::tests::Issuer;
use super::*;

/// Answers every request with `answer`, and counts.
async fn serve(answer: String) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/jwks", listener.local_addr().unwrap())).unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).await.unwrap();
            let _written = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, count)
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nlocation: /elsewhere\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn set() -> String {
    serde_json::json!({"keys": Issuer::new().keys()}).to_string()
}

fn source(url: &Url) -> KeySource {
    KeySource::new(&Jwks::Url(url.clone()), None).unwrap()
}

fn back(time: Duration) -> Timestamp {
    Timestamp(Timestamp::steady().0 - i64::try_from(time.as_millis()).unwrap())
}

/// Waits for what happens elsewhere, and not for ever.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not happen");
}

fn may_ask_again(source: &KeySource) {
    source.asking.lock().unwrap().at = Some(back(ASK_AGAIN));
}

/// Answers the first request, and each later one only when it is told to.
async fn serve_slowly(answer: String) -> (Url, Arc<AtomicUsize>, Arc<tokio::sync::Semaphore>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/jwks", listener.local_addr().unwrap())).unwrap();
    let (count, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Semaphore::new(1)));
    let (counted, may) = (Arc::clone(&count), Arc::clone(&told));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            may.acquire().await.unwrap().forget();
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).await.unwrap();
            let _written = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, count, told)
}

#[tokio::test]
async fn known_keys_serve_while_the_issuer_is_slow_and_unknown_ones_share_one_question() {
    let (url, count, told) = serve_slowly(answer("200 OK", &set())).await;
    let source = Arc::new(source(&url));
    assert!(source.find(Some("rsa-1")).await.is_ok());
    may_ask_again(&source);
    let forged: Vec<_> = (0..3)
        .map(|_| {
            let source = Arc::clone(&source);
            tokio::spawn(async move { source.find(Some("forged")).await.err() })
        })
        .collect();
    until(|| count.load(Ordering::SeqCst) == 2).await;
    for _ in 0..3 {
        assert!(source.find(Some("rsa-1")).await.is_ok());
        assert!(forged.iter().all(|asks| !asks.is_finished()), "the issuer has not answered yet");
    }
    // Whoever leaves takes nothing from those who wait on.
    forged[0].abort();
    told.add_permits(1);
    for asks in forged.into_iter().skip(1) {
        assert_eq!(asks.await.unwrap(), Some(BearerError::UnknownKey));
    }
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn keys_that_are_not_fresh_serve_while_they_are_asked_for_anew() {
    let (url, count, told) = serve_slowly(answer("200 OK", &set())).await;
    let source = source(&url);
    assert!(source.find(Some("rsa-1")).await.is_ok());
    let keys = Arc::clone(&source.kept.load().keys);
    source.kept.store(Arc::new(Kept { keys, had_at: Some(back(FRESH)), stamp: None }));
    may_ask_again(&source);
    assert!(source.find(Some("rsa-1")).await.is_ok(), "the issuer does not answer, and nobody waits for it");
    told.add_permits(1);
    until(|| source.kept.load().had_at.is_some_and(|at| !passed(at, Timestamp::steady(), FRESH))).await;
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn keys_are_fetched_once_and_the_issuer_is_not_called_at_will() {
    let (url, count) = serve(answer("200 OK", &set())).await;
    let source = source(&url);
    assert_eq!(count.load(Ordering::SeqCst), 0, "nothing is fetched before it is needed");
    for _ in 0..3 {
        assert!(source.find(Some("rsa-1")).await.is_ok());
    }
    for _ in 0..3 {
        assert_eq!(source.find(Some("unknown")).await.err(), Some(BearerError::UnknownKey));
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_again_after_a_while_and_old_keys_go() {
    let (url, count) = serve(answer("200 OK", &set())).await;
    let source = source(&url);
    assert!(source.find(Some("rsa-1")).await.is_ok());
    may_ask_again(&source);
    assert!(source.find(Some("unknown")).await.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 2);
    // The issuer cannot be asked yet, and what it said is too old.
    let keys = Arc::clone(&source.kept.load().keys);
    source.kept.store(Arc::new(Kept { keys, had_at: Some(back(MAX_AGE)), stamp: None }));
    assert_eq!(source.find(Some("rsa-1")).await.err(), Some(BearerError::KeysUnavailable));
    may_ask_again(&source);
    assert!(source.find(Some("rsa-1")).await.is_ok());
}

#[tokio::test]
async fn answers_that_are_no_set_of_keys_are_not_taken() {
    let long = format!("{{\"keys\": [], \"x\": \"{}\"}}", "x".repeat(MAX_SET_BYTES));
    for bad in [
        answer("302 Found", ""),
        answer("404 Not Found", &set()),
        answer("200 OK", "[]"),
        answer("200 OK", &long),
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_owned(),
    ] {
        let (url, count) = serve(bad).await;
        let source = source(&url);
        assert_eq!(source.find(Some("rsa-1")).await.err(), Some(BearerError::KeysUnavailable));
        assert_eq!(count.load(Ordering::SeqCst), 1, "no redirect is followed, nothing is repeated");
    }
}

#[test]
fn plain_http_is_for_loopback() {
    let open = |url: &str| KeySource::new(&Jwks::Url(Url::parse(url).unwrap()), None).err();
    for good in ["https://id.example.org/jwks", "http://127.0.0.1:1/", "http://[::1]/", "http://localhost/"] {
        assert_eq!(open(good), None, "{good}");
    }
    for bad in [
        "http://id.example.org/",
        "http://10.0.0.1/",
        "http://localhost.example.org/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
    ] {
        assert_eq!(open(bad), Some(BearerSetupError::Address), "{bad}");
    }
    let bad = KeySource::new(&Jwks::Url(Url::parse("https://id.example.org/").unwrap()), Some(b"no certificate"));
    assert!(matches!(bad.err(), None | Some(BearerSetupError::Authorities)));
}

#[tokio::test]
async fn a_key_without_an_id_is_taken_only_where_there_is_one() {
    let keys: Vec<Jwk> = Issuer::new().keys().into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
    assert!(pick(&keys, None).is_none() && pick(&keys[..1], None).is_some() && pick(&[], None).is_none());
}
