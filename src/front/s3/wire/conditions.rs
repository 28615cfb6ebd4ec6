//! Conditional headers (RFC 9110 §13.1), as S3 takes them: lists of tags, and bare ones.

use http::HeaderMap;

use crate::front::http_date;
use crate::gateway::IfRange;
use crate::model::{Conditions, ETag, EtagCondition};

/// The names of one set of conditional headers.
pub(in crate::front::s3) struct Names {
    if_match: &'static str,
    if_none_match: &'static str,
    if_modified_since: &'static str,
    if_unmodified_since: &'static str,
}

/// Conditions on the object that the request is about.
pub(in crate::front::s3) const TARGET: Names = Names {
    if_match: "if-match",
    if_none_match: "if-none-match",
    if_modified_since: "if-modified-since",
    if_unmodified_since: "if-unmodified-since",
};

/// Conditions on the source of a copy.
pub(in crate::front::s3) const COPY_SOURCE: Names = Names {
    if_match: "x-amz-copy-source-if-match",
    if_none_match: "x-amz-copy-source-if-none-match",
    if_modified_since: "x-amz-copy-source-if-modified-since",
    if_unmodified_since: "x-amz-copy-source-if-unmodified-since",
};

/// All conditions of a read.
pub(in crate::front::s3) fn for_read(headers: &HeaderMap, names: &Names) -> Conditions {
    Conditions {
        if_match: tags(headers, names.if_match, false),
        if_none_match: tags(headers, names.if_none_match, true),
        if_modified_since: date(headers, names.if_modified_since),
        if_unmodified_since: date(headers, names.if_unmodified_since),
        ..Conditions::default()
    }
}

/// The conditions of a write: S3 defines tags only.
pub(in crate::front::s3) fn for_write(headers: &HeaderMap) -> Conditions {
    Conditions {
        if_match: tags(headers, TARGET.if_match, false),
        if_none_match: tags(headers, TARGET.if_none_match, true),
        ..Conditions::default()
    }
}

/// `If-Range`: a strong tag. A weak one and a date match nothing (RFC 9110 §13.1.5).
pub(in crate::front::s3) fn if_range(headers: &HeaderMap) -> Option<IfRange> {
    let value = headers.get(http::header::IF_RANGE)?.to_str().unwrap_or_default().trim();
    let tag = parse_tag(value, false).filter(|_| http_date::parse(value).is_none());
    Some(tag.map_or(IfRange::Weak, IfRange::ETag))
}

fn tags(headers: &HeaderMap, name: &str, weak: bool) -> Option<EtagCondition> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let mut found = Vec::new();
    for value in values {
        for tag in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if tag == "*" || tag == "\"*\"" {
                return Some(EtagCondition::Any);
            }
            found.extend(parse_tag(tag, weak));
        }
    }
    Some(EtagCondition::OneOf(found))
}

/// `weak`: compare weakly, so `W/"x"` stands for `"x"`; otherwise it matches nothing.
fn parse_tag(text: &str, weak: bool) -> Option<ETag> {
    let text = match text.strip_prefix("W/") {
        Some(rest) if weak => rest,
        Some(_) => return None,
        None => text,
    };
    let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    ETag::parse(bare)
}

/// A date that does not parse is no condition (RFC 9110 §13.1.3).
fn date(headers: &HeaderMap, name: &str) -> Option<i64> {
    http_date::parse(headers.get(name)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn tag(text: &str) -> ETag {
        ETag::parse(text).unwrap()
    }

    #[test]
    fn lists_bare_tags_and_stars_are_understood() {
        let read = |pairs: &[(&'static str, &str)]| for_read(&headers(pairs), &TARGET);
        assert_eq!(read(&[]), Conditions::default());
        assert_eq!(read(&[("if-match", "*")]).if_match, Some(EtagCondition::Any));
        assert_eq!(
            read(&[("if-match", "\"a\", b"), ("if-match", "\"c\"")]).if_match,
            Some(EtagCondition::OneOf(vec![tag("a"), tag("b"), tag("c")]))
        );
    }

    #[test]
    fn weak_tags_match_weakly_only() {
        let read = for_read(&headers(&[("if-match", "W/\"a\""), ("if-none-match", "W/\"a\"")]), &TARGET);
        assert_eq!(read.if_match, Some(EtagCondition::OneOf(vec![])));
        assert_eq!(read.if_none_match, Some(EtagCondition::OneOf(vec![tag("a")])));
    }

    #[test]
    fn dates_that_do_not_parse_are_no_condition() {
        let fine = for_read(&headers(&[("if-modified-since", "Wed, 21 Oct 2015 07:28:00 GMT")]), &TARGET);
        assert_eq!(fine.if_modified_since, Some(1_445_412_480));
        let broken = for_read(&headers(&[("if-modified-since", "yesterday")]), &TARGET);
        assert_eq!(broken.if_modified_since, None);
    }

    #[test]
    fn an_if_range_that_cannot_match_serves_the_whole() {
        assert_eq!(if_range(&headers(&[("if-range", "\"a\"")])), Some(IfRange::ETag(tag("a"))));
        assert_eq!(if_range(&headers(&[("if-range", "W/\"a\"")])), Some(IfRange::Weak));
        assert_eq!(if_range(&headers(&[("if-range", "Wed, 21 Oct 2015 07:28:00 GMT")])), Some(IfRange::Weak));
        assert_eq!(if_range(&headers(&[])), None);
    }
}
