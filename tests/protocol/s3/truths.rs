//! What clients ask when they start, and what is true of every bucket and object.

use testing::s3::world::World;

#[tokio::test]
async fn what_is_true_of_every_bucket_is_told() {
    let world = World::start().await;
    let ask = async |name: &str| world.send("GET", "/imaging", &[(name, "")], &[], b"").await;
    for (name, told) in [
        ("acl", "<Permission>FULL_CONTROL</Permission>"),
        ("encryption", "<SSEAlgorithm>AES256</SSEAlgorithm>"),
        ("ownershipControls", "<ObjectOwnership>BucketOwnerEnforced</ObjectOwnership>"),
        ("publicAccessBlock", "<RestrictPublicBuckets>true</RestrictPublicBuckets>"),
        ("requestPayment", "<Payer>BucketOwner</Payer>"),
        ("logging", "<BucketLoggingStatus xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\" />"),
        ("notification", "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\" />"),
        ("accelerate", "<AccelerateConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\" />"),
    ] {
        let text = ask(name).await.expect(200, "").text();
        assert!(text.contains(told), "{name}: {text}");
        world.send_as(&world.writer, "GET", "/imaging", &[(name, "")], &[], b"").await.expect(403, "AccessDenied");
        world.send("GET", "/missing", &[(name, "")], &[], b"").await.expect(404, "NoSuchBucket");
    }
    for (name, code) in [
        ("policy", "NoSuchBucketPolicy"),
        ("policyStatus", "NoSuchBucketPolicy"),
        ("tagging", "NoSuchTagSet"),
        ("object-lock", "ObjectLockConfigurationNotFoundError"),
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        ("cors", "NoSuchCORSConfiguration"),
        ("replication", "ReplicationConfigurationNotFoundError"),
        ("website", "NoSuchWebsiteConfiguration"),
    ] {
        ask(name).await.expect(404, code);
        world.send_as(&world.writer, "GET", "/imaging", &[(name, "")], &[], b"").await.expect(403, "AccessDenied");
        world.send("GET", "/missing", &[(name, "")], &[], b"").await.expect(404, "NoSuchBucket");
    }
}

#[tokio::test]
async fn what_is_so_already_may_be_set_and_nothing_else() {
    let world = World::start().await;
    assert_eq!(world.send("PUT", "/imaging/k", &[], &[], b"x").await.status, 200);
    for path in ["/imaging", "/imaging/k"] {
        let set = async |headers: &[(&str, &str)]| world.send("PUT", path, &[("acl", "")], headers, b"").await;
        set(&[("x-amz-acl", "private")]).await.expect(200, "");
        set(&[("x-amz-acl", "public-read")]).await.expect(400, "AccessControlListNotSupported");
        set(&[("x-amz-grant-read", "id=x")]).await.expect(400, "AccessControlListNotSupported");
        set(&[]).await.expect(400, "AccessControlListNotSupported");
        let private = [("x-amz-acl", "private")];
        world.send_as(&world.viewer, "PUT", path, &[("acl", "")], &private, b"").await.expect(403, "AccessDenied");
    }
    // The list that clients read before, as s3cmd writes it after each copy.
    let list = |id: &str, right: &str| {
        format!(
            "<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>chum</ID></Owner><AccessControlList>\
             <Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>{id}</ID>\
             <DisplayName>chum</DisplayName></Grantee><Permission>{right}</Permission></Grant></AccessControlList>\
             </AccessControlPolicy>"
        )
    };
    let set = async |xml: String| world.send("PUT", "/imaging/k", &[("acl", "")], &[], xml.as_bytes()).await;
    set(list("chum", "FULL_CONTROL")).await.expect(200, "");
    set(list("other", "FULL_CONTROL")).await.expect(400, "AccessControlListNotSupported");
    set(list("chum", "READ")).await.expect(400, "AccessControlListNotSupported");
    set("<AccessControlPolicy/>".into()).await.expect(400, "MalformedXML");
    let owned = world.send("GET", "/imaging/k", &[("acl", "")], &[], b"").await.expect(200, "").text();
    assert!(owned.contains("<Owner><ID>chum</ID>"), "{owned}");
    world.send("GET", "/imaging/none", &[("acl", "")], &[], b"").await.expect(404, "NoSuchKey");
    let encrypt = async |algorithm: &str| {
        let xml = format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{algorithm}\
             </SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
        );
        world.send("PUT", "/imaging", &[("encryption", "")], &[], xml.as_bytes()).await
    };
    encrypt("AES256").await.expect(200, "");
    encrypt("aws:kms").await.expect(501, "NotImplemented");
}

