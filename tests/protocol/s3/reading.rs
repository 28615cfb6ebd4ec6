//! Ranges, conditions and headers of reads.

use testing::s3::world::{Answer, World};

use super::KEY;

#[tokio::test]
async fn ranges_and_conditions_are_answered_as_http_has_it() {
    let world = World::start().await;
    let put = world.send(
        "PUT",
        KEY,
        &[],
        &[("content-type", "application/dicom"), ("x-amz-meta-unit", "a b")],
        b"0123456789",
    );
    let etag = put.await.header("etag").to_owned();
    let get = async |headers: &[(&str, &str)]| world.send("GET", KEY, &[], headers, b"").await;
    for (range, status, text) in [
        ("bytes=0-0", 206, "0"),
        ("bytes=5-", 206, "56789"),
        ("bytes=-3", 206, "789"),
        ("bytes=-99", 206, "0123456789"),
        ("bytes=8-99", 206, "89"),
        ("bytes=0-1,3-4", 200, "0123456789"),
        ("bytes=2-1", 200, "0123456789"),
        ("nonsense", 200, "0123456789"),
    ] {
        let answer = get(&[("range", range)]).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{range}");
    }
    let outside = get(&[("range", "bytes=10-")]).await.expect(416, "InvalidRange");
    assert_eq!(outside.header("content-range"), "bytes */10");
    assert_eq!(get(&[("range", "bytes=0-0"), ("if-range", "\"other\"")]).await.status, 200);
    assert_eq!(get(&[("range", "bytes=0-0"), ("if-range", &etag)]).await.status, 206);
    let same = get(&[("if-none-match", &format!("\"other\", W/{etag}"))]).await;
    assert_eq!((same.status, same.header("etag"), same.body.len()), (304, etag.as_str(), 0));
    get(&[("if-match", "\"other\"")]).await.expect(412, "PreconditionFailed");
    assert_eq!(get(&[("if-match", &format!("\"other\", {etag}"))]).await.status, 200);
}

#[tokio::test]
async fn head_has_the_headers_of_get() {
    let world = World::start().await;
    let sent = [
        ("content-type", "application/dicom"),
        ("cache-control", "no-store"),
        ("expires", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("x-amz-meta-nom", "=?UTF-8?B?SMOpbMOobmU=?="),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    assert_eq!(world.send("PUT", KEY, &[], &sent, b"0123456789").await.status, 200);
    for asked in [vec![], vec![("range", "bytes=2-4")], vec![("range", "bytes=99-")], vec![("if-match", "\"x\"")]] {
        let get = world.send("GET", KEY, &[], &asked, b"").await;
        let head = world.send("HEAD", KEY, &[], &asked, b"").await;
        let tidy = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            headers.remove("date");
            headers.remove("x-amz-request-id");
            if answer.status >= 400 {
                headers.remove("content-length");
                headers.remove("content-type");
            }
            (answer.status, headers)
        };
        assert_eq!(tidy(&get), tidy(&head), "{asked:?}");
        assert!(head.body.is_empty());
    }
    let whole = world.send("GET", KEY, &[], &[], b"").await;
    for (name, value) in sent {
        assert_eq!(whole.header(name), value);
    }
}
