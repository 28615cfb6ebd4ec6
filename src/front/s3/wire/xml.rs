//! XML on S3's wire: the bodies that are read, and how answers begin.
//!
//! Names of objects may have characters that XML 1.0 does not allow, and clients write them as they are: they are read. In
//! answers U+FFFD stands in their place, so that the rest can be read, unless `encoding-type=url` is asked for.
//!
//! Source: S3 "DeleteObjects", "CompleteMultipartUpload", "PutObjectTagging", "CreateBucket", "PutBucketEncryption",
//! "PutObjectAcl".

use crate::front::xml::{Fault, Node, Reading, Writer, each, root, url_encoded};
use crate::model::{ChecksumAlgorithm, Tags};

use super::checksums::element_of;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// Most keys of a deletion.
const MOST_KEYS: usize = 1000;
/// Most parts of an upload.
const MOST_PARTS: usize = 10_000;

/// A key to delete.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::front::s3) struct Doomed {
    /// Its name.
    pub(in crate::front::s3) key: String,
    /// The version that is meant.
    pub(in crate::front::s3) version: Option<String>,
    /// The tag that it must have.
    pub(in crate::front::s3) etag: Option<String>,
    /// Whether it must have a size or a time.
    pub(in crate::front::s3) has_more_conditions: bool,
}

/// A deletion of several keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::front::s3) struct Deletion {
    /// At least one, at most 1,000.
    pub(in crate::front::s3) keys: Vec<Doomed>,
    /// Whether only failures are told.
    pub(in crate::front::s3) quiet: bool,
}

/// A part of a completion.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::front::s3) struct CompletedPart {
    /// Its number, as it is written.
    pub(in crate::front::s3) number: i64,
    /// Its tag, without quotes.
    pub(in crate::front::s3) etag: String,
    /// The checksums that it is said to have.
    pub(in crate::front::s3) checksums: Vec<(ChecksumAlgorithm, String)>,
}

/// DeleteObjects.
pub(in crate::front::s3) fn deletion(bytes: &[u8]) -> Result<Deletion, Fault> {
    let (mut deletion, mut quiet) = (Deletion::default(), None);
    each::<Fault>(bytes, "Delete", Reading::Lenient, |node| {
        match node.name.as_str() {
            "Quiet" if quiet.is_none() => quiet = Some(boolean(&node)?),
            "Object" if deletion.keys.len() < MOST_KEYS => deletion.keys.push(doomed(&node)?),
            _ => return Err(Fault("an element is unknown, or there too often")),
        }
        Ok(())
    })?;
    deletion.quiet = quiet.unwrap_or(false);
    if deletion.keys.is_empty() { Err(Fault("there is no key")) } else { Ok(deletion) }
}

fn doomed(node: &Node) -> Result<Doomed, Fault> {
    let fields = node.fields(["Key", "VersionId", "ETag", "LastModifiedTime", "Size"])?;
    let [key, version, etag, time, size] = fields;
    Ok(Doomed {
        key: key.ok_or(Fault("a key is missing"))?.leaf()?.to_owned(),
        version: value(version)?,
        etag: etag.map(tag).transpose()?,
        has_more_conditions: time.is_some() || size.is_some(),
    })
}

/// CompleteMultipartUpload.
pub(in crate::front::s3) fn completion(bytes: &[u8]) -> Result<Vec<CompletedPart>, Fault> {
    let mut parts = Vec::new();
    each::<Fault>(bytes, "CompleteMultipartUpload", Reading::Strict, |node| {
        if node.name != "Part" || parts.len() == MOST_PARTS {
            return Err(Fault("an element is unknown, or there are too many parts"));
        }
        parts.push(completed_part(&node)?);
        Ok(())
    })?;
    if parts.is_empty() { Err(Fault("there is no part")) } else { Ok(parts) }
}

fn completed_part(node: &Node) -> Result<CompletedPart, Fault> {
    let [number, etag, sums @ ..] = node.fields([
        "PartNumber",
        "ETag",
        element_of(ChecksumAlgorithm::Crc32),
        element_of(ChecksumAlgorithm::Crc32c),
        element_of(ChecksumAlgorithm::Crc64Nvme),
        element_of(ChecksumAlgorithm::Sha1),
        element_of(ChecksumAlgorithm::Sha256),
    ])?;
    let algorithms = [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32c,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ];
    let mut checksums = Vec::new();
    for (algorithm, sum) in algorithms.into_iter().zip(sums) {
        if let Some(sum) = sum {
            checksums.push((algorithm, sum.leaf()?.trim_ascii().to_owned()));
        }
    }
    let number = number.ok_or(Fault("a number is missing"))?.leaf()?.trim_ascii();
    Ok(CompletedPart {
        number: number.parse().map_err(|_fault| Fault("a number is none"))?,
        etag: tag(etag.ok_or(Fault("a tag is missing"))?)?,
        checksums,
    })
}

