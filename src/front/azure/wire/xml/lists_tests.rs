//! What lists look like on the wire.

use super::*;
use crate::model::{BucketName, ObjectKey, Timestamp};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

fn page(entries: Vec<BlobEntry>) -> String {
    blobs(&BlobsPage {
        endpoint: "http://localhost/acme",
        container: "c",
        prefix: Some("a&b"),
        marker: None,
        max_results: Some(2),
        delimiter: Some("/"),
        entries,
        next: Some("n".to_owned()),
    })
}

#[test]
fn a_page_of_blobs_tells_what_was_asked_and_where_it_goes_on() {
    let entries = vec![
        BlobEntry::Prefix("a&b/".to_owned()),
        BlobEntry::Blob(Box::new(ListedBlob { name: "a&b<".to_owned(), ..ListedBlob::default() })),
    ];
    let expected = "<EnumerationResults ServiceEndpoint=\"http://localhost/acme\" ContainerName=\"c\">\
        <Prefix>a&amp;b</Prefix><MaxResults>2</MaxResults><Delimiter>/</Delimiter><Blobs>\
        <BlobPrefix><Name>a&amp;b/</Name></BlobPrefix><Blob><Name>a&amp;b&lt;</Name><Properties>\
        <Content-Length>0</Content-Length><ServerEncrypted>true</ServerEncrypted></Properties></Blob></Blobs>\
        <NextMarker>n</NextMarker></EnumerationResults>";
    assert_eq!(page(entries), format!("{DECLARATION}{expected}"));
}

#[test]
fn all_that_is_known_of_a_blob_is_in_the_order_of_the_reference() {
    let text = |text: &str| Some(text.to_owned());
    let listed = ListedBlob {
        name: "b".to_owned(),
        snapshot: text("s"),
        deleted: true,
        created: text("c"),
        modified: text("m"),
        etag: text("0x1"),
        length: 5,
        content_type: text("ct"),
        content_encoding: text("ce"),
        content_language: text("cl"),
        content_md5: text("md5"),
        content_disposition: text("cd"),
        cache_control: text("cc"),
        blob_type: Some("BlockBlob"),
        tier: text("Hot"),
        tier_inferred: true,
        tier_changed: text("tc"),
        lease: Some(ShownLease { status: "locked", state: "leased", duration: Some("fixed") }),
        copied: Some(Box::new(CopyRecord {
            id: "i".to_owned(),
            source: "http://x/y".to_owned(),
            finished: Timestamp(0),
            length: 5,
        })),
        tag_count: 1,
        sealed: true,
        deleted_time: text("dt"),
        remaining_days: Some(3),
        user: Some(vec![("a-b".to_owned(), "é".to_owned()), ("1".to_owned(), "left out".to_owned())]),
        tags: Some(Tags::from([("k".to_owned(), "v".to_owned())])),
    };
    let expected = "<Blob><Name>b</Name><Deleted>true</Deleted><Snapshot>s</Snapshot><Properties>\
        <Creation-Time>c</Creation-Time><Last-Modified>m</Last-Modified><Etag>0x1</Etag>\
        <Content-Length>5</Content-Length><Content-Type>ct</Content-Type><Content-Encoding>ce</Content-Encoding>\
        <Content-Language>cl</Content-Language><Content-MD5>md5</Content-MD5><Cache-Control>cc</Cache-Control>\
        <Content-Disposition>cd</Content-Disposition><BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>\
        <AccessTierInferred>true</AccessTierInferred><AccessTierChangeTime>tc</AccessTierChangeTime>\
        <LeaseStatus>locked</LeaseStatus><LeaseState>leased</LeaseState><LeaseDuration>fixed</LeaseDuration>\
        <CopyId>i</CopyId><CopyStatus>success</CopyStatus><CopySource>http://x/y</CopySource>\
        <CopyProgress>5/5</CopyProgress><CopyCompletionTime>Thu, 01 Jan 1970 00:00:00 GMT</CopyCompletionTime>\
        <ServerEncrypted>true</ServerEncrypted><Sealed>true</Sealed><TagCount>1</TagCount>\
        <DeletedTime>dt</DeletedTime><RemainingRetentionDays>3</RemainingRetentionDays></Properties>\
        <Metadata><a-b>=?UTF-8?B?w6k=?=</a-b></Metadata>\
        <Tags><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tags></Blob>";
    let written = page(vec![BlobEntry::Blob(Box::new(listed))]);
    assert!(written.contains(expected), "{written}");
}

#[test]
fn names_that_xml_cannot_carry_are_encoded() {
    let entries = vec![
        BlobEntry::Prefix("é\u{FFFF}/".to_owned()),
        BlobEntry::Blob(Box::new(ListedBlob { name: "a b\u{1}%".to_owned(), ..ListedBlob::default() })),
    ];
    let written = page(entries);
    assert!(written.contains("<BlobPrefix><Name Encoded=\"true\">%C3%A9%EF%BF%BF/</Name></BlobPrefix>"), "{written}");
    assert!(written.contains("<Name Encoded=\"true\">a%20b%01%25</Name>"), "{written}");
}

#[test]
fn a_container_s_tag_is_quoted() {
    for etag in ["0x1", "\"0x1\""] {
        let written = containers(&ContainersPage {
            endpoint: "http://localhost/\"",
            prefix: None,
            marker: None,
            max_results: None,
            containers: vec![ListedContainer {
                gone: None,
                name: "c".to_owned(),
                modified: "m".to_owned(),
                etag: etag.to_owned(),
                lease: ShownLease { status: "unlocked", state: "available", duration: None },
                user: Some(Vec::new()),
            }],
            next: None,
        });
        let expected = "<EnumerationResults ServiceEndpoint=\"http://localhost/&quot;\"><Containers><Container>\
            <Name>c</Name><Properties><Last-Modified>m</Last-Modified><Etag>\"0x1\"</Etag>\
            <LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>\
            <HasImmutabilityPolicy>false</HasImmutabilityPolicy><HasLegalHold>false</HasLegalHold></Properties>\
            <Metadata /></Container></Containers><NextMarker /></EnumerationResults>";
        assert_eq!(written, format!("{DECLARATION}{expected}"));
    }
}

#[test]
fn what_was_found_has_its_container_and_tags() {
    let one = Found {
        bucket: BucketName::parse("ccc").unwrap(),
        key: ObjectKey::parse("k").unwrap(),
        tags: Tags::from([("a".to_owned(), "1".to_owned())]),
    };
    let expected = "<EnumerationResults ServiceEndpoint=\"e\"><Where>a&gt;'0'</Where><Blobs><Blob><Name>k</Name>\
        <ContainerName>ccc</ContainerName><Tags><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tags></Blob>\
        </Blobs><NextMarker>n</NextMarker></EnumerationResults>";
    assert_eq!(found("e", "a>'0'", &[one], Some("n")), format!("{DECLARATION}{expected}"));
}
