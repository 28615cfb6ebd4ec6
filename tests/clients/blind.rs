//! The blind provider (promise P1): after every write path, everything that reached the provider (bytes, names, request
//! lines and headers) is searched for what clients wrote and for what could be computed from it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use object_store::{ObjectStoreExt, PutPayload};
use testing::client;
use testing::needles::Needles;
use testing::noise::content;
use testing::process::{CLIENT_ID, GatewayProcess, Options, files_below};
use testing::provider::place::{Place, Provision};
use testing::provider::recorder::Recorder;
use testing::provider::shape;
use testing::tools;

const BUCKET: &str = "imagerie-tremblay-lavoie";
const CONTENT_TYPE: &str = "application/vnd.hopital.irm-cerebrale";
const MIB: usize = 1 << 20;

/// A protocol whose every write path is written along.
struct Front {
    script: &'static str,
    metadata_name: &'static str,
    /// Every write path, with the size of the object and of its parts in bytes.
    writes: &'static [(&'static str, usize, usize)],
    azure: bool,
}

impl Front {
    fn written_bytes(&self) -> usize {
        self.writes.iter().map(|(_, size, _)| size).sum()
    }

    fn asked_for(&self, options: Options) -> Options {
        if self.azure { options.azure() } else { options }
    }
}

const S3: Front =
    Front { script: "blind_writes.py", metadata_name: "assurance-maladie", writes: &S3_WRITES, azure: false };
const AZURE: Front =
    Front { script: "azure_blind_writes.py", metadata_name: "assurance_maladie", writes: &AZURE_WRITES, azure: true };

const S3_WRITES: [(&str, usize, usize); 13] = [
    ("trailer", 70_001, 0),
    ("trailer", 0, 0),
    ("trailer", 9, 0),
    ("signed", 150_003, 0),
    ("unsigned", 64 << 10, 0),
    ("md5", 33_333, 0),
    ("presigned", 200_007, 0),
    ("overwrite", 90_009, 0),
    ("multipart", 17 * MIB + 11, 6 * MIB + 1),
    ("copy", 88_888, 0),
    ("part_copy", 11 * MIB, 5 * MIB + 3),
    ("chunk_signed", 140_001, 0),
    ("chunk_signed_trailer", 131_072, 0),
];

const AZURE_WRITES: [(&str, usize, usize); 17] = [
    ("put", 70_001, 0),
    ("put", 0, 0),
    ("put", 9, 0),
    ("put_md5", 33_333, 0),
    ("put_crc64", 5 * MIB + 3, 0),
    ("put_tags", 64 << 10, 0),
    ("put_sas", 200_007, 0),
    ("overwrite", 90_009, 0),
    ("snapshot", 80_008, 0),
    ("blocks", 9 * MIB + 11, 2 * MIB + 1),
    ("parallel", 17 * MIB + 11, 3 * MIB + 1),
    ("uncommitted", 77_777, 0),
    ("block_from_url", 6 * MIB, 2 * MIB + 3),
    ("copy", 88_888, 0),
    ("from_url", 140_001, 0),
    ("append", 150_003, 7_001),
    ("described_later", 131_072, 0),
];

