//! What a client may not see it is not told: by searches, lists, markers, copies' sources, and stored policies.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ecluse::gateway::Client;
use ecluse::model::{Action, ClientId, Grant, Principal, TenantId};
use ecluse::secret::SecretText;

use testing::azure::shared_key::{Account, AccountSas, Request, ServiceSas, encoded, iso8601};
use testing::azure::wire::Answer;
use testing::azure::world::AzureWorld;
use testing::s3::world::SECRET;

const EVERYTHING: &[Action] = &[Action::Read, Action::Write, Action::Delete, Action::List, Action::Admin];

fn client(id: &str, prefixes: &[&str], actions: &[Action]) -> Client {
    let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    let grants = vec![Grant::new(&["imaging".to_owned()], prefixes, actions.to_vec())];
    let (id, tenant) = (ClientId::parse(id).unwrap(), TenantId::parse("chum").unwrap());
    Client { principal: Principal::new(id, tenant, grants), secret: SecretText::new(SECRET.into()) }
}

/// The world with `pacs`, and with clients of other rights in the container `imaging` besides.
async fn world(others: Vec<Client>) -> AzureWorld {
    let world = AzureWorld::start().await;
    let all = Principal::new(
        ClientId::parse("pacs").unwrap(),
        TenantId::parse("chum").unwrap(),
        vec![Grant::everywhere(EVERYTHING.to_vec())],
    );
    let pacs = Client { principal: all, secret: SecretText::new(SECRET.into()) };
    world.s3.gateway.clients().replace(others.into_iter().chain([pacs]).collect());
    world
}

async fn ask(world: &AzureWorld, account: &Account, path: &str, query: &[(&str, &str)]) -> Answer {
    world.raw(&account.sign(Request::new(account, "GET", path).queries(query))).await
}

async fn tagged(world: &AzureWorld, path: &str) {
    let put = world.put_blob(path, b"x").header("x-ms-tags", "site=nord").header("x-ms-meta-patient", "Roy");
    world.send(put.header("x-ms-blob-content-type", "application/dicom")).await.ok(201);
}

/// The text of an element, if it is there and not empty.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner.to_owned()).filter(|inner| !inner.is_empty())
}

fn names(text: &str) -> Vec<String> {
    text.split("<Name>").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
}

const LIST: [(&str, &str); 2] = [("restype", "container"), ("comp", "list")];
const SEES: &[Action] = &[Action::Read, Action::List];

#[tokio::test]
async fn a_search_of_the_account_tells_nothing_of_names_that_its_client_may_not_see() {
    let world = world(vec![client("ward", &["mri/"], SEES), client("porter", &[], &[Action::Write])]).await;
    for name in ["lab/Tremblay", "mri/1", "mri/2", "zoo/Gagnon"] {
        tagged(&world, &format!("/imaging/{name}")).await;
    }
    let (ward, porter) = (Account::new("ward", SECRET), Account::new("porter", SECRET));
    let find = [("comp", "blobs"), ("where", "site='nord'"), ("maxresults", "1")];
    let (mut found, mut marker) = (Vec::new(), String::new());
    loop {
        let mut query = find.to_vec();
        if !marker.is_empty() {
            query.push(("marker", &marker));
        }
        let text = ask(&world, &ward, "/", &query).await.ok(200).text();
        let page = names(&text);
        found.extend(page);
        let Some(next) = element(&text, "NextMarker") else { break };
        let held = URL_SAFE_NO_PAD.decode(&next).unwrap();
        for secret in ["lab", "Tremblay", "zoo", "Gagnon", "mri/", "imaging"] {
            let secret = secret.as_bytes();
            assert!(!held.windows(secret.len()).any(|window| window == secret), "{next}");
        }
        marker = next;
    }
    assert_eq!(found, ["mri/1", "mri/2"]);
    ask(&world, &porter, "/", &find).await.expect(403, "AuthorizationPermissionMismatch");
    ask(&world, &porter, "/", &[("comp", "list")]).await.expect(403, "AuthorizationPermissionMismatch");
}

