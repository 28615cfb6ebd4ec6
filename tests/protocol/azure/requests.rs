//! Requests that no operation is: unknown parameters, methods, headers, addresses; and operations that are not there.

use super::assert_refused;
use testing::azure::shared_key::{Request, VERSION};
use testing::azure::wire as azure_wire;
use testing::azure::world::AzureWorld;

const BLOB: &str = "/imaging/a";

async fn world() -> AzureWorld {
    let world = AzureWorld::start().await;
    world.put(BLOB, b"abc").await.ok(201);
    world
}

async fn assert_untouched(world: &AzureWorld) {
    assert_eq!(world.get(BLOB).await.ok(200).text(), "abc");
}

#[tokio::test]
async fn every_answer_says_which_request_it_is_of_and_which_version() {
    let world = world().await;
    for version in ["2019-12-12", "2023-11-03", VERSION, "2026-10-06"] {
        for path in [BLOB, "/imaging/missing", "/nowhere/a"] {
            let request = world.request("GET", path).header("x-ms-version", version);
            let answer = world.send(request.header("x-ms-client-request-id", "mine-1")).await;
            assert_eq!(answer.header("x-ms-version"), version);
            assert_eq!(answer.header("x-ms-client-request-id"), "mine-1");
            assert_eq!(answer.header("x-ms-request-id").len(), 36, "{:?}", answer.headers);
            assert!(!answer.header("date").is_empty());
            if answer.status >= 400 {
                assert_eq!(
                    answer.field("Code").as_deref(),
                    Some(answer.header("x-ms-error-code")),
                    "{}",
                    answer.text()
                );
                let message = answer.field("Message").unwrap_or_default();
                assert!(message.contains(answer.header("x-ms-request-id")), "{message}");
            }
        }
    }
    for version in ["junk", "2026-13-99", "1999", "2026-10-06x", ""] {
        let request = world.request("GET", BLOB).header("x-ms-version", version);
        let answer = world.send(request).await;
        assert_refused(&answer, version);
    }
    // Without a version: what was meant is not known, and no answer depends on it.
    let none = world.pacs.sign(world.request("GET", BLOB));
    let answer = world.raw(&none.without("x-ms-version")).await;
    assert_refused(&answer, "a version less than was signed");
    let long = "x".repeat(1025);
    let answer = world.send(world.request("GET", BLOB).header("x-ms-client-request-id", &long)).await;
    assert_ne!(answer.header("x-ms-client-request-id"), long);
}

#[tokio::test]
async fn what_no_operation_is_never_succeeds() {
    let world = world().await;
    let comps = [
        "",
        "everything",
        "../metadata",
        "METADATA;",
        "backup",
        "page",
        "incrementalcopy",
        "acl",
        "list",
        "blobs",
        "restore",
        "undelete2",
    ];
    let paths = [("/", "the account"), ("/imaging", "a container"), (BLOB, "a blob")];
    for (path, what) in paths {
        for comp in comps {
            for restype in [None, Some("everything"), Some("container"), Some("service"), Some("account")] {
                for method in ["PUT", "POST", "DELETE"] {
                    if (path, comp) == (BLOB, "") && restype.is_none()
                        || (method == "DELETE" && path == BLOB && comp.is_empty())
                    {
                        continue;
                    }
                    // Those that are operations.
                    let operation = path == "/imaging" && restype == Some("container") && matches!(comp, "acl" | "");
                    if operation {
                        continue;
                    }
                    let mut request = world.request(method, path).query("comp", comp);
                    if let Some(restype) = restype {
                        request = request.query("restype", restype);
                    }
                    let told = format!("{method} of {what}, comp={comp}, restype={restype:?}");
                    let answer = world.send(request.body("")).await;
                    assert!(!answer.is_success(), "{told}: {}", answer.status);
                    assert_refused(&answer, &told);
                }
            }
        }
    }
    assert_untouched(&world).await;
    for (path, query) in [
        ("/", vec![]),
        ("/", vec![("comp", "everything")]),
        ("/", vec![("restype", "everything")]),
        ("/", vec![("restype", "service")]),
        ("/imaging", vec![]),
        ("/imaging", vec![("comp", "list")]),
        ("/imaging", vec![("restype", "container"), ("comp", "everything")]),
        ("/imaging", vec![("restype", "directory")]),
        (BLOB, vec![("comp", "everything")]),
        (BLOB, vec![("comp", "metadata;x")]),
        (BLOB, vec![("versionid", "2020-01-01T00:00:00.0000000Z")]),
        (BLOB, vec![("snapshot", "junk")]),
    ] {
        let answer = world.send(world.request("GET", path).queries(&query)).await;
        assert_refused(&answer, &format!("GET {path} {query:?}"));
    }
}

