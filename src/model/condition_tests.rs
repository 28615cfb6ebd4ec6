//! Conditions against RFC 9110, in every combination.

use super::*;

const NOW: i64 = 1_800_000_000;

fn tag(n: u8) -> ETag {
    ETag::md5([n; 16])
}

fn one_of(tags: &[u8]) -> Option<EtagCondition> {
    Some(EtagCondition::OneOf(tags.iter().map(|n| tag(*n)).collect()))
}

/// Against a version with tag 1 and state tag 2, committed at `NOW` and 999 ms.
fn read(conditions: &Conditions) -> Result<(), Unmet> {
    let (etag, state) = (tag(1), tag(2));
    conditions.check_read(Some(CurrentState::new(&etag, &state, Timestamp(NOW * 1000 + 999), None)))
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
                ..Conditions::default()
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
    assert_eq!(must_exist.check_write(None), Err(Unmet::Absent));
    assert_eq!(must_not.check_write(None), Ok(()));
}

#[test]
fn a_write_that_may_not_go_on_is_a_failed_precondition_never_not_modified() {
    let (etag, state_tag) = (tag(1), tag(2));
    let state = Some(CurrentState::new(&etag, &state_tag, Timestamp(NOW * 1000), None));
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

#[test]
fn either_tag_of_a_state_matches() {
    for (number, matches) in [(1, true), (2, true), (3, false)] {
        let only = Conditions { if_match: one_of(&[9, number]), ..Conditions::default() };
        let except = Conditions { if_none_match: one_of(&[9, number]), ..Conditions::default() };
        assert_eq!(read(&only).is_ok(), matches);
        assert_eq!(read(&except).is_ok(), !matches);
    }
}

#[test]
fn tags_must_be_as_asked_before_anything_else_is_looked_at() {
    let (etag, state_tag) = (tag(1), tag(2));
    let tags = Tags::from([("status".to_owned(), "draft".to_owned())]);
    let against = |text: &str, tags| {
        let if_tags = Some(TagExpression::parse_condition(text).unwrap());
        let conditions = Conditions { if_tags, if_none_match: one_of(&[1]), ..Conditions::default() };
        conditions.check_read(Some(CurrentState::new(&etag, &state_tag, Timestamp(0), tags)))
    };
    assert_eq!(against("status = 'final'", Some(&tags)), Err(Unmet::PreconditionFailed));
    assert_eq!(against("status = 'draft'", None), Err(Unmet::PreconditionFailed));
    assert_eq!(against("status = 'draft'", Some(&tags)), Err(Unmet::NotModified));
    let if_tags = Some(TagExpression::parse_condition("status <> 'draft'").unwrap());
    let conditions = Conditions { if_tags, ..Conditions::default() };
    assert_eq!(conditions.check_write(None), Err(Unmet::PreconditionFailed), "nothing has tags");
}