/// Writes along every path, and gives the needles of all that was written.
fn write_everything(front: &Front, gateway: &GatewayProcess, home: &Path) -> Needles {
    let mut needles = Needles::default();
    let mut manifest = Vec::new();
    for (index, &(path, size, part_bytes)) in front.writes.iter().enumerate() {
        let body = content(1_000 + index as u64, size);
        let file = home.join(format!("body-{index}"));
        fs::write(&file, &body).expect("a body");
        let key = format!("patients/TREMBLAY-Éloïse-1957-{index:02}/IRM-cérébrale-{index:02}.dcm");
        let patient = format!("Gagnon-Bouchard-{index:02}");
        let insurance = format!("GAGB5701{index:02}16");
        let content_type = format!("{CONTENT_TYPE}-{index:02}");
        let what = format!("{path} ({size} bytes)");
        for piece in [&key, &format!("TREMBLAY-Éloïse-1957-{index:02}"), &format!("IRM-cérébrale-{index:02}.dcm")] {
            needles.text(&format!("{what}: object name"), piece);
        }
        needles.text(&format!("{what}: metadata"), &patient);
        needles.text(&format!("{what}: metadata"), &insurance);
        needles.text(&format!("{what}: content type"), &content_type);
        needles.content(&what, &body);
        if ["overwrite", "snapshot", "uncommitted"].contains(&path) {
            needles.content(&what, &body.iter().rev().copied().collect::<Vec<_>>());
        }
        if part_bytes > 0 {
            needles.multipart(&what, &body.chunks(part_bytes).collect::<Vec<_>>());
        }
        manifest.push(serde_json::json!({
            "path": path, "bucket": BUCKET, "key": key, "file": file, "part_bytes": part_bytes,
            "metadata": { "patient": patient, front.metadata_name: insurance }, "content_type": content_type,
        }));
    }
    needles.text("bucket name", BUCKET);
    needles.text("metadata name", front.metadata_name);
    needles.text("name of all objects", "TREMBLAY-");
    needles.text("every content type", "hopital.irm");
    needles.secret("client secret", gateway.secret.as_bytes());
    needles.secret("account key", &BASE64_STANDARD.decode(&gateway.secret).expect("base64"));
    needles.root_key(&gateway.root_key_file());

    let file = home.join("manifest.json");
    fs::write(&file, serde_json::to_vec(&manifest).expect("JSON")).expect("a manifest");
    let mut command = tools::command(tools::python(), home);
    command
        .arg(tools::script(front.script))
        .arg(file)
        .env("ECLUSE_ENDPOINT", &gateway.endpoint)
        .env("ECLUSE_CA", &gateway.authority)
        .env("AWS_ACCESS_KEY_ID", CLIENT_ID)
        .env("AWS_SECRET_ACCESS_KEY", &gateway.secret)
        .env("AZURE_STORAGE_ACCOUNT", CLIENT_ID)
        .env("AZURE_STORAGE_KEY", &gateway.secret);
    if front.azure {
        command.env("ECLUSE_AZURE_ENDPOINT", gateway.azure_endpoint());
    }
    println!("{}", tools::succeed(command));
    needles
}

/// Every name and every byte in a folder.
fn everything_in(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, path) in files_below(folder) {
        bytes.extend_from_slice(b"\n");
        bytes.extend_from_slice(name.as_os_str().as_bytes());
        bytes.extend_from_slice(b"\n");
        bytes.extend_from_slice(&fs::read(path).expect("a file of the provider"));
    }
    bytes
}

fn assert_blind(needles: &Needles, what: &str, bytes: &[u8], at_least: usize) {
    // A search of nothing finds nothing: what was written must be there, sealed.
    assert!(bytes.len() >= at_least, "{what}: only {} bytes reached the provider", bytes.len());
    let found = needles.search(bytes);
    assert!(found.is_empty(), "{what}: {} of {} needles found: {:#?}", found.len(), needles.count(), &found);
}

/// At info, the gateway's own log names neither objects nor buckets, and holds no secret.
fn assert_quiet_log(gateway: &GatewayProcess) {
    let mut needles = Needles::default();
    for text in [BUCKET, "TREMBLAY", "Éloïse", "IRM-cérébrale", "Gagnon-Bouchard", "hopital.irm"] {
        needles.text(text, text);
    }
    for signature in ["X-Amz-Signature", "SharedKey pacs"] {
        needles.secret(signature, signature.as_bytes());
    }
    needles.secret("client secret", gateway.secret.as_bytes());
    needles.root_key(&gateway.root_key_file());
    let log = gateway.log();
    assert!(!log.is_empty(), "the gateway logs nothing at all");
    let found = needles.search(log.as_bytes());
    assert!(found.is_empty(), "in the gateway's log: {found:?}");
}

/// Behind a server: what the recorder between gateway and server saw.
async fn blind_behind(place: Place, front: &Front) {
    let home = tempfile::tempdir().expect("a home");
    let provision = Provision::make(place).await;
    let recorder = Recorder::start(provision.endpoint());
    let mut gateway = GatewayProcess::start(front.asked_for(provision.options_through(&recorder.endpoint)));
    let needles = write_everything(front, &gateway, home.path());
    gateway.terminate();
    assert_blind(&needles, "requests", &recorder.everything(), front.written_bytes());
    assert_quiet_log(&gateway);
}

