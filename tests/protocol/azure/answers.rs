//! Answers to the letter: what describes a body that is not there, codes, the order of refusals, what is shown of a copy.

use ecluse::front::azure::AzureSettings;
use testing::azure::shared_key::{Request, ServiceSas, encoded};
use testing::azure::wire::{self, Answer};
use testing::azure::world::AzureWorld;

const BLOB: &str = "/imaging/a";

async fn world() -> AzureWorld {
    let world = AzureWorld::start().await;
    world.put(BLOB, b"abc").await.ok(201);
    world
}

/// Azure's SDK for C++ parses the body that a refusal's `Content-Type` names, and ends its process if there is none.
#[track_caller]
fn assert_describes_nothing(answer: &Answer, what: &str) {
    for name in ["content-type", "content-length", "transfer-encoding", "content-encoding", "content-language"] {
        assert_eq!(answer.find(name), None, "{what}: {} {:?}", answer.status, answer.headers);
    }
    assert!(answer.body.is_empty(), "{what}: {}", answer.text());
}

#[tokio::test]
async fn a_refusal_of_head_describes_no_body_however_early_it_comes() {
    let world = world().await;
    let head = |path: &str| world.request("HEAD", path);
    let signed = |request: Request| world.pacs.sign(request);
    let refusals = [
        ("no blob", signed(head("/imaging/none")), 404),
        ("no container", signed(head("/nowhere").query("restype", "container")), 404),
        ("a condition", signed(head(BLOB).header("if-match", "\"0x1\"")), 412),
        ("no proof", head(BLOB), 401),
        ("a wrong key", world.pacs.with_other_key().sign(head(BLOB)), 403),
        ("another's", world.stranger.sign(Request::new(&world.stranger, "HEAD", "/imaging/a")), 404),
        ("an unknown comp", signed(head(BLOB).query("comp", "nothing")), 400),
        ("a bad version", signed(head(BLOB).header("x-ms-version", "yesterday")), 400),
        ("a parameter twice", signed(head(BLOB).query("snapshot", "a").query("snapshot", "b")), 400),
        ("a key of its own", signed(head(BLOB).header("x-ms-encryption-key", "a")), 400),
        ("the data lake", signed(head("/imaging").query("action", "getAccessControl")), 400),
    ];
    for (what, request, status) in refusals {
        let answer = world.raw(&request).await;
        assert_eq!(answer.status, status, "{what}: {:?}", answer.headers);
        assert!(!answer.code().is_empty() && !answer.header("x-ms-request-id").is_empty(), "{what}");
        assert_describes_nothing(&answer, what);
    }
    // Not even an address that is none, nor a blob whose HEAD is fine.
    let bad =
        wire::raw(&world.host, b"HEAD /pacs/imaging/%FF HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", b"").await;
    assert_eq!((bad.status, bad.code().as_str()), (400, "InvalidUri"));
    assert_describes_nothing(&bad, "no address");
    let fine = world.head(BLOB).await.ok(200);
    assert_eq!((fine.header("content-length"), fine.header("content-type")), ("3", "application/octet-stream"));
    let told = world.get("/imaging/none").await.expect(404, "BlobNotFound");
    assert_eq!(told.header("content-type"), "application/xml");
}

#[tokio::test]
async fn what_was_not_modified_has_the_headers_that_caches_go_by_and_no_others_of_a_body() {
    let world = world().await;
    let tag = world.head(BLOB).await.ok(200).header("etag").to_owned();
    for method in ["GET", "HEAD"] {
        let asked = |path: &str| world.request(method, path).header("if-none-match", &tag);
        let answer = world.send(asked(BLOB)).await.expect(304, "ConditionNotMet");
        assert_describes_nothing(&answer, method);
        assert_eq!(answer.header("etag"), tag);
        assert!(!answer.header("last-modified").is_empty() && !answer.header("date").is_empty());
        // The 200 has none, so the 304 has none.
        assert_eq!(answer.find("cache-control"), None, "{:?}", answer.headers);
        // What a signature lays down counts for both.
        let mut of = ServiceSas::new("r", "imaging/a");
        of.response[0].1 = "max-age=60".into();
        let sas = world.pacs.service_sas(&of);
        for status in [200, 304] {
            let request = if status == 304 { asked(BLOB) } else { world.request(method, BLOB) };
            let answer = world.with_sas(request, &sas).await;
            assert_eq!((answer.status, answer.header("cache-control")), (status, "max-age=60"), "{method}");
        }
    }
    let properties = world.request("PUT", BLOB).query("comp", "properties").body("");
    let answer = world.send(properties.header("x-ms-blob-cache-control", "no-transform")).await.ok(200);
    let tag = answer.header("etag").to_owned();
    let answer = world.send(world.request("GET", BLOB).header("if-none-match", &tag)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (304, "no-transform"));
    // Get Blob Metadata does not tell it.
    let metadata = world.request("GET", BLOB).query("comp", "metadata");
    let answer = world.send(metadata.header("if-none-match", &tag)).await;
    assert_eq!((answer.status, answer.find("cache-control")), (304, None));
}

