//! What a request does beside its operation, read off the request itself.

use crate::front::azure::wire::asked::Asked;

/// What a request does that its operation does not say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Particulars {
    /// A container is named.
    pub(super) in_container: bool,
    /// Tags are set, compared, listed or copied.
    pub(super) tags: bool,
    /// A lease is broken, and nothing else done to it.
    pub(super) breaks_lease: bool,
    /// An ETag is compared.
    pub(super) compares_etag: bool,
    /// What is deleted goes for good.
    pub(super) for_good: bool,
    /// A version is named.
    pub(super) version: bool,
    /// Retention or a legal hold is set.
    pub(super) retention: bool,
}

impl Particulars {
    /// Reads them off the request.
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        let has = |name: &str| asked.headers.contains_key(name);
        let is = |value: Option<&str>, word: &str| value.is_some_and(|value| value.trim().eq_ignore_ascii_case(word));
        let lists_tags =
            asked.parameter("include").is_some_and(|list| list.split(',').any(|item| is(Some(item), "tags")));
        Self {
            in_container: asked.target.container.is_some(),
            tags: TAG_HEADERS.iter().any(|name| has(name))
                || is(asked.header("x-ms-copy-source-tag-option"), "copy")
                || lists_tags,
            breaks_lease: is(asked.header("x-ms-lease-action"), "break"),
            compares_etag: has("if-match") || has("if-none-match"),
            for_good: asked.parameter("deletetype").is_some(),
            version: asked.parameter("versionid").is_some_and(|id| !id.is_empty()),
            retention: RETENTION_HEADERS.iter().any(|name| has(name)),
        }
    }
}

// `x-ms-source-if-tags` is about the source: it is asked of the proof that reads the source.
const TAG_HEADERS: [&str; 2] = ["x-ms-tags", "x-ms-if-tags"];
const RETENTION_HEADERS: [&str; 3] =
    ["x-ms-immutability-policy-until-date", "x-ms-immutability-policy-mode", "x-ms-legal-hold"];
