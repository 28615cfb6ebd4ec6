//! Tags of buckets.

use std::fmt::Write as _;

use testing::s3::world::{Answer, World};

fn document(tags: &[(&str, &str)]) -> String {
    let mut text = String::from("<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>");
    for (key, value) in tags {
        write!(text, "<Tag><Key>{key}</Key><Value>{value}</Value></Tag>").unwrap();
    }
    text + "</TagSet></Tagging>"
}

async fn ask(world: &World, method: &str, body: &str) -> Answer {
    world.send(method, "/imaging", &[("tagging", "")], &[], body.as_bytes()).await
}

#[tokio::test]
async fn tags_of_a_bucket_are_given_back_replaced_and_go() {
    let world = World::start().await;
    ask(&world, "GET", "").await.expect(404, "NoSuchTagSet");
    let put = ask(&world, "PUT", &document(&[("site", "nord"), ("hélène", "&#64;accueil"), ("vide", "")])).await;
    assert_eq!((put.status, put.body.len()), (204, 0));
    let text = ask(&world, "GET", "").await.expect(200, "").text();
    for tag in ["<Key>site</Key><Value>nord</Value>", "<Key>hélène</Key><Value>@accueil</Value>", "<Key>vide</Key>"] {
        assert!(text.contains(tag), "{tag}: {text}");
    }
    // A section of character data is what it holds, and all that was there is replaced.
    ask(&world, "PUT", &document(&[("<![CDATA[a]]>b", "<![CDATA[c/]]>d")])).await.expect(204, "");
    let text = ask(&world, "GET", "").await.expect(200, "").text();
    assert!(text.contains("<TagSet><Tag><Key>ab</Key><Value>c/d</Value></Tag></TagSet>"), "{text}");
    ask(&world, "PUT", &document(&[])).await.expect(204, "");
    ask(&world, "GET", "").await.expect(404, "NoSuchTagSet");
    ask(&world, "PUT", &document(&[("a", "1")])).await.expect(204, "");
    assert_eq!(ask(&world, "DELETE", "").await.status, 204);
    assert_eq!(ask(&world, "DELETE", "").await.status, 204);
    ask(&world, "GET", "").await.expect(404, "NoSuchTagSet");
    // They go with their bucket.
    world.send("PUT", "/short-lived", &[], &[], b"").await.expect(200, "");
    let tagging = [("tagging", "")];
    let body = document(&[("a", "1")]);
    world.send("PUT", "/short-lived", &tagging, &[], body.as_bytes()).await.expect(204, "");
    world.send("DELETE", "/short-lived", &[], &[], b"").await.expect(204, "");
    world.send("PUT", "/short-lived", &[], &[], b"").await.expect(200, "");
    world.send("GET", "/short-lived", &tagging, &[], b"").await.expect(404, "NoSuchTagSet");
}

#[tokio::test]
async fn tags_that_s3_would_not_take_are_refused_and_change_nothing() {
    let world = World::start().await;
    ask(&world, "PUT", &document(&[("a", "1")])).await.expect(204, "");
    let numbers: Vec<String> = (0..51).map(|number| number.to_string()).collect();
    let many: Vec<(&str, &str)> = numbers.iter().map(|number| (number.as_str(), "")).collect();
    let (name, value) = ("n".repeat(129), "é".repeat(257));
    for (tags, code) in [
        (many.as_slice(), "BadRequest"),
        (&[("a", "1"), ("a", "2")], "InvalidTag"),
        (&[(&name, "1")], "InvalidTag"),
        (&[("", "1")], "InvalidTag"),
        (&[("a", &value)], "InvalidTag"),
        (&[("aws:cost", "1")], "InvalidTag"),
        (&[("Aws:cost", "1")], "InvalidTag"),
        (&[("a", "1&#13;")], "InvalidTag"),
        (&[("a&#13;", "1")], "InvalidTag"),
        (&[("a", "&lt;b&gt;")], "InvalidTag"),
    ] {
        ask(&world, "PUT", &document(tags)).await.expect(400, code);
    }
    for malformed in ["", "x", "<Tagging/>", "<Tagging><TagSet><Tag><Key>a</Key></TagSet></Tagging>", "<Other/>"] {
        ask(&world, "PUT", malformed).await.expect(400, "MalformedXML");
    }
    let digest = [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
    let wrong = document(&[("b", "2")]);
    let answer = world.send("PUT", "/imaging", &[("tagging", "")], &digest, wrong.as_bytes()).await;
    answer.expect(400, "BadDigest");
    let text = ask(&world, "GET", "").await.expect(200, "").text();
    assert!(text.contains("<TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet>"), "{text}");
    ask(&world, "PUT", &document(&many[..50])).await.expect(204, "");
}

#[tokio::test]
async fn only_who_administers_a_bucket_tags_it_and_who_lists_it_sees_its_tags() {
    let world = World::start().await;
    ask(&world, "PUT", &document(&[("a", "1")])).await.expect(204, "");
    let tagging = [("tagging", "")];
    let body = document(&[("a", "2")]);
    for signer in [&world.viewer, &world.courier, &world.writer] {
        for (method, body) in [("PUT", body.as_bytes()), ("DELETE", b"")] {
            let answer = world.send_as(signer, method, "/imaging", &tagging, &[], body).await;
            answer.expect(403, "AccessDenied");
        }
    }
    for signer in [&world.viewer, &world.writer] {
        let answer = world.send_as(signer, "GET", "/imaging", &tagging, &[], b"").await;
        answer.expect(403, "AccessDenied");
    }
    // One who lists a part of it.
    world.send_as(&world.courier, "GET", "/imaging", &tagging, &[], b"").await.expect(200, "");
    let foreign = world.send_as(&world.stranger, "GET", "/imaging", &tagging, &[], b"").await;
    foreign.expect(404, "NoSuchBucket");
    let foreign = world.send_as(&world.stranger, "PUT", "/imaging", &tagging, &[], body.as_bytes()).await;
    foreign.expect(404, "NoSuchBucket");
    world.send("PUT", "/missing", &tagging, &[], body.as_bytes()).await.expect(404, "NoSuchBucket");
    let text = ask(&world, "GET", "").await.expect(200, "").text();
    assert!(text.contains("<Value>1</Value>"), "{text}");
}
