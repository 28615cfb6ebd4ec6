//! What is there: lists, HEAD and GET of both fronts, whole and in ranges, held against the books.

use std::collections::BTreeMap;

use http::Method;
use testing::noise::Noise;
use testing::told::Told;

use super::books::{INBOX, Object};
use super::clients::{BUCKET, Client, tag_of};

/// A line of a list: size and tag.
type Listed = BTreeMap<String, (usize, String)>;

/// The texts of an XML element, one after another.
fn texts<'t>(xml: &'t str, name: &str) -> Vec<&'t str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).collect()
}

fn line(entry: &str, key: &str, size: &str, tag: &str) -> (String, (usize, String)) {
    let text = |name: &str| texts(entry, name).first().copied().unwrap_or_default().replace("&quot;", "\"");
    (text(key), (text(size).parse().expect("a size"), text(tag)))
}

/// All pages of the S3 front.
async fn listed_by_s3(client: &Client, prefix: &str, page: &str) -> Listed {
    let (mut lines, mut token) = (Listed::new(), None::<String>);
    loop {
        let mut query = vec![("list-type", "2"), ("max-keys", page), ("prefix", prefix)];
        query.extend(token.as_deref().map(|token| ("continuation-token", token)));
        let told = client.s3.ask(Method::GET, &format!("/{BUCKET}"), &query, &[], Vec::new()).await.expect("a list");
        assert_eq!(told.status, 200, "{}", told.text());
        let text = told.text();
        for entry in texts(&text, "Contents") {
            let (key, line) = line(entry, "Key", "Size", "ETag");
            assert!(lines.insert(key, line).is_none(), "listed twice");
        }
        token = told.field("NextContinuationToken").filter(|token| !token.is_empty());
        if token.is_none() {
            return lines;
        }
    }
}

/// All pages of the Azure front.
async fn listed_by_azure(client: &Client, prefix: &str, page: &str) -> Listed {
    let (mut lines, mut marker) = (Listed::new(), String::new());
    loop {
        let request = client.azure.request("GET", &format!("/{BUCKET}")).queries(&[
            ("restype", "container"),
            ("comp", "list"),
            ("maxresults", page),
            ("prefix", prefix),
            ("marker", &marker),
        ]);
        let told = client.azure.send(request).await.expect("a list");
        assert_eq!(told.status, 200, "{}", told.text());
        let text = told.text();
        for entry in texts(&text, "Blob") {
            let (key, line) = line(entry, "Name", "Content-Length", "Etag");
            assert!(lines.insert(key, line).is_none(), "listed twice");
        }
        marker = told.field("NextMarker").unwrap_or_default();
        if marker.is_empty() {
            return lines;
        }
    }
}

/// First and last byte of some ranges: at the ends, over the border of a segment and of a chunk, anywhere, beyond.
fn ranges(size: usize, noise: &mut Noise) -> Vec<(usize, usize)> {
    let any = noise.below(size.max(1) as u64) as usize;
    let mut ranges = vec![(0, 0), (size.saturating_sub(1), size + 5), (any, any + noise.below(200_000) as usize)];
    for border in [65_536, 131_072, 8 << 20] {
        if size > border {
            ranges.push((border - 1, border));
        }
    }
    ranges.push((size, size + 1));
    ranges
}

fn is_cut(told: &Told, bytes: &[u8], (first, last): (usize, usize), what: &str) {
    if first >= bytes.len() {
        assert_eq!(told.status, 416, "{what}: {}", told.text());
        return;
    }
    let last = last.min(bytes.len() - 1);
    assert_eq!(told.status, 206, "{what}: {}", told.text());
    let shown = told.headers.get("content-range").and_then(|value| value.to_str().ok());
    assert_eq!(shown, Some(format!("bytes {first}-{last}/{}", bytes.len()).as_str()), "{what}");
    assert!(told.body == bytes[first..=last], "{what}: wrong bytes in {first}-{last}");
}

