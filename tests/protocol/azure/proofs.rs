//! Who asks: shared keys that were not made for the request, and requests without proof.

use time::Duration;

use super::assert_refused;
use testing::azure::shared_key::{Account, Request, SIGNED_HEADERS};
use testing::azure::wire as azure_wire;
use testing::azure::world::AzureWorld;

const BLOB: &str = "/imaging/patients/Hélène (1)+a%.dcm";

/// A write with everything that is signed.
fn full(world: &AzureWorld) -> Request {
    let request = world.put_blob(BLOB, b"abc").queries(&[("timeout", "30"), ("Zone", "a b&c=d")]);
    request.headers(&[
        ("content-encoding", "gzip"),
        ("content-language", "fr-CA"),
        ("content-md5", "kAFQmDzST7DWlj99KOF/cg=="),
        ("content-type", "application/dicom"),
        ("if-unmodified-since", "Wed, 25 Nov 2037 15:27:24 GMT"),
        ("x-ms-meta-ward", "seven  and a half"),
        ("x-ms-blob-cache-control", "no-store"),
    ])
}

#[tokio::test]
async fn what_is_signed_as_microsoft_says_gets_in() {
    let world = AzureWorld::start().await;
    for sign in [Account::sign, Account::sign_lite] {
        // The parameter that no operation has is signed, and is refused for itself, if it is.
        let request = full(&world);
        let request = Request { query: request.query[..1].to_vec(), ..request };
        world.raw(&sign(&world.pacs, request)).await.ok(201);
        let answer = world.raw(&sign(&world.pacs, world.request("GET", BLOB))).await.ok(200);
        assert_eq!((answer.text().as_str(), answer.header("x-ms-meta-ward")), ("abc", "seven  and a half"));
        let list = world.request("GET", "/imaging").queries(&[
            ("restype", "container"),
            ("comp", "list"),
            ("prefix", "patients/Hélène (1)+a%"),
            ("include", "metadata,tags"),
        ]);
        let answer = world.raw(&sign(&world.pacs, list)).await.ok(200);
        assert_eq!(answer.field("Name").as_deref(), Some("patients/Hélène (1)+a%.dcm"));
        // No body: its length is signed as nothing.
        let empty = world.request("PUT", "/imaging/empty").header("x-ms-blob-type", "BlockBlob").body("");
        world.raw(&sign(&world.pacs, empty)).await.ok(201);
        // The date may be in Date alone.
        let dated = world.request("GET", BLOB).header("date", &testing::azure::shared_key::rfc1123(world.pacs.now()));
        if sign(&world.pacs, dated.clone()).value("authorization").starts_with("SharedKey ") {
            world.raw(&sign(&world.pacs, dated)).await.ok(200);
        }
    }
}

#[tokio::test]
async fn each_element_of_what_is_signed_counts() {
    let world = AzureWorld::start().await;
    let signed = world.pacs.sign(full(&world));
    let with = |change: &dyn Fn(Request) -> Request| change(signed.clone());
    let mut changed: Vec<(String, Request)> = Vec::new();
    for name in SIGNED_HEADERS {
        match name {
            // Another length is another framing: the body is made to fit.
            "content-length" => {
                changed.push((name.into(), with(&|request| request.replaced(name, "2"))));
            }
            // Taken from x-ms-date.
            "date" => {}
            _ => {
                let other = if name == "content-md5" { "1B2M2Y8AsgTpgAmY7PhCfg==" } else { "other" };
                changed.push((name.into(), with(&|request| request.replaced(name, other))));
                if !signed.value(name).is_empty() {
                    changed.push((format!("no {name}"), with(&|request| request.without(name))));
                }
            }
        }
    }
    for name in ["x-ms-date", "x-ms-version", "x-ms-meta-ward", "x-ms-blob-cache-control", "x-ms-blob-type"] {
        let other = match name {
            "x-ms-date" => testing::azure::shared_key::rfc1123(world.pacs.now() - Duration::MINUTE),
            "x-ms-version" => "2023-11-03".into(),
            "x-ms-blob-type" => "AppendBlob".into(),
            _ => "other".into(),
        };
        changed.push((name.into(), with(&|request| request.replaced(name, &other))));
        changed.push((format!("no {name}"), with(&|request| request.without(name))));
    }
    changed.push(("one more x-ms-".into(), with(&|request| request.header("x-ms-meta-more", "1"))));
    changed.push(("a lease".into(), with(&|request| request.header("x-ms-lease-id", "1"))));
    changed.push(("another method".into(), with(&|request| Request { method: "DELETE".into(), ..request })));
    changed.push(("another blob".into(), with(&|request| Request { path: "/pacs/imaging/other".into(), ..request })));
    changed.push((
        "another container".into(),
        with(&|mut request| {
            request.path = request.path.replacen("imaging", "billing", 1);
            request
        }),
    ));
    changed.push((
        "another spelling of the path".into(),
        with(&|mut request| {
            request.path = request.path.replacen("imaging", "%69maging", 1);
            request
        }),
    ));
    changed.push(("one more parameter".into(), with(&|request| request.query("comp", "metadata"))));
    changed.push(("an empty parameter".into(), with(&|request| request.query("x", ""))));
    changed.push((
        "a parameter less".into(),
        with(&|mut request| {
            request.query.pop();
            request
        }),
    ));
    changed.push((
        "another value".into(),
        with(&|mut request| {
            request.query[0].1 = "31".into();
            request
        }),
    ));
    for (what, request) in changed {
        let answer = world.raw(&request).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "AuthenticationFailed"), "{what}: {}", answer.text());
        // Nothing of what the server computed: SDKs write it to logs.
        assert!(!answer.text().contains("imaging"), "{what}: {}", answer.text());
    }
    // Which of the two would be meant is not guessed.
    let twice = world.raw(&with(&|request| request.query("timeout", "30"))).await;
    twice.expect(400, "InvalidQueryParameterValue");
    world.head(BLOB).await.expect(404, "BlobNotFound");
}