#[tokio::test]
async fn methods_that_are_none_are_refused() {
    let world = world().await;
    for method in ["TRACE", "PATCH", "POST", "CONNECT", "OPTIONS", "PROPFIND", "COPY", "MERGE", "get", "QUERY"] {
        for path in [BLOB, "/imaging", "/"] {
            let request = world.pacs.sign(world.request(method, path));
            let answer = world.raw(&request).await;
            assert!((400..500).contains(&answer.status) || answer.status == 501, "{method} {path}: {}", answer.status);
            assert!(!answer.text().contains("SharedKey"), "{method} gives the request back");
        }
    }
    assert_untouched(&world).await;
}

#[tokio::test]
async fn operations_that_are_not_there_say_so() {
    let world = world().await;
    let put = |path: &str, query: &[(&str, &str)], headers: &[(&str, &str)]| {
        world.request("PUT", path).queries(query).headers(headers).body("")
    };
    let page = [("x-ms-blob-type", "PageBlob"), ("x-ms-blob-content-length", "512")];
    let write = [("x-ms-page-write", "clear"), ("x-ms-range", "bytes=0-511")];
    let cases = [
        ("Put Blob (page)", put("/imaging/p", &[], &page)),
        ("Put Page", put(BLOB, &[("comp", "page")], &write)),
        ("Get Page Ranges", world.request("GET", BLOB).query("comp", "pagelist")),
        (
            "Incremental Copy",
            put(
                BLOB,
                &[("comp", "incrementalcopy")],
                &[("x-ms-copy-source", "http://127.0.0.1/pacs/imaging/a?snapshot=1")],
            ),
        ),
        ("Set Immutability Policy", put(BLOB, &[("comp", "immutabilityPolicies")], &[])),
        ("Set Legal Hold", put(BLOB, &[("comp", "legalhold")], &[("x-ms-legal-hold", "true")])),
        ("Query Blob Contents", world.request("POST", BLOB).query("comp", "query").body("<QueryRequest/>")),
        (
            "Rename Container",
            put("/imaging", &[("restype", "container"), ("comp", "rename")], &[("x-ms-source-container-name", "b")]),
        ),
        (
            "Set Service Properties",
            put("/", &[("restype", "service"), ("comp", "properties")], &[]).body(
                "<StorageServiceProperties><StaticWebsite><Enabled>true</Enabled></StaticWebsite></StorageServiceProperties>",
            ),
        ),
    ];
    for (what, request) in cases {
        let answer = world.send(request).await;
        assert_eq!(answer.status, 501, "{what}: {} {}", answer.status, answer.text());
        assert_refused(&answer, what);
    }
    assert_untouched(&world).await;
}