#[tokio::test]
async fn a_request_of_the_data_lake_service_changes_nothing() {
    let world = world().await;
    world.put("/imaging/dir", b"a folder's marker").await.ok(201);
    let none = "HierarchicalNamespaceNotEnabled";
    for (method, path, query) in [
        ("DELETE", "/imaging/dir", "recursive=true"),
        ("DELETE", "/imaging", "resource=filesystem"),
        ("PUT", "/imaging/dir", "resource=directory"),
        ("PUT", "/imaging/a", "resource=file"),
        ("PUT", "/imaging/b", "mode=legacy"),
        ("PUT", "/imaging/a", "comp=expiry"),
        ("PUT", "/new", "resource=filesystem"),
        ("PATCH", "/imaging/a", "action=append&position=0"),
        ("PATCH", "/imaging/a", "action=flush&position=3"),
        ("PATCH", "/imaging/a", "action=setAccessControl"),
        ("GET", "/imaging", "resource=filesystem&recursive=true"),
        ("GET", "/", "resource=account"),
        ("HEAD", "/imaging/a", "action=getStatus"),
    ] {
        let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let request = world.request(method, path).queries(&pairs);
        let request = if method == "GET" || method == "HEAD" { request } else { request.body("") };
        world.send(request).await.expect(400, none);
    }
    let rename = world.request("PUT", "/imaging/b").header("x-ms-rename-source", "/imaging/a").body("");
    world.send(rename.header("x-ms-blob-type", "BlockBlob")).await.expect(400, none);
    let expiry = world.request("PUT", BLOB).query("comp", "expiry").header("x-ms-expiry-option", "NeverExpire");
    world.send(expiry.body("")).await.expect(400, none);
    // Who is not known is told nothing.
    let delete = world.request("DELETE", "/imaging/dir").query("recursive", "true");
    assert_eq!(world.raw(&delete).await.status, 401);
    for (path, text) in [(BLOB, "abc"), ("/imaging/dir", "a folder's marker")] {
        assert_eq!(world.get(path).await.ok(200).text(), text);
    }
    world.head("/imaging/b").await.expect(404, "BlobNotFound");
    world.send(world.request("HEAD", "/new").query("restype", "container")).await.expect(404, "ContainerNotFound");
}

#[tokio::test]
async fn an_account_s_address_of_the_data_lake_service_is_refused_as_such() {
    let domains = vec!["objets.example".to_owned()];
    let world = AzureWorld::with(AzureSettings { domains, ..AzureSettings::default() }).await;
    world.put(BLOB, b"abc").await.ok(201);
    // In host style the path begins with the container.
    let at = async |method: &str, service: &str| {
        let request = Request { path: BLOB.to_owned(), ..world.request(method, BLOB) };
        let request = world.pacs.sign(request);
        let mut head =
            format!("{method} {BLOB} HTTP/1.1\r\nhost: pacs.{service}.objets.example\r\nconnection: close\r\n");
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        wire::raw(&world.host, format!("{head}\r\n").as_bytes(), b"").await
    };
    for method in ["GET", "HEAD", "DELETE"] {
        at(method, "dfs").await.expect(400, "HierarchicalNamespaceNotEnabled");
    }
    assert_eq!(at("GET", "blob").await.ok(200).text(), "abc");
}

#[tokio::test]
async fn two_digests_of_one_thing_have_codes_of_their_own() {
    let world = world().await;
    let (md5, crc64) = ("kAFQmDzST7DWlj99KOF/cg==", "iJh5CoYUi64=");
    let put = world.put_blob("/imaging/b", b"abc").header("content-md5", md5).header("x-ms-content-crc64", crc64);
    world.send(put).await.expect(400, "BothCrc64AndMd5HeaderPresent");
    let both = [("x-ms-range-get-content-md5", "true"), ("x-ms-range-get-content-crc64", "true")];
    let read = world.request("GET", BLOB).header("x-ms-range", "bytes=0-1").headers(&both);
    world.send(read).await.expect(400, "BothCrc64AndMd5RangeHeaderPresent");
    let put = world.put_blob("/imaging/b", b"abc").header("x-ms-content-crc64", "AAAA");
    world.send(put).await.expect(400, "InvalidCrc64");
}

