//! Pages of other origins: the account's rules, preflights, and what answers tell a browser.

use testing::azure::shared_key::{AccountSas, Request, ServiceSas};
use testing::azure::wire::Answer;
use testing::azure::world::AzureWorld;

const VIEWER: &str = "https://viewer.example";
const SERVICE: [(&str, &str); 2] = [("restype", "service"), ("comp", "properties")];

fn rule(origins: &str, methods: &str) -> String {
    format!(
        "<CorsRule><AllowedOrigins>{origins}</AllowedOrigins><AllowedMethods>{methods}</AllowedMethods>\
         <AllowedHeaders>x-ms-*,range</AllowedHeaders><ExposedHeaders>x-ms-meta-*,ETag</ExposedHeaders>\
         <MaxAgeInSeconds>600</MaxAgeInSeconds></CorsRule>"
    )
}

fn properties(rules: &str) -> String {
    format!("<StorageServiceProperties><Cors>{rules}</Cors></StorageServiceProperties>")
}

async fn set(world: &AzureWorld, rules: &str) -> Answer {
    world.send(world.request("PUT", "/").queries(&SERVICE).body(properties(rules))).await
}

/// As a browser asks: with nothing that says who the page is.
async fn preflight(world: &AzureWorld, request: Request, origin: &str, method: &str, headers: &str) -> Answer {
    let request = request.header("origin", origin).header("access-control-request-method", method);
    let request = if headers.is_empty() { request } else { request.header("access-control-request-headers", headers) };
    world.raw(&request).await
}

#[tokio::test]
async fn the_accounts_rules_are_given_back_and_all_else_stays() {
    let world = AzureWorld::start().await;
    let get = async || world.send(world.request("GET", "/").queries(&SERVICE)).await;
    let before = get().await.text();
    assert!(before.contains("<Cors />"), "{before}");
    set(&world, &(rule(VIEWER, "GET,HEAD") + &rule("*", "PUT"))).await.ok(202);
    let after = get().await.text();
    assert_eq!(after.matches("<CorsRule>").count(), 2);
    for part in [
        "<AllowedOrigins>https://viewer.example</AllowedOrigins>",
        "<AllowedMethods>GET,HEAD</AllowedMethods>",
        "<AllowedHeaders>x-ms-*,range</AllowedHeaders>",
        "<ExposedHeaders>x-ms-meta-*,ETag</ExposedHeaders>",
        "<MaxAgeInSeconds>600</MaxAgeInSeconds>",
    ] {
        assert!(after.contains(part), "{part}: {after}");
    }
    // What was read can be set; what leaves the rules out leaves them as they are.
    world.send(world.request("PUT", "/").queries(&SERVICE).body(after.clone())).await.ok(202);
    let silent = "<StorageServiceProperties></StorageServiceProperties>";
    world.send(world.request("PUT", "/").queries(&SERVICE).body(silent)).await.ok(202);
    assert_eq!(get().await.text(), after);
    // What the gateway does not do is refused as a whole.
    let website = "<StaticWebsite><Enabled>true</Enabled></StaticWebsite></StorageServiceProperties>";
    let both = properties("").replace("</StorageServiceProperties>", website);
    let answer = world.send(world.request("PUT", "/").queries(&SERVICE).body(both)).await;
    assert_eq!((answer.status, get().await.text()), (501, after.clone()));
    set(&world, &rule("*", "GET").repeat(6)).await.expect(400, "InvalidXmlNodeValue");
    set(&world, &rule("*", "TRACE")).await.expect(400, "InvalidXmlNodeValue");
    assert_eq!(get().await.text(), after);
    set(&world, "").await.ok(202);
    assert_eq!(get().await.text(), before);
}

