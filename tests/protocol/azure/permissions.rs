//! Every letter of a SAS against an operation of each kind: allowed, or `AuthorizationPermissionMismatch`.
//!
//! Source: "Create a service SAS", permissions for a directory, container, or blob; "Create an account SAS", account SAS
//! permissions by operation.

use testing::azure::shared_key::{AccountSas, Request, ServiceSas};
use testing::azure::world::AzureWorld;

const LETTERS: &str = "racwdxyltmeopiuf";

/// An operation on a container or a blob of its own.
struct Case {
    name: &'static str,
    /// Letters of which one is enough.
    allowed: &'static str,
    /// Of an account SAS: the resource type.
    kind: &'static str,
    /// Whether a service SAS can serve at all.
    service: bool,
    request: fn(&AzureWorld, &str) -> Request,
}

const CASES: &[Case] = &[
    Case { name: "Get Blob", allowed: "r", kind: "o", service: true, request: |w, b| w.request("GET", b) },
    Case { name: "Get Blob Properties", allowed: "r", kind: "o", service: true, request: |w, b| w.request("HEAD", b) },
    Case {
        name: "Get Blob Metadata",
        allowed: "r",
        kind: "o",
        service: true,
        request: |w, b| w.request("GET", b).query("comp", "metadata"),
    },
    Case {
        name: "Get Block List",
        allowed: "r",
        kind: "o",
        service: true,
        request: |w, b| w.request("GET", b).query("comp", "blocklist"),
    },
    Case { name: "Put Blob", allowed: "w", kind: "o", service: true, request: |w, b| w.put_blob(b, b"x") },
    Case {
        name: "Put Blob of a new name",
        allowed: "cw",
        kind: "o",
        service: true,
        request: |w, b| w.put_blob(&format!("{b}-new"), b"x"),
    },
    Case {
        name: "Put Block",
        allowed: "w",
        kind: "o",
        service: true,
        request: |w, b| w.request("PUT", b).query("comp", "block").query("blockid", "MDAwMQ==").body("x"),
    },
    Case {
        name: "Put Block List",
        allowed: "w",
        kind: "o",
        service: true,
        request: |w, b| w.request("PUT", b).query("comp", "blocklist").body("<BlockList></BlockList>"),
    },
    Case {
        name: "Set Blob Metadata",
        allowed: "w",
        kind: "o",
        service: true,
        request: |w, b| w.request("PUT", b).query("comp", "metadata").header("x-ms-meta-a", "1").body(""),
    },
    Case {
        name: "Set Blob Properties",
        allowed: "w",
        kind: "o",
        service: true,
        request: |w, b| w.request("PUT", b).query("comp", "properties").body(""),
    },
    Case {
        name: "Set Blob Tier",
        allowed: "w",
        kind: "o",
        service: true,
        request: |w, b| w.request("PUT", b).query("comp", "tier").header("x-ms-access-tier", "Cool").body(""),
    },
    Case {
        name: "Snapshot Blob",
        allowed: "cw",
        kind: "o",
        service: true,
        request: |w, b| w.request("PUT", b).query("comp", "snapshot").body(""),
    },
    Case {
        name: "Append Block",
        allowed: "aw",
        kind: "o",
        service: true,
        request: |w, b| w.request("PUT", &format!("{b}-append")).query("comp", "appendblock").body("x"),
    },
    Case {
        name: "Get Blob Tags",
        allowed: "t",
        kind: "o",
        service: true,
        request: |w, b| w.request("GET", b).query("comp", "tags"),
    },
    Case {
        name: "Set Blob Tags",
        allowed: "t",
        kind: "o",
        service: true,
        request: |w, b| w.request("PUT", b).query("comp", "tags").body("<Tags><TagSet></TagSet></Tags>"),
    },
    Case {
        name: "Delete Blob",
        allowed: "d",
        kind: "o",
        service: true,
        request: |w, b| w.request("DELETE", b).header("x-ms-delete-snapshots", "include"),
    },
    Case {
        name: "Lease Blob (acquire)",
        allowed: "w",
        kind: "o",
        service: true,
        request: |w, b| {
            w.request("PUT", b)
                .query("comp", "lease")
                .headers(&[("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1")])
                .body("")
        },
    },
    Case {
        name: "List Blobs",
        allowed: "l",
        kind: "c",
        service: true,
        request: |w, _| w.request("GET", "/imaging").query("restype", "container").query("comp", "list"),
    },
    Case {
        name: "Find Blobs by Tags",
        allowed: "f",
        kind: "c",
        service: true,
        request: |w, _| {
            w.request("GET", "/imaging").query("restype", "container").query("comp", "blobs").query("where", "a='1'")
        },
    },
    Case {
        name: "List Containers",
        allowed: "l",
        kind: "s",
        service: false,
        request: |w, _| w.request("GET", "/").query("comp", "list"),
    },
    Case {
        name: "Get Blob Service Properties",
        allowed: "r",
        kind: "s",
        service: false,
        request: |w, _| w.request("GET", "/").query("restype", "service").query("comp", "properties"),
    },
    Case {
        name: "Create Container",
        allowed: "cw",
        kind: "c",
        service: false,
        request: |w, _| w.request("PUT", "/billing").query("restype", "container").body(""),
    },
    Case {
        name: "Get Container Properties",
        allowed: "r",
        kind: "c",
        service: false,
        request: |w, _| w.request("HEAD", "/imaging").query("restype", "container"),
    },
    Case {
        name: "Set Container Metadata",
        allowed: "w",
        kind: "c",
        service: false,
        request: |w, _| w.request("PUT", "/imaging").query("restype", "container").query("comp", "metadata").body(""),
    },
    Case {
        name: "Delete Container",
        allowed: "d",
        kind: "c",
        service: false,
        request: |w, _| w.request("DELETE", "/billing").query("restype", "container"),
    },
];

