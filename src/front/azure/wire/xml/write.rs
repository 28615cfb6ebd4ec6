//! Bodies that the gateway sends, but for its lists of containers and blobs.
//!
//! Source: "Status and error codes", "Get Blob Service Stats", "Get Block List", "Get Container ACL", "Get Blob Tags",
//! "Get User Delegation Key".

use crate::front::xml::{Writer, can_carry, url_encoded};
use crate::gateway::AccessPolicy;
use crate::model::{Block, Tags};

/// `Name`, of a blob or of what blobs' names begin with: encoded where XML cannot carry it.
pub(super) fn name(writer: &mut Writer, name: &str) {
    if can_carry(name) && !name.contains('\r') {
        writer.text("Name", name);
    } else {
        writer.with("Name", &[("Encoded", "true")], |writer| writer.characters(&url_encoded(name)));
    }
}

/// The body of an error.
pub(in crate::front::azure) fn error(
    code: &str,
    text: &str,
    request_id: &str,
    time: &str,
    details: &[(&'static str, String)],
) -> String {
    let mut writer = Writer::new();
    writer.within("Error", |writer| {
        writer.text("Code", code);
        writer.text("Message", &format!("{text}\nRequestId:{request_id}\nTime:{time}"));
        for (name, value) in details {
            writer.text(name, value);
        }
    });
    writer.done()
}

/// Get Blob Service Stats.
pub(in crate::front::azure) fn stats(last_sync: &str) -> String {
    let mut writer = Writer::new();
    writer.within("StorageServiceStats", |writer| {
        writer.within("GeoReplication", |writer| {
            writer.text("Status", "live");
            writer.text("LastSyncTime", last_sync);
        });
    });
    writer.done()
}

/// Get Block List: its beginning.
pub(in crate::front::azure) fn blocks_begin() -> String {
    format!("{}<BlockList>", Writer::new().done())
}

/// Get Block List: some blocks of a list.
pub(in crate::front::azure) fn blocks(blocks: &[Block]) -> String {
    let mut writer = Writer::piece();
    for block in blocks {
        writer.within("Block", |writer| {
            writer.text("Name", block.id.as_str());
            writer.text("Size", &block.length.to_string());
        });
    }
    writer.done()
}

/// Get Container ACL.
pub(in crate::front::azure) fn policies(policies: &[AccessPolicy]) -> String {
    let mut writer = Writer::new();
    writer.within("SignedIdentifiers", |writer| {
        for policy in policies {
            writer.within("SignedIdentifier", |writer| {
                writer.text("Id", &policy.id);
                writer.within("AccessPolicy", |writer| {
                    writer.optional("Start", policy.start.as_deref());
                    writer.optional("Expiry", policy.expiry.as_deref());
                    writer.optional("Permission", policy.permissions.as_deref());
                });
            });
        }
    });
    writer.done()
}

/// Get Blob Tags.
pub(in crate::front::azure) fn tags(tags: &Tags) -> String {
    let mut writer = Writer::new();
    writer.within("Tags", |writer| writer.tag_set(tags));
    writer.done()
}

/// A user delegation key as clients get it.
pub(in crate::front::azure) struct DelegationFields<'k> {
    /// Whose it is.
    pub(in crate::front::azure) oid: &'k str,
    /// In which directory.
    pub(in crate::front::azure) tid: &'k str,
    /// When it begins.
    pub(in crate::front::azure) start: &'k str,
    /// When it ends.
    pub(in crate::front::azure) expiry: &'k str,
    /// For which service: `b`.
    pub(in crate::front::azure) service: &'k str,
    /// Of which version.
    pub(in crate::front::azure) version: &'k str,
    /// The key itself, base64.
    pub(in crate::front::azure) value: &'k str,
}

/// Get User Delegation Key.
pub(in crate::front::azure) fn delegation_key(key: &DelegationFields<'_>) -> String {
    let mut writer = Writer::new();
    writer.within("UserDelegationKey", |writer| {
        writer.text("SignedOid", key.oid);
        writer.text("SignedTid", key.tid);
        writer.text("SignedStart", key.start);
        writer.text("SignedExpiry", key.expiry);
        writer.text("SignedService", key.service);
        writer.text("SignedVersion", key.version);
        writer.text("Value", key.value);
    });
    writer.done()
}

#[cfg(test)]
mod tests {
    use super::super::{read_tags, signed_identifiers};
    use super::*;
    use crate::model::BlockId;

    const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

    #[test]
    fn an_error_carries_whatever_the_client_sent() {
        let details = [("QueryParameterValue", "<a>&\"\u{1}\r".to_owned())];
        let expected = "<Error><Code>InvalidInput</Code><Message>No.\nRequestId:i\nTime:t</Message>\
                        <QueryParameterValue>&lt;a&gt;&amp;\"\u{FFFD}&#xD;</QueryParameterValue></Error>";
        assert_eq!(error("InvalidInput", "No.", "i", "t", &details), format!("{DECLARATION}{expected}"));
    }

    #[test]
    fn blocks_are_written_a_page_at_a_time() {
        let block = Block { id: BlockId::parse("QQ==").unwrap(), length: 3, md5: None };
        let one = "<Block><Name>QQ==</Name><Size>3</Size></Block>";
        assert_eq!(blocks(&[block.clone(), block]), [one, one].concat());
        assert_eq!(blocks_begin(), format!("{DECLARATION}<BlockList>"));
    }

    #[test]
    fn tags_and_policies_are_read_back_as_they_were_written() {
        let set = Tags::from([("a<b".to_owned(), " c&\r\n\"".to_owned())]);
        assert_eq!(read_tags(tags(&set).as_bytes()).unwrap(), set);
        let kept = [
            AccessPolicy { id: "é".to_owned(), start: Some("2026-06-01".to_owned()), ..AccessPolicy::default() },
            AccessPolicy { id: "<b>".to_owned(), permissions: Some("r".to_owned()), ..AccessPolicy::default() },
        ];
        assert_eq!(signed_identifiers(policies(&kept).as_bytes()).unwrap(), kept);
    }
}
