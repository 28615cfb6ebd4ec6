//! Conditional headers as Azure takes them.
//!
//! Source: "Specifying conditional headers for Blob service operations".

use http::StatusCode;

use super::asked::Asked;
use super::codes::Code;
use super::refusal::Refusal;
use crate::front::http_date;
use crate::gateway::IfRange;
use crate::model::{Combination, Conditions, ETag, EtagCondition, TagExpression};

/// The names of a set of conditional headers.
struct Names {
    if_match: &'static str,
    if_none_match: &'static str,
    modified: &'static str,
    unmodified: &'static str,
    tags: &'static str,
    lease: &'static str,
}

const TARGET: Names = Names {
    if_match: "if-match",
    if_none_match: "if-none-match",
    modified: "if-modified-since",
    unmodified: "if-unmodified-since",
    tags: "x-ms-if-tags",
    lease: "x-ms-lease-id",
};

const SOURCE: Names = Names {
    if_match: "x-ms-source-if-match",
    if_none_match: "x-ms-source-if-none-match",
    modified: "x-ms-source-if-modified-since",
    unmodified: "x-ms-source-if-unmodified-since",
    tags: "x-ms-source-if-tags",
    lease: "x-ms-source-lease-id",
};

/// Conditions of a read.
pub(in crate::front::azure) fn of_read(asked: &Asked<'_>) -> Result<Conditions, Refusal> {
    let conditions = read(asked, &TARGET)?;
    refuse_none_of_any(&conditions)?;
    Ok(both(conditions))
}

/// All of them count, where there are any. Of a write's, the one on the tag decides.
fn both(conditions: Conditions) -> Conditions {
    if conditions.is_empty() { conditions } else { Conditions { combination: Combination::Both, ..conditions } }
}

/// `If-Range`: a strong tag; a weak one and a date match nothing. The service does not speak of it, and RFC 9110 §13.1.5 lets
/// nobody who answers with a range ignore it: bytes of two versions would be joined.
pub(in crate::front::azure) fn if_range(asked: &Asked<'_>) -> Option<IfRange> {
    let text = asked.headers.get(http::header::IF_RANGE)?.to_str().unwrap_or_default().trim();
    let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let strong = !text.starts_with("W/") && http_date::parse(text).is_none();
    Some(ETag::parse(bare).filter(|_| strong).map_or(IfRange::Weak, IfRange::ETag))
}

/// Conditions of a write.
pub(in crate::front::azure) fn of_write(asked: &Asked<'_>) -> Result<Conditions, Refusal> {
    let conditions = read(asked, &TARGET)?;
    let Conditions { if_match, if_none_match, if_modified_since, if_unmodified_since, .. } = &conditions;
    let contradictory = if_match.is_some() && (if_none_match.is_some() || if_modified_since.is_some())
        || if_unmodified_since.is_some() && (if_modified_since.is_some() || if_none_match.is_some());
    let listed = |tags: &Option<EtagCondition>| matches!(tags, Some(EtagCondition::OneOf(tags)) if tags.len() > 1);
    if contradictory || listed(if_match) || listed(if_none_match) { Err(several()) } else { Ok(conditions) }
}

/// Conditions of a write that what is in the archive does not take: all but deletions, tags, tiers, leases and copies.
/// Source: "Access tiers for blob data", "Archive access tier".
pub(in crate::front::azure) fn of_change(asked: &Asked<'_>) -> Result<Conditions, Refusal> {
    Ok(Conditions { not_archived: true, ..of_write(asked)? })
}

/// Conditions on the source of a copy.
pub(in crate::front::azure) fn of_source(asked: &Asked<'_>) -> Result<Conditions, Refusal> {
    let conditions = read(asked, &SOURCE)?;
    refuse_none_of_any(&conditions)?;
    Ok(both(conditions))
}

/// Only the lease, for operations that know no other condition.
pub(in crate::front::azure) fn lease_only(asked: &Asked<'_>) -> Result<Conditions, Refusal> {
    Ok(Conditions { lease: lease_id(asked, TARGET.lease)?, ..Conditions::default() })
}

/// The tags and the lease: operations on tags.
pub(in crate::front::azure) fn of_tags(asked: &Asked<'_>) -> Result<Conditions, Refusal> {
    let if_tags = tags(asked, TARGET.tags)?;
    Ok(Conditions { if_tags, ..lease_only(asked)? })
}

/// A number in a header of conditions on an append.
pub(in crate::front::azure) fn number(asked: &Asked<'_>, name: &'static str) -> Result<Option<u64>, Refusal> {
    let Some(value) = asked.headers.get(name) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(Some(number)),
        _ => Err(Refusal::invalid_header(name, text)),
    }
}

/// A lease id in a header: a GUID in any of the usual forms, as a lower-case UUID with hyphens.
pub(in crate::front::azure) fn lease_id(asked: &Asked<'_>, name: &'static str) -> Result<Option<String>, Refusal> {
    let Some(value) = asked.headers.get(name) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    guid(text).map(Some).ok_or_else(|| Refusal::invalid_header(name, text))
}

