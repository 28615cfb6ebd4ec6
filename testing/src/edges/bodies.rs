//! What requests carry: contents, lists in XML, chunks, structured messages, batches.

use super::choices::Choices;
use super::values::{Kind, Seen, block, instant, value};
use crate::azure::shared_key::{Account, Request};
use crate::noise;
use crate::s3::sigv4::Signer;

/// Of a request to S3.
#[derive(Debug, Clone, Copy)]
pub(super) enum S3 {
    Nothing,
    Content,
    Location,
    Deletions,
    Tagging,
    Cors,
    Completion,
}

/// Of a request to Azure.
#[derive(Debug, Clone, Copy)]
pub(super) enum Azure {
    Nothing,
    Content,
    Blocks,
    Policies,
    Tags,
    DelegationKey,
    Properties,
    Batch,
}

/// Around segments, and small: what is large costs time and shows no other edge here.
const SIZES: &[usize] = &[0, 1, 2, 15, 16, 100, 511, 512, 513, 1024, 4096, 65_535, 65_536, 65_537, 131_073];

fn contents(choices: &mut Choices<'_>) -> Vec<u8> {
    let size = *choices.of(SIZES);
    noise::content(choices.below(256) as u64, size)
}

/// A text as it stands in XML, or not.
fn escaped(text: &str, choices: &mut Choices<'_>) -> String {
    if choices.once_in(24) {
        return text.to_owned();
    }
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// A document, whole or not.
fn document(mut text: String, choices: &mut Choices<'_>) -> Vec<u8> {
    match choices.below(24) {
        0 => text = text.chars().take(choices.below(text.chars().count().max(1))).collect(),
        1 => text = format!("{}{text}", "<a>".repeat(choices.below(2_000))),
        2 => text = format!("<!DOCTYPE a [<!ENTITY b \"{}\">]>{text}&b;", "b".repeat(100)),
        3 => text.push_str("<?xml version=\"1.0\"?>"),
        4 => text = text.replace('>', " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"),
        _ => {}
    }
    text.into_bytes()
}

/// How often something is repeated: a few times, and now and then more than is allowed.
fn times(choices: &mut Choices<'_>, many: usize) -> usize {
    if choices.once_in(60) { many } else { choices.below(6) }
}

pub(super) fn s3(kind: S3, choices: &mut Choices<'_>, seen: &Seen) -> Vec<u8> {
    match kind {
        S3::Nothing => {
            if choices.once_in(30) {
                contents(choices)
            } else {
                Vec::new()
            }
        }
        S3::Content => contents(choices),
        S3::Location => {
            let place = value(Kind::Of(&["", "ca-east-1", "us-east-1", "EU"]), choices, seen);
            let text = format!(
                "<CreateBucketConfiguration><LocationConstraint>{place}</LocationConstraint></CreateBucketConfiguration>"
            );
            if choices.once_in(3) { document(text, choices) } else { Vec::new() }
        }
        S3::Deletions => {
            let mut text = String::from("<Delete>");
            if choices.once_in(3) {
                text.push_str(&format!(
                    "<Quiet>{}</Quiet>",
                    value(Kind::Of(&["true", "false", "x", ""]), choices, seen)
                ));
            }
            for number in 0..times(choices, 1_001) {
                let key = if number > 5 { format!("k{number}") } else { value(Kind::Key, choices, seen) };
                text.push_str(&format!("<Object><Key>{}</Key>", escaped(&key, choices)));
                if number < 6 && choices.once_in(5) {
                    let tag = value(Kind::ETag, choices, seen);
                    text.push_str(&format!("<ETag>{}</ETag>", escaped(&tag, choices)));
                }
                text.push_str("</Object>");
            }
            document(text + "</Delete>", choices)
        }
        S3::Tagging => {
            let mut text = String::from("<Tagging><TagSet>");
            for number in 0..times(choices, 60) {
                let (name, tag) = (value(Kind::Text, choices, seen), value(Kind::Text, choices, seen));
                let name = if number > 5 { format!("t{number}") } else { escaped(&name, choices) };
                text.push_str(&format!("<Tag><Key>{name}</Key><Value>{}</Value></Tag>", escaped(&tag, choices)));
            }
            document(text + "</TagSet></Tagging>", choices)
        }
        S3::Cors => {
            let mut text = String::from("<CORSConfiguration>");
            for _ in 0..times(choices, 101) {
                text.push_str("<CORSRule>");
                for _ in 0..choices.below(6) {
                    let name = choices.text(&[
                        "AllowedOrigin",
                        "AllowedMethod",
                        "AllowedHeader",
                        "ExposeHeader",
                        "MaxAgeSeconds",
                        "ID",
                    ]);
                    text.push_str(&format!("<{name}>{}</{name}>", of_a_rule(choices, seen)));
                }
                text.push_str("<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>");
            }
            document(text + "</CORSConfiguration>", choices)
        }
        S3::Completion => {
            let mut text = String::from("<CompleteMultipartUpload>");
            for number in 0..times(choices, 10_001) {
                let (of, tag) = match (number, choices.once_in(3)) {
                    (6.., _) => (number.to_string(), "\"x\"".to_owned()),
                    (_, true) => (value(Kind::Number, choices, seen), value(Kind::ETag, choices, seen)),
                    (_, false) => ((number + 1).to_string(), value(Kind::ETag, choices, seen)),
                };
                let tag = escaped(&tag, choices);
                text.push_str(&format!("<Part><PartNumber>{of}</PartNumber><ETag>{tag}</ETag></Part>"));
            }
            document(text + "</CompleteMultipartUpload>", choices)
        }
    }
}

/// What may stand in a rule for the pages of other origins.
fn of_a_rule(choices: &mut Choices<'_>, seen: &Seen) -> String {
    let usual = ["https://viewer.example", "https://*.viewer.example", "*", "GET", "PUT", "x-amz-*", "ETag", "600"];
    let other = value(Kind::Text, choices, seen);
    if choices.once_in(4) { escaped(&other, choices) } else { choices.text(&usual).to_owned() }
}

/// `aws-chunked`, signed, with sizes that may not be so.
pub(super) fn chunked(choices: &mut Choices<'_>, signer: &Signer, seed: &str, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut before = seed.to_owned();
    let piece = *choices.of(&[8_192, 1, 65_536, 100]);
    for chunk in data.chunks(piece.max(data.len() / 50 + 1)).chain([&[][..]]) {
        before = signer.chunk(&before, chunk);
        let size = size(choices, chunk.len());
        body.extend_from_slice(format!("{size};chunk-signature={before}\r\n").as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body
}

/// `aws-chunked`, not signed, with a trailer.
pub(super) fn unsigned_chunks(choices: &mut Choices<'_>, data: &[u8]) -> Vec<u8> {
    let mut body = format!("{}\r\n", size(choices, data.len())).into_bytes();
    body.extend_from_slice(data);
    let trailer = choices.text(&["x-amz-checksum-crc32:AAAAAA==\r\n", "", "a:b\r\n", "x-amz-checksum-crc32:", ":\r\n"]);
    body.extend_from_slice(format!("\r\n0\r\n{trailer}\r\n").as_bytes());
    body
}

fn size(choices: &mut Choices<'_>, size: usize) -> String {
    if choices.once_in(16) {
        let odd =
            ["-1", "", "ffffffffffffffff", "7fffffffffffffff", "10000000000000000", "0x5", "g", "00000000000000005"];
        return (choices.text(&odd)).to_owned();
    }
    format!("{size:x}")
}

pub(super) fn azure(kind: Azure, choices: &mut Choices<'_>, seen: &Seen, account: &Account) -> Vec<u8> {
    match kind {
        Azure::Nothing => {
            if choices.once_in(30) {
                contents(choices)
            } else {
                Vec::new()
            }
        }
        Azure::Content => match choices.below(8) {
            0 => structured(choices),
            _ => contents(choices),
        },
        Azure::Blocks => {
            let mut text = String::from("<BlockList>");
            for number in 0..times(choices, 50_001) {
                let place = choices.text(&["Latest", "Committed", "Uncommitted", "Latest", "latest", "Other"]);
                let name = if number > 5 { "YmxvY2stMA==".to_owned() } else { block(choices) };
                text.push_str(&format!("<{place}>{}</{place}>", escaped(&name, choices)));
            }
            document(text + "</BlockList>", choices)
        }
        Azure::Policies => {
            let mut text = String::from("<SignedIdentifiers>");
            for _ in 0..times(choices, 7) {
                let (id, permission) =
                    (value(Kind::Text, choices, seen), choices.text(&["r", "rwdl", "", "x", "rr", "racwdxltfmei"]));
                let (start, expiry) = (instant(choices), instant(choices));
                text.push_str(&format!(
                    "<SignedIdentifier><Id>{}</Id><AccessPolicy><Start>{start}</Start><Expiry>{expiry}</Expiry>\
                     <Permission>{permission}</Permission></AccessPolicy></SignedIdentifier>",
                    escaped(&id, choices)
                ));
            }
            document(text + "</SignedIdentifiers>", choices)
        }
        Azure::Tags => {
            let mut text = String::from("<Tags><TagSet>");
            for _ in 0..times(choices, 11) {
                let (name, tag) = (value(Kind::Text, choices, seen), value(Kind::Text, choices, seen));
                text.push_str(&format!(
                    "<Tag><Key>{}</Key><Value>{}</Value></Tag>",
                    escaped(&name, choices),
                    escaped(&tag, choices)
                ));
            }
            document(text + "</TagSet></Tags>", choices)
        }
        Azure::DelegationKey => {
            let (start, expiry) = (instant(choices), instant(choices));
            document(format!("<KeyInfo><Start>{start}</Start><Expiry>{expiry}</Expiry></KeyInfo>"), choices)
        }
        Azure::Properties => {
            let days = value(Kind::Number, choices, seen);
            if choices.once_in(2) {
                let mut text = String::from("<StorageServiceProperties><Cors>");
                for _ in 0..times(choices, 6) {
                    let [origin, header, exposed, age] = [(); 4].map(|()| of_a_rule(choices, seen));
                    text.push_str(&format!(
                        "<CorsRule><AllowedOrigins>*,{origin}</AllowedOrigins><AllowedMethods>GET,PUT</AllowedMethods>\
                         <AllowedHeaders>{header}</AllowedHeaders><ExposedHeaders>{exposed}</ExposedHeaders>\
                         <MaxAgeInSeconds>{age}</MaxAgeInSeconds></CorsRule>"
                    ));
                }
                return document(text + "</Cors></StorageServiceProperties>", choices);
            }
            document(
                format!(
                    "<StorageServiceProperties><DeleteRetentionPolicy><Enabled>true</Enabled><Days>{days}</Days></DeleteRetentionPolicy></StorageServiceProperties>"
                ),
                choices,
            )
        }
        Azure::Batch => batch(choices, seen, account),
    }
}

/// A structured message of one or two segments, with lengths that may not be so.
fn structured(choices: &mut Choices<'_>) -> Vec<u8> {
    let data = contents(choices);
    let length = *choices.of(&[data.len() as u64 + 23, 0, u64::MAX, i64::MAX as u64, data.len() as u64]);
    let size = *choices.of(&[data.len() as u64, 0, u64::MAX, 1 << 63]);
    let mut body = vec![*choices.of(&[1, 0, 2])];
    body.extend_from_slice(&length.to_le_bytes());
    body.extend_from_slice(&choices.of(&[0_u16, 1, 0xffff]).to_le_bytes());
    body.extend_from_slice(&choices.of(&[1_u16, 0, 2, 0xffff]).to_le_bytes());
    body.extend_from_slice(&1_u16.to_le_bytes());
    body.extend_from_slice(&size.to_le_bytes());
    body.extend_from_slice(&data);
    body
}

fn batch(choices: &mut Choices<'_>, seen: &Seen, account: &Account) -> Vec<u8> {
    let mut body = String::new();
    for number in 0..times(choices, 257) {
        let path = format!("/{}/{}", value(Kind::Bucket, choices, seen), value(Kind::Key, choices, seen));
        let request = Request::new(account, choices.text(&["DELETE", "PUT", "GET", "POST"]), &path);
        let request =
            if choices.once_in(3) { request.query("comp", choices.text(&["tier", "batch", "x"])) } else { request };
        let request = if choices.once_in(4) {
            let lease = super::s3::shown(&value(Kind::Lease, choices, seen), "x");
            request.header("x-ms-lease-id", &lease)
        } else {
            request
        };
        let signed = account.sign(request.header("content-length", "0"));
        body.push_str(&format!(
            "--batch\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {number}\r\n\r\n{} {} HTTP/1.1\r\n",
            signed.method,
            signed.target()
        ));
        for (name, value) in &signed.headers {
            body.push_str(&format!("{name}: {value}\r\n"));
        }
        body.push_str("\r\n");
    }
    body.push_str(choices.text(&["--batch--\r\n", "--batch--", "", "--batch\r\n", "--other--"]));
    document(body, choices)
}
