//! Answers that are built whole and may be large: each holds a share of the memory. (A debug build ends a request whose answer is
//! large and holds none: `src/front/reply.rs`.)

use std::fmt::Write as _;

use testing::azure::world::AzureWorld;
use testing::s3::world::World;

/// What an answer may be without a share.
const SMALL: usize = 64 * 1024;

#[tokio::test]
async fn what_became_of_a_thousand_keys_is_told_within_a_share() {
    let world = World::start().await;
    // Each byte of the names takes five in the answer.
    let (keys, name) = (1_000, "&amp;".repeat(900));
    let mut xml = String::from("<Delete>");
    for number in 0..keys {
        write!(xml, "<Object><Key>{name}{number}</Key></Object>").unwrap();
    }
    xml.push_str("</Delete>");
    let digest = super::s3::base64_sha256(xml.as_bytes());
    let sums = [("x-amz-checksum-sha256", digest.as_str())];
    // Of who may delete them, and of who may not: the longest answers.
    for who in [&world.signer, &world.courier] {
        let answer = world.send_as(who, "POST", "/imaging", &[("delete", "")], &sums, xml.as_bytes()).await;
        let text = answer.text();
        assert_eq!((answer.status, text.matches("<Key>").count()), (200, keys), "{} bytes", text.len());
        assert!(text.len() > 4_000_000);
    }
    assert_eq!(world.gateway.budget().used_bytes(), 0);
}

#[tokio::test]
async fn rules_for_other_origins_are_told_within_a_share() {
    let world = World::start().await;
    // Ids of what takes four times as much in an answer.
    let rule = format!(
        "<CORSRule><ID>{}</ID><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>",
        ">".repeat(255)
    );
    let document = format!("<CORSConfiguration>{}</CORSConfiguration>", rule.repeat(100));
    assert!(document.len() < SMALL);
    world.send("PUT", "/imaging", &[("cors", "")], &[], document.as_bytes()).await.expect(200, "");
    let answer = world.send("GET", "/imaging", &[("cors", "")], &[], b"").await.expect(200, "");
    assert_eq!(answer.text().matches("<CORSRule>").count(), 100);
    assert!(answer.body.len() > SMALL, "{} bytes", answer.body.len());
}

#[tokio::test]
async fn what_became_of_a_batch_is_told_within_a_share() {
    let world = AzureWorld::start().await;
    let mut body = String::new();
    for number in 0..256 {
        let delete = world.request("DELETE", &format!("/imaging/missing-{number}")).header("content-length", "0");
        let delete = world.pacs.sign(delete);
        write!(body, "--b\r\ncontent-type: application/http\r\ncontent-id: {number}\r\n\r\n").unwrap();
        write!(body, "DELETE {} HTTP/1.1\r\n", delete.target()).unwrap();
        for (name, value) in &delete.headers {
            write!(body, "{name}: {value}\r\n").unwrap();
        }
        body.push_str("\r\n\r\n");
    }
    body.push_str("--b--\r\n");
    let request = world.request("POST", "/").query("comp", "batch");
    let answer = world.send(request.header("content-type", "multipart/mixed; boundary=b").body(body)).await.ok(202);
    assert_eq!(answer.text().matches("HTTP/1.1 404").count(), 256);
    assert!(answer.body.len() > SMALL, "{} bytes", answer.body.len());
    assert_eq!(world.s3.gateway.budget().used_bytes(), 0);
}

#[tokio::test]
async fn the_parts_of_an_object_are_told_within_a_share() {
    let world = World::built(ecluse::front::s3::S3Settings::default(), 1).await;
    let begun = world.send("POST", "/imaging/study", &[("uploads", "")], &[], b"").await.expect(200, "").text();
    let id = begun.split_once("<UploadId>").unwrap().1.split('<').next().unwrap().to_owned();
    let mut list = String::from("<CompleteMultipartUpload>");
    for number in 9_001..=10_000 {
        let number = number.to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", id.as_str())];
        let part = world.send("PUT", "/imaging/study", &query, &[], b"x").await.expect(200, "");
        write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", part.header("etag")).unwrap();
    }
    list.push_str("</CompleteMultipartUpload>");
    let query = [("uploadId", id.as_str())];
    world.send("POST", "/imaging/study", &query, &[], list.as_bytes()).await.expect(200, "");
    let wanted = [("x-amz-object-attributes", "ObjectParts")];
    let text = world.send("GET", "/imaging/study", &[("attributes", "")], &wanted, b"").await.expect(200, "").text();
    assert_eq!(text.matches("<Part>").count(), 1_000, "{} bytes", text.len());
    assert_eq!(world.gateway.budget().used_bytes(), 0);
}

/// What holds no share is small, whatever a client stored.
#[tokio::test]
async fn tags_and_policies_are_small_however_large_they_may_be() {
    let world = AzureWorld::start().await;
    world.put("/imaging/a", b"x").await.ok(201);
    // Ten tags as long as they may be.
    let tags: String = (0..10)
        .map(|tag| format!("<Tag><Key>{}{tag}</Key><Value>{}</Value></Tag>", "k".repeat(127), "+".repeat(256)))
        .collect();
    let set = world.request("PUT", "/imaging/a").query("comp", "tags");
    world.send(set.body(format!("<Tags><TagSet>{tags}</TagSet></Tags>"))).await.ok(204);
    let of_azure = world.send(world.request("GET", "/imaging/a").query("comp", "tags")).await.ok(200);
    let of_s3 = world.s3.send("GET", "/imaging/a", &[("tagging", "")], &[], b"").await.expect(200, "");
    // Five policies, with ids as long as they may be, of what takes five bytes each.
    let policy = |number: usize| {
        let id = format!("{}{number}", "&amp;".repeat(63));
        let times = "<Start>2026-01-01T00:00:00.0000000Z</Start><Expiry>2027-01-01T00:00:00.0000000Z</Expiry>";
        format!(
            "<SignedIdentifier><Id>{id}</Id><AccessPolicy>{times}<Permission>racwdl</Permission></AccessPolicy></SignedIdentifier>"
        )
    };
    let policies: String = (0..5).map(policy).collect();
    let container = || world.request("PUT", "/imaging").queries(&[("restype", "container"), ("comp", "acl")]);
    let document = format!("<SignedIdentifiers>{policies}</SignedIdentifiers>");
    world.send(container().body(document)).await.ok(200);
    let acl = world.request("GET", "/imaging").queries(&[("restype", "container"), ("comp", "acl")]);
    let acl = world.send(acl).await.ok(200);
    for bytes in [of_azure.body.len(), of_s3.body.len(), acl.body.len()] {
        assert!((1_000..SMALL).contains(&bytes), "{bytes} bytes");
    }
}