#[tokio::test]
async fn markers_and_tokens_are_sealed_and_serve_their_own_list_only() {
    let world = AzureWorld::start().await;
    world.send(world.request("PUT", "/other").query("restype", "container").body("")).await.ok(201);
    for name in ["patients/Roy", "patients/Tremblay"] {
        tagged(&world, &format!("/imaging/{name}")).await;
        tagged(&world, &format!("/other/{name}")).await;
    }
    let one = |query: &[(&'static str, &'static str)]| [query, &[("maxresults", "1")]].concat();
    let search = |text| [("comp", "blobs"), ("where", text)];
    let lists = [
        ("/imaging", one(&LIST)),
        ("/other", one(&LIST)),
        ("/", one(&[("comp", "list")])),
        ("/", one(&search("site='nord'"))),
        ("/", one(&search("site>'a'"))),
        ("/imaging", one(&[&[("restype", "container")][..], &search("site='nord'")].concat())),
    ];
    let mut markers = Vec::new();
    for (path, query) in &lists {
        let text = ask(&world, &world.pacs, path, query).await.ok(200).text();
        markers.push(element(&text, "NextMarker").unwrap());
    }
    for (at, (path, query)) in lists.iter().enumerate() {
        for (from, marker) in markers.iter().enumerate() {
            let query = [&query[..], &[("marker", marker.as_str())]].concat();
            let answer = ask(&world, &world.pacs, path, &query).await;
            if at == from {
                answer.ok(200);
            } else {
                answer.expect(400, "OutOfRangeInput");
            }
        }
    }
    // Another tenant has a container of that name, too.
    let stranger = &world.stranger;
    let create = Request::new(stranger, "PUT", "/imaging").query("restype", "container").body("");
    world.raw(&stranger.sign(create)).await.ok(201);
    let theirs = [&lists[0].1[..], &[("marker", markers[0].as_str())]].concat();
    ask(&world, stranger, "/imaging", &theirs).await.expect(400, "OutOfRangeInput");
    for marker in &markers {
        let held = URL_SAFE_NO_PAD.decode(marker).unwrap();
        for name in ["patients", "imaging", "other", "Roy"] {
            assert!(!held.windows(name.len()).any(|window| window == name.as_bytes()), "{marker}");
        }
    }

    let objects = [("list-type", "2"), ("max-keys", "1")];
    let s3 = async |path: &str, query: &[(&str, &str)]| world.s3.send("GET", path, query, &[], b"").await;
    let token = element(&s3("/imaging", &objects).await.expect(200, "").text(), "NextContinuationToken").unwrap();
    assert!(!URL_SAFE_NO_PAD.decode(&token).unwrap().windows(3).any(|window| window == b"Roy"));
    let next = [&objects[..], &[("continuation-token", token.as_str())]].concat();
    assert!(s3("/imaging", &next).await.expect(200, "").text().contains("<Key>patients/Tremblay</Key>"));
    s3("/other", &next).await.expect(400, "InvalidArgument");
    let buckets = [("max-buckets", "1")];
    let second = element(&s3("/", &buckets).await.expect(200, "").text(), "ContinuationToken").unwrap();
    let after = |token: &'static str| [("max-buckets", "1"), ("continuation-token", token)];
    let second: &'static str = second.leak();
    assert!(s3("/", &after(second)).await.expect(200, "").text().contains("<Name>other</Name>"));
    for forged in ["imaging", "", &*token.clone().leak(), &*markers[2].clone().leak()] {
        s3("/", &after(forged)).await.expect(400, "InvalidArgument");
    }
    s3("/imaging", &[&objects[..], &[("continuation-token", second)]].concat()).await.expect(400, "InvalidArgument");
}