#[tokio::test]
async fn keys_of_the_customer_and_other_promises_are_refused_never_ignored() {
    let world = world().await;
    let key = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U=";
    let promises: [&[(&str, &str)]; 7] = [
        &[("x-ms-encryption-key", key), ("x-ms-encryption-key-sha256", key), ("x-ms-encryption-algorithm", "AES256")],
        &[("x-ms-encryption-algorithm", "AES256")],
        &[("x-ms-encryption-scope", "scope")],
        &[("x-ms-immutability-policy-until-date", "Wed, 25 Nov 2037 15:27:24 GMT")],
        &[("x-ms-immutability-policy-mode", "unlocked")],
        &[("x-ms-legal-hold", "true")],
        &[("x-ms-source-encryption-key", key)],
    ];
    let source = format!("http://{}/pacs/imaging/a", world.host);
    let append = world.request("PUT", "/imaging/log").header("x-ms-blob-type", "AppendBlob").body("");
    world.send(append).await.ok(201);
    for promise in promises {
        let writes = [
            world.put_blob("/imaging/new", b"x"),
            world.request("PUT", "/imaging/new").query("comp", "block").query("blockid", "MDAwMQ==").body("x"),
            world.request("PUT", "/imaging/new").query("comp", "blocklist").body("<BlockList></BlockList>"),
            world.request("PUT", "/imaging/new").header("x-ms-copy-source", &source).body(""),
            world.request("PUT", "/imaging/log").query("comp", "appendblock").body("x"),
        ];
        for write in writes {
            let answer = world.send(write.headers(promise)).await;
            assert!(matches!(answer.status, 400 | 409 | 501), "{promise:?}: {} {}", answer.status, answer.text());
        }
    }
    let cpk = promises[0];
    for request in [
        world.request("GET", BLOB),
        world.request("HEAD", BLOB),
        world.request("PUT", BLOB).query("comp", "metadata").body(""),
        world.request("PUT", BLOB).query("comp", "snapshot").body(""),
    ] {
        let answer = world.send(request.headers(cpk)).await;
        assert!(matches!(answer.status, 400 | 409), "{}", answer.status);
    }
    world.head("/imaging/new").await.expect(404, "BlobNotFound");
    assert_eq!(world.head("/imaging/log").await.header("content-length"), "0");
    assert_untouched(&world).await;
}

#[tokio::test]
async fn a_snapshot_is_not_written_to() {
    let world = world().await;
    let taken = world.send(world.request("PUT", BLOB).query("comp", "snapshot").body("")).await.ok(201);
    let snapshot = taken.header("x-ms-snapshot").to_owned();
    let put = |comp: &str| world.request("PUT", BLOB).query("comp", comp).query("snapshot", &snapshot).body("");
    for request in [
        world.put_blob(BLOB, b"gone").query("snapshot", &snapshot),
        put("metadata"),
        put("properties"),
        put("snapshot"),
        put("lease").header("x-ms-lease-action", "acquire").header("x-ms-lease-duration", "-1"),
        put("block").query("blockid", "MDAwMQ==").body("x"),
        put("blocklist").body("<BlockList></BlockList>"),
    ] {
        assert_refused(&world.send(request.clone()).await, &request.target());
    }
    assert_untouched(&world).await;
    assert_eq!(world.send(world.request("GET", BLOB).query("snapshot", &snapshot)).await.text(), "abc");
}

#[tokio::test]
async fn names_are_used_as_they_were_signed() {
    let world = world().await;
    let names = [
        "a//b",
        "/a",
        "a/",
        "./a",
        "../billing/a",
        "a/../b",
        "a%2Fb",
        "a?b",
        "a#b",
        "a+b",
        "a b",
        "é",
        "%",
        "a\\b",
        "a.",
        "...",
    ];
    for name in names {
        let path = format!("/imaging/{name}");
        world.put(&path, name.as_bytes()).await.ok(201);
    }
    for name in names {
        let path = format!("/imaging/{name}");
        assert_eq!(world.get(&path).await.text(), name);
        assert_eq!(world.head(&path).await.header("content-length"), name.len().to_string());
        let sneaky = Request::new(&world.viewer, "GET", &format!("/imaging/public/../{name}"));
        let answer = azure_wire::send(&world.host, &world.viewer.sign(sneaky)).await;
        // Dots are letters of a name: this one lies within what the viewer may read, and is not there.
        answer.expect(404, "BlobNotFound");
        let source = format!("http://{}{}", world.host, world.request("GET", &path).path);
        let copy = world.request("PUT", "/imaging/copy").header("x-ms-copy-source", &source).body("");
        world.send(copy).await.ok(202);
        assert_eq!(world.get("/imaging/copy").await.text(), name, "{name:?}");
    }
    let list = world.request("GET", "/imaging").queries(&[("restype", "container"), ("comp", "list")]);
    assert_eq!(world.send(list).await.text().matches("<Name").count(), names.len() + 2);
}