#[tokio::test]
async fn only_who_administers_every_container_sets_rules() {
    let world = AzureWorld::start().await;
    for account in [&world.viewer, &world.courier, &world.writer] {
        let request = Request::new(account, "PUT", "/").queries(&SERVICE).body(properties(&rule("*", "GET")));
        let answer = world.raw(&account.sign(request)).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    // A signature that does not reach containers sets none, and may ask for what is so already.
    let put = |rules: &str| world.request("PUT", "/").queries(&SERVICE).body(properties(rules));
    let sas = |types| world.pacs.account_sas(&AccountSas::new("w", types));
    let answer = world.with_sas(put(&rule("*", "GET")), &sas("s")).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    world.with_sas(put(""), &sas("s")).await.ok(202);
    world.with_sas(put(&rule("*", "GET")), &sas("sc")).await.ok(202);
    // Nor does one of who may not.
    let of_writer = world.writer.account_sas(&AccountSas::new("w", "sco"));
    let request = Request::new(&world.writer, "PUT", "/").queries(&SERVICE).body(properties(""));
    let answer = world.with_sas(request, &of_writer).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_first_rule_that_fits() {
    let world = AzureWorld::start().await;
    set(&world, &(rule(VIEWER, "GET,PUT") + &rule("*", "HEAD"))).await.ok(202);
    let options = |path: &str| world.request("OPTIONS", path);
    for path in ["/imaging/a/b", "/missing/k", "/imaging", "/"] {
        let answer = preflight(&world, options(path), VIEWER, "PUT", "x-ms-date, Range").await.ok(200);
        for (name, value) in [
            ("access-control-allow-origin", VIEWER),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-headers", "x-ms-date, Range"),
            ("access-control-max-age", "600"),
            ("access-control-allow-credentials", "true"),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        assert!(answer.body.is_empty() && answer.header("vary").starts_with("Origin"));
    }
    let sas = world.pacs.service_sas(&ServiceSas::new("r", "imaging"));
    let mut signed = options("/imaging/k");
    signed.query.extend(sas);
    preflight(&world, signed, VIEWER, "GET", "").await.ok(200);
    let any = preflight(&world, options("/imaging/k"), "https://other.example", "HEAD", "").await.ok(200);
    assert_eq!((any.header("access-control-allow-origin"), any.find("access-control-allow-credentials")), ("*", None));
    for (origin, method, headers) in [
        ("https://other.example", "PUT", ""),
        (VIEWER, "DELETE", ""),
        (VIEWER, "GET", "authorization"),
        (VIEWER, "GET", &["x-ms-a"; 65].join(",")),
    ] {
        let answer = preflight(&world, options("/imaging/k"), origin, method, headers).await;
        let answer = answer.expect(403, "CorsPreflightFailure");
        assert_eq!(answer.find("access-control-allow-origin"), None);
    }
    world.raw(&options("/imaging/k").header("origin", VIEWER)).await.expect(400, "InvalidHeaderValue");
}

#[tokio::test]
async fn a_preflight_does_not_tell_which_accounts_and_containers_there_are() {
    let world = AzureWorld::start().await;
    let ask = async |path: &str, method: &str| {
        let mut request = world.request("OPTIONS", "/");
        request.path = path.to_owned();
        let answer = preflight(&world, request, VIEWER, method, "").await;
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| name != "date" && name != "x-ms-request-id");
        // The body names the request and the time.
        (answer.outcome(), headers, answer.text().split("RequestId").next().unwrap().to_owned())
    };
    for rules in ["", &rule(VIEWER, "GET")] {
        set(&world, rules).await.ok(202);
        for method in ["GET", "PUT"] {
            let known = ask("/pacs/imaging/k", method).await;
            assert_eq!(known.0 == "200", method == "GET" && !rules.is_empty(), "{known:?}");
            for other in ["/pacs/missing/k", "/pacs", "/stranger/imaging/k", "/nobody/imaging/k"] {
                assert_eq!(ask(other, method).await, known, "{other}");
            }
        }
    }
    // To who is known, an answer is shared by the own account's rules only.
    let mine = Request::new(&world.stranger, "GET", "/imaging/k").header("origin", VIEWER);
    let answer = world.raw(&world.stranger.sign(mine)).await.expect(404, "ContainerNotFound");
    assert_eq!(answer.find("access-control-allow-origin"), None);
}

#[tokio::test]
async fn answers_to_a_page_tell_it_what_it_may_read() {
    let world = AzureWorld::start().await;
    let put = world.put_blob("/imaging/k", b"slice").header("x-ms-meta-study", "1");
    world.send(put).await.ok(201);
    set(&world, &rule(VIEWER, "GET")).await.ok(202);
    let get = |path: &str, origin: &str| world.request("GET", path).header("origin", origin);
    let shared = |answer: &Answer, exposed: &str| {
        assert_eq!(answer.header("access-control-allow-origin"), VIEWER);
        assert_eq!(answer.header("access-control-expose-headers"), exposed);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("vary"), "Origin");
    };
    let sas = world.pacs.service_sas(&ServiceSas::new("r", "imaging"));
    shared(&world.send(get("/imaging/k", VIEWER)).await.ok(200), "ETag, x-ms-meta-study");
    shared(&world.with_sas(get("/imaging/k", VIEWER), &sas).await.ok(200), "ETag, x-ms-meta-study");
    shared(&world.send(get("/imaging/missing", VIEWER)).await.expect(404, "BlobNotFound"), "ETag");
    // A refusal of who is not known: the page may read why.
    shared(&world.raw(&get("/imaging/k", VIEWER)).await, "ETag");
    let other = world.send(get("/imaging/k", "https://other.example")).await.ok(200);
    assert_eq!((other.find("access-control-allow-origin"), other.header("vary")), (None, "Origin"));
    set(&world, &rule("*", "GET")).await.ok(202);
    let any = world.send(get("/imaging/k", VIEWER)).await.ok(200);
    assert_eq!((any.header("access-control-allow-origin"), any.find("vary")), ("*", None));
    assert_eq!(any.find("access-control-allow-credentials"), None);
}

/// The table of "CORS support for Azure Storage": answers to GET and HEAD, with an origin and without, by the rules there are.
#[tokio::test]
async fn answers_say_that_they_vary_where_the_service_says_so() {
    let world = AzureWorld::start().await;
    world.put("/imaging/k", b"slice").await.ok(201);
    let told = async |method: &str, origin: Option<&str>| {
        let request = world.request(method, "/imaging/k");
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        let answer = world.send(request).await.ok(200);
        ["vary", "access-control-allow-origin", "access-control-expose-headers"]
            .map(|name| answer.find(name).map(str::to_owned).unwrap_or_default())
    };
    let exposed = "ETag";
    for (rules, origin, expected) in [
        (String::new(), None, ["", "", ""]),
        (String::new(), Some(VIEWER), ["", "", ""]),
        (rule(VIEWER, "GET,HEAD"), None, ["Origin", "", ""]),
        (rule(VIEWER, "GET,HEAD"), Some(VIEWER), ["Origin", VIEWER, exposed]),
        (rule(VIEWER, "GET,HEAD"), Some("https://other.example"), ["Origin", "", ""]),
        (rule(VIEWER, "PUT"), None, ["Origin", "", ""]),
        (rule("*", "GET,HEAD"), None, ["", "*", exposed]),
        (rule("*", "GET,HEAD"), Some(VIEWER), ["", "*", exposed]),
        (rule("*", "PUT"), Some(VIEWER), ["Origin", "", ""]),
    ] {
        set(&world, &rules).await.ok(202);
        for method in ["GET", "HEAD"] {
            assert_eq!(told(method, origin).await, expected, "{method} {origin:?} {rules}");
        }
    }
    // Answers to other methods are kept by no cache.
    set(&world, &rule(VIEWER, "PUT")).await.ok(202);
    for (origin, shared) in [(VIEWER, Some(VIEWER)), ("https://other.example", None)] {
        let put = world.put_blob("/imaging/k", b"slice").header("origin", origin);
        let answer = world.send(put).await.ok(201);
        assert_eq!((answer.find("access-control-allow-origin"), answer.find("vary")), (shared, None));
    }
}
