//! What only Azure's write paths make (blocks, appends, snapshots, shared ranges), read in every way that only Azure has:
//! ranges with a digest of their own, structured bodies, snapshots, sources of copies.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::world::*;
use testing::azure::asking::AzureAsker;
use testing::azure::shared_key::Request;
use testing::noise::content;

const CONTAINER: &str = "/imaging";

/// What one write path made.
struct Written {
    name: &'static str,
    snapshot: Option<String>,
    bytes: Vec<u8>,
    /// Its chunks, and which of its bytes each holds: first, and one past the last.
    chunks: Vec<(String, usize, usize)>,
}

impl Written {
    fn request(&self, asker: &AzureAsker, method: &str) -> Request {
        let request = asker.request(method, &format!("{CONTAINER}/{}", self.name));
        match &self.snapshot {
            Some(snapshot) => request.query("snapshot", snapshot),
            None => request,
        }
    }

    fn address(&self, asker: &AzureAsker) -> String {
        let address = asker.address(&format!("{CONTAINER}/{}", self.name));
        match &self.snapshot {
            Some(snapshot) => format!("{address}?snapshot={}", testing::azure::shared_key::encoded(snapshot)),
            None => address,
        }
    }
}

/// Asks for a write that succeeds; gives the new chunk, if there is one, and what was answered.
async fn write(world: &World, request: Request) -> (Option<String>, testing::told::Told) {
    let before = world.hostile.stored();
    let told = world.azure().send(request).await.expect("an answer");
    assert!(told.status < 300, "{} {}", told.status, told.text());
    (world.added(&before).into_iter().next(), told)
}

fn id(number: u32) -> String {
    BASE64_STANDARD.encode(format!("{number:04}"))
}

/// One of each kind.
async fn everything(world: &mut World) -> Vec<Written> {
    let put = |name: &str| world.azure().request("PUT", &format!("{CONTAINER}/{name}"));
    let pieces = [content(1, 2 * SEGMENT + 10), content(2, 70_000), content(3, 30_000)];
    let ends = [pieces[0].len(), pieces[0].len() + pieces[1].len(), pieces.iter().map(Vec::len).sum()];
    let (mut blocks, mut appends) = (Vec::new(), Vec::new());
    for name in ["roy-appended", "roy-log"] {
        write(world, put(name).header("x-ms-blob-type", "AppendBlob").body("")).await;
    }
    for (number, piece) in (1..).zip(&pieces) {
        let block = put("roy-blocks").query("comp", "block").query("blockid", &id(number)).body(piece.clone());
        blocks.push(write(world, block).await.0.expect("a chunk"));
        let append = put("roy-appended").query("comp", "appendblock").body(piece.clone());
        appends.push(write(world, append).await.0.expect("a chunk"));
    }
    let list: String = (1..=3).map(|number| format!("<Latest>{}</Latest>", id(number))).collect();
    write(world, put("roy-blocks").query("comp", "blocklist").body(format!("<BlockList>{list}</BlockList>"))).await;
    let places = |chunks: Vec<String>| -> Vec<(String, usize, usize)> {
        let begins = [0, ends[0], ends[1]].into_iter().zip(ends);
        chunks.into_iter().zip(begins).map(|(chunk, (begin, end))| (chunk, begin, end)).collect()
    };
    let mut all = vec![
        Written { name: "roy-blocks", snapshot: None, bytes: pieces.concat(), chunks: places(blocks) },
        Written { name: "roy-appended", snapshot: None, bytes: pieces.concat(), chunks: places(appends) },
    ];

    let old = content(4, 2 * SEGMENT);
    let blob = put("roy-taken").header("x-ms-blob-type", "BlockBlob");
    let (chunk, _) = write(world, blob.clone().body(old.clone())).await;
    let (_, taken) = write(world, put("roy-taken").query("comp", "snapshot").body("")).await;
    let snapshot = Some(taken.headers["x-ms-snapshot"].to_str().expect("text").to_owned());
    write(world, blob.body(content(5, 5_000))).await;
    let chunks = vec![(chunk.expect("a chunk"), 0, old.len())];
    all.push(Written { name: "roy-taken", snapshot, bytes: old, chunks });

    // A range of a source that is gone, and the whole of one.
    let source = content(6, 3 * SEGMENT);
    let blob = put("roy-source").header("x-ms-blob-type", "BlockBlob").body(source.clone());
    let chunk = write(world, blob).await.0.expect("a chunk");
    let address = world.azure().address(&format!("{CONTAINER}/roy-source"));
    let (first, end) = (SEGMENT / 2, 2 * SEGMENT + 7);
    let block = put("roy-part").query("comp", "block").query("blockid", &id(1)).header("x-ms-copy-source", &address);
    write(world, block.header("x-ms-source-range", &format!("bytes={first}-{}", end - 1)).body("")).await;
    let list = format!("<BlockList><Latest>{}</Latest></BlockList>", id(1));
    write(world, put("roy-part").query("comp", "blocklist").body(list)).await;
    write(world, put("roy-copied").header("x-ms-copy-source", &address).body("")).await;
    write(world, world.azure().request("DELETE", &format!("{CONTAINER}/roy-source"))).await;
    let bytes = source[first..end].to_vec();
    all.push(Written { name: "roy-part", snapshot: None, chunks: vec![(chunk.clone(), 0, bytes.len())], bytes });
    all.push(Written { name: "roy-copied", snapshot: None, chunks: vec![(chunk, 0, source.len())], bytes: source });
    world.settle();
    all
}