#[tokio::test]
async fn addresses_that_are_none_are_refused() {
    let world = world().await;
    let long = format!("/pacs/imaging/{}", "n".repeat(1025));
    let paths = [
        "/pacs/imaging/%FF",
        "/pacs/imaging/%C0%AF",
        "/pacs/imaging/%",
        "/pacs/imaging/%zz",
        "//imaging/a",
        "/%70acs/imaging/a",
        "/pacs/../stranger/imaging/a",
        "/pacs/%2e%2e/stranger/imaging/a",
        "/pacs/Imaging/a",
        "/pacs/im/a",
        "/pacs/im aging/a",
        "/pacs//a",
        "/PACS/imaging/a",
        "/pacs-tertiary/imaging/a",
        "/",
        long.as_str(),
    ];
    for path in paths {
        if path.contains(' ') {
            continue;
        }
        let request = world.pacs.sign(Request { path: path.into(), ..world.request("GET", "/") });
        let answer = world.raw(&request).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    // An absolute address, as proxies get them, means the same or nothing; never another host.
    let signed = world.pacs.sign(world.request("GET", BLOB));
    let absolute = Request { path: format!("http://evil.example{}", signed.path), ..signed };
    let answer = world.raw(&absolute).await;
    assert!(answer.status != 500 && !answer.text().contains("evil"), "{} {}", answer.status, answer.text());
    for name in ["C", "ab", "a--b", "-ab", "ab-", "a_b", "a.b", &"a".repeat(64), "é"] {
        let create = world.request("PUT", &format!("/{name}")).query("restype", "container").body("");
        let answer = world.send(create).await;
        assert_eq!(answer.status, 400, "{name} {}", answer.text());
    }
    assert_untouched(&world).await;
}

#[tokio::test]
async fn heads_that_are_too_large_or_malformed_end_the_connection() {
    let world = world().await;
    let answer = world.send(world.put_blob("/imaging/b", b"x").header("x-ms-meta-a", &"x".repeat(8 * 1024 + 1))).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "MetadataTooLarge"));
    let many: Vec<(String, String)> = (0..90).map(|n| (format!("x-ms-meta-k{n}"), "x".repeat(100))).collect();
    let mut request = world.put_blob("/imaging/b", b"x");
    request.headers.extend(many);
    let answer = world.send(request).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "MetadataTooLarge"));
    for (name, value) in [("x-ms-meta-", "1"), ("x-ms-meta-1a", "1"), ("x-ms-meta-a-b", "1"), ("x-ms-meta-a", "é")] {
        let answer = world.send(world.put_blob("/imaging/b", b"x").header(name, value)).await;
        assert_eq!(answer.status, 400, "{name} {value}");
    }
    world.head("/imaging/b").await.expect(404, "BlobNotFound");
    let huge = world.pacs.sign(world.request("GET", BLOB).header("x-ms-meta-a", &"x".repeat(1024 * 1024)));
    let answer = world.raw(&huge).await;
    assert!(answer.status == 0 || (400..500).contains(&answer.status), "{}", answer.status);
    let mut lines = world.request("GET", BLOB);
    lines.headers.extend((0..5000).map(|n| (format!("x-{n}"), "x".to_owned())));
    let answer = world.raw(&world.pacs.sign(lines)).await;
    assert!(answer.status == 0 || (400..500).contains(&answer.status), "{}", answer.status);
    let long = format!("GET /pacs/imaging/a?x={} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(1024 * 1024));
    let heads: [&[u8]; 9] = [
        b"GET /pacs/imaging/a\r\n\r\n",
        b"GET /pacs/imaging/a HTTP/9.9\r\nhost: x\r\n\r\n",
        b"GET /pacs/imaging/a HTTP/1.0\r\n\r\n",
        b"GET /pacs/imaging/a HTTP/1.1\r\nconnection: close\r\n\r\n",
        b"GET /pacs/imaging/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-ms-date : now\r\n\r\n",
        b"GET  /pacs/imaging/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\r\n\r\n\r\n",
        long.as_bytes(),
    ];
    for head in heads {
        let mut whole = head.to_vec();
        // So that what is not understood as a head ends.
        whole.extend_from_slice(b"\r\n\r\n");
        let answer = azure_wire::raw(&world.host, &whole, b"").await;
        assert!(answer.status == 0 || (400..500).contains(&answer.status) || answer.status == 505, "{}", answer.status);
    }
    assert_untouched(&world).await;
}