#[tokio::test]
async fn a_lite_signature_binds_what_it_signs() {
    let world = AzureWorld::start().await;
    world.put(BLOB, b"abc").await.ok(201);
    let signed = world.pacs.sign_lite(world.request("GET", BLOB).query("comp", "metadata"));
    world.raw(&signed).await.ok(200);
    let other = Request { query: vec![("comp".into(), "tags".into())], ..signed.clone() };
    world.raw(&other).await.expect(403, "AuthenticationFailed");
    let other = Request { path: "/pacs/imaging/other".into(), ..signed.clone() };
    world.raw(&other).await.expect(403, "AuthenticationFailed");
    world.raw(&signed.clone().header("x-ms-meta-a", "1")).await.expect(403, "AuthenticationFailed");
    // One kind's signature is not the other's.
    let full = world.pacs.sign(world.request("GET", BLOB));
    let lite = full.value("authorization").replacen("SharedKey", "SharedKeyLite", 1);
    world.raw(&full.replaced("authorization", &lite)).await.expect(403, "AuthenticationFailed");
}

#[tokio::test]
async fn another_key_an_unknown_account_and_another_account_are_answered_alike() {
    let world = AzureWorld::start().await;
    world.put(BLOB, b"abc").await.ok(201);
    let get = |account: &Account| account.sign(Request::new(account, "GET", BLOB));
    let wrong = world.raw(&get(&world.pacs.with_other_key())).await.expect(403, "AuthenticationFailed");
    let nobody = world.raw(&get(&Account::new("nobody", testing::s3::world::SECRET))).await;
    let nobody = nobody.expect(403, "AuthenticationFailed");
    let without_id = |text: String, id: &str| {
        let text = text.replace(id, "ID");
        text.lines().filter(|line| !line.contains("Time:")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        without_id(wrong.text(), wrong.header("x-ms-request-id")),
        without_id(nobody.text(), nobody.header("x-ms-request-id"))
    );
    // The account in the header is the one in the address.
    let mut request = get(&world.viewer);
    request.path = request.path.replacen("viewer", "pacs", 1);
    world.raw(&request).await.expect(403, "AuthenticationFailed");
    let mixed = world.viewer.sign(Request { path: "/pacs/imaging".into(), ..world.request("GET", "/") });
    assert_refused(&world.raw(&mixed).await, "a key of another account");
    // Another tenant's container is not there.
    world.raw(&get(&world.stranger)).await.expect(404, "ContainerNotFound");
}

#[tokio::test]
async fn without_a_proof_there_is_a_challenge() {
    let world = AzureWorld::start().await;
    world.put("/imaging/public/a", b"abc").await.ok(201);
    for (method, path) in
        [("GET", "/imaging/public/a"), ("HEAD", "/imaging/public/a"), ("GET", "/"), ("DELETE", "/imaging")]
    {
        let request = world.request(method, path).header("x-ms-version", "2021-12-02");
        let answer = world.raw(&request).await.expect(401, "NoAuthenticationInformation");
        assert!(!answer.header("www-authenticate").is_empty(), "{:?}", answer.headers);
    }
    // A token where no issuer is configured.
    let bearer = world.request("GET", "/imaging/public/a").header("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.");
    let answer = world.raw(&bearer).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert!(!answer.header("www-authenticate").is_empty(), "{:?}", answer.headers);
    let malformed = [
        "",
        "SharedKey",
        "SharedKey pacs",
        "SharedKey pacs:",
        "SharedKey pacs:***",
        "Basic cGFjczpwYWNz",
        "AWS4-HMAC-SHA256 Credential=pacs",
    ];
    for value in malformed {
        let request = world.pacs.dated(world.request("GET", "/imaging/public/a")).header("authorization", value);
        let answer = world.raw(&request).await;
        assert!(matches!(answer.status, 400 | 401 | 403), "{value:?} {}", answer.status);
        assert_refused(&answer, value);
    }
}

#[tokio::test]
async fn what_comes_twice_is_refused_and_never_read_as_once() {
    let world = AzureWorld::start().await;
    world.put("/imaging/a", b"abc").await.ok(201);
    let signed = world.pacs.sign(world.request("GET", "/imaging/a"));
    let authorization = signed.value("authorization").to_owned();
    assert_refused(&world.raw(&signed.clone().header("authorization", &authorization)).await, "authorization twice");
    for name in ["x-ms-date", "x-ms-version", "x-ms-range", "range", "if-match", "x-ms-lease-id"] {
        let value = signed.value(name).to_owned();
        let value = if value.is_empty() { "bytes=0-0".to_owned() } else { value };
        let once = if signed.value(name).is_empty() {
            world.request("GET", "/imaging/a").header(name, &value)
        } else {
            world.request("GET", "/imaging/a")
        };
        let twice = world.pacs.sign(once).header(name, &value);
        assert_refused(&world.raw(&twice).await, name);
    }
    // Twice, and signed as such.
    let twice = world.put_blob("/imaging/b", b"abc").header("x-ms-blob-type", "AppendBlob");
    assert_refused(&world.send(twice).await, "x-ms-blob-type twice");
    for name in ["comp", "restype", "snapshot", "prefix", "blockid"] {
        let twice = world.request("GET", "/imaging/a").query(name, "metadata").query(name, "tags");
        assert_refused(&world.send(twice).await, name);
    }
    assert_eq!(world.get("/imaging/a").await.text(), "abc");
}

#[tokio::test]
async fn a_replay_after_a_quarter_of_an_hour_is_refused() {
    let world = AzureWorld::start().await;
    world.put("/imaging/a", b"abc").await.ok(201);
    for minutes in [-16, 16, -60 * 24 * 365] {
        let late = world.pacs.shifted(Duration::minutes(minutes));
        for sign in [Account::sign, Account::sign_lite] {
            let answer = world.raw(&sign(&late, world.request("GET", "/imaging/a"))).await;
            answer.expect(403, "AuthenticationFailed");
        }
    }
    for minutes in [-14, 14] {
        let near = world.pacs.shifted(Duration::minutes(minutes));
        world.raw(&near.sign(world.request("GET", "/imaging/a"))).await.ok(200);
    }
    // A date that is none, no date, and one that is only in the header that does not count.
    for date in ["now", "2026-11-25T15:02:16Z", "Wed, 99 Nov 2026 15:27:24 GMT", ""] {
        let request = world.request("GET", "/imaging/a").header("x-ms-date", date);
        assert_refused(&world.send(request).await, date);
    }
    let dated = world.pacs.sign(world.request("GET", "/imaging/a")).without("x-ms-date");
    world.raw(&dated).await.expect(403, "AuthenticationFailed");
    let old = testing::azure::shared_key::rfc1123(world.pacs.now() - Duration::HOUR);
    let request = world.request("GET", "/imaging/a").header("x-ms-date", &old);
    let fresh = testing::azure::shared_key::rfc1123(world.pacs.now());
    world.raw(&world.pacs.sign(request).header("date", &fresh)).await.expect(403, "AuthenticationFailed");
}

#[tokio::test]
async fn grants_hold_for_keys() {
    let world = AzureWorld::start().await;
    world.put("/imaging/public/a", b"abc").await.ok(201);
    world.put("/imaging/private/a", b"abc").await.ok(201);
    let ask = async |account: &Account, method: &str, path: &str| {
        let request = Request::new(account, method, path);
        let request = if method == "PUT" { request.header("x-ms-blob-type", "BlockBlob").body("x") } else { request };
        azure_wire::send(&world.host, &account.sign(request)).await
    };
    ask(&world.viewer, "GET", "/imaging/public/a").await.ok(200);
    for (account, method, path) in [
        (&world.viewer, "GET", "/imaging/private/a"),
        (&world.viewer, "HEAD", "/imaging/private/a"),
        (&world.viewer, "GET", "/imaging/private/missing"),
        (&world.viewer, "PUT", "/imaging/public/a"),
        (&world.viewer, "DELETE", "/imaging/public/a"),
        (&world.courier, "PUT", "/imaging/public/a"),
        (&world.writer, "GET", "/imaging/public/a"),
        (&world.writer, "DELETE", "/imaging/public/a"),
    ] {
        let answer = ask(account, method, path).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "AuthorizationPermissionMismatch"),
            "{method} {path}"
        );
    }
    ask(&world.courier, "PUT", "/imaging/inbox/a").await.ok(201);
    ask(&world.writer, "PUT", "/imaging/private/b").await.ok(201);
}