#[tokio::test]
async fn the_attributes_of_an_object_are_those_that_are_asked_for() {
    let world = World::start().await;
    let sent = [("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-storage-class", "STANDARD_IA")];
    assert_eq!(world.send("PUT", "/imaging/k", &[], &sent, b"123456789").await.status, 200);
    let ask = async |path: &str, wanted: &str| {
        world.send("GET", path, &[("attributes", "")], &[("x-amz-object-attributes", wanted)], b"").await
    };
    let all = ask("/imaging/k", "ETag,Checksum,ObjectParts,StorageClass,ObjectSize").await.expect(200, "");
    assert!(!all.header("last-modified").is_empty());
    for element in [
        "<ETag>25f9e794323b453885f5181f1b624d0b</ETag>",
        "<ChecksumCRC32>y/Q5Jg==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>",
        "<StorageClass>STANDARD_IA</StorageClass>",
        "<ObjectSize>9</ObjectSize>",
    ] {
        assert!(all.text().contains(element), "{element}: {}", all.text());
    }
    let one = ask("/imaging/k", "ObjectSize").await.expect(200, "").text();
    assert!(one.contains("<ObjectSize>") && !one.contains("<ETag>"), "{one}");
    ask("/imaging/k", "Owner").await.expect(400, "InvalidArgument");
    ask("/imaging/none", "ETag").await.expect(404, "NoSuchKey");
    world.send("GET", "/imaging/k", &[("attributes", "")], &[], b"").await.expect(400, "InvalidRequest");
    let unread = [("x-amz-object-attributes", "ETag")];
    let refused = world.send_as(&world.writer, "GET", "/imaging/k", &[("attributes", "")], &unread, b"").await;
    refused.expect(403, "AccessDenied");
}

#[tokio::test]
async fn the_versions_of_a_bucket_are_its_objects() {
    let world = World::start().await;
    for key in ["a/1", "a/2", "b", "c"] {
        assert_eq!(world.send("PUT", &format!("/imaging/{key}"), &[], &[], b"x").await.status, 200);
    }
    let list = async |more: &[(&str, &str)]| {
        let query = [&[("versions", "")], more].concat();
        world.send("GET", "/imaging", &query, &[], b"").await.expect(200, "").text()
    };
    let all = list(&[]).await;
    assert_eq!(all.matches("<VersionId>null</VersionId><IsLatest>true</IsLatest>").count(), 4, "{all}");
    let (mut marker, mut seen) = (String::new(), Vec::new());
    loop {
        let mut query = vec![("max-keys", "1"), ("delimiter", "/")];
        if !marker.is_empty() {
            query.extend([("key-marker", marker.as_str()), ("version-id-marker", "null")]);
        }
        let page = list(&query).await;
        let named =
            |name: &str| page.split(&format!("<{name}>")).nth(1).map(|rest| rest.split('<').next().unwrap().to_owned());
        seen.extend(named("Key"));
        seen.extend(
            page.split("<CommonPrefixes><Prefix>").nth(1).map(|rest| rest.split('<').next().unwrap().to_owned()),
        );
        match named("NextKeyMarker") {
            Some(next) => marker = next,
            None => break,
        }
        assert!(seen.len() < 9, "{seen:?}");
    }
    assert_eq!(seen, ["a/", "b", "c"]);
}
