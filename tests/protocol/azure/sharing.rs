//! The same objects through both fronts: what is written by one protocol, read, listed, copied and changed by the other. Held
//! against the table in `docs/compatibility/azure.md`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ecluse::front::azure::AzureSettings;
use md5::{Digest, Md5};

use testing::azure::wire::Answer;
use testing::azure::world::AzureWorld;
use testing::s3::world as s3_world;

const KEY: &str = "/imaging/irm/é 1.dcm";
const TEXT: &[u8] = b"one object, two protocols";

/// Both fronts, about one object.
trait Both {
    async fn s3(&self, method: &str, query: &[(&str, &str)], headers: &[(&str, &str)], body: &[u8])
    -> s3_world::Answer;
    async fn s3_at(
        &self,
        path: &str,
        method: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> s3_world::Answer;
    async fn change(&self, comp: &str, headers: &[(&str, &str)], body: &str) -> Answer;
    async fn azure_names(&self, include: &str) -> Vec<String>;
    async fn s3_names(&self) -> Vec<String>;
}

impl Both for AzureWorld {
    async fn s3(
        &self,
        method: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> s3_world::Answer {
        self.s3_at(KEY, method, query, headers, body).await
    }

    async fn s3_at(
        &self,
        path: &str,
        method: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> s3_world::Answer {
        self.s3.send(method, path, query, headers, body).await
    }

    async fn change(&self, comp: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send(self.request("PUT", KEY).query("comp", comp).headers(headers).body(body)).await
    }

    async fn azure_names(&self, include: &str) -> Vec<String> {
        let list = self.request("GET", "/imaging").queries(&[("restype", "container"), ("comp", "list")]);
        let list = if include.is_empty() { list } else { list.query("include", include) };
        let text = self.send(list).await.ok(200).text();
        text.split("<Name>").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
    }

    async fn s3_names(&self) -> Vec<String> {
        let text = self.s3_at("/imaging", "GET", &[("list-type", "2")], &[], b"").await.expect(200, "").text();
        text.split("<Key>").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
    }
}

#[tokio::test]
async fn what_azure_puts_s3_reads_lists_and_copies() {
    let world = AzureWorld::start().await;
    let put = world.put_blob(KEY, TEXT).headers(&[
        ("x-ms-blob-content-type", "application/dicom"),
        ("x-ms-blob-cache-control", "no-store"),
        ("x-ms-meta-Patient", "Roy"),
        ("x-ms-tags", "site=nord&annee=2026"),
    ]);
    world.send(put).await.ok(201);
    let azure = world.get(KEY).await.ok(200);
    for method in ["GET", "HEAD"] {
        let s3 = world.s3(method, &[], &[], b"").await.expect(200, "");
        assert_eq!(s3.body, if method == "GET" { TEXT } else { b"" });
        for header in ["content-length", "content-type", "cache-control", "last-modified"] {
            assert_eq!(s3.header(header), azure.header(header), "{header}");
        }
        assert_eq!((s3.header("x-amz-meta-patient"), s3.header("x-amz-tagging-count")), ("Roy", "2"));
    }
    assert_eq!(world.s3_names().await, world.azure_names("").await);
    world
        .s3_at("/imaging/copy", "PUT", &[], &[("x-amz-copy-source", "imaging/irm/%C3%A9%201.dcm")], b"")
        .await
        .expect(200, "");
    let copy = world.get("/imaging/copy").await.ok(200);
    assert_eq!((copy.body.as_slice(), copy.header("x-ms-meta-patient")), (TEXT, "Roy"));
    assert_eq!(copy.header("x-ms-tag-count"), "2");
    // Through S3 with other metadata: tags are apart, and stay.
    let replaced = [
        ("x-amz-copy-source", "imaging/irm/%C3%A9%201.dcm"),
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-meta-site", "sud"),
    ];
    world.s3("PUT", &[], &replaced, b"").await.expect(200, "");
    let changed = world.head(KEY).await.ok(200);
    assert_eq!((changed.header("x-ms-meta-site"), changed.find("x-ms-meta-patient")), ("sud", None));
    assert_eq!(changed.header("x-ms-tag-count"), "2");
}

#[tokio::test]
async fn what_s3_puts_azure_reads_lists_and_copies() {
    let world = AzureWorld::start().await;
    let headers = [
        ("content-type", "application/dicom"),
        ("content-disposition", "attachment"),
        ("expires", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("x-amz-meta-patient", "=?UTF-8?B?w4lsb8Ovc2U=?="),
        ("x-amz-meta-not-an-identifier", "shown"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-tagging", "site=nord"),
    ];
    let put = world.s3("PUT", &[], &headers, TEXT).await.expect(200, "");
    let azure = world.get(KEY).await.ok(200);
    assert_eq!(azure.body, TEXT);
    assert_eq!(azure.header("content-type"), "application/dicom");
    assert_eq!(azure.header("content-disposition"), "attachment");
    assert_eq!(azure.header("x-ms-blob-type"), "BlockBlob");
    assert_eq!(world.head(KEY).await.header("x-ms-access-tier"), "Hot", "a storage class is no tier");
    assert_eq!(azure.header("x-ms-meta-not-an-identifier"), "shown");
    assert_eq!(azure.header("x-ms-meta-patient"), "=?UTF-8?B?w4lsb8Ovc2U=?=");
    assert_eq!(azure.header("x-ms-tag-count"), "1");
    // S3's ETag of a simple object is its MD5, in hex.
    let md5 = STANDARD.encode(hex::decode(put.header("etag").trim_matches('"')).unwrap());
    assert_eq!(azure.header("content-md5"), md5);
    assert_eq!(world.azure_names("").await, world.s3_names().await);
    let source = format!("http://{}{}", world.host, world.request("GET", KEY).path);
    world.send(world.request("PUT", "/imaging/copy").header("x-ms-copy-source", &source).body("")).await.ok(202);
    let copy = world.s3_at("/imaging/copy", "GET", &[], &[], b"").await.expect(200, "");
    assert_eq!((copy.body.as_slice(), copy.header("content-type")), (TEXT, "application/dicom"));
    assert_eq!(copy.header("etag"), put.header("etag"), "the content is the same");
    // What Azure has no header for stays when properties are set.
    world.change("properties", &[("x-ms-blob-content-type", "text/plain")], "").await.ok(200);
    let head = world.s3("HEAD", &[], &[], b"").await.expect(200, "");
    assert_eq!((head.header("content-type"), head.header("expires")), ("text/plain", headers[2].1));
    assert_eq!(head.header("x-amz-storage-class"), "STANDARD_IA");
    assert_eq!(head.header("content-disposition"), "", "Set Blob Properties leaves out what it does not name");
    world.change("tier", &[("x-ms-access-tier", "Archive")], "").await.ok(200);
    world.get(KEY).await.expect(409, "BlobArchived");
    world.s3("GET", &[], &[], b"").await.expect(200, "");
}

#[tokio::test]
async fn tags_of_content_and_of_state_serve_both_and_change_as_they_should() {
    let world = AzureWorld::start().await;
    world.put(KEY, TEXT).await.ok(201);
    let tags = async || {
        let azure = world.head(KEY).await.ok(200).header("etag").to_owned();
        (azure, world.s3("HEAD", &[], &[], b"").await.expect(200, "").header("etag").to_owned())
    };
    let (state, content) = tags().await;
    assert!(state.starts_with("\"0x") && content.len() == 34, "{state} {content}");
    for tag in [&state, &content] {
        world.send(world.request("GET", KEY).header("if-match", tag)).await.ok(200);
        world.s3("GET", &[], &[("if-match", tag)], b"").await.expect(200, "");
        assert_eq!(world.send(world.request("GET", KEY).header("if-none-match", tag)).await.status, 304);
        assert_eq!(world.s3("GET", &[], &[("if-none-match", tag)], b"").await.status, 304);
    }
    world.change("tags", &[], "<Tags><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tags>").await.ok(204);
    world.change("tier", &[("x-ms-access-tier", "Cool")], "").await.ok(200);
    let acquire = [("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "15")];
    world.change("lease", &acquire, "").await.ok(201);
    assert_eq!(tags().await, (state.clone(), content.clone()));
    world.change("lease", &[("x-ms-lease-action", "break"), ("x-ms-lease-break-period", "0")], "").await.ok(202);
    world.change("metadata", &[("x-ms-meta-a", "1")], "").await.ok(200);
    let (changed, same) = tags().await;
    assert_ne!(changed, state);
    assert_eq!(same, content);
    // The old state is gone for both: what an Azure client was shown no longer serves.
    world.send(world.put_blob(KEY, b"x").header("if-match", &state)).await.expect(412, "ConditionNotMet");
    world.s3("PUT", &[], &[("if-match", &state)], b"x").await.expect(412, "PreconditionFailed");
    world.s3("PUT", &[], &[("if-match", &changed)], b"another").await.expect(200, "");
    assert_eq!(world.get(KEY).await.ok(200).body, b"another");
}

#[tokio::test]
async fn tags_are_the_same_through_both() {
    let world = AzureWorld::start().await;
    world.put(KEY, TEXT).await.ok(201);
    let before = world.head(KEY).await;
    let tagging = |pairs: &[(&str, &str)]| {
        let tags: String =
            pairs.iter().map(|(name, value)| format!("<Tag><Key>{name}</Key><Value>{value}</Value></Tag>")).collect();
        format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
    };
    let md5 = |body: &str| STANDARD.encode(Md5::digest(body));
    let set = async |pairs: &[(&str, &str)]| {
        let body = tagging(pairs);
        world.s3("PUT", &[("tagging", "")], &[("content-md5", &md5(&body))], body.as_bytes()).await
    };
    set(&[("site", "nord"), ("courriel", "a@chum"), ("hélène", "")]).await.expect(200, "");
    let azure = world.send(world.request("GET", KEY).query("comp", "tags")).await.ok(200).text();
    assert!(azure.contains("<Key>courriel</Key><Value>a@chum</Value>") && azure.contains("hélène"), "{azure}");
    let after = world.head(KEY).await;
    assert_eq!(
        (after.header("etag"), after.header("last-modified")),
        (before.header("etag"), before.header("last-modified"))
    );
    let find = world.request("GET", "/").query("comp", "blobs").query("where", "\"site\"='nord'");
    assert!(world.send(find).await.ok(200).text().contains("<Value>nord</Value>"));
    world
        .change("tags", &[], "<Tags><TagSet><Tag><Key>site</Key><Value>sud</Value></Tag></TagSet></Tags>")
        .await
        .ok(204);
    let s3 = world.s3("GET", &[("tagging", "")], &[], b"").await.expect(200, "").text();
    assert!(s3.contains("<Key>site</Key>") && s3.contains("<Value>sud</Value>") && !s3.contains("courriel"), "{s3}");
    world.s3("DELETE", &[("tagging", "")], &[], b"").await.expect(204, "");
    assert_eq!(world.head(KEY).await.find("x-ms-tag-count"), None);

    set(&[("a", "1"), ("a", "2")]).await.expect(400, "InvalidTag");
    set(&[("a'b", "1")]).await.expect(400, "InvalidTag");
    let many: Vec<String> = (0..11).map(|n| n.to_string()).collect();
    set(&many.iter().map(|name| (name.as_str(), "1")).collect::<Vec<_>>()).await.expect(400, "BadRequest");
    let body = tagging(&[("a", "1")]);
    world.s3("PUT", &[("tagging", "")], &[], body.as_bytes()).await.expect(400, "InvalidRequest");
    world.s3("PUT", &[("tagging", "")], &[("content-md5", &md5("x"))], body.as_bytes()).await.expect(400, "BadDigest");
    world.s3("PUT", &[("tagging", "")], &[("content-md5", &md5("<x>"))], b"<x>").await.expect(400, "MalformedXML");
    world.s3_at("/imaging/none", "GET", &[("tagging", "")], &[], b"").await.expect(404, "NoSuchKey");
    world.s3_at("/imaging", "GET", &[("tagging", "")], &[], b"").await.expect(404, "NoSuchTagSet");
    for method in ["GET", "HEAD", "DELETE"] {
        assert_eq!(world.s3(method, &[], &[("x-amz-tagging", "a=1")], b"").await.status, 501, "{method}");
    }
    assert_eq!(world.head(KEY).await.find("x-ms-tag-count"), None, "nothing refused was kept");
}

#[tokio::test]
async fn who_may_not_write_sets_no_tags_and_who_may_not_read_sees_none() {
    let world = AzureWorld::start().await;
    for path in ["/imaging/public/a", "/imaging/private"] {
        world.send(world.put_blob(path, TEXT).header("x-ms-tags", "site=nord")).await.ok(201);
    }
    let tagging = [("tagging", "")];
    let ask = async |signer, method: &str, path: &str| world.s3.send_as(signer, method, path, &tagging, &[], b"").await;
    ask(&world.s3.viewer, "GET", "/imaging/public/a").await.expect(200, "");
    ask(&world.s3.viewer, "GET", "/imaging/private").await.expect(403, "AccessDenied");
    // It may not list: what is not there is not told from what is not to be seen.
    ask(&world.s3.viewer, "GET", "/imaging/public/none").await.expect(403, "AccessDenied");
    ask(&world.s3.viewer, "DELETE", "/imaging/public/a").await.expect(403, "AccessDenied");
    ask(&world.s3.writer, "GET", "/imaging/public/a").await.expect(403, "AccessDenied");
    ask(&world.s3.stranger, "GET", "/imaging/public/a").await.expect(404, "NoSuchBucket");
    assert_eq!(world.head("/imaging/public/a").await.header("x-ms-tag-count"), "1");
    ask(&world.s3.writer, "DELETE", "/imaging/public/a").await.expect(204, "");
    assert_eq!(world.head("/imaging/public/a").await.find("x-ms-tag-count"), None);
}

#[tokio::test]
async fn uploads_in_parts_and_in_blocks_are_read_by_both_and_shown_by_their_own() {
    let world = AzureWorld::start().await;
    let block =
        |id: &str, body: &[u8]| world.request("PUT", KEY).query("comp", "block").query("blockid", id).body(body);
    world.send(block("MDAwMQ==", b"one ")).await.ok(201);
    assert_eq!(world.s3_names().await, Vec::<String>::new(), "blocks that wait are no object");
    assert_eq!(world.azure_names("uncommittedblobs").await, ["irm/é 1.dcm"]);
    world.s3("GET", &[], &[], b"").await.expect(404, "NoSuchKey");
    world.s3_at("/imaging", "DELETE", &[], &[], b"").await.expect(409, "BucketNotEmpty");
    world.send(block("MDAwMg==", b"object")).await.ok(201);
    let list = "<BlockList><Latest>MDAwMQ==</Latest><Latest>MDAwMg==</Latest></BlockList>";
    world.change("blocklist", &[], list).await.ok(201);
    let read = world.s3("GET", &[], &[("range", "bytes=2-5")], b"").await.expect(206, "");
    assert_eq!(read.body, b"e ob");
    let etag = world.s3("HEAD", &[], &[], b"").await.header("etag").to_owned();
    assert!(etag.ends_with("-2\""), "{etag}");

    let begun = world.s3_at("/imaging/parts", "POST", &[("uploads", "")], &[("x-amz-tagging", "site=nord")], b"").await;
    let begun = begun.expect(200, "").text();
    let upload = begun.split_once("<UploadId>").unwrap().1.split_once('<').unwrap().0.to_owned();
    let query = |number| [("partNumber", number), ("uploadId", upload.as_str())];
    let first = world.s3_at("/imaging/parts", "PUT", &query("1"), &[], b"in ").await.expect(200, "");
    let second = world.s3_at("/imaging/parts", "PUT", &query("2"), &[], b"parts").await.expect(200, "");
    assert_eq!(world.azure_names("uncommittedblobs").await, ["irm/é 1.dcm"], "an upload is no blob");
    let part = |number: u8, answer: &s3_world::Answer| {
        format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>",
            answer.header("etag").replace('"', "&quot;")
        )
    };
    let body = format!("<CompleteMultipartUpload>{}{}</CompleteMultipartUpload>", part(1, &first), part(2, &second));
    world.s3_at("/imaging/parts", "POST", &[("uploadId", &upload)], &[], body.as_bytes()).await.expect(200, "");
    let azure = world.get("/imaging/parts").await.ok(200);
    assert_eq!((azure.text(), azure.header("x-ms-tag-count")), ("in parts".to_owned(), "1"));
    let blocks = world.send(world.request("GET", "/imaging/parts").query("comp", "blocklist")).await.ok(200).text();
    assert!(!blocks.contains("<Block>"), "{blocks}");
}

#[tokio::test]
async fn s3_reads_append_blobs_and_minds_leases_and_snapshots() {
    let world = AzureWorld::start().await;
    world.send(world.request("PUT", KEY).header("x-ms-blob-type", "AppendBlob").body("")).await.ok(201);
    for line in ["first\n", "second\n"] {
        world.change("appendblock", &[], line).await.ok(201);
    }
    assert_eq!(world.s3("GET", &[], &[], b"").await.expect(200, "").text(), "first\nsecond\n");
    world
        .s3_at("/imaging/copy", "PUT", &[], &[("x-amz-copy-source", "imaging/irm/%C3%A9%201.dcm")], b"")
        .await
        .expect(200, "");
    assert_eq!(world.head("/imaging/copy").await.ok(200).header("x-ms-blob-type"), "BlockBlob");

    let acquire = [("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1")];
    let lease = world.change("lease", &acquire, "").await.ok(201).header("x-ms-lease-id").to_owned();
    world.s3("PUT", &[], &[], b"x").await.expect(409, "OperationAborted");
    world.s3("DELETE", &[], &[], b"").await.expect(409, "OperationAborted");
    world.s3("DELETE", &[("tagging", "")], &[], b"").await.expect(409, "OperationAborted");
    world.s3("GET", &[], &[], b"").await.expect(200, "");
    world.change("lease", &[("x-ms-lease-action", "release"), ("x-ms-lease-id", &lease)], "").await.ok(200);

    world.change("snapshot", &[], "").await.ok(201);
    world.s3("DELETE", &[], &[], b"").await.expect(403, "InvalidObjectState");
    world.s3("PUT", &[], &[], b"replaced").await.expect(200, "");
    let head = world.head(KEY).await.ok(200);
    assert_eq!(head.header("x-ms-blob-type"), "BlockBlob", "a PUT through S3 replaces an append blob");
    assert_eq!(world.s3_names().await.len(), 2, "snapshots are not listed");
    assert_eq!(world.azure_names("snapshots").await.len(), 3);
    world.send(world.request("DELETE", KEY).header("x-ms-delete-snapshots", "include")).await.ok(202);
    world.s3("GET", &[], &[], b"").await.expect(404, "NoSuchKey");
    world.s3("DELETE", &[], &[], b"").await.expect(204, "");
    world.delete(KEY).await.expect(404, "BlobNotFound");
}

#[tokio::test]
async fn what_s3_deletes_or_overwrites_azure_brings_back_where_it_is_retained() {
    let settings = AzureSettings { soft_delete: Some(Duration::from_secs(3600)), ..AzureSettings::default() };
    let world = AzureWorld::with(settings).await;
    world.s3("PUT", &[], &[("x-amz-tagging", "site=nord")], TEXT).await.expect(200, "");
    world.s3("DELETE", &[], &[], b"").await.expect(204, "");
    world.s3("GET", &[], &[], b"").await.expect(404, "NoSuchKey");
    assert_eq!(world.s3_names().await, Vec::<String>::new());
    assert_eq!(world.azure_names("deleted").await, ["irm/é 1.dcm"]);
    world.change("undelete", &[], "").await.ok(200);
    let back = world.s3("GET", &[], &[], b"").await.expect(200, "");
    assert_eq!((back.body.as_slice(), back.header("x-amz-tagging-count")), (TEXT, "1"));
}

#[tokio::test]
async fn a_bucket_that_s3_deleted_comes_back_as_a_container_with_what_it_retains() {
    let settings = AzureSettings { soft_delete: Some(Duration::from_secs(3 * 86_400)), ..AzureSettings::default() };
    let world = AzureWorld::with(settings).await;
    world.s3("PUT", &[], &[], TEXT).await.expect(200, "");
    world.s3("DELETE", &[], &[], b"").await.expect(204, "");
    world.s3_at("/imaging", "DELETE", &[], &[], b"").await.expect(204, "");
    let list = async |include: &str| {
        let request = world.request("GET", "/").query("comp", "list").query("include", include);
        world.send(request).await.ok(200).text()
    };
    assert!(!list("metadata").await.contains("imaging"));
    let listed = list("deleted").await;
    let between = |from: &str, to: &str| {
        let (_, rest) = listed.split_once(from).unwrap();
        rest.split_once(to).unwrap().0.to_owned()
    };
    assert_eq!((between("<Name>", "<"), between("<Deleted>", "<")), ("imaging".to_owned(), "true".to_owned()));
    assert_eq!(between("<RemainingRetentionDays>", "<"), "2");
    let version = between("<Version>", "<");
    let restore = |name: &str, version: &str| {
        let request = world.request("PUT", "/imaging").query("restype", "container").query("comp", "undelete");
        let request = request.header("x-ms-deleted-container-name", name);
        world.send(request.header("x-ms-deleted-container-version", version).body(""))
    };
    restore("other", &version).await.expect(400, "InvalidHeaderValue");
    restore("imaging", "1").await.expect(400, "InvalidHeaderValue");
    restore("imaging", "00000000000000FF").await.expect(404, "ContainerNotFound");
    restore("imaging", &version).await.ok(201);
    restore("imaging", &version).await.expect(404, "ContainerNotFound");
    assert_eq!(world.azure_names("deleted").await, ["irm/é 1.dcm"]);
    world.change("undelete", &[], "").await.ok(200);
    assert_eq!(world.s3("GET", &[], &[], b"").await.expect(200, "").body.as_slice(), TEXT);

    // A container, with a blob in it; the name is taken when it is to come back.
    world.send(world.request("DELETE", "/imaging").query("restype", "container")).await.ok(202);
    world.s3_at("/imaging", "PUT", &[], &[], b"").await.expect(200, "");
    let listed = list("deleted").await;
    assert!(listed.find("<Name>imaging</Name><Properties>") < listed.find("<Name>imaging</Name><Version>"), "{listed}");
    let (_, rest) = listed.split_once("<Version>").unwrap();
    let version = rest.split_once('<').unwrap().0;
    restore("imaging", version).await.expect(409, "ContainerAlreadyExists");
    world.s3_at("/imaging", "DELETE", &[], &[], b"").await.expect(204, "");
    restore("imaging", version).await.ok(201);
    assert_eq!(world.s3("GET", &[], &[], b"").await.expect(200, "").body.as_slice(), TEXT);
}

#[tokio::test]
async fn a_date_or_a_weak_tag_never_lets_a_range_count() {
    let world = AzureWorld::start().await;
    world.send(world.put_blob(KEY, b"the first")).await.ok(201);
    let first = world.head(KEY).await.ok(200);
    let read = async |validator: &str| {
        let request = world.request("GET", KEY).header("x-ms-range", "bytes=4-");
        let answer = world.send(request.header("if-range", validator)).await;
        assert!(matches!(answer.status, 200 | 206), "{}", answer.status);
        (answer.status, answer.text())
    };
    let (tag, date) = (first.header("etag").to_owned(), first.header("last-modified").to_owned());
    assert_eq!(read(&tag).await, (206, "first".into()));
    // Another version within the same second has the same date.
    world.send(world.put_blob(KEY, b"a second one")).await.ok(201);
    for validator in [tag.as_str(), date.as_str(), &format!("W/{tag}"), "nonsense"] {
        assert_eq!(read(validator).await, (200, "a second one".into()), "{validator}");
        let s3 = world.s3("GET", &[], &[("range", "bytes=4-"), ("if-range", validator)], b"").await.expect(200, "");
        assert_eq!(s3.text(), "a second one", "{validator}");
    }
}