#[tokio::test]
async fn signed_requests_over_http_1_0_are_answered_and_the_connection_ends() {
    let world = world().await;
    let signed = world.pacs.sign(world.request("GET", BLOB));
    let headers: String = signed.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("GET {} HTTP/1.0\r\nhost: {}\r\n{headers}\r\n", signed.target(), world.host);
    let answer = azure_wire::raw(&world.host, head.as_bytes(), b"").await.ok(200);
    assert_eq!(answer.text(), "abc");
}

#[tokio::test]
async fn ranges_of_all_shapes_are_read_alike_or_refused() {
    let world = world().await;
    world.put("/imaging/empty", b"").await.ok(201);
    let get = async |path: &str, range: &str| world.send(world.request("GET", path).header("x-ms-range", range)).await;
    for (range, body) in [("bytes=0-0", "a"), ("bytes=1-", "bc"), ("bytes=0-99", "abc"), ("bytes=2-2", "c")] {
        assert_eq!(get(BLOB, range).await.ok(206).text(), body, "{range}");
    }
    for range in ["bytes=3-", "bytes=3-9", "bytes=99-", "bytes=18446744073709551615-"] {
        let answer = get(BLOB, range).await.expect(416, "InvalidRange");
        assert_eq!(answer.header("content-range"), "bytes */3");
    }
    get("/imaging/empty", "bytes=0-33554431").await.expect(416, "InvalidRange");
    get("/imaging/empty", "bytes=0-").await.expect(416, "InvalidRange");
    // What is no range of Azure's: refused, or the whole; never something else.
    for range in [
        "bytes=-1",
        "bytes=2-1",
        "bytes=0-0,2-2",
        "bytes=a-b",
        "bytes=",
        "bytes=-",
        "items=0-1",
        "bytes",
        "bytes=0-99999999999999999999999",
    ] {
        for name in ["range", "x-ms-range"] {
            let answer = world.send(world.request("GET", BLOB).header(name, range)).await;
            let whole = answer.status == 200 && answer.text() == "abc";
            let clamped = answer.status == 206 && answer.text() == "abc";
            assert!(
                whole || clamped || matches!(answer.status, 400 | 416),
                "{name} {range}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    let md5 = world.request("GET", BLOB).header("x-ms-range-get-content-md5", "true");
    assert_refused(&world.send(md5).await, "an MD5 of a range without a range");
    let both =
        world.request("GET", BLOB).header("x-ms-range", "bytes=0-1").header("x-ms-range-get-content-md5", "true");
    assert_refused(&world.send(both.header("x-ms-range-get-content-crc64", "true")).await, "two digests of a range");
    world.put("/imaging/large", &vec![b'x'; 4 * 1024 * 1024 + 1]).await.ok(201);
    let large = world.request("GET", "/imaging/large").header("x-ms-range", "bytes=0-4194304");
    assert_refused(&world.send(large.header("x-ms-range-get-content-md5", "true")).await, "an MD5 of more than 4 MiB");
}

#[tokio::test]
async fn leases_that_are_none_are_refused_and_the_blob_stays_usable() {
    let world = world().await;
    let lease = |headers: &[(&str, &str)]| world.request("PUT", BLOB).query("comp", "lease").headers(headers).body("");
    for headers in [
        &[][..],
        &[("x-ms-lease-action", "borrow")],
        &[("x-ms-lease-action", "acquire")],
        &[("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "14")],
        &[("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "61")],
        &[("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "0")],
        &[("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-2")],
        &[("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "long")],
        &[("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "99999999999999")],
        &[("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "15"), ("x-ms-proposed-lease-id", "junk")],
        &[("x-ms-lease-action", "renew")],
        &[("x-ms-lease-action", "release")],
        &[("x-ms-lease-action", "change"), ("x-ms-lease-id", "11111111-1111-4111-8111-111111111111")],
        &[("x-ms-lease-action", "break"), ("x-ms-lease-break-period", "61")],
        &[("x-ms-lease-action", "break"), ("x-ms-lease-break-period", "-1")],
        &[("x-ms-lease-action", "break"), ("x-ms-lease-break-period", "soon")],
    ] {
        let answer = world.send(lease(headers)).await;
        assert_eq!(answer.status, 400, "{headers:?} {}", answer.text());
    }
    world.put(BLOB, b"abc").await.ok(201);
    // Ids are GUIDs in any spelling, and one id in all of them.
    const ID: &str = "abcdefab-1111-4111-8111-111111111111";
    let acquire =
        lease(&[("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1"), ("x-ms-proposed-lease-id", ID)]);
    world.send(acquire).await.ok(201);
    world.put(BLOB, b"gone").await.expect(412, "LeaseIdMissing");
    let upper = world.put_blob(BLOB, b"abc").header("x-ms-lease-id", &ID.to_uppercase());
    world.send(upper).await.ok(201);
    assert_untouched(&world).await;
}

#[tokio::test]
async fn copies_come_from_this_gateway_only() {
    let world = world().await;
    let copy = async |source: &str, sync: bool| {
        let request = world.request("PUT", "/imaging/copy").header("x-ms-copy-source", source).body("");
        world.send(if sync { request.header("x-ms-requires-sync", "true") } else { request }).await
    };
    let here = &world.host;
    let sources = [
        "http://169.254.169.254/metadata/identity/oauth2/token".to_owned(),
        "https://example.com/a".into(),
        "http://localhost:1/pacs/imaging/a".into(),
        "file:///etc/passwd".into(),
        "ftp://127.0.0.1/a".into(),
        "gopher://127.0.0.1/a".into(),
        "/pacs/imaging/a".into(),
        "//evil.example/pacs/imaging/a".into(),
        "junk".into(),
        String::new(),
        format!("http://user:password@{here}/pacs/imaging/a"),
        format!("http://{here}@evil.example/pacs/imaging/a"),
        format!("http://evil.example#@{here}/pacs/imaging/a"),
        format!("http://{here}/stranger/imaging/a"),
        format!("http://{here}/viewer/imaging/a"),
        format!("http://{here}/nobody/imaging/a"),
        format!("http://{here}/pacs/imaging"),
        format!("http://{here}/pacs/imaging/a?comp=metadata"),
        format!("http://{here}/pacs/imaging/%FF"),
        format!("http://{here}/pacs/imaging/{}", "n".repeat(4096)),
    ];
    for source in &sources {
        for sync in [false, true] {
            let answer = copy(source, sync).await;
            assert!(!answer.is_success() && answer.status < 500, "{source}: {} {}", answer.status, answer.text());
        }
        let block = world.request("PUT", "/imaging/copy").query("comp", "block").query("blockid", "MDAwMQ==");
        let answer = world.send(block.header("x-ms-copy-source", source).body("")).await;
        assert!(!answer.is_success() && answer.status < 500, "{source}: {}", answer.status);
    }
    world.head("/imaging/copy").await.expect(404, "BlobNotFound");
    copy(&format!("http://{here}/pacs/imaging/a"), false).await.ok(202);
}

#[tokio::test]
async fn lists_with_parameters_that_are_none_are_refused() {
    let world = world().await;
    for query in [
        ("maxresults", "0"),
        ("maxresults", "-1"),
        ("maxresults", "many"),
        ("maxresults", "99999999999999999999"),
        ("include", "everything"),
        ("include", "metadata,everything"),
        ("marker", "junk that no list gave"),
        ("marker", "../../x"),
    ] {
        let list = world.request("GET", "/imaging").queries(&[("restype", "container"), ("comp", "list"), query]);
        let answer = world.send(list).await;
        // A marker may be anybody's, and then it is a place in the list or none.
        assert!(answer.status == 400 || (query.0 == "marker" && answer.status == 200), "{query:?} {}", answer.status);
        let containers = world.request("GET", "/").queries(&[("comp", "list"), query]);
        let answer = world.send(containers).await;
        assert!(answer.status == 400 || (query.0 == "marker" && answer.status == 200), "{query:?} {}", answer.status);
    }
    for expression in [
        "",
        "junk",
        "a",
        "a=",
        "=1",
        "a='1",
        "a='1' OR b='2'",
        "'a'='1'",
        "a='1' AND",
        "@container",
        "a='1';--",
        &"(".repeat(5000),
        &"a='1' AND ".repeat(5000),
    ] {
        let find = world.request("GET", "/").query("comp", "blobs").query("where", expression);
        let answer = world.send(find).await;
        assert!((400..500).contains(&answer.status), "{expression:.40}: {} {}", answer.status, answer.text());
    }
}