#[tokio::test]
async fn a_lease_is_told_before_a_condition() {
    let world = world().await;
    let lease = |action: &str, path: &str| {
        let request = world.request("PUT", path).query("comp", "lease").header("x-ms-lease-action", action);
        request.header("x-ms-lease-duration", "-1").body("")
    };
    world.send(lease("acquire", BLOB)).await.ok(201);
    world.put("/imaging/log", b"").await.ok(201);
    let unmet: &[(&str, &str)] = &[("if-match", "\"0x1\"")];
    let new: &[(&str, &str)] = &[("if-none-match", "*")];
    let put = || world.put_blob(BLOB, b"other");
    let comp = |comp: &str| world.request("PUT", BLOB).query("comp", comp).body("");
    let list = world.request("PUT", BLOB).query("comp", "blocklist").body("<BlockList></BlockList>");
    let source = format!("http://{}/pacs/imaging/log", world.host);
    for (what, request) in [
        ("Put Blob", put().headers(new)),
        ("Put Blob", put().headers(unmet)),
        ("Put Block List", list.clone().headers(new)),
        ("Put Block List", list.headers(unmet)),
        ("Copy Blob", world.request("PUT", BLOB).header("x-ms-copy-source", &source).headers(new).body("")),
        ("Set Blob Metadata", comp("metadata").headers(unmet)),
        ("Set Blob Properties", comp("properties").headers(unmet)),
        ("Delete Blob", world.request("DELETE", BLOB).headers(unmet)),
    ] {
        let answer = world.send(request).await;
        assert_eq!(answer.outcome(), "412 LeaseIdMissing", "{what}: {}", answer.text());
    }
    let other = "00112233-4455-6677-8899-aabbccddeeff";
    let named = world.request("GET", BLOB).header("x-ms-lease-id", other);
    world.send(named.headers(unmet)).await.expect(412, "LeaseIdMismatchWithBlobOperation");
    let container = world.request("PUT", "/imaging").query("restype", "container").query("comp", "lease").body("");
    let acquire = [("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1")];
    world.send(container.headers(&acquire)).await.ok(201);
    let drop = world.request("DELETE", "/imaging").query("restype", "container");
    let later = [("if-unmodified-since", "Wed, 21 Oct 2015 07:28:00 GMT")];
    world.send(drop.headers(&later)).await.expect(412, "LeaseIdMissing");
    assert_eq!(world.get(BLOB).await.ok(200).text(), "abc");
}

#[tokio::test]
async fn containers_of_azure_s_own_are_not_found_and_nobody_makes_one() {
    let world = world().await;
    for name in ["$logs", "$web", "$blobchangefeed", "$root"] {
        let container = |method: &str| world.request(method, &format!("/{name}")).query("restype", "container");
        for request in [
            world.request("GET", &format!("/{name}/index.html")),
            world.put_blob(&format!("/{name}/index.html"), b"x"),
            container("GET"),
            container("GET").query("comp", "list"),
            container("DELETE"),
        ] {
            world.send(request).await.expect(404, "ContainerNotFound");
        }
        world.send(container("PUT").body("")).await.expect(400, "InvalidResourceName");
    }
    world.send(world.request("GET", "/$else/a")).await.expect(400, "InvalidResourceName");
}

#[tokio::test]
async fn a_copy_s_source_is_read_and_shown_as_it_was_written() {
    let world = world().await;
    world.put("/imaging/two words", b"abc").await.ok(201);
    let snapshot = world.request("PUT", "/imaging/two words").query("comp", "snapshot").body("");
    let taken = world.send(snapshot).await.ok(201).header("x-ms-snapshot").to_owned();
    let sas = world.pacs.service_sas(&ServiceSas::new("r", "imaging/two words"));
    let sas: Vec<String> = sas.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let base = format!("http://{}/pacs/imaging", world.host);
    for (source, shown) in [
        (format!("{base}/two words"), format!("{base}/two words")),
        (format!("{base}/two%20words"), format!("{base}/two%20words")),
        (format!("{base}/two words?{}", sas.join("&")), format!("{base}/two words")),
        (
            format!("{base}/two%20words?snapshot={}", encoded(&taken)),
            format!("{base}/two%20words?snapshot={}", encoded(&taken)),
        ),
    ] {
        let copy = world.request("PUT", "/imaging/copy").header("x-ms-copy-source", &source).body("");
        let answer = world.send(copy).await;
        assert_eq!(answer.outcome(), "202", "{source}: {}", answer.text());
        assert_eq!(world.head("/imaging/copy").await.ok(200).header("x-ms-copy-source"), shown);
    }
}

#[tokio::test]
async fn copy_blob_from_url_tells_a_digest_to_who_claimed_it() {
    let world = world().await;
    let source = format!("http://{}/pacs{BLOB}", world.host);
    let copy = || {
        let request = world.request("PUT", "/imaging/copy").header("x-ms-copy-source", &source);
        request.header("x-ms-requires-sync", "true").body("")
    };
    let answer = world.send(copy()).await.ok(202);
    assert_eq!((answer.find("content-md5"), answer.find("x-ms-content-crc64")), (None, None));
    let md5 = "kAFQmDzST7DWlj99KOF/cg==";
    let answer = world.send(copy().header("x-ms-source-content-md5", md5)).await.ok(202);
    assert_eq!(answer.header("content-md5"), md5);
}
