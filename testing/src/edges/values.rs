//! Values at the edges of what requests are made of, and what earlier answers gave to be sent again.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{Duration, OffsetDateTime};

use super::choices::Choices;
use crate::azure::wire::Answer;

/// What a parameter says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Number,
    Range,
    Date,
    /// A continuation token, marker or upload id.
    Token,
    Upload,
    ETag,
    Snapshot,
    Lease,
    /// A block's name, in base64.
    Block,
    Digest,
    Text,
    Key,
    Bucket,
    /// Where a copy comes from: for S3 `bucket/key`, for Azure an address.
    Source,
    /// Tags as in a query.
    Tags,
    /// An expression over tags.
    Where,
    Version,
    /// One of these, or something else.
    Of(&'static [&'static str]),
}

const NUMBERS: &[&str] = &[
    "1",
    "0",
    "2",
    "-1",
    "",
    "3",
    "5",
    "15",
    "16",
    "17",
    "60",
    "61",
    "255",
    "256",
    "512",
    "513",
    "999",
    "1000",
    "1001",
    "4999",
    "5000",
    "5001",
    "9999",
    "10000",
    "10001",
    "50000",
    "50001",
    "65535",
    "65536",
    "65537",
    "604800",
    "604801",
    "4194304",
    "4194305",
    "5242880",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "5368709120",
    "5368709121",
    "9223372036854775806",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999999999999999999",
    "00000000000000000000000000001",
    "1e3",
    "0x10",
    "+5",
    " 7",
    "7 ",
    "7.5",
    "\u{661}",
    "NaN",
    "1,2",
    "true",
];

const DATES: &[&str] = &[
    "",
    "0",
    "-1",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Wed, 31 Dec 1969 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Sat, 01 Jan 10000 00:00:00 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT",
    "Sat, 01 Jan 0000 00:00:00 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "Sun, 06 Nov 1994 08:49:37 +0100",
    "sun, 06 nov 1994 08:49:37 gmt",
    "Mon, 06 Nov 1994 08:49:37 GMT",
    "Fri, 31 Dec 2016 23:59:60 GMT",
    "Tue, 30 Feb 2027 00:00:00 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:49:37",
    "2026-06-01T00:00:00Z",
    "20260601T000000Z",
    "9223372036854775807",
    "18446744073709551616",
    "GMT",
];

const INSTANTS: &[&str] = &[
    "",
    "2026-06-01",
    "2026-06-01T00:00Z",
    "2026-06-01T00:00:00Z",
    "2026-06-01T00:00:00.0Z",
    "2026-06-01T00:00:00.0000000Z",
    "2026-06-01T00:00:00.00000000000000000000Z",
    "2026-06-01T00:00:00+14:00",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00.0000000Z",
    "1601-01-01T00:00:00Z",
    "1969-12-31T23:59:59.9999999Z",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999Z",
    "10000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "2027-02-30T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2026-06-01T24:00:00Z",
    "2026-06-01t00:00:00z",
    "2262-04-11T23:47:16.8547758Z",
    "292278994-08-17T07:12:55.807Z",
    "now",
    "Fri, 31 Dec 9999 23:59:59 GMT",
];

const RANGES: &[&str] = &[
    "bytes=0-",
    "bytes=-0",
    "bytes=",
    "bytes=-",
    "bytes",
    "",
    "bytes=--1",
    "bytes=a-b",
    "bytes= 0 - 1 ",
    "BYTES=0-1",
    "bytes 0-1",
    "bytes=0-0,2-3",
    "bytes=0-1,",
    "bytes=,0-1",
    "items=0-1",
    "bytes=5-2",
    "bytes=0-1/2",
    "bytes=0x0-0x1",
    "0-1",
    "bytes=0-1;2-3",
    "bytes=1-0,5-4",
];

const TEXTS: &[&str] = &[
    "a",
    "",
    "/",
    "//",
    ".",
    "..",
    "a/../b",
    "\u{e9}t\u{e9}",
    "%",
    "%00",
    "%zz",
    "%2f",
    "+",
    "a b",
    "\"",
    "<",
    "&",
    "'",
    "\u{fffd}",
    "\u{10ffff}",
    "\u{1}",
    "\u{7f}",
    ",",
    ";",
    "=",
    "?",
    "#",
    "url",
    "*",
    "null",
    "true",
    "false",
    "0",
];

pub(super) const KEYS: &[&str] =
    &["a", "b", "grown", "public/a", "inbox/x", "dossier/\u{e9}t\u{e9} 1", "z", "a/", "absent"];
pub(super) const BUCKETS: &[&str] = &["imaging", "archive", "imaging", "imaging", "absent-one"];

/// A length, in bytes, that may be longer than anything allows.
const LONG: [usize; 6] = [63, 64, 256, 1024, 1025, 8193];