#[tokio::test]
async fn lists_tell_metadata_tags_and_digests_to_readers_only() {
    let world = world(vec![client("clerk", &[], &[Action::List])]).await;
    tagged(&world, "/imaging/a").await;
    let user = world.request("PUT", "/imaging").queries(&[("restype", "container"), ("comp", "metadata")]);
    world.send(user.header("x-ms-meta-ward", "oncology").body("")).await.ok(200);
    let include = [&LIST[..], &[("include", "metadata,tags,copy")]].concat();
    let plain = [&LIST[..], &[("include", "metadata")]].concat();
    let told = ["Roy", "application/dicom", "Content-MD5", "<Tags>", "TagCount"];
    let kept =
        ["<Name>a</Name>", "<Content-Length>1<", "<Etag>", "<Last-Modified>", "<BlobType>BlockBlob<", "<AccessTier>"];
    let clerk = Account::new("clerk", SECRET);
    let listed = async |answer: Answer| answer.ok(200).text();
    let by_reader = listed(ask(&world, &world.pacs, "/imaging", &include).await).await;
    let by_clerk = listed(ask(&world, &clerk, "/imaging", &include).await).await;
    for text in told {
        assert!(by_reader.contains(text) && !by_clerk.contains(text), "{text}: {by_reader} {by_clerk}");
    }
    for text in kept {
        assert!(by_reader.contains(text) && by_clerk.contains(text), "{text}: {by_clerk}");
    }
    // A signature: `l` lists, `r` reads, `t` is for tags.
    for (letters, query, reads) in
        [("l", &plain, false), ("rl", &plain, true), ("lt", &include, false), ("rlt", &include, true)]
    {
        for sas in [
            world.pacs.service_sas(&ServiceSas::new(letters, "imaging")),
            world.pacs.account_sas(&AccountSas::new(letters, "co")),
        ] {
            let text = listed(world.with_sas(world.request("GET", "/imaging").queries(query), &sas).await).await;
            assert_eq!(text.contains("Roy") && text.contains("Content-MD5"), reads, "{letters}: {text}");
            assert!(text.contains("<Name>a</Name>"), "{letters}");
        }
    }
    let sas = world.pacs.account_sas(&AccountSas::new("rl", "c"));
    let text = listed(world.with_sas(world.request("GET", "/imaging").queries(&plain), &sas).await).await;
    assert!(!text.contains("Roy"), "of containers alone: {text}");

    // The container's own.
    let container = [("restype", "container")];
    let metadata = [("restype", "container"), ("comp", "metadata")];
    assert_eq!(ask(&world, &world.pacs, "/imaging", &metadata).await.ok(200).header("x-ms-meta-ward"), "oncology");
    assert_eq!(ask(&world, &world.pacs, "/imaging", &container).await.ok(200).header("x-ms-meta-ward"), "oncology");
    ask(&world, &clerk, "/imaging", &metadata).await.expect(403, "AuthorizationPermissionMismatch");
    assert_eq!(ask(&world, &clerk, "/imaging", &container).await.ok(200).find("x-ms-meta-ward"), None);
    ask(&world, &clerk, "/imaging", &[("restype", "container"), ("comp", "acl")])
        .await
        .expect(403, "AuthorizationPermissionMismatch");
    let all = [("comp", "list"), ("include", "metadata")];
    assert!(listed(ask(&world, &world.pacs, "/", &all).await).await.contains("oncology"));
    let by_clerk = listed(ask(&world, &clerk, "/", &all).await).await;
    assert!(by_clerk.contains("<Name>imaging</Name>") && !by_clerk.contains("oncology"), "{by_clerk}");
}

#[tokio::test]
async fn a_source_s_tags_are_asked_of_the_source_s_own_proof() {
    let world = AzureWorld::start().await;
    tagged(&world, "/imaging/from").await;
    let source = |letters: &str| {
        let sas = world.pacs.service_sas(&ServiceSas::new(letters, "imaging/from"));
        let query: Vec<String> = sas.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        format!("http://{}/pacs/imaging/from?{}", world.host, query.join("&"))
    };
    let copies: [&[(&str, &str)]; 3] = [&[], &[("x-ms-requires-sync", "true")], &[("x-ms-blob-type", "BlockBlob")]];
    let takes: [(&str, &str); 3] = [
        ("x-ms-copy-source-tag-option", "COPY"),
        ("x-ms-source-if-tags", "\"site\"='nord'"),
        ("x-ms-source-if-tags", "\"site\"='sud'"),
    ];
    // What the request itself may do gives nothing: it is signed by the account's key.
    for copy in copies {
        for (name, value) in takes {
            let copied = async |letters: &str| {
                let request = world.request("PUT", "/imaging/to").headers(copy).header(name, value);
                world.send(request.header("x-ms-copy-source", &source(letters)).body("")).await
            };
            for letters in ["r", "rwd"] {
                copied(letters).await.expect(403, "CannotVerifyCopySource");
            }
            let answer = copied("rt").await;
            if value.contains("sud") {
                answer.expect(412, "SourceConditionNotMet");
            } else {
                assert!(answer.is_success(), "{} {}", answer.status, answer.text());
            }
        }
    }
    assert_eq!(world.head("/imaging/to").await.ok(200).find("x-ms-tag-count"), None, "the last one copied no tags");
    // A target that is written by a signature without `t` may compare the source's tags, if the source's proof may.
    let write = world.pacs.service_sas(&ServiceSas::new("w", "imaging/to"));
    let compare = |letters: &str| {
        let request = world.request("PUT", "/imaging/to").header("x-ms-requires-sync", "true");
        let request = request.header("x-ms-source-if-tags", "\"site\"='nord'");
        request.header("x-ms-copy-source", &source(letters)).body("")
    };
    world.with_sas(compare("rt"), &write).await.ok(202);
    world.with_sas(compare("r"), &write).await.expect(403, "CannotVerifyCopySource");
    // Without a proof of its own the source is read by the request's.
    let own = |letters: &str| world.pacs.service_sas(&ServiceSas::new(letters, "imaging"));
    let plain = || {
        let request = world.request("PUT", "/imaging/to").header("x-ms-source-if-tags", "\"site\"='nord'");
        request.header("x-ms-copy-source", &format!("http://{}/pacs/imaging/from", world.host)).body("")
    };
    world.with_sas(plain(), &own("rw")).await.expect(403, "CannotVerifyCopySource");
    world.with_sas(plain(), &own("rwt")).await.ok(202);
}

