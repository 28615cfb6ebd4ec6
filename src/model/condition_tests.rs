//! Conditions against RFC 9110, in every combination.

use super::*;

const NOW: i64 = 1_800_000_000;

fn tag(n: u8) -> ETag {
    ETag::md5([n; 16])
}

fn one_of(tags: &[u8]) -> Option<EtagCondition> {
    Some(EtagCondition::OneOf(tags.iter().map(|n| tag(*n)).collect()))
}

/// Against a version with tag 1, committed at `NOW` and 999 ms.
fn read(conditions: &Conditions) -> Result<(), Unmet> {
    let etag = tag(1);
    conditions.check_read(Some(CurrentState { etag: &etag, modified: Timestamp(NOW * 1000 + 999) }))
}

#[test]
fn the_precedence_of_conditions_is_that_of_rfc_9110_13_2_2() {
    // If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since: whether each holds (None: not sent).
    let states = [None, Some(true), Some(false)];
    for (if_match, unmodified) in states.iter().flat_map(|m| states.iter().map(move |u| (*m, *u))) {
        for (none_match, modified) in states.iter().flat_map(|n| states.iter().map(move |m| (*n, *m))) {
            let conditions = Conditions {
                if_match: if_match.and_then(|holds| one_of(if holds { &[9, 1] } else { &[9] })),
                if_unmodified_since: unmodified.map(|holds| if holds { NOW } else { NOW - 1 }),
                if_none_match: none_match.and_then(|holds| one_of(if holds { &[9] } else { &[9, 1] })),
                if_modified_since: modified.map(|holds| if holds { NOW - 1 } else { NOW }),
            };
            // Steps 1 and 2: a tag outranks a date. Steps 3 and 4: likewise, and only after the first two.
            let expected = if if_match.or(unmodified) == Some(false) {
                Err(Unmet::PreconditionFailed)
            } else if none_match.or(modified) == Some(false) {
                Err(Unmet::NotModified)
            } else {
                Ok(())
            };
            assert_eq!(read(&conditions), expected, "{conditions:?}");
        }
    }
}

#[test]
fn a_star_means_any_version_and_none_when_there_is_none() {
    let any = Some(EtagCondition::Any);
    let must_exist = Conditions { if_match: any.clone(), ..Conditions::default() };
    let must_not = Conditions { if_none_match: any, ..Conditions::default() };
    assert_eq!(read(&must_exist), Ok(()));
    assert_eq!(read(&must_not), Err(Unmet::NotModified));
    assert_eq!(must_exist.check_write(None), Err(Unmet::PreconditionFailed));
    assert_eq!(must_not.check_write(None), Ok(()));
}

#[test]
fn a_write_that_may_not_go_on_is_a_failed_precondition_never_not_modified() {
    let etag = tag(1);
    let state = Some(CurrentState { etag: &etag, modified: Timestamp(NOW * 1000) });
    let create_only = Conditions { if_none_match: Some(EtagCondition::Any), ..Conditions::default() };
    let only_newer = Conditions { if_modified_since: Some(NOW), ..Conditions::default() };
    assert_eq!(create_only.check_write(state), Err(Unmet::PreconditionFailed));
    assert_eq!(only_newer.check_write(state), Err(Unmet::PreconditionFailed));
}

#[test]
fn tags_that_could_not_be_ours_match_nothing() {
    let nothing = Some(EtagCondition::OneOf(Vec::new()));
    assert_eq!(read(&Conditions { if_none_match: nothing.clone(), ..Conditions::default() }), Ok(()));
    let never = Conditions { if_match: nothing, ..Conditions::default() };
    assert_eq!(read(&never), Err(Unmet::PreconditionFailed));
    assert!(!never.is_empty() && Conditions::default().is_empty(), "an empty list is a condition, too");
}

#[test]
fn dates_without_an_object_decide_nothing() {
    let dated = Conditions { if_modified_since: Some(NOW), if_unmodified_since: Some(0), ..Conditions::default() };
    assert_eq!(dated.check_write(None), Ok(()));
}