/// What earlier answers gave: each kind a few, the newest last.
#[derive(Default)]
pub(super) struct Seen {
    tokens: VecDeque<String>,
    uploads: VecDeque<String>,
    tags: VecDeque<String>,
    snapshots: VecDeque<String>,
    leases: VecDeque<String>,
    dates: VecDeque<String>,
}

impl Seen {
    /// Keeps what an answer says.
    pub(super) fn look(&mut self, answer: &Answer) {
        for (name, value) in &answer.headers {
            match name.as_str() {
                "etag" => keep(&mut self.tags, value),
                "x-ms-snapshot" => keep(&mut self.snapshots, value),
                "x-ms-lease-id" => keep(&mut self.leases, value),
                "x-ms-copy-id" => keep(&mut self.tokens, value),
                "last-modified" => keep(&mut self.dates, value),
                _ => {}
            }
        }
        let text = answer.text();
        for element in text.split('<').skip(1) {
            let Some((name, value)) = element.split_once('>') else { continue };
            let value = value.replace("&quot;", "\"").replace("&amp;", "&");
            let pool = match name {
                "ETag" | "Etag" => &mut self.tags,
                "Snapshot" => &mut self.snapshots,
                "UploadId" => &mut self.uploads,
                "NextMarker"
                | "NextContinuationToken"
                | "NextKeyMarker"
                | "NextUploadIdMarker"
                | "ContinuationToken"
                | "NextPartNumberMarker" => &mut self.tokens,
                _ => continue,
            };
            keep(pool, &value);
        }
    }

    fn of(&self, pool: &VecDeque<String>, choices: &mut Choices<'_>) -> String {
        if pool.is_empty() {
            return String::new();
        }
        pool[pool.len() - 1 - choices.below(pool.len())].clone()
    }

    /// Any token, whatever it is of.
    fn foreign(&self, choices: &mut Choices<'_>) -> String {
        let pools = [&self.tokens, &self.uploads, &self.tags, &self.snapshots, &self.leases, &self.dates];
        let pool = *choices.of(&pools);
        self.of(pool, choices)
    }
}

fn keep(pool: &mut VecDeque<String>, value: &str) {
    if value.is_empty() || pool.contains(&value.to_owned()) {
        return;
    }
    pool.push_back(value.to_owned());
    if pool.len() > 12 {
        pool.pop_front();
    }
}

/// A value of a kind; most often one that may serve.
pub(super) fn value(kind: Kind, choices: &mut Choices<'_>, seen: &Seen) -> String {
    let wild = choices.once_in(16);
    if wild {
        return match choices.below(3) {
            0 => long(choices),
            1 => (*choices.of(TEXTS)).to_owned(),
            _ => (*choices.of(NUMBERS)).to_owned(),
        };
    }
    // Mostly what serves, so that requests get further than to their first edge.
    if choices.once_in(2) {
        match kind {
            Kind::Number => return choices.text(&["1", "2", "5", "15", "60", "1000"]).to_owned(),
            Kind::Text => return "a".to_owned(),
            Kind::Tags => return "name=value".to_owned(),
            Kind::Where => return "\"name\"='value'".to_owned(),
            Kind::Range => return format!("bytes={}-{}", choices.below(20), 20 + choices.below(90)),
            _ => {}
        }
    }
    match kind {
        Kind::Number => (*choices.of(NUMBERS)).to_owned(),
        Kind::Range => range(choices),
        Kind::Date => date(choices, seen),
        Kind::Token => used(&seen.tokens, choices, seen),
        Kind::Upload => used(&seen.uploads, choices, seen),
        Kind::Snapshot => used(&seen.snapshots, choices, seen),
        Kind::Lease => match choices.below(4) {
            0 => "5b1d6dcf-e5d0-4f0a-9a3f-9f7a2a6f0c11".to_owned(),
            1 => "{5B1D6DCF-E5D0-4F0A-9A3F-9F7A2A6F0C11}".to_owned(),
            _ => used(&seen.leases, choices, seen),
        },
        Kind::ETag => tag(choices, seen),
        Kind::Block => block(choices),
        Kind::Digest => digest(choices),
        Kind::Text => (*choices.of(TEXTS)).to_owned(),
        Kind::Key => (*choices.of(KEYS)).to_owned(),
        Kind::Bucket => (*choices.of(BUCKETS)).to_owned(),
        Kind::Source => {
            let (bucket, key) = (choices.of(BUCKETS), choices.of(KEYS));
            let start = choices.text(&["/", "", "http://HOST/pacs/", "http://HOST/stranger/", "https://HOST/", "//"]);
            format!("{start}{bucket}/{key}").replace(' ', "%20").replace('\u{e9}', "%C3%A9")
        }
        Kind::Tags => match choices.below(4) {
            0 => "name=value".to_owned(),
            1 => "a=1&b=2&b=3".to_owned(),
            2 => (0..choices.below(13)).map(|n| format!("t{n}=v&")).collect(),
            _ => format!("{}={}", choices.of(TEXTS), choices.of(TEXTS)),
        },
        Kind::Where => expression(choices),
        Kind::Version => {
            let known =
                ["2025-11-05", "2021-08-06", "2019-12-12", "2018-11-09", "2015-02-21", "2009-09-19", "2026-04-06"];
            if choices.once_in(6) { instant(choices) } else { (choices.text(&known)).to_owned() }
        }
        Kind::Of(words) => (*choices.of(words)).to_owned(),
    }
}

