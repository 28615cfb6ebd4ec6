//! Shared access signatures: expired, early, altered, for elsewhere, over-wide.

use time::{Duration, OffsetDateTime};

use super::assert_refused;
use testing::azure::shared_key::{AccountSas, Request, ServiceSas, iso8601};
use testing::azure::world::AzureWorld;

type Query = Vec<(String, String)>;

fn from_now(minutes: i64) -> String {
    iso8601(OffsetDateTime::now_utc() + Duration::minutes(minutes))
}

async fn world() -> AzureWorld {
    let world = AzureWorld::start().await;
    world.put("/imaging/a b+é.dcm", b"abc").await.ok(201);
    world.put("/imaging/other", b"other").await.ok(201);
    world
}

const BLOB: &str = "/imaging/a b+é.dcm";
const RESOURCE: &str = "imaging/a b+é.dcm";

#[tokio::test]
async fn a_signature_of_every_kind_and_version_gets_in() {
    let world = world().await;
    for version in [
        "2015-04-05",
        "2017-11-09",
        "2018-11-09",
        "2019-12-12",
        "2020-12-06",
        "2021-12-02",
        "2023-11-03",
        "2025-11-05",
        "2026-04-06",
        "2026-10-06",
    ] {
        let account = AccountSas { version: version.into(), ..AccountSas::new("r", "o") };
        let get = world.request("GET", BLOB);
        assert_eq!(
            world.with_sas(get.clone(), &world.pacs.account_sas(&account)).await.ok(200).text(),
            "abc",
            "{version}"
        );
        for resource in ["imaging", RESOURCE] {
            let service = ServiceSas { version: version.into(), ..ServiceSas::new("r", resource) };
            let answer = world.with_sas(get.clone(), &world.pacs.service_sas(&service)).await;
            assert_eq!(answer.ok(200).text(), "abc", "{version} {resource}");
        }
    }
}

#[tokio::test]
async fn a_signature_lives_from_its_start_to_its_expiry() {
    let world = world().await;
    for (start, expiry, valid) in [
        (String::new(), from_now(1), true),
        (from_now(-5), from_now(1), true),
        (String::new(), from_now(-1), false),
        (from_now(5), from_now(60), false),
        (from_now(60), from_now(5), false),
        (String::new(), "2020-01-01T00:00:00Z".into(), false),
        (String::new(), "2020-01-01".into(), false),
        (String::new(), "tomorrow".into(), false),
        (String::new(), String::new(), false),
    ] {
        let service = ServiceSas { start: start.clone(), expiry: expiry.clone(), ..ServiceSas::new("r", RESOURCE) };
        let account = AccountSas { start: start.clone(), expiry: expiry.clone(), ..AccountSas::new("r", "o") };
        for sas in [world.pacs.service_sas(&service), world.pacs.account_sas(&account)] {
            let answer = world.with_sas(world.request("GET", BLOB), &sas).await;
            if valid {
                answer.ok(200)
            } else {
                answer.expect(403, "AuthenticationFailed")
            };
        }
    }
}

#[tokio::test]
async fn every_field_of_a_signature_is_signed() {
    let world = world().await;
    let response = ["rscc", "rscd", "rsce", "rscl", "rsct"].map(|name| (name.to_owned(), "a/b".to_owned()));
    let service = ServiceSas {
        start: from_now(-5),
        ip: "127.0.0.1".into(),
        protocol: "https,http".into(),
        response,
        ..ServiceSas::new("r", RESOURCE)
    };
    let account = AccountSas {
        start: from_now(-5),
        ip: "127.0.0.1".into(),
        protocol: "https,http".into(),
        ..AccountSas::new("r", "o")
    };
    for sas in [world.pacs.service_sas(&service), world.pacs.account_sas(&account)] {
        world.with_sas(world.request("GET", BLOB), &sas).await.ok(200);
        for (name, _) in &sas {
            let other = match name.as_str() {
                "sv" => "2023-11-03".to_owned(),
                "sp" => "rwdl".into(),
                "st" => from_now(-10),
                "se" => from_now(600),
                "sip" => "127.0.0.0-127.0.0.255".into(),
                "spr" => "https".into(),
                "sr" => "c".into(),
                "ss" => "bq".into(),
                "srt" => "sco".into(),
                "sig" => testing::azure::shared_key::Account::new("pacs", "c29tZXRoaW5n").signature("x"),
                _ => "c/d".into(),
            };
            let changed: Query = sas
                .iter()
                .map(|(n, value)| (n.clone(), if n == name { other.clone() } else { value.clone() }))
                .collect();
            let answer = world.with_sas(world.request("GET", BLOB), &changed).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "AuthenticationFailed"),
                "{name} {}",
                answer.text()
            );
            let less: Query = sas.iter().filter(|(n, _)| n != name).cloned().collect();
            let answer = world.with_sas(world.request("GET", BLOB), &less).await;
            assert!(matches!(answer.status, 400 | 401 | 403), "without {name}: {}", answer.status);
            assert_refused(&answer, name);
            let mut twice = sas.clone();
            twice.push((name.clone(), other));
            assert_refused(&world.with_sas(world.request("GET", BLOB), &twice).await, &format!("{name} twice"));
        }
    }
}

