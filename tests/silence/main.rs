//! What a request leaves in the log and in the metrics: no name, no query, no secret, no signature. Through the S3 front,
//! and through the Azure front (`silence/azure.rs`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod azure;

use std::io::Write;
use std::sync::{Arc, Mutex};

use azure::Azure;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ecluse::telemetry::{LogFormat, Metrics, subscriber};
use md5::{Digest as _, Md5};
use testing::s3::sigv4::{Signer, sha256};
use testing::s3::world::SECRET;

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_log_nor_metrics_name_objects_or_hold_secrets() {
    let log = Log::default();
    let writer = log.clone();
    let lines = subscriber("trace", LogFormat::Json, move || writer.clone()).unwrap();
    tracing::subscriber::set_global_default(lines).unwrap();
    let metrics = Metrics::install().unwrap();
    let mut azure = Azure::start().await;
    azure.traffic().await;
    azure.failures().await;
    let world = &azure.world.s3;
    let key = "/imaging/tremblay-elise/irm.dcm";
    let meta = [("x-amz-meta-patient", "roy-therese"), ("content-disposition", "gagnon.dcm")];
    assert_eq!(world.send("PUT", "/nephrologie", &[], &[], b"").await.status, 200);
    assert_eq!(world.send("PUT", key, &[], &meta, b"bouchard: allergie").await.status, 200);
    let presigned = world.signer.presign("GET", &world.host(), key, "60", &[("response-content-type", "cote/x")]);
    assert_eq!(world.raw("GET", &presigned, &world.headers(&[]), b"").await.status, 200);
    let list = [("prefix", "tremblay"), ("list-type", "2")];
    assert_eq!(world.send("GET", "/imaging", &list, &[], b"").await.status, 200);
    let copy = [("x-amz-copy-source", "imaging/tremblay-elise/irm.dcm")];
    assert_eq!(world.send("PUT", "/nephrologie/lavoie", &[], &copy, b"").await.status, 200);
    // And what fails, at each depth.
    let wrong = Signer { secret: "wrong-secret-of-someone".into(), ..world.signer.clone() };
    world.send_as(&wrong, "GET", key, &[], &[], b"").await.expect(403, "SignatureDoesNotMatch");
    world.send_as(&world.viewer, "GET", key, &[], &[], b"").await.expect(403, "AccessDenied");
    world.send("GET", "/imaging/tremblay-absent", &[], &[], b"").await.expect(404, "NoSuchKey");
    world.send("GET", key, &[("retention", "")], &[], b"").await.expect(501, "NotImplemented");
    world.send("PUT", key, &[], &[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")], b"x").await.expect(400, "BadDigest");
    let mut headers = world.headers(&[("x-amz-decoded-content-length", "9"), ("content-encoding", "aws-chunked")]);
    let seed = world.signer.sign("PUT", key, &[], &mut headers, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    let chunk = world.signer.chunk(&seed, b"other");
    let body = format!("9;chunk-signature={chunk}\r\nbouchard!\r\n0;chunk-signature={chunk}\r\n\r\n");
    headers.push(("content-length".into(), body.len().to_string()));
    world.raw("PUT", key, &headers, body.as_bytes()).await.expect(403, "SignatureDoesNotMatch");
    for (name, chunk) in world.chunks.snapshot() {
        let mut bytes = chunk.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        world.chunks.replace(&name, bytes.into());
    }
    let broken = world.send("GET", key, &[], &[], b"").await.expect(500, "InternalError");
    assert!(broken.text().contains("We encountered an internal error. Please try again."));
    azure.broken().await;

    // The report of a panic: where, and nothing that was put together at run time.
    ecluse::telemetry::withhold_panic_messages();
    let patient = "tremblay-elise";
    assert!(std::thread::spawn(move || panic!("no record of {patient}")).join().is_err());
    assert!(std::thread::spawn(|| panic!("a literal of the source")).join().is_err());
    drop(std::panic::take_hook());

    let signature = presigned.split_once("X-Amz-Signature=").unwrap().1;
    let mut names =
        vec!["tremblay", "irm.dcm", "roy-therese", "gagnon", "bouchard", "cote/x", "imaging", "nephrologie", "lavoie"];
    names.extend(azure::NAMES);
    let mut secrets = vec![SECRET, "wrong-secret", signature, &seed, &chunk, "AWS4-HMAC-SHA256 Credential"];
    secrets.extend(["SharedKey pacs:", "SharedKey%20pacs", "Bearer ey", "sig="]);
    secrets.extend(azure.secrets.iter().map(String::as_str));
    assert!(azure.secrets.len() > 40 && secrets.iter().all(|secret| secret.len() > 3), "{secrets:?}");
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        text.lines().count() > 60 && text.contains("azure request") && text.contains("integrity incident"),
        "{text}"
    );
    assert!(text.contains("tests/silence/main.rs:") && text.contains("(withheld)"), "{text}");
    assert!(text.contains("a literal of the source"), "{text}");
    let rendered = metrics.render();
    assert!(rendered.contains("ecluse_requests_total"), "{rendered}");
    for (what, shown) in [("log", &text), ("metrics", &rendered)] {
        let above_debug = shown.lines().filter(|line| !line.contains("\"DEBUG\"") && !line.contains("\"TRACE\""));
        for line in above_debug {
            assert!(names.iter().all(|name| !line.contains(name)), "a name in the {what}: {line}");
        }
        for line in shown.lines() {
            assert!(secrets.iter().all(|secret| !line.contains(secret)), "a secret in the {what}: {line}");
        }
        let md5 = Md5::digest(azure::BODY);
        for digest in
            [sha256(b"bouchard: allergie"), sha256(azure::BODY), hex::encode(md5), BASE64_STANDARD.encode(md5)]
        {
            assert!(!shown.contains(&digest), "a digest in the {what}");
        }
    }
}
