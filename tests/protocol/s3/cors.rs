//! Pages of other origins: a bucket's rules, preflights, and what answers tell a browser.

use std::fmt::Write as _;

use testing::s3::world::{Answer, World};

const VIEWER: &str = "https://viewer.example";

fn rules(rules: &str) -> String {
    format!("<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{rules}</CORSConfiguration>")
}

fn rule(origin: &str, methods: &[&str]) -> String {
    let mut text = format!("<CORSRule><AllowedOrigin>{origin}</AllowedOrigin>");
    for method in methods {
        write!(text, "<AllowedMethod>{method}</AllowedMethod>").unwrap();
    }
    text + "<AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>range</AllowedHeader><ExposeHeader>ETag</ExposeHeader>\
            <MaxAgeSeconds>600</MaxAgeSeconds></CORSRule>"
}

async fn set(world: &World, document: &str) -> Answer {
    world.send("PUT", "/imaging", &[("cors", "")], &[], document.as_bytes()).await
}

/// As a browser asks: with nothing that says who the page is.
async fn preflight(world: &World, target: &str, headers: &[(&str, &str)]) -> Answer {
    let host = [("host".to_owned(), world.host())];
    let headers: Vec<_> =
        host.into_iter().chain(headers.iter().map(|(name, value)| ((*name).into(), (*value).into()))).collect();
    world.raw("OPTIONS", target, &headers, b"").await
}

fn of<'h>(origin: &'h str, method: &'h str) -> [(&'h str, &'h str); 2] {
    [("origin", origin), ("access-control-request-method", method)]
}

#[tokio::test]
async fn rules_are_given_back_and_go() {
    let world = World::start().await;
    let ask = async |method: &str| world.send(method, "/imaging", &[("cors", "")], &[], b"").await;
    ask("GET").await.expect(404, "NoSuchCORSConfiguration");
    set(&world, &rules(&(rule(VIEWER, &["GET", "HEAD"]) + &rule("*", &["PUT"])))).await.expect(200, "");
    let text = ask("GET").await.expect(200, "").text();
    assert!(text.contains("<AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>range</AllowedHeader>"), "{text}");
    assert!(text.contains("<AllowedMethod>HEAD</AllowedMethod><AllowedOrigin>https://viewer.example<"), "{text}");
    assert!(text.contains("<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds>"), "{text}");
    assert_eq!(text.matches("<CORSRule>").count(), 2);
    // Who may not list is told nothing, who may not administer changes nothing.
    world.send_as(&world.viewer, "GET", "/imaging", &[("cors", "")], &[], b"").await.expect(403, "AccessDenied");
    for (who, method, body) in
        [(&world.writer, "PUT", rules(&rule("*", &["GET"]))), (&world.writer, "DELETE", String::new())]
    {
        let answer = world.send_as(who, method, "/imaging", &[("cors", "")], &[], body.as_bytes()).await;
        answer.expect(403, "AccessDenied");
    }
    assert_eq!(ask("GET").await.text(), text);
    ask("DELETE").await.expect(204, "");
    ask("DELETE").await.expect(204, "");
    ask("GET").await.expect(404, "NoSuchCORSConfiguration");
    let missing = rules(&rule("*", &["GET"]));
    let answer = world.send("PUT", "/missing", &[("cors", "")], &[], missing.as_bytes()).await;
    answer.expect(404, "NoSuchBucket");
}

