//! Bodies that clients send.
//!
//! Source: "Put Block List", "Set Container ACL", "Define a stored access policy", "Set Blob Tags",
//! "Get User Delegation Key".

use std::collections::BTreeSet;

use super::super::codes::Code;
use super::super::errors::plain;
use super::super::refusal::Refusal;
use crate::front::xml::{self, Node, Reading};
use crate::gateway::AccessPolicy;
use crate::model::{BlockSource, Tags};

/// Most blocks of a list.
const MOST_BLOCKS: usize = 50_000;
/// Most stored access policies of a container.
const MOST_POLICIES: usize = 5;
/// Longest name of one, in characters.
const LONGEST_POLICY_ID: usize = 64;
/// Longest time that a client may write: with seven digits of fractions.
const LONGEST_TIME: usize = 28;
/// The letters that there are of permissions.
const PERMISSIONS: &str = "racwdxytlmeopif";

/// Put Block List: names, as they are written, and where from.
pub(in crate::front::azure) fn block_list(bytes: &[u8]) -> Result<Vec<(BlockSource, String)>, Refusal> {
    let mut picks = Vec::new();
    xml::each(bytes, "BlockList", Reading::Strict, |node| {
        let source = match node.name.as_str() {
            "Committed" => BlockSource::Committed,
            "Uncommitted" => BlockSource::Uncommitted,
            "Latest" => BlockSource::Latest,
            _ => return Err(Refusal::invalid_xml("an element is unknown")),
        };
        if picks.len() == MOST_BLOCKS {
            return Err(plain(400, Code::BlockListTooLong, "The block list may not contain more than 50,000 blocks."));
        }
        picks.push((source, node.value()?.unwrap_or_default().to_owned()));
        Ok(())
    })?;
    Ok(picks)
}

/// Set Container ACL: the stored access policies. An empty body means none.
pub(in crate::front::azure) fn signed_identifiers(bytes: &[u8]) -> Result<Vec<AccessPolicy>, Refusal> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let root = xml::root(bytes, "SignedIdentifiers", Reading::Strict)?;
    let items = root.items("SignedIdentifier")?;
    if items.len() > MOST_POLICIES {
        return Err(Refusal::invalid_xml("there are more than 5 stored access policies"));
    }
    let mut ids = BTreeSet::new();
    let mut policies = Vec::with_capacity(items.len());
    for item in items {
        let policy = signed_identifier(item)?;
        if !ids.insert(policy.id.clone()) {
            return Err(wrong_value());
        }
        policies.push(policy);
    }
    Ok(policies)
}

fn signed_identifier(item: &Node) -> Result<AccessPolicy, Refusal> {
    let [id, policy] = item.fields(["Id", "AccessPolicy"])?;
    let id = id.map(Node::value).transpose()?.flatten().unwrap_or_default().to_owned();
    if !(1..=LONGEST_POLICY_ID).contains(&id.chars().count()) {
        return Err(wrong_value());
    }
    let [start, expiry, permissions] = match policy {
        Some(policy) => policy.fields(["Start", "Expiry", "Permission"])?,
        None => [None; 3],
    };
    let is_permissions = |text: &str| text.chars().all(|c| PERMISSIONS.contains(c));
    Ok(AccessPolicy {
        id,
        start: checked(start, is_time)?,
        expiry: checked(expiry, is_time)?,
        permissions: checked(permissions, is_permissions)?,
        set_by: None,
    })
}

/// The value of an element that may be missing or empty.
fn checked(node: Option<&Node>, is_right: impl Fn(&str) -> bool) -> Result<Option<String>, Refusal> {
    match node.map(Node::value).transpose()?.flatten() {
        Some(text) if is_right(text) => Ok(Some(text.to_owned())),
        Some(_) => Err(wrong_value()),
        None => Ok(None),
    }
}