/// PutObjectTagging. `None`: a tag is there twice.
pub(in crate::front::s3) fn tagging(bytes: &[u8]) -> Result<Option<Tags>, Fault> {
    let root = root(bytes, "Tagging", Reading::Lenient)?;
    let [set] = root.fields(["TagSet"])?;
    let mut tags = Tags::new();
    for tag in set.ok_or(Fault("the tags are missing"))?.items("Tag")? {
        let [key, value] = tag.fields(["Key", "Value"])?;
        let text =
            |node: Option<&Node>| Ok::<_, Fault>(node.map(Node::leaf).transpose()?.unwrap_or_default().to_owned());
        if tags.insert(text(key)?, text(value)?).is_some() {
            return Ok(None);
        }
    }
    Ok(Some(tags))
}

/// What CreateBucket asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::front::s3) struct NewBucket {
    /// The region.
    pub(in crate::front::s3) location: Option<String>,
    /// Whether it asks for what there is not: a directory bucket, or tags.
    pub(in crate::front::s3) asks_for_more: bool,
}

/// CreateBucket. An empty body asks for nothing.
pub(in crate::front::s3) fn new_bucket(bytes: &[u8]) -> Result<NewBucket, Fault> {
    if bytes.is_empty() {
        return Ok(NewBucket::default());
    }
    let root = root(bytes, "CreateBucketConfiguration", Reading::Strict)?;
    let [location, place, bucket, tags] = root.fields(["LocationConstraint", "Location", "Bucket", "Tags"])?;
    let tagged = tags.is_some_and(|tags| !tags.children.is_empty());
    let asks_for_more = place.is_some() || bucket.is_some() || tagged;
    Ok(NewBucket { location: value(location)?, asks_for_more })
}

/// PutBucketEncryption: the algorithm, and the key if one is named.
pub(in crate::front::s3) fn encryption(bytes: &[u8]) -> Result<(String, Option<String>), Fault> {
    let root = root(bytes, "ServerSideEncryptionConfiguration", Reading::Strict)?;
    let [rule] = root.items("Rule")? else { return Err(Fault("there is not one rule")) };
    let [default, _bucket_key, _blocked] =
        rule.fields(["ApplyServerSideEncryptionByDefault", "BucketKeyEnabled", "BlockedEncryptionTypes"])?;
    let default = default.ok_or(Fault("the default is missing"))?;
    let [algorithm, key] = default.fields(["SSEAlgorithm", "KMSMasterKeyID"])?;
    Ok((value(algorithm)?.ok_or(Fault("the algorithm is missing"))?, value(key)?))
}

/// PutBucketAcl and PutObjectAcl: who is granted what; `None` of an empty body.
pub(in crate::front::s3) fn acl(bytes: &[u8]) -> Result<Option<Vec<(String, String)>>, Fault> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let root = root(bytes, "AccessControlPolicy", Reading::Lenient)?;
    let [_owner, list] = root.fields(["Owner", "AccessControlList"])?;
    let mut grants = Vec::new();
    for grant in list.ok_or(Fault("the list is missing"))?.items("Grant")? {
        let [grantee, permission] = grant.fields(["Grantee", "Permission"])?;
        let grantee = grantee.ok_or(Fault("a grantee is missing"))?;
        let [id, _name, _type, _uri, _address] =
            grantee.fields(["ID", "DisplayName", "Type", "URI", "EmailAddress"])?;
        grants.push((value(id)?.unwrap_or_default(), value(permission)?.unwrap_or_default()));
    }
    Ok(Some(grants))
}

fn value(node: Option<&Node>) -> Result<Option<String>, Fault> {
    Ok(node.map(Node::value).transpose()?.flatten().map(str::to_owned))
}

/// A tag without white space and quotes around it.
fn tag(node: &Node) -> Result<String, Fault> {
    let text = node.leaf()?.trim_ascii();
    Ok(text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text).to_owned())
}

fn boolean(node: &Node) -> Result<bool, Fault> {
    match node.leaf()?.trim_ascii() {
        "true" | "TRUE" | "True" | "1" => Ok(true),
        "false" | "FALSE" | "False" | "0" | "" => Ok(false),
        _ => Err(Fault("it is neither true nor false")),
    }
}