#[tokio::test]
async fn rules_that_are_none_are_refused() {
    let world = World::start().await;
    for (document, code) in [
        (rules(""), "InvalidRequest"),
        (rules(&rule("*", &["GET"]).repeat(101)), "InvalidRequest"),
        (rules(&rule("https://*.*", &["GET"])), "InvalidRequest"),
        (rules(&rule("*", &["PATCH"])), "InvalidRequest"),
        (rules(&rule("*", &[])), "MalformedXML"),
        (rules(&rule("*", &["GET"]).replace("<MaxAgeSeconds>6", "<MaxAgeSeconds>-6")), "MalformedXML"),
        (rules(&rule("*", &["GET"]).replace("ETag", "x-*")), "InvalidRequest"),
        (rules(&rule("*", &["GET"]).replace("range", "a*b*")), "InvalidRequest"),
        (rules(&rule("*", &["GET"]).replace("range", "a&#13;&#10;b")), "InvalidRequest"),
        (rules("<Else/>"), "MalformedXML"),
        (String::new(), "MalformedXML"),
        (rules(&rule(&format!("https://{}", "a".repeat(64 * 1024)), &["GET"])), "MaxMessageLengthExceeded"),
    ] {
        set(&world, &document).await.expect(400, code);
    }
    set(&world, &rules(&rule("*", &["GET"]).repeat(100))).await.expect(200, "");
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_first_rule_that_fits() {
    let world = World::start().await;
    set(&world, &rules(&(rule(VIEWER, &["GET", "PUT"]) + &rule("*", &["HEAD"])))).await.expect(200, "");
    let asked = [of(VIEWER, "PUT").as_slice(), &[("access-control-request-headers", "x-amz-date, Range")]].concat();
    for target in ["/imaging/a/b?X-Amz-Credential=nobody", "/imaging/k", "/imaging"] {
        let answer = preflight(&world, target, &asked).await.expect(200, "");
        for (name, value) in [
            ("access-control-allow-origin", VIEWER),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-headers", "x-amz-date, Range"),
            ("access-control-max-age", "600"),
            ("access-control-allow-credentials", "true"),
            ("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
        ] {
            assert_eq!(answer.header(name), value, "{target} {name}");
        }
        assert!(answer.body.is_empty());
    }
    let any = preflight(&world, "/imaging/k", &of("https://other.example", "HEAD")).await.expect(200, "");
    assert_eq!(any.header("access-control-allow-origin"), "*");
    assert_eq!(any.header("access-control-allow-credentials"), "");
    for headers in [of("https://other.example", "PUT"), of(VIEWER, "DELETE"), of(VIEWER, "get")] {
        let refused = preflight(&world, "/imaging/k", &headers).await.expect(403, "AccessForbidden");
        assert_eq!(refused.header("access-control-allow-origin"), "");
    }
    let other = [of(VIEWER, "PUT").as_slice(), &[("access-control-request-headers", "authorization")]].concat();
    preflight(&world, "/imaging/k", &other).await.expect(403, "AccessForbidden");
    preflight(&world, "/imaging/k", &[("origin", VIEWER)]).await.expect(400, "BadRequest");
    preflight(&world, "/imaging/k", &[]).await.expect(400, "BadRequest");
}

#[tokio::test]
async fn a_preflight_does_not_tell_which_buckets_there_are() {
    let world = World::start().await;
    let ask = async |target: &str| {
        let answer = preflight(&world, target, &of(VIEWER, "GET")).await.expect(403, "AccessForbidden");
        let mut headers: Vec<_> = answer.headers.clone().into_iter().collect();
        headers.retain(|(name, _)| name != "date" && !name.ends_with("request-id"));
        headers.sort();
        let (text, id) = (answer.text(), answer.header("x-amz-request-id").to_owned());
        (headers, text.replace(&id, ""))
    };
    let (there, gone) = (ask("/imaging/k").await, ask("/missing/k").await);
    assert_eq!(there, gone);
    set(&world, &rules(&rule("https://other.example", &["GET"]))).await.expect(200, "");
    assert_eq!(ask("/imaging/k").await, gone, "rules that do not fit are not told");
    assert_eq!(ask("/").await, gone);
    assert_eq!(ask("/No_Bucket/k").await, gone);
}

#[tokio::test]
async fn answers_to_a_page_tell_it_what_it_may_read() {
    let world = World::start().await;
    world.send("PUT", "/imaging/k", &[], &[], b"slice").await.expect(200, "");
    set(&world, &rules(&rule(VIEWER, &["GET"]))).await.expect(200, "");
    let get = async |path: &str, origin: &str| world.send("GET", path, &[], &[("origin", origin)], b"").await;
    let shared = |answer: &Answer| {
        assert_eq!(answer.header("access-control-allow-origin"), VIEWER);
        assert_eq!(answer.header("access-control-expose-headers"), "ETag");
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        let all = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
        assert_eq!(answer.header("vary"), all, "as S3 says it of each answer that it shares");
    };
    shared(&get("/imaging/k", VIEWER).await.expect(200, ""));
    shared(&get("/imaging/missing", VIEWER).await.expect(404, "NoSuchKey"));
    // A presigned URL, and a signature that is wrong: the page may read why.
    let url = world.signer.presign("GET", &world.host(), "/imaging/k", "60", &[]);
    let headers = |origin: &str| [("host".to_owned(), world.host()), ("origin".to_owned(), origin.to_owned())];
    let answer = world.raw("GET", &url, &headers(VIEWER), b"").await.expect(200, "");
    assert_eq!(answer.text(), "slice");
    shared(&answer);
    shared(&world.raw("GET", &format!("{url}0"), &headers(VIEWER), b"").await.expect(403, "SignatureDoesNotMatch"));
    // Other origins, methods and requests of no page.
    let other = get("/imaging/k", "https://other.example").await.expect(200, "");
    assert_eq!((other.header("access-control-allow-origin"), other.header("vary")), ("", "Origin"));
    let put = world.send("PUT", "/imaging/k", &[], &[("origin", VIEWER)], b"").await.expect(200, "");
    assert_eq!(put.header("access-control-allow-origin"), "");
    let none = world.send("GET", "/imaging/k", &[], &[], b"").await;
    assert_eq!((none.header("access-control-allow-origin"), none.header("vary")), ("", ""));
}

#[tokio::test]
async fn answers_are_shared_by_the_rules_of_the_tenants_own_bucket() {
    let world = World::start().await;
    let foreign = async |method: &str, path: &str, query: &[(&str, &str)], body: &[u8]| {
        world.send_as(&world.stranger, method, path, query, &[], body).await
    };
    foreign("PUT", "/imaging", &[], b"").await.expect(200, "");
    let any = rules(&rule("*", &["GET"]));
    foreign("PUT", "/imaging", &[("cors", "")], any.as_bytes()).await.expect(200, "");
    world.send("PUT", "/imaging/k", &[], &[], b"slice").await.expect(200, "");
    let mine = world.send("GET", "/imaging/k", &[], &[("origin", VIEWER)], b"").await.expect(200, "");
    assert_eq!(mine.header("access-control-allow-origin"), "", "another tenant's rules share nothing of mine");
    let theirs = world.send_as(&world.stranger, "GET", "/imaging/k", &[], &[("origin", VIEWER)], b"").await;
    assert_eq!(theirs.expect(404, "NoSuchKey").header("access-control-allow-origin"), "*");
}
