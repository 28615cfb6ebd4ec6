//! Microsoft's tables, "Lease Blob": outcomes of lease actions and of uses, by the lease's state.

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);
const A: &str = "aaaaaaaa-0000-0000-0000-000000000000";
const B: &str = "bbbbbbbb-0000-0000-0000-000000000000";
const C: &str = "cccccccc-0000-0000-0000-000000000000";

/// Lease A of 30 seconds in each state: available, leased, breaking, broken, expired.
fn states() -> [Option<Lease>; 5] {
    let lease = |expires, breaks: Option<i64>| {
        let id = A.to_owned();
        Some(Lease { id, duration_seconds: Some(30), expires: Some(Timestamp(expires)), breaks: breaks.map(Timestamp) })
    };
    let (later, sooner) = (NOW.0 + 20_000, NOW.0 - 1);
    [None, lease(later, None), lease(later, Some(NOW.0 + 10_000)), lease(later, Some(sooner)), lease(NOW.0, None)]
}

/// For each state: who holds the lease after the action and in which state, or why it was refused.
fn outcomes(action: &LeaseAction) -> [Result<(&'static str, LeaseState), LeaseFault>; 5] {
    states().map(|current| {
        let outcome = Lease::act(current.as_ref(), action, NOW)?;
        Ok(outcome.lease.map_or(("", LeaseState::Available), |lease| {
            let id = [A, B, C].into_iter().find(|id| *id == lease.id).unwrap();
            (id, lease.state(NOW))
        }))
    })
}

fn acquire(id: &str) -> LeaseAction {
    LeaseAction::Acquire { id: id.to_ascii_uppercase(), duration_seconds: Some(15) }
}

fn change(id: &str, proposed: &str) -> LeaseAction {
    LeaseAction::Change { id: id.to_ascii_uppercase(), proposed: proposed.to_ascii_uppercase() }
}

fn period(period_seconds: Option<u32>) -> LeaseAction {
    LeaseAction::Break { period_seconds }
}

#[test]
fn a_lease_is_in_the_state_that_its_times_say() {
    let states = states().map(|lease| lease.map(|lease| lease.state(NOW)));
    let expected = [LeaseState::Leased, LeaseState::Breaking, LeaseState::Broken, LeaseState::Expired].map(Some);
    assert_eq!(states[0], None);
    assert_eq!(states[1..], expected);
    let for_ever = Lease { id: A.into(), duration_seconds: None, expires: None, breaks: None };
    assert_eq!(for_ever.state(Timestamp(i64::MAX)), LeaseState::Leased);
}

#[test]
fn acquiring_takes_what_is_free_or_ones_own() {
    use LeaseFault::{AlreadyPresent, BreakingCannotAcquire};
    let leased = |id| Ok((id, LeaseState::Leased));
    let own = [leased(A), leased(A), Err(BreakingCannotAcquire), leased(A), leased(A)];
    let other = [leased(B), Err(AlreadyPresent), Err(AlreadyPresent), leased(B), leased(B)];
    assert_eq!(outcomes(&acquire(A)), own);
    assert_eq!(outcomes(&acquire(B)), other);
    let [_, held, ..] = states();
    let again = Lease::act(held.as_ref(), &acquire(A), NOW).unwrap().lease.unwrap();
    assert_eq!((again.duration_seconds, again.expires), (Some(15), Some(Timestamp(NOW.0 + 15_000))));
}

#[test]
fn renewing_begins_the_time_anew_unless_it_was_broken() {
    use LeaseFault::{ActionIdMismatch, BrokenCannotRenew};
    let leased = Ok((A, LeaseState::Leased));
    let renew = |id: &str| LeaseAction::Renew { id: id.to_ascii_uppercase() };
    let own = [Err(ActionIdMismatch), leased, Err(BrokenCannotRenew), Err(BrokenCannotRenew), leased];
    assert_eq!(outcomes(&renew(A)), own);
    assert_eq!(outcomes(&renew(B)), [Err(ActionIdMismatch); 5]);
    for expired in [&states()[1], &states()[4]] {
        let renewed = Lease::act(expired.as_ref(), &renew(A), NOW).unwrap().lease.unwrap();
        assert_eq!(renewed.expires, Some(Timestamp(NOW.0 + 30_000)));
    }
}

#[test]
fn changing_gives_another_id_to_an_active_lease_only() {
    use LeaseFault::{ActionIdMismatch, ActionNotPresent, BreakingCannotChange};
    let gone = Err(ActionNotPresent);
    let outcome = |leased, breaking| [gone, leased, Err(breaking), gone, gone];
    assert_eq!(outcomes(&change(A, B)), outcome(Ok((B, LeaseState::Leased)), BreakingCannotChange));
    assert_eq!(outcomes(&change(B, A)), outcome(Ok((A, LeaseState::Leased)), ActionIdMismatch));
    assert_eq!(outcomes(&change(B, C)), outcome(Err(ActionIdMismatch), ActionIdMismatch));
    let [_, held, ..] = states();
    let changed = Lease::act(held.as_ref(), &change(A, B), NOW).unwrap().lease.unwrap();
    assert_eq!(changed.expires, held.unwrap().expires, "its time goes on");
}

#[test]
fn releasing_frees_it_in_any_state() {
    let free = Ok(("", LeaseState::Available));
    let mismatch = Err(LeaseFault::ActionIdMismatch);
    let release = |id: &str| LeaseAction::Release { id: id.to_ascii_uppercase() };
    assert_eq!(outcomes(&release(A)), [mismatch, free, free, free, free]);
    assert_eq!(outcomes(&release(B)), [mismatch; 5]);
}

#[test]
fn breaking_ends_it_at_once_or_after_a_while() {
    let none = Err(LeaseFault::ActionNotPresent);
    let (breaking, broken) = (Ok((A, LeaseState::Breaking)), Ok((A, LeaseState::Broken)));
    assert_eq!(outcomes(&period(Some(0))), [none, broken, broken, broken, broken]);
    assert_eq!(outcomes(&period(Some(5))), [none, breaking, breaking, broken, broken]);
    assert_eq!(outcomes(&period(None)), [none, breaking, breaking, broken, broken]);
}

#[test]
fn a_break_is_never_later_than_the_lease_would_end_and_tells_what_remains() {
    let [_, leased, breaking, broken, expired] = states();
    let remaining =
        |lease: &Option<Lease>, seconds| Lease::act(lease.as_ref(), &period(seconds), NOW).unwrap().remaining_seconds;
    let for_ever = Some(Lease { id: A.into(), duration_seconds: None, expires: None, breaks: None });
    for (lease, seconds, expected) in [
        (&leased, None, 20),
        (&leased, Some(60), 20),
        (&leased, Some(5), 5),
        (&breaking, None, 10),
        (&breaking, Some(60), 10),
        (&breaking, Some(3), 3),
        (&broken, Some(60), 0),
        (&expired, Some(60), 0),
        (&for_ever, None, 0),
        (&for_ever, Some(60), 60),
    ] {
        assert_eq!(remaining(lease, seconds), expected, "{lease:?} {seconds:?}");
    }
}

#[test]
fn a_write_must_name_an_active_lease_and_nothing_else() {
    use LeaseFault::{IdMismatch, IdMissing, Lost, NotPresent};
    let guard = |given: Option<&str>| states().map(|current| Lease::guard_write(current.as_ref(), given, NOW));
    assert_eq!(guard(None), [Ok(()), Err(IdMissing), Err(IdMissing), Ok(()), Ok(())]);
    let upper = A.to_ascii_uppercase();
    assert_eq!(guard(Some(&upper)), [Err(NotPresent), Ok(()), Ok(()), Err(Lost), Err(Lost)]);
    assert_eq!(guard(Some(B)), [Err(NotPresent), Err(IdMismatch), Err(IdMismatch), Err(Lost), Err(Lost)]);
}

#[test]
fn a_read_needs_name_none_but_what_it_names_must_fit() {
    use LeaseFault::{IdMismatch, Lost, NotPresent};
    let guard = |given| states().map(|current| Lease::guard_read(current.as_ref(), given, NOW));
    assert_eq!(guard(None), [Ok(()); 5]);
    assert_eq!(guard(Some(A)), [Err(NotPresent), Ok(()), Ok(()), Err(Lost), Err(Lost)]);
    assert_eq!(guard(Some(B)), [Err(NotPresent), Err(IdMismatch), Err(IdMismatch), Err(Lost), Err(Lost)]);
}