#[tokio::test]
async fn a_signature_serves_from_where_and_over_what_it_says() {
    let world = world().await;
    let get = async |ip: &str, protocol: &str| {
        let service = ServiceSas { ip: ip.into(), protocol: protocol.into(), ..ServiceSas::new("r", RESOURCE) };
        world.with_sas(world.request("GET", BLOB), &world.pacs.service_sas(&service)).await
    };
    get("127.0.0.1", "").await.ok(200);
    get("127.0.0.0-127.0.0.9", "https,http").await.ok(200);
    get("10.0.0.1", "").await.expect(403, "AuthorizationSourceIPMismatch");
    get("10.0.0.1-10.0.0.9", "").await.expect(403, "AuthorizationSourceIPMismatch");
    get("", "https").await.expect(403, "AuthorizationProtocolMismatch");
    // What the client says of itself does not count.
    let service = ServiceSas { ip: "10.0.0.1".into(), ..ServiceSas::new("r", RESOURCE) };
    let forwarded =
        world.request("GET", BLOB).header("x-forwarded-for", "10.0.0.1").header("forwarded", "for=10.0.0.1");
    let answer = world.with_sas(forwarded, &world.pacs.service_sas(&service)).await;
    answer.expect(403, "AuthorizationSourceIPMismatch");
}

#[tokio::test]
async fn a_signature_serves_for_its_resource_and_nothing_beside() {
    let world = world().await;
    let container = Request { method: "PUT".into(), ..world.request("PUT", "/billing").query("restype", "container") };
    world.send(container.body("")).await.ok(201);
    world.put("/billing/a", b"abc").await.ok(201);
    let everything = "racwdxyltmeopi";
    let blob = world.pacs.service_sas(&ServiceSas::new("rwd", RESOURCE));
    for path in ["/imaging/other", "/billing/a b+é.dcm", "/imaging/a b", "/imaging/a b+é.dcm/", "/imaging/A b+é.dcm"]
    {
        let answer = world.with_sas(world.request("GET", path), &blob).await;
        answer.expect(403, "AuthenticationFailed");
    }
    let whole = world.pacs.service_sas(&ServiceSas::new(everything, "imaging"));
    world.with_sas(world.request("GET", "/billing/a"), &whole).await.expect(403, "AuthenticationFailed");
    let list = |path: &str| world.request("GET", path).queries(&[("restype", "container"), ("comp", "list")]);
    world.with_sas(list("/imaging"), &whole).await.ok(200);
    world.with_sas(list("/billing"), &whole).await.expect(403, "AuthenticationFailed");
    // Over-wide: what a service SAS can never do, whatever its letters.
    let query = |method: &str, path: &str, query: &[(&str, &str)]| {
        let request = world.request(method, path).queries(query);
        if method == "PUT" { request.body("") } else { request }
    };
    for request in [
        query("GET", "/", &[("comp", "list")]),
        query("DELETE", "/imaging", &[("restype", "container")]),
        query("GET", "/imaging", &[("restype", "container"), ("comp", "acl")]),
        query("PUT", "/imaging", &[("restype", "container"), ("comp", "acl")]),
        query("PUT", "/imaging", &[("restype", "container"), ("comp", "metadata")]),
        query("GET", "/imaging", &[("restype", "container")]),
        query("GET", "/", &[("restype", "service"), ("comp", "properties")]),
    ] {
        let answer = world.with_sas(request.clone(), &whole).await;
        assert_eq!(answer.status, 403, "{:?} {}", request, answer.text());
    }
    // A SAS of one blob does not list.
    let all = world.pacs.service_sas(&ServiceSas::new(everything, RESOURCE));
    let answer = world.with_sas(list("/imaging"), &all).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
}

#[tokio::test]
async fn a_signature_is_never_wider_than_the_client_that_signed_it() {
    let world = world().await;
    world.put("/imaging/public/a", b"public").await.ok(201);
    let viewer = |method: &str, path: &str| Request::new(&world.viewer, method, path);
    let sas = [
        world.viewer.account_sas(&AccountSas::new("rwdlactf", "sco")),
        world.viewer.service_sas(&ServiceSas::new("rwdlact", "imaging")),
    ];
    for sas in &sas {
        world.with_sas(viewer("GET", "/imaging/public/a"), sas).await.ok(200);
        let put = viewer("PUT", "/imaging/public/b").header("x-ms-blob-type", "BlockBlob").body("x");
        for request in [
            viewer("GET", "/imaging/other"),
            viewer("DELETE", "/imaging/public/a"),
            put,
            viewer("GET", "/imaging").queries(&[("restype", "container"), ("comp", "list")]),
        ] {
            let answer = world.with_sas(request.clone(), sas).await;
            answer.expect(403, "AuthorizationPermissionMismatch");
        }
    }
    // One client's SAS is none of another's account.
    for sas in &sas {
        let answer = world.with_sas(world.request("GET", "/imaging/public/a"), sas).await;
        answer.expect(403, "AuthenticationFailed");
    }
}