#[tokio::test]
async fn who_administers_a_container_does_not_widen_signatures_of_others() {
    let clerk = &[Action::List, Action::Admin];
    let world =
        world(vec![client("clerk", &[], clerk), client("ward", &[], SEES), client("chief", &[], EVERYTHING)]).await;
    world.put("/imaging/a", b"x").await.ok(201);
    let account = |name: &str| Account::new(name, SECRET);
    let later = |hours| iso8601(time::OffsetDateTime::now_utc() + time::Duration::hours(hours));
    let policies = async |by: &Account, policies: &[(&str, &str, &str)]| {
        let item = |(id, expiry, letters): &(&str, &str, &str)| {
            format!(
                "<SignedIdentifier><Id>{id}</Id><AccessPolicy><Expiry>{expiry}</Expiry><Permission>{letters}</Permission>\
                 </AccessPolicy></SignedIdentifier>"
            )
        };
        let text: String = policies.iter().map(item).collect();
        let put = Request::new(by, "PUT", "/imaging").queries(&[("restype", "container"), ("comp", "acl")]);
        let put = put.body(format!("<SignedIdentifiers>{text}</SignedIdentifiers>"));
        world.raw(&by.sign(put)).await.ok(200);
    };
    let by_policy = async |signer: &str, method: &str| {
        let sas = ServiceSas {
            policy: "p".into(),
            permissions: String::new(),
            expiry: String::new(),
            ..ServiceSas::new("", "imaging")
        };
        let signer = account(signer);
        let request = Request::new(&signer, method, "/imaging/a");
        let request = if method == "PUT" { request.header("x-ms-blob-type", "BlockBlob").body("y") } else { request };
        world.with_sas(request, &signer.service_sas(&sas)).await
    };
    let (soon, far) = (later(1), later(10_000));
    // A client that may read lets the bearers of its signatures read, and nobody else's.
    policies(&account("chief"), &[("p", &soon, "r")]).await;
    for signer in ["pacs", "ward", "chief"] {
        by_policy(signer, "GET").await.ok(200);
        by_policy(signer, "PUT").await.expect(403, "AuthorizationPermissionMismatch");
    }
    by_policy("clerk", "GET").await.expect(403, "AuthorizationPermissionMismatch");
    // A client that may administer and not read or write makes nothing of it, for itself or for others.
    policies(&account("clerk"), &[("p", &far, "rwd")]).await;
    for signer in ["pacs", "ward", "chief", "clerk"] {
        for method in ["GET", "PUT"] {
            by_policy(signer, method).await.expect(403, "AuthorizationPermissionMismatch");
        }
    }
    // Sent again as it is, a policy stays that of who set it.
    policies(&account("chief"), &[("p", &far, "rwd")]).await;
    by_policy("pacs", "GET").await.expect(403, "AuthorizationPermissionMismatch");
    policies(&account("chief"), &[("p", &soon, "rwd")]).await;
    by_policy("pacs", "PUT").await.ok(201);
    policies(&account("clerk"), &[("p", &soon, "rwd"), ("q", &far, "r")]).await;
    by_policy("pacs", "PUT").await.ok(201);
    by_policy("ward", "PUT").await.expect(403, "AuthorizationPermissionMismatch");
}