fn read(asked: &Asked<'_>, names: &Names) -> Result<Conditions, Refusal> {
    Ok(Conditions {
        if_match: tag(asked, names.if_match)?,
        if_none_match: tag(asked, names.if_none_match)?,
        if_modified_since: date(asked, names.modified)?,
        if_unmodified_since: date(asked, names.unmodified)?,
        if_tags: tags(asked, names.tags)?,
        lease: lease_id(asked, names.lease)?,
        not_archived: false,
        combination: Combination::default(),
    })
}

/// Tags, or `*`. What could not be ours matches nothing. Writes take one tag only.
fn tag(asked: &Asked<'_>, name: &'static str) -> Result<Option<EtagCondition>, Refusal> {
    let mut values = asked.headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(several());
    }
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(Some(EtagCondition::Any));
    }
    let bare = |tag: &str| {
        let tag = tag.trim();
        let bare = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(tag);
        // No version has this tag: it stands for what could not be ours, and is counted.
        ETag::parse(bare).or_else(|| ETag::parse("-"))
    };
    Ok(Some(EtagCondition::OneOf(text.split(',').filter_map(bare).collect())))
}

fn date(asked: &Asked<'_>, name: &'static str) -> Result<Option<i64>, Refusal> {
    let Some(value) = asked.headers.get(name) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    http_date::parse(text).map(Some).ok_or_else(|| Refusal::invalid_header(name, text))
}

fn tags(asked: &Asked<'_>, name: &'static str) -> Result<Option<TagExpression>, Refusal> {
    let Some(value) = asked.headers.get(name) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    TagExpression::parse_condition(text).map(Some).map_err(|_fault| Refusal::invalid_header(name, text))
}

fn refuse_none_of_any(conditions: &Conditions) -> Result<(), Refusal> {
    if conditions.if_none_match == Some(EtagCondition::Any) {
        let text = "The request includes an unsatisfiable condition for this operation.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, Code::UnsatisfiableCondition, text));
    }
    Ok(())
}

fn several() -> Refusal {
    let text = "Multiple condition headers are not supported.";
    Refusal::new(StatusCode::BAD_REQUEST, Code::MultipleConditionHeadersNotSupported, text)
}

/// `N`, `D`, `B` and `P` forms of a GUID.
fn guid(text: &str) -> Option<String> {
    let bare = match text.as_bytes() {
        [b'{', .., b'}'] | [b'(', .., b')'] => text.get(1..text.len() - 1)?,
        _ => text,
    };
    let hyphens: Vec<usize> = bare.match_indices('-').map(|(at, _)| at).collect();
    let hex: String = bare.chars().filter(|c| *c != '-').collect();
    let form = hyphens.is_empty() && bare.len() == text.len() || hyphens == [8, 13, 18, 23];
    let fine = form && hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    fine.then(|| super::context::uuid_of(&hex.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::super::asked::Sample;
    use super::*;

    fn with<T>(pairs: &[(&str, &str)], ask: impl FnOnce(&Asked<'_>) -> T) -> T {
        ask(&Sample::of(pairs).asked())
    }

    #[test]
    fn tags_may_lack_their_quotes_and_come_alone() {
        let expected = Some(EtagCondition::OneOf(vec![ETag::parse("0x8D").unwrap()]));
        for text in ["\"0x8D\"", "0x8D"] {
            assert_eq!(with(&[("if-match", text)], of_read).unwrap().if_match, expected);
        }
        assert_eq!(
            with(&[("if-match", "W/\"a\"")], of_read).unwrap().if_match,
            Some(EtagCondition::OneOf(vec![ETag::parse("-").unwrap()]))
        );
        assert_eq!(with(&[("if-match", "a, b")], of_write).unwrap_err().code, "MultipleConditionHeadersNotSupported");
        assert!(with(&[("if-match", "a, b")], of_read).is_ok());
        assert_eq!(with(&[("if-none-match", "*")], of_read).unwrap_err().code, "UnsatisfiableCondition");
        assert_eq!(with(&[("if-none-match", "*")], of_write).unwrap().if_none_match, Some(EtagCondition::Any));
    }

    #[test]
    fn writes_take_the_pairs_that_azure_takes() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        let (m, n, s, u) =
            (("if-match", "a"), ("if-none-match", "b"), ("if-modified-since", date), ("if-unmodified-since", date));
        for pair in [[m, u], [n, s]] {
            assert!(with(&pair, of_write).is_ok(), "{pair:?}");
        }
        for pair in [[m, n], [s, u], [m, s], [n, u]] {
            assert_eq!(with(&pair, of_write).unwrap_err().code, "MultipleConditionHeadersNotSupported", "{pair:?}");
        }
        assert_eq!(with(&[("if-modified-since", "yesterday")], of_write).unwrap_err().code, "InvalidHeaderValue");
    }

    #[test]
    fn lease_ids_are_guids_in_any_form() {
        let plain = "00112233-4455-6677-8899-aabbccddeeff";
        for text in [
            plain,
            "00112233445566778899AABBCCDDEEFF",
            "{00112233-4455-6677-8899-AABBCCDDEEFF}",
            "(00112233-4455-6677-8899-aabbccddeeff)",
        ] {
            assert_eq!(guid(text).as_deref(), Some(plain), "{text}");
        }
        for text in ["", "x", "{}", "0011223344556677-8899aabbccddeeff", "{00112233445566778899AABBCCDDEEFF}", "{é}"] {
            assert_eq!(guid(text), None, "{text}");
        }
    }
}