#[tokio::test]
async fn services_and_resource_types_are_fences() {
    let world = world().await;
    let get = async |services: &str, types: &str| {
        let sas = AccountSas { services: services.into(), ..AccountSas::new("rl", types) };
        world.with_sas(world.request("GET", BLOB), &world.pacs.account_sas(&sas)).await
    };
    get("bqtf", "sco").await.ok(200);
    get("q", "o").await.expect(403, "AuthorizationServiceMismatch");
    get("b", "c").await.expect(403, "AuthorizationResourceTypeMismatch");
    get("b", "s").await.expect(403, "AuthorizationResourceTypeMismatch");
    get("b", "z").await.expect(403, "AuthenticationFailed");
    get("z", "o").await.expect(403, "AuthenticationFailed");
    let list = async |types: &str| {
        let sas = world.pacs.account_sas(&AccountSas::new("rl", types));
        world.with_sas(world.request("GET", "/").query("comp", "list"), &sas).await
    };
    list("s").await.ok(200);
    list("c").await.expect(403, "AuthorizationResourceTypeMismatch");
    list("o").await.expect(403, "AuthorizationResourceTypeMismatch");
}

#[tokio::test]
async fn a_stored_policy_ends_with_its_deletion() {
    let world = world().await;
    let acl = |xml: &str| {
        let request = world.request("PUT", "/imaging").queries(&[("restype", "container"), ("comp", "acl")]);
        request.body(format!("<SignedIdentifiers>{xml}</SignedIdentifiers>"))
    };
    let policy = |expiry: &str, permission: &str| {
        format!(
            "<SignedIdentifier><Id>ward</Id><AccessPolicy><Expiry>{expiry}</Expiry><Permission>{permission}</Permission></AccessPolicy></SignedIdentifier>"
        )
    };
    let named = ServiceSas {
        policy: "ward".into(),
        permissions: String::new(),
        expiry: String::new(),
        ..ServiceSas::new("", "imaging")
    };
    let get = async |sas: &ServiceSas| world.with_sas(world.request("GET", BLOB), &world.pacs.service_sas(sas)).await;
    get(&named).await.expect(403, "AuthenticationFailed");
    world.send(acl(&policy(&from_now(60), "r"))).await.ok(200);
    get(&named).await.ok(200);
    // What is in the policy cannot be in the token, too.
    get(&ServiceSas { permissions: "rwd".into(), ..named.clone() }).await.expect(403, "AuthenticationFailed");
    get(&ServiceSas { expiry: from_now(600), ..named.clone() }).await.expect(403, "AuthenticationFailed");
    world.send(acl(&policy(&from_now(-1), "r"))).await.ok(200);
    get(&named).await.expect(403, "AuthenticationFailed");
    world.send(acl(&policy(&from_now(60), "w"))).await.ok(200);
    get(&named).await.expect(403, "AuthorizationPermissionMismatch");
    world.send(acl("")).await.ok(200);
    get(&named).await.expect(403, "AuthenticationFailed");
}

#[tokio::test]
async fn a_signature_lays_down_headers_of_the_answer() {
    let world = world().await;
    let values = ["no-store", "attachment; filename=x", "identity", "fr", "text/x"];
    let names = ["rscc", "rscd", "rsce", "rscl", "rsct"];
    let response = std::array::from_fn(|at| (names[at].to_owned(), values[at].to_owned()));
    let sas = world.pacs.service_sas(&ServiceSas { response, ..ServiceSas::new("r", RESOURCE) });
    let answer = world.with_sas(world.request("GET", BLOB), &sas).await.ok(200);
    let headers = ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type"];
    for (name, value) in headers.iter().zip(values) {
        assert_eq!(answer.header(name), value, "{name}");
    }
    // No line of a client's choosing gets into the answer.
    let response = names.map(|name| (name.to_owned(), "a\r\nx-injected: 1".to_owned()));
    let sas = world.pacs.service_sas(&ServiceSas { response, ..ServiceSas::new("r", RESOURCE) });
    let answer = world.with_sas(world.request("GET", BLOB), &sas).await;
    assert!(answer.find("x-injected").is_none() && answer.status != 500, "{:?}", answer.headers);
}

#[tokio::test]
async fn a_key_and_a_signature_at_once_are_refused() {
    let world = world().await;
    let sas = world.pacs.service_sas(&ServiceSas::new("r", RESOURCE));
    let mut request = world.request("GET", BLOB);
    request.query.extend(sas);
    assert_refused(&world.send(request).await, "both");
}
