//! Vectors that others published.
//!
//! Sources: AWS's signature test suite, `tests/aws-signing-test-suite/v4` of github.com/awslabs/aws-c-auth at 495329c2
//! (Apache-2.0); S3 "Signature calculations for the Authorization header", "Authenticating requests: using query parameters".

use super::*;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A request, and the signature that it has.
struct Vector {
    method: &'static str,
    /// Path and query, decoded.
    path: &'static str,
    query: &'static str,
    headers: &'static [(&'static str, &'static str)],
    payload: &'static str,
    signature: &'static str,
}

fn signature(vector: &Vector, secret: &str, timestamp: &str, scope: &str) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in vector.headers {
        headers.append(*name, value.parse().unwrap());
    }
    let mut signed: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    signed.sort_unstable();
    let pairs = url::form_urlencoded::parse(vector.query.as_bytes());
    let pairs: Vec<(String, String)> = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let canonical = Canonical {
        method: vector.method,
        path: &canonical_path(vector.path.as_bytes()),
        query: &canonical_query(&pairs),
        headers: &headers,
        host: "",
        signed: &signed,
        payload: vector.payload,
    };
    SigningKey::new(secret, scope).sign(&canonical.to_sign(timestamp, scope))
}

const HOST: (&str, &str) = ("host", "example.amazonaws.com");
const AT: (&str, &str) = ("x-amz-date", "20150830T123600Z");

const fn get(
    path: &'static str,
    query: &'static str,
    headers: &'static [(&'static str, &'static str)],
    signature: &'static str,
) -> Vector {
    Vector { method: "GET", path, query, headers, payload: EMPTY, signature }
}

#[test]
fn the_published_suite_is_signed_as_published() {
    let vectors = [
        // get-vanilla
        get("/", "", &[HOST, AT], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        // get-vanilla-empty-query-key
        get("/", "Param1=value1", &[HOST, AT], "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        // get-vanilla-query-order-encoded
        get(
            "/",
            "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            &[HOST, AT],
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        // get-header-value-trim
        get(
            "/",
            "",
            &[HOST, ("my-header1", "value1"), ("my-header2", "\"a   b   c\""), AT],
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        // get-header-key-duplicate
        get(
            "/",
            "",
            &[HOST, ("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1"), AT],
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        // get-space-unnormalized
        get("/example space/", "", &[HOST, AT], "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        // get-utf8
        get("/\u{1234}", "", &[HOST, AT], "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        // post-x-www-form-urlencoded
        Vector {
            method: "POST",
            payload: "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            ..get(
                "/",
                "",
                &[
                    ("content-length", "13"),
                    ("content-type", "application/x-www-form-urlencoded"),
                    HOST,
                    ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
                    AT,
                ],
                "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
            )
        },
    ];
    for vector in vectors {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let scope = "20150830/us-east-1/service/aws4_request";
        assert_eq!(signature(&vector, secret, AT.1, scope), vector.signature);
    }
}

#[test]
fn the_documented_requests_to_s3_are_signed_as_documented() {
    const BUCKET: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");
    const AT: (&str, &str) = ("x-amz-date", "20130524T000000Z");
    let vectors = [
        get(
            "/test.txt",
            "",
            &[BUCKET, ("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY), AT],
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        get(
            "/",
            "lifecycle",
            &[BUCKET, ("x-amz-content-sha256", EMPTY), AT],
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        Vector {
            method: "PUT",
            payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            ..get(
                "/test$file.text",
                "",
                &[
                    ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                    BUCKET,
                    ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
                    AT,
                    ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ],
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            )
        },
        // Presigned, with the signature in its place, which is not signed.
        Vector {
            payload: UNSIGNED,
            ..get(
                "/test.txt",
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F\
                 aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=x",
                &[BUCKET],
                "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
            )
        },
    ];
    for vector in vectors {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let scope = "20130524/us-east-1/s3/aws4_request";
        assert_eq!(signature(&vector, secret, AT.1, scope), vector.signature);
    }
}

#[test]
fn a_credential_has_five_fields() {
    let credential = Credential::parse("pacs/20260101/Ca_East.1/s3/aws4_request").unwrap();
    assert_eq!((credential.id, credential.region), ("pacs", "Ca_East.1"));
    assert_eq!(credential.scope, "20260101/Ca_East.1/s3/aws4_request");
    for text in ["", "pacs", "pacs/1/r/s3", "pacs/1/r/s3/aws4_request/", "pacs/1/x/y/s3/aws4_request", "pacs/1/r/s3/x"]
    {
        assert_eq!(Credential::parse(text), None, "{text}");
    }
}

#[test]
fn times_of_signatures_have_one_form() {
    assert_eq!(seconds_of("20150830T123600Z"), Some(1_440_938_160));
    for text in
        ["", "20150830", "20150830T123600", "20151330T123600Z", "Sun, 30 Aug 2015 12:36:00 GMT", "2015-08-30T12:36:00Z"]
    {
        assert_eq!(seconds_of(text), None, "{text}");
    }
}