/// What one front says of an object, by HEAD or GET.
fn is_shown(told: &Told, object: &Object, tag: &str, note: &str, what: &str) {
    assert_eq!(told.status, 200, "{what}: {}", told.text());
    let header = |name: &str| told.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("content-length"), Some(object.size().to_string().as_str()), "{what}");
    assert_eq!(tag_of(told), tag, "{what}");
    assert_eq!(header(note), object.note.as_deref(), "{what}");
}

/// Looks at everything of a tenant through both fronts.
pub async fn everything(client: &Client, expected: &BTreeMap<String, Object>, absent: &[String], noise: &mut Noise) {
    let page = (1 + noise.below(5)).to_string();
    let (s3, azure) = (listed_by_s3(client, "", &page).await, listed_by_azure(client, "", &page).await);
    let due: Vec<(&String, usize)> = expected.iter().map(|(key, object)| (key, object.size())).collect();
    for (front, listed) in [("S3", &s3), ("Azure", &azure)] {
        let found: Vec<(&String, usize)> = listed.iter().map(|(key, (size, _))| (key, *size)).collect();
        assert_eq!(found, due, "the list of the {front} front");
    }
    for (key, object) in expected {
        let path = format!("/{BUCKET}/{key}");
        let bytes = object.bytes();
        let ask = |method: Method| client.s3.ask(method, &path, &[], &[], Vec::new());
        let tag = &s3[key].1;
        is_shown(&ask(Method::HEAD).await.expect("HEAD"), object, tag, "x-amz-meta-note", &format!("S3 HEAD {key}"));
        let told = ask(Method::GET).await.expect("GET");
        is_shown(&told, object, tag, "x-amz-meta-note", &format!("S3 GET {key}"));
        assert!(told.body == bytes, "S3 GET {key}: wrong bytes");
        // Lists of Azure's front show tags without quotes.
        let tag = format!("\"{}\"", azure[key].1.trim_matches('"'));
        let told = client.azure.send(client.azure.request("HEAD", &path)).await.expect("HEAD");
        is_shown(&told, object, &tag, "x-ms-meta-note", &format!("Azure HEAD {key}"));
        let told = client.azure.send(client.azure.request("GET", &path)).await.expect("GET");
        is_shown(&told, object, &tag, "x-ms-meta-note", &format!("Azure GET {key}"));
        assert!(told.body == bytes, "Azure GET {key}: wrong bytes");
        for range in ranges(bytes.len(), noise) {
            let text = format!("bytes={}-{}", range.0, range.1);
            let told = client.s3.ask(Method::GET, &path, &[], &[("range", &text)], Vec::new()).await.expect("a range");
            is_cut(&told, &bytes, range, &format!("S3 {key} {text}"));
            let request = client.azure.request("GET", &path).header("x-ms-range", &text);
            is_cut(&client.azure.send(request).await.expect("a range"), &bytes, range, &format!("Azure {key} {text}"));
        }
    }
    for key in absent {
        let path = format!("/{BUCKET}/{key}");
        let told = client.s3.ask(Method::HEAD, &path, &[], &[], Vec::new()).await.expect("HEAD");
        assert_eq!(told.status, 404, "S3 HEAD {key}");
        let told = client.azure.send(client.azure.request("GET", &path)).await.expect("GET");
        assert_eq!(told.status, 404, "Azure GET {key}");
    }
}

/// Looks as a client who sees the inbox only.
pub async fn the_inbox(client: &Client, expected: &BTreeMap<String, Object>, noise: &mut Noise) {
    let page = (1 + noise.below(3)).to_string();
    let due: Vec<&String> = expected.keys().filter(|key| key.starts_with(INBOX)).collect();
    assert_eq!(listed_by_s3(client, INBOX, &page).await.keys().collect::<Vec<_>>(), due, "the courier's list of S3");
    assert_eq!(listed_by_azure(client, INBOX, &page).await.keys().collect::<Vec<_>>(), due, "the courier's of Azure");
    for key in expected.keys().filter(|key| !key.starts_with(INBOX)) {
        let path = format!("/{BUCKET}/{key}");
        assert_eq!(client.s3.get(&path).await.expect("an answer").status, 403, "S3 {key}");
        let told = client.azure.send(client.azure.request("GET", &path)).await.expect("an answer");
        assert_eq!(told.status, 403, "Azure {key}");
    }
}