/// What the provider makes of a chunk; `None`: it is gone.
fn lies(honest: &Bytes, other: Bytes) -> Vec<(&'static str, Option<Bytes>)> {
    let flipped = |at: usize| {
        let mut bytes = honest.to_vec();
        bytes[at] ^= 1;
        Some(bytes.into())
    };
    vec![
        ("a bit of its first segment", flipped(HEADER)),
        ("a bit of its last tag", flipped(honest.len() - 1)),
        ("a byte short", Some(honest.slice(..honest.len() - 1))),
        ("another chunk", Some(other)),
        ("nothing", Some(Bytes::new())),
        ("not there", None),
    ]
}

/// A read of the whole, or of what is asked for, in one of Azure's ways.
async fn read(asker: &AzureAsker, written: &Written, headers: &[(&str, &str)]) -> Read {
    told(asker.begin(written.request(asker, "GET").headers(headers)).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_azure_wrote_is_never_wrong_in_any_way_that_azure_reads() {
    both(async |protocol| {
        let mut world = World::start(protocol).await;
        let all = everything(&mut world).await;
        for written in &all {
            let asker = world.azure();
            const FRAMED: (&str, &str) = ("x-ms-structured-body", "XSM/1.0; properties=crc64");
            let honest_frame = read(asker, written, &[FRAMED]).await;
            assert!(honest_frame.complete && honest_frame.got.len() > written.bytes.len(), "{}", honest_frame.said);
            for (chunk, begin, end) in &written.chunks {
                let honest = world.hostile.chunk(chunk);
                let another = all[0].chunks.iter().find(|(other, ..)| other != chunk).expect("another chunk");
                for (lie, bytes) in lies(&honest, world.hostile.chunk(&another.0)) {
                    match bytes {
                        Some(bytes) => world.hostile.replace(chunk, bytes),
                        None => world.hostile.remove(chunk),
                    }
                    let attack = format!("{:?}: {}, bytes {begin} to {end}: {lie}", protocol, written.name);
                    refused_in_every_way(&world, written, (*begin, *end), &honest_frame.got, FRAMED, &attack).await;
                    world.hostile.replace(chunk, honest.clone());
                }
            }
            let read = read(world.azure(), written, &[]).await;
            assert!(read.complete && read.got == written.bytes, "{}: at last", written.name);
        }
        world.restore("what Azure wrote").await;
    })
    .await;
}

async fn refused_in_every_way(
    world: &World,
    written: &Written,
    (begin, end): (usize, usize),
    honest_frame: &[u8],
    framed: (&str, &str),
    attack: &str,
) {
    let asker = world.azure();
    let whole = format!("bytes=0-{}", written.bytes.len() - 1);
    // Its last bytes: where a chunk that lost its end shows it, too.
    let near = format!("bytes={}-{}", end - 10, end - 1);
    let first = format!("bytes={begin}-{}", begin + 9);
    type Headers<'h> = &'h [(&'h str, &'h str)];
    let ways: [(&str, Headers, &[u8]); 6] = [
        ("the whole", &[], &written.bytes),
        ("the whole as a range", &[("x-ms-range", &whole)], &written.bytes),
        ("framed", &[framed], honest_frame),
        ("with an MD5", &[("x-ms-range", &whole), ("x-ms-range-get-content-md5", "true")], &[]),
        ("with a CRC64", &[("x-ms-range", &whole), ("x-ms-range-get-content-crc64", "true")], &[]),
        ("framed, with an MD5", &[("x-ms-range", &whole), ("x-ms-range-get-content-md5", "true"), framed], &[]),
    ];
    let names = [written.name, "imaging"];
    for (way, headers, right) in ways {
        let what = format!("{attack}: {way}");
        let read = async || read(asker, written, headers).await;
        let came = world.assert_read_refused(&what, Front::Azure, Kind::Incident, right, &names, read).await;
        assert!(came == 0 || !right.is_empty(), "{what}: a digest of what is not whole");
    }
    // Of bits in one segment a range elsewhere knows nothing: it is right, or refused.
    for (way, range, at) in [("its first bytes", &first, begin), ("its last bytes", &near, end - 10)] {
        let read = read(asker, written, &[("x-ms-range", range)]).await;
        let right = read.complete && read.status == 206 && read.got == written.bytes[at..at + 10];
        // Broken off, even before its head was seen, or refused.
        let refused = !read.complete || read.said == Kind::Incident.said(Front::Azure);
        assert!(right || refused, "{attack}: {way}: {} {}", read.status, read.said);
    }
    if written.snapshot.is_none() {
        // The other front has the same to say.
        let url = world.url(testing::process::CLIENT_ID, BUCKET, written.name, http::Method::GET).await;
        let read = async || read_with(world.http(), url, None).await;
        let what = format!("{attack}: through S3");
        world.assert_read_refused(&what, Front::S3, Kind::Incident, &written.bytes, &names, read).await;
    }
    sources(world, written, attack).await;
}

/// As a source whose bytes are read: nothing comes of it.
async fn sources(world: &World, written: &Written, attack: &str) {
    let asker = world.azure();
    let md5 = BASE64_STANDARD.encode(Md5::digest(&written.bytes));
    let source = written.address(asker);
    let put = |name: &str| {
        let request = asker.request("PUT", &format!("{CONTAINER}/{name}")).header("x-ms-copy-source", &source);
        request.header("x-ms-source-content-md5", &md5).body("")
    };
    let block = put("roy-made").query("comp", "block").query("blockid", &id(1));
    for (way, request) in [
        ("Put Blob From URL", put("roy-made").header("x-ms-blob-type", "BlockBlob")),
        ("Copy Blob From URL", put("roy-made").header("x-ms-requires-sync", "true")),
        ("Put Block From URL", block),
        ("Append Block From URL", put("roy-log").query("comp", "appendblock")),
    ] {
        let what = format!("{attack}: {way}");
        let read = async || told(asker.begin(request).await).await;
        let names = [written.name, "imaging", "roy-made"];
        world.assert_read_refused(&what, Front::Azure, Kind::Incident, &[], &names, read).await;
    }
    let blocks = asker.request("GET", &format!("{CONTAINER}/roy-made")).query("comp", "blocklist");
    let answer = asker.send(blocks.query("blocklisttype", "all")).await.expect("an answer");
    assert_eq!(answer.status, 404, "{attack}: something was made: {}", answer.text());
    let grown = asker.send(asker.request("HEAD", &format!("{CONTAINER}/roy-log"))).await.expect("an answer");
    assert_eq!(grown.headers["content-length"], "0", "{attack}: it grew");
}