/// Whether it looks like a time as signatures have it: a date, perhaps with a time of day in UTC. Another one would be of
/// no use to any signature.
fn is_time(text: &str) -> bool {
    if text.len() > LONGEST_TIME {
        return false;
    }
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(after) = shape.strip_prefix("0000-00-00") else { return false };
    let Some(time) = after.strip_prefix("T00:00") else { return after.is_empty() };
    let time = match time.strip_prefix(":00") {
        Some(rest) => match rest.strip_prefix(".0") {
            Some(fraction) => fraction.trim_start_matches('0'),
            None => rest,
        },
        None => time,
    };
    time == "Z"
}

fn wrong_value() -> Refusal {
    plain(
        400,
        Code::InvalidXmlNodeValue,
        "The value provided for one of the XML nodes in the request body was not in the correct format.",
    )
}

/// Set Blob Tags. Their number, lengths and characters are for `check_tags`.
pub(in crate::front::azure) fn read_tags(bytes: &[u8]) -> Result<Tags, Refusal> {
    let root = xml::root(bytes, "Tags", Reading::Strict)?;
    let [set] = root.fields(["TagSet"])?;
    let set = set.ok_or_else(missing)?;
    let mut tags = Tags::new();
    for item in set.items("Tag")? {
        let [name, value] = item.fields(["Key", "Value"])?;
        let name = name.ok_or_else(missing)?.leaf()?.to_owned();
        let value = value.ok_or_else(missing)?.leaf()?.to_owned();
        if tags.insert(name, value).is_some() {
            return Err(plain(400, Code::DuplicateTagNames, "The tags specified contain duplicate names."));
        }
    }
    Ok(tags)
}

/// Get User Delegation Key: when the key is to begin, and when to end. Newer clients may send further elements; they must
/// be empty.
pub(in crate::front::azure) fn key_info(bytes: &[u8]) -> Result<(Option<String>, String), Refusal> {
    let mut root = xml::root(bytes, "KeyInfo", Reading::Strict)?;
    root.children.retain(|child| matches!(child.name.as_str(), "Start" | "Expiry") || !child.is_empty());
    let [start, expiry] = root.fields(["Start", "Expiry"])?;
    let start = start.map(Node::value).transpose()?.flatten().map(str::to_owned);
    let expiry = expiry.ok_or_else(missing)?.value()?.ok_or_else(missing)?.to_owned();
    Ok((start, expiry))
}