/// A text of a length that may be too much.
fn long(choices: &mut Choices<'_>) -> String {
    choices.text(&["x", "0", "/", "%", "\u{e9}", "9"]).repeat(*choices.of(&LONG))
}

/// A token as it came, cut, changed, or another's.
fn used(pool: &VecDeque<String>, choices: &mut Choices<'_>, seen: &Seen) -> String {
    let token = seen.of(pool, choices);
    match choices.below(8) {
        0 => token.chars().take(choices.below(token.chars().count().max(1))).collect(),
        1 => {
            let at = choices.below(token.chars().count().max(1));
            let other = *choices.of(&['A', 'z', '0', '.', '!', '\u{e9}']);
            token.chars().enumerate().map(|(index, letter)| if index == at { other } else { letter }).collect()
        }
        2 => seen.foreign(choices),
        3 => format!("{token}{token}"),
        _ => token,
    }
}

fn range(choices: &mut Choices<'_>) -> String {
    match choices.below(6) {
        0 => (*choices.of(RANGES)).to_owned(),
        1 => format!("bytes={}-", choices.of(NUMBERS)),
        2 => format!("bytes=-{}", choices.of(NUMBERS)),
        3 => format!("bytes={}-{}", choices.of(NUMBERS), choices.of(NUMBERS)),
        4 => format!("bytes={}", "0-0,".repeat(choices.below(700))),
        _ => format!("bytes={}-{}", choices.below(20), choices.below(40)),
    }
}

fn date(choices: &mut Choices<'_>, seen: &Seen) -> String {
    match choices.below(4) {
        0 => used(&seen.dates, choices, seen),
        1 => {
            let at = OffsetDateTime::now_utc() + Duration::seconds(choices.below(7_201) as i64 - 3_600);
            at.format(&Rfc2822).unwrap_or_default().replace("+0000", "GMT")
        }
        _ => (*choices.of(DATES)).to_owned(),
    }
}

pub(super) fn instant(choices: &mut Choices<'_>) -> String {
    if choices.once_in(3) {
        let at = OffsetDateTime::now_utc() + Duration::seconds((choices.below(65_536) as i64 - 32_768) * 32);
        return at.format(&Rfc3339).unwrap_or_default();
    }
    (*choices.of(INSTANTS)).to_owned()
}

fn tag(choices: &mut Choices<'_>, seen: &Seen) -> String {
    let tag = seen.of(&seen.tags, choices);
    match choices.below(9) {
        0 => "*".to_owned(),
        1 => format!("W/{tag}"),
        2 => tag.trim_matches('"').to_owned(),
        3 => format!("{tag}, \"other\""),
        4 => format!("{tag},").repeat(choices.below(400)),
        5 => (choices.text(&["\"\"", "\"", "", "\"x", "*, *", "\"a\"b\"", "\"\u{e9}\""])).to_owned(),
        6 => used(&seen.tags, choices, seen),
        _ => tag,
    }
}

/// One of a few blocks' names, or something that is none.
pub(super) fn block(choices: &mut Choices<'_>) -> String {
    match choices.below(8) {
        0 => (choices.text(&["", "!", "A", "AA", "AAA", "AAAA=", "%41", "\u{e9}"])).to_owned(),
        1 => BASE64_STANDARD.encode("x".repeat(*choices.of(&[1, 63, 64, 65, 200]))),
        2 => BASE64_STANDARD.encode([0, 0, 0, 0]),
        number => BASE64_STANDARD.encode(format!("block-{}", number % 4)),
    }
}

fn digest(choices: &mut Choices<'_>) -> String {
    let length = *choices.of(&[16, 8, 4, 20, 32, 0, 15, 17, 64]);
    let text = BASE64_STANDARD.encode(vec![u8::try_from(length).unwrap_or(0); length]);
    match choices.below(4) {
        0 => text.trim_end_matches('=').to_owned(),
        1 => (*choices.of(TEXTS)).to_owned(),
        _ => text,
    }
}

fn expression(choices: &mut Choices<'_>) -> String {
    let mut text = String::new();
    for _ in 0..choices.below(6) {
        text.push_str(choices.text(&[
            "\"name\"='value'",
            " AND ",
            "@container='imaging'",
            "\"a\">'1'",
            "\"a\"<='9'",
            " OR ",
            "\"\"=''",
            "'",
            "\"",
            "@",
            "name='x'",
            " and ",
            "(",
            ")",
            "\"b\">='0' AND \"b\"<'z'",
            "\u{e9}",
        ]));
    }
    text
}
