//! Ranges against RFC 9110, position by position.

use proptest::prelude::*;

use super::*;

/// The positions that RFC 9110 §14.1.2 selects, found one by one.
fn selected(range: RangeRequest, length: u64) -> Vec<u64> {
    let selects = |at: &u64| match range {
        RangeRequest::Between { first, last } => first <= *at && *at <= last,
        RangeRequest::From { first } => first <= *at,
        RangeRequest::Suffix { length: wanted } => length - at <= wanted,
    };
    (0..length).filter(selects).collect()
}

fn small_or_huge() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..70_u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1)]
}

fn any_range() -> impl Strategy<Value = RangeRequest> {
    prop_oneof![
        (small_or_huge(), small_or_huge()).prop_map(|(first, last)| RangeRequest::Between { first, last }),
        small_or_huge().prop_map(|first| RangeRequest::From { first }),
        small_or_huge().prop_map(|length| RangeRequest::Suffix { length }),
    ]
}

proptest! {
    #[test]
    fn a_range_means_the_positions_that_it_selects(range in any_range(), length in 0..64_u64) {
        let positions = selected(range, length);
        match range.resolve(length) {
            Ok(resolved) => {
                prop_assert!(resolved.first < resolved.end && resolved.end <= length);
                prop_assert_eq!(resolved.length(), positions.len() as u64);
                prop_assert_eq!((resolved.first..resolved.end).collect::<Vec<_>>(), positions);
            }
            Err(outside) => {
                prop_assert!(positions.is_empty());
                prop_assert_eq!(outside, Unsatisfiable { length });
            }
        }
    }
}

#[test]
fn the_ends_of_the_number_line_do_not_wrap() {
    let all = ByteRange { first: 0, end: u64::MAX };
    assert_eq!(RangeRequest::Between { first: 0, last: u64::MAX }.resolve(u64::MAX), Ok(all));
    assert_eq!(RangeRequest::Suffix { length: u64::MAX }.resolve(u64::MAX), Ok(all));
    assert!(RangeRequest::From { first: u64::MAX }.resolve(u64::MAX).is_err());
    assert!(RangeRequest::Suffix { length: 0 }.resolve(10).is_err());
    assert!(RangeRequest::Suffix { length: 5 }.resolve(0).is_err());
}

#[test]
fn a_copy_has_all_the_bytes_that_were_named() {
    let between = |first, last| RangeRequest::Between { first, last };
    assert_eq!(between(2, 9).resolve_exactly(10), Ok(ByteRange { first: 2, end: 10 }));
    for range in [between(2, 10), between(0, u64::MAX), between(10, 10), between(3, 2)] {
        assert_eq!(range.resolve_exactly(10), Err(Unsatisfiable { length: 10 }), "{range:?}");
    }
    assert_eq!(RangeRequest::From { first: 2 }.resolve_exactly(10), Ok(ByteRange { first: 2, end: 10 }));
}