/// A document of S3.
pub(in crate::front::s3) fn document(name: &str, inner: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    writer.with(name, &[("xmlns", NAMESPACE)], inner);
    writer.done()
}

/// How names are shown.
#[derive(Debug, Clone, Copy)]
pub(in crate::front::s3) struct Encoding {
    /// Percent-encoded.
    pub(in crate::front::s3) url: bool,
}

impl Encoding {
    /// An element that holds a name.
    pub(in crate::front::s3) fn write(self, writer: &mut Writer, element: &str, name: &str) {
        if self.url { writer.text(element, &url_encoded(name)) } else { writer.text(element, name) }
    }

    /// What the answer says of it.
    pub(in crate::front::s3) fn tell(self, writer: &mut Writer) {
        writer.optional("EncodingType", self.url.then_some("url"));
    }
}

/// Reads `bytes` as each of the documents that clients send; tells as how many it can be read. For fuzzing.
pub fn read_any(bytes: &[u8]) -> usize {
    let read = [
        deletion(bytes).is_ok(),
        completion(bytes).is_ok(),
        tagging(bytes).is_ok(),
        new_bucket(bytes).is_ok(),
        encryption(bytes).is_ok(),
        acl(bytes).is_ok_and(|acl| acl.is_some()),
        super::cors_xml::read(bytes).is_ok(),
    ];
    read.into_iter().filter(|read| *read).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_all_of_its_character_data() {
        let read = |object: &str| deletion(format!("<Delete>{object}</Delete>").as_bytes());
        for (object, key) in [
            ("<Object><Key><![CDATA[a]]></Key></Object>", "a"),
            ("<Object><Key>a<![CDATA[&amp;]]>b</Key></Object>", "a&amp;b"),
            ("<Object><Key>Icon&#13;</Key></Object>", "Icon\r"),
            ("<Object><Key> a\u{1}&#x2;</Key></Object>", " a\u{1}\u{2}"),
        ] {
            assert_eq!(read(object).unwrap().keys[0].key, key, "{object}");
        }
        assert!(read("").is_err() && read("<Object/>").is_err() && read("<Other/>").is_err());
        assert!(read("<Object><Key><b/></Key></Object>").is_err());
        let doomed = read(
            "<Quiet>true</Quiet><Object><Key>a</Key><VersionId>null</VersionId><ETag><![CDATA[\"b\"]]></ETag></Object>",
        );
        let expected = Doomed {
            key: "a".into(),
            version: Some("null".into()),
            etag: Some("b".into()),
            has_more_conditions: false,
        };
        assert_eq!(doomed.unwrap(), Deletion { keys: vec![expected], quiet: true });
    }

    #[test]
    fn parts_and_tags_are_read_from_character_data_of_any_kind() {
        let xml = "<CompleteMultipartUpload xmlns=\"x\"><Part><PartNumber><![CDATA[1]]></PartNumber>\
                   <ETag>&quot;a&#34;</ETag><ChecksumCRC32>x==</ChecksumCRC32></Part></CompleteMultipartUpload>";
        let expected =
            CompletedPart { number: 1, etag: "a".into(), checksums: vec![(ChecksumAlgorithm::Crc32, "x==".into())] };
        assert_eq!(completion(xml.as_bytes()).unwrap(), [expected]);
        let tags =
            "<Tagging><TagSet><Tag><Key><![CDATA[<a>]]></Key><Value>b<![CDATA[c]]></Value></Tag></TagSet></Tagging>";
        assert_eq!(tagging(tags.as_bytes()).unwrap(), Some(Tags::from([("<a>".into(), "bc".into())])));
        let twice = "<Tagging><TagSet><Tag><Key>a</Key></Tag><Tag><Key>a</Key></Tag></TagSet></Tagging>";
        assert_eq!(tagging(twice.as_bytes()).unwrap(), None);
    }

    #[test]
    fn a_bucket_may_ask_for_a_place() {
        assert_eq!(new_bucket(b"").unwrap(), NewBucket::default());
        let read = |inner: &str| {
            new_bucket(format!("<CreateBucketConfiguration>{inner}</CreateBucketConfiguration>").as_bytes())
        };
        assert_eq!(read("<LocationConstraint>a</LocationConstraint>").unwrap().location.as_deref(), Some("a"));
        assert!(read("<Bucket><Type>Directory</Type></Bucket>").unwrap().asks_for_more);
        assert!(read("<Region>a</Region>").is_err());
    }
}