fn missing() -> Refusal {
    Refusal::invalid_xml("an element is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_list_keeps_its_order() {
        let document = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList>\n  <Latest>QQ==</Latest>\n  \
                        <Committed> Qg==\n</Committed><Uncommitted>QQ==</Uncommitted></BlockList>";
        let expected = [
            (BlockSource::Latest, "QQ==".to_owned()),
            (BlockSource::Committed, "Qg==".to_owned()),
            (BlockSource::Uncommitted, "QQ==".to_owned()),
        ];
        assert_eq!(block_list(document.as_bytes()).unwrap(), expected);
        assert_eq!(block_list(b"<BlockList/>").unwrap(), []);
        assert!(block_list(b"<BlockList><Other>QQ==</Other></BlockList>").is_err());
        assert!(block_list(b"<BlockList><Latest><Latest/></Latest></BlockList>").is_err());
    }

    #[test]
    fn a_block_list_that_is_too_long_has_its_own_error() {
        let of = |count| format!("<BlockList>{}</BlockList>", "<Latest>QQ==</Latest>".repeat(count));
        assert_eq!(block_list(of(50_000).as_bytes()).unwrap().len(), 50_000);
        assert_eq!(block_list(of(50_001).as_bytes()).unwrap_err().code, "BlockListTooLong");
    }

    #[test]
    fn policies_are_read_as_they_are_written() {
        let document = "<SignedIdentifiers><SignedIdentifier><Id>a</Id><AccessPolicy>\
                        <Start>2026-06-01T00:00:00.0000000Z</Start><Expiry></Expiry><Permission>rwl</Permission>\
                        </AccessPolicy></SignedIdentifier><SignedIdentifier><Id>b</Id></SignedIdentifier></SignedIdentifiers>";
        let expected = [
            AccessPolicy {
                id: "a".to_owned(),
                start: Some("2026-06-01T00:00:00.0000000Z".to_owned()),
                expiry: None,
                permissions: Some("rwl".to_owned()),
                set_by: None,
            },
            AccessPolicy { id: "b".to_owned(), ..AccessPolicy::default() },
        ];
        assert_eq!(signed_identifiers(document.as_bytes()).unwrap(), expected);
        assert_eq!(signed_identifiers(b"").unwrap(), []);
        assert_eq!(signed_identifiers(b"<SignedIdentifiers />").unwrap(), []);
    }

    #[test]
    fn policies_that_are_wrong_are_refused() {
        let code = |items: &str| {
            let document = format!("<SignedIdentifiers>{items}</SignedIdentifiers>");
            signed_identifiers(document.as_bytes()).unwrap_err().code
        };
        let long = format!("<SignedIdentifier><Id>{}</Id></SignedIdentifier>", "é".repeat(65));
        for items in [
            "<SignedIdentifier><Id/></SignedIdentifier>",
            "<SignedIdentifier><Id>a</Id></SignedIdentifier><SignedIdentifier><Id>a</Id></SignedIdentifier>",
            "<SignedIdentifier><Id>a</Id><AccessPolicy><Start>soon</Start></AccessPolicy></SignedIdentifier>",
            "<SignedIdentifier><Id>a</Id><AccessPolicy><Permission>q</Permission></AccessPolicy></SignedIdentifier>",
            &long,
        ] {
            assert_eq!(code(items), "InvalidXmlNodeValue", "{items}");
        }
        assert_eq!(code(&"<SignedIdentifier><Id>a</Id></SignedIdentifier>".repeat(6)), "InvalidXmlDocument");
    }

    #[test]
    fn times_are_of_iso_8601() {
        for right in ["2026-06-01", "2026-06-01T10:00Z", "2026-06-01T10:00:00Z", "2026-06-01T10:00:00.1234567Z"] {
            assert!(is_time(right), "{right}");
        }
        for wrong in [
            "",
            "é",
            "2026",
            "2026-06-01Z",
            "2026-06-01 10:00Z",
            "2026-06-01T10Z",
            "2026-06-01T10:00",
            "2026-06-01T10:00:00.Z",
            "2026-06-01T10:00:00.12345678Z",
            "2026-06-01T10:00:00+02:00",
        ] {
            assert!(!is_time(wrong), "{wrong}");
        }
    }

    #[test]
    fn tags_are_read_with_their_spaces() {
        let document = "<Tags>\n<TagSet><Tag><Key>a b</Key><Value> c </Value></Tag><Tag><Key>d</Key><Value/></Tag></TagSet>\n</Tags>";
        let expected = [("a b".to_owned(), " c ".to_owned()), ("d".to_owned(), String::new())];
        assert_eq!(read_tags(document.as_bytes()).unwrap(), Tags::from(expected));
        assert!(read_tags(b"<Tags><TagSet/></Tags>").unwrap().is_empty());
        assert!(read_tags(b"<Tags/>").is_err());
        let twice = "<Tags><TagSet><Tag><Key>a</Key><Value/></Tag><Tag><Key>a</Key><Value/></Tag></TagSet></Tags>";
        assert_eq!(read_tags(twice.as_bytes()).unwrap_err().code, "DuplicateTagNames");
    }

    #[test]
    fn the_times_of_a_key_are_read_and_what_else_is_asked_is_refused() {
        let read = |inner: &str| key_info(format!("<KeyInfo>{inner}</KeyInfo>").as_bytes());
        let (start, expiry) =
            read("<Start>2026-06-01</Start><Expiry> 2026-06-02 </Expiry><DelegatedUserTid/>").unwrap();
        assert_eq!((start.as_deref(), expiry.as_str()), (Some("2026-06-01"), "2026-06-02"));
        assert_eq!(read("<Start></Start><Expiry>2026-06-02</Expiry>").unwrap().0, None);
        assert!(read("<Start>2026-06-01</Start>").is_err());
        assert!(read("<Expiry>2026-06-02</Expiry><DelegatedUserTid>t</DelegatedUserTid>").is_err());
    }
}