/// As before any of the operations.
async fn prepare(world: &AzureWorld, blob: &str) {
    let container = world.request("PUT", "/billing").query("restype", "container").body("");
    let lease = world.request("PUT", blob).query("comp", "lease");
    let lease = lease.headers(&[("x-ms-lease-action", "break"), ("x-ms-lease-break-period", "0")]).body("");
    world.send(lease).await;
    world.put(blob, b"abc").await.ok(201);
    world.delete(&format!("{blob}-new")).await;
    let append = world.request("PUT", &format!("{blob}-append")).header("x-ms-blob-type", "AppendBlob").body("");
    world.send(append).await.ok(201);
    let delete = world.request("DELETE", "/billing").query("restype", "container");
    world.send(delete).await;
    world.send(container).await;
}

async fn check(world: &AzureWorld, case: &Case, letter: char, sas: &[(String, String)]) {
    let blob = "/imaging/a";
    prepare(world, blob).await;
    if case.name == "Create Container" {
        world.send(world.request("DELETE", "/billing").query("restype", "container")).await.ok(202);
    }
    let answer = world.with_sas((case.request)(world, blob), sas).await;
    let (name, text) = (case.name, answer.text());
    if case.allowed.contains(letter) {
        assert!(answer.is_success(), "{name} with {letter}: {} {text}", answer.status);
    } else {
        // Who may create learns that it would be more.
        let code = if (name, letter) == ("Put Blob", 'c') {
            "UnauthorizedBlobOverwrite"
        } else {
            "AuthorizationPermissionMismatch"
        };
        assert_eq!((answer.status, answer.code().as_str()), (403, code), "{name} with {letter}: {text}");
    }
}

#[tokio::test]
async fn each_letter_of_an_account_signature_allows_what_it_says() {
    let world = AzureWorld::start().await;
    for case in CASES {
        for letter in LETTERS.chars() {
            let sas = world.pacs.account_sas(&AccountSas::new(&letter.to_string(), case.kind));
            check(&world, case, letter, &sas).await;
        }
    }
}

#[tokio::test]
async fn each_letter_of_a_container_signature_allows_what_it_says() {
    let world = AzureWorld::start().await;
    for case in CASES.iter().filter(|case| case.service) {
        for letter in LETTERS.chars() {
            let sas = world.pacs.service_sas(&ServiceSas::new(&letter.to_string(), "imaging"));
            check(&world, case, letter, &sas).await;
        }
    }
}

#[tokio::test]
async fn what_a_request_does_besides_needs_its_own_letter() {
    let world = AzureWorld::start().await;
    world.put("/imaging/source", b"source").await.ok(201);
    let with = async |letters: &str, request: Request| {
        let sas = world.pacs.service_sas(&ServiceSas::new(letters, "imaging"));
        world.with_sas(request, &sas).await
    };
    const REFUSED: (u16, &str) = (403, "AuthorizationPermissionMismatch");
    let tagged = || world.put_blob("/imaging/a", b"x").header("x-ms-tags", "a=1");
    with("w", tagged()).await.expect(REFUSED.0, REFUSED.1);
    with("wt", tagged()).await.ok(201);
    let condition = || world.request("GET", "/imaging/a").header("x-ms-if-tags", "\"a\"='1'");
    with("r", condition()).await.expect(REFUSED.0, REFUSED.1);
    with("rt", condition()).await.ok(200);
    let list = || {
        let request = world.request("GET", "/imaging").query("restype", "container").query("comp", "list");
        request.query("include", "tags")
    };
    with("l", list()).await.expect(REFUSED.0, REFUSED.1);
    with("lt", list()).await.ok(200);
    // A copy reads its source.
    let source = format!("http://{}/pacs/imaging/source", world.host);
    let copy = || world.request("PUT", "/imaging/copy").header("x-ms-copy-source", &source).body("");
    assert_eq!(with("w", copy()).await.status, 403);
    with("rw", copy()).await.ok(202);
    // To break is less than to take.
    let lease = |action: &str| {
        let request = world.request("PUT", "/imaging/a").query("comp", "lease").header("x-ms-lease-action", action);
        request.header("x-ms-lease-duration", "-1").body("")
    };
    with("w", lease("acquire")).await.ok(201);
    with("r", lease("break")).await.expect(REFUSED.0, REFUSED.1);
    let broken =
        world.request("PUT", "/imaging/a").query("comp", "lease").header("x-ms-lease-action", "break").body("");
    with("d", broken).await.ok(202);
    // To create is less than to write: what is there stays.
    assert_eq!(with("c", world.put_blob("/imaging/source", b"gone")).await.status, 403);
    assert_eq!(with("c", copy()).await.status, 403);
    assert_eq!(world.get("/imaging/source").await.text(), "source");
}