fn blind_folder(front: &Front) {
    let home = tempfile::tempdir().expect("a home");
    // Nothing is deleted during the test: what was overwritten is searched too.
    let mut gateway = GatewayProcess::start(front.asked_for(Options::folder()));
    let needles = write_everything(front, &gateway, home.path());
    gateway.terminate();
    assert_blind(&needles, "folder", &everything_in(&gateway.folder()), front.written_bytes());
    assert_quiet_log(&gateway);
}

#[test]
fn a_folder_learns_nothing_from_any_write_path() {
    blind_folder(&S3);
}

#[test]
fn a_folder_learns_nothing_from_any_write_path_of_azure() {
    blind_folder(&AZURE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_s3_server_learns_nothing_from_any_write_path() {
    blind_behind(Place::S3, &S3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_s3_server_learns_nothing_from_any_write_path_of_azure() {
    blind_behind(Place::S3, &AZURE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azurite_learns_nothing_from_any_write_path() {
    blind_behind(Place::Azurite, &S3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azurite_learns_nothing_from_any_write_path_of_azure() {
    blind_behind(Place::Azurite, &AZURE).await;
}

/// The sizes of the files that one object of this size leaves, smallest first.
async fn stored_sizes(gateway: &GatewayProcess, size: usize) -> Vec<u64> {
    let before: Vec<_> = files_below(&gateway.folder()).into_iter().map(|(name, _)| name).collect();
    let store = client::store(gateway, BUCKET);
    let path = object_store::path::Path::from(format!("taille-{size}"));
    store.put(&path, PutPayload::from(content(7, size))).await.expect("a put");
    let mut sizes: Vec<u64> = files_below(&gateway.folder())
        .into_iter()
        .filter(|(name, _)| !before.contains(name))
        .map(|(_, path)| fs::metadata(path).expect("a file").len())
        .collect();
    sizes.sort_unstable();
    sizes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_objects_of_nearly_equal_size_look_equal() {
    let gateway = GatewayProcess::start(Options::folder());
    client::create_bucket(&gateway, BUCKET).await;
    for (one, other) in [(1, 1_000), (98_400, 100_300), (1_000_001, 1_000_777), (9 * MIB + 1, 9 * MIB + 1_000)] {
        let (first, second) = (stored_sizes(&gateway, one).await, stored_sizes(&gateway, other).await);
        assert!(!first.is_empty(), "an object of {one} bytes left nothing");
        assert_eq!(first, second, "{one} and {other} bytes");
    }
    // And the measure is not blind itself: what differs much looks different.
    assert_ne!(stored_sizes(&gateway, 50_000).await, stored_sizes(&gateway, 90_000).await);
    assert!(stored_sizes(&gateway, 0).await.is_empty(), "an empty object has no chunk");
}

#[test]
fn the_search_finds_every_kind_of_needle_wherever_it_is_planted() {
    let body = content(5, 300_000);
    let mut needles = Needles::default();
    needles.text("name", "IRM-cérébrale.dcm");
    needles.secret("secret", b"0123456789abcdef");
    needles.content("body", &body);
    needles.multipart("body", &[&body[..100_000], &body[100_000..]]);
    let noise = content(6, 400_000);
    assert_eq!(needles.search(&noise), Vec::<String>::new(), "noise holds nothing");
    assert!(!needles.search(&body).is_empty(), "the body itself");

    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body);
    let md5 = <md5::Md5 as md5::Digest>::digest(&body);
    let crc32 = u32::try_from(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, &body)).unwrap().to_be_bytes();
    let crc64 = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &body).to_be_bytes();
    let planted: Vec<(&str, Vec<u8>)> = vec![
        ("a name", "x/IRM-cérébrale.dcm".into()),
        ("a percent-encoded name", "IRM-c%C3%A9r%C3%A9brale.dcm".into()),
        ("a percent-encoded name in lower case", "irm-c%c3%a9r%c3%a9brale.dcm".into()),
        ("a name in hex", hex::encode("IRM-cérébrale.dcm").into()),
        ("a name in base64", BASE64_STANDARD.encode("IRM-cérébrale.dcm").into()),
        ("a name in base64 after one byte", BASE64_STANDARD.encode("/IRM-cérébrale.dcm").into()),
        ("a name in base64 after two bytes", BASE64_STANDARD.encode("a/IRM-cérébrale.dcm?x").into()),
        ("a secret", b"0123456789abcdef".to_vec()),
        ("content from the begin", body[..40].to_vec()),
        ("2 KiB from the middle", body[123_457..125_505].to_vec()),
        ("content to the end", body[body.len() - 16..].to_vec()),
        ("SHA-256", sha256.as_ref().to_vec()),
        ("SHA-256 in hex", hex::encode(sha256.as_ref()).into()),
        ("SHA-256 in upper hex", hex::encode_upper(sha256.as_ref()).into()),
        ("SHA-256 in base64", BASE64_STANDARD.encode(sha256.as_ref()).into()),
        ("MD5", md5.to_vec()),
        ("MD5 in quotes", format!("\"{}\"", hex::encode(md5)).into()),
        ("CRC64NVME", crc64.to_vec()),
        ("CRC64NVME in base64", BASE64_STANDARD.encode(crc64).into()),
        ("CRC32 in base64", BASE64_STANDARD.encode(crc32).into()),
        ("CRC32 in hex", format!("crc={} ", hex::encode(crc32)).into()),
    ];
    for (what, needle) in planted {
        for at in [0, 1, 199_999, noise.len()] {
            let haystack = [&noise[..at], &needle, &noise[at..]].concat();
            // A CRC32 in hex beside a hex digit is not told from a piece of a longer one; noise may hold one there.
            assert!(!needles.search(&haystack).is_empty(), "{what} planted at {at} was not found");
        }
    }
    // Eight hex digits inside a longer hex string are no checksum.
    let longer = format!("/ab{}cd", hex::encode(crc32));
    assert_eq!(needles.search(longer.as_bytes()), Vec::<String>::new());
}

#[test]
fn whatever_is_no_sealed_chunk_is_noticed_without_knowing_what_was_written() {
    let name = format!("/sealed/ab/{}", "0123456789abcdef0123456789abcdef012345");
    let header = b"ECLU\x01\x01\x00\x00";
    let chunk = [&header[..], &content(8, 5_000)].concat();
    let headers = [("content-type", "application/octet-stream"), ("host", "abroad")];
    let fault = |method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]| {
        shape::request_fault(method, target, headers, body)
    };
    assert_eq!(fault("PUT", &name, &headers, &chunk), None);
    assert_eq!(fault("GET", &format!("{name}?x-id=GetObject"), &headers, b""), None);
    let text = "Tremblay, Éloïse; IRM cérébrale; ".repeat(200);
    let faults = [
        fault("PUT", "/sealed/patients/IRM.dcm", &headers, &chunk),
        fault("PUT", &name.to_uppercase(), &headers, &chunk),
        fault("PUT", &name, &headers, &content(8, 5_000)),
        fault("PUT", &name, &headers, &[&header[..], text.as_bytes()].concat()),
        fault("PUT", &name, &headers, &[&chunk[..2_000], &[0; 3_000]].concat()),
        fault("PUT", &name, &headers, &chunk[..40]),
        fault("PUT", &name, &headers, &content(8, 9 * MIB)),
        fault("PUT", &name, &[("content-type", "application/dicom")], &chunk),
        fault("PUT", &name, &[("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], &chunk),
        fault("PUT", &name, &[("x-amz-meta-patient", "x")], &chunk),
        fault("GET", &name, &headers, b"body"),
        fault("GET", "/sealed?list-type=2&prefix=patients", &headers, b""),
        fault("POST", "/sealed?comp=batch", &headers, b"DELETE /account/sealed/patients/IRM.dcm HTTP/1.1"),
    ];
    for (index, fault) in faults.into_iter().enumerate() {
        assert!(fault.is_some(), "planted fault {index} was not noticed");
    }
}
