//! Names of snapshots.

use std::fmt;

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::Timestamp;

/// When a snapshot was taken, in units of 100 ns since the Unix epoch: its name among those of one object.
///
/// Clients see `2026-11-25T15:02:16.1234567Z`. Source: Azure "Snapshot Blob", `x-ms-snapshot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId(pub i64);

/// Units of a second, and of a millisecond.
const PER_SECOND: i64 = 10_000_000;
const PER_MILLISECOND: i64 = 10_000;

impl SnapshotId {
    /// The name of a snapshot taken `at`, if it is the first of that millisecond.
    pub fn at(at: Timestamp) -> Self {
        Self(at.0.saturating_mul(PER_MILLISECOND))
    }

    /// When it was taken, to the millisecond.
    pub fn taken(self) -> Timestamp {
        Timestamp(self.0.div_euclid(PER_MILLISECOND))
    }

    /// Reads what a client sends back: a time in UTC with up to 7 decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.strip_suffix('Z')?.split_once('.') {
            None => (text.strip_suffix('Z')?, "0"),
            Some(parts) => parts,
        };
        let digits = |range| whole.get(range).filter(|part: &&str| part.bytes().all(|byte| byte.is_ascii_digit()));
        let number = |range| digits(range)?.parse::<u8>().ok();
        let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
        if whole.len() != 19 || marks.iter().any(|(at, mark)| whole.get(*at..at + 1) != Some(*mark)) {
            return None;
        }
        let month = Month::try_from(number(5..7)?).ok()?;
        let date = Date::from_calendar_date(digits(0..4)?.parse().ok()?, month, number(8..10)?).ok()?;
        let time = Time::from_hms(number(11..13)?, number(14..16)?, number(17..19)?).ok()?;
        let seconds = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp();
        Some(Self(seconds.checked_mul(PER_SECOND)?.checked_add(read_fraction(fraction)?)?))
    }
}

/// Up to seven decimals of a second, in units of 100 ns.
fn read_fraction(text: &str) -> Option<i64> {
    if !(1..=7).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{text:0<7}").parse().ok()
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, fraction) = (self.0.div_euclid(PER_SECOND), self.0.rem_euclid(PER_SECOND));
        // A time beyond the calendar names no snapshot that was ever taken.
        let at = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_outside| fmt::Error)?;
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        let month = u8::from(month);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_as_it_was_shown() {
        for text in ["2026-11-25T15:02:16.1234567Z", "1970-01-01T00:00:00.0000000Z", "2024-02-29T23:59:59.9999999Z"] {
            assert_eq!(SnapshotId::parse(text).unwrap().to_string(), text);
        }
        let id = SnapshotId::parse("2026-11-25T15:02:16.1234567Z").unwrap();
        assert_eq!(id.taken(), Timestamp(1_795_618_936_123));
        assert_eq!(SnapshotId::at(id.taken()).to_string(), "2026-11-25T15:02:16.1230000Z");
    }

    #[test]
    fn fewer_decimals_are_read_and_anything_else_is_not() {
        let whole = SnapshotId::parse("2026-11-25T15:02:16Z").unwrap();
        assert_eq!(SnapshotId::parse("2026-11-25T15:02:16.5Z").unwrap().0, whole.0 + 5_000_000);
        for wrong in [
            "",
            "Z",
            "2026-11-25T15:02:16",
            "2026-11-25T15:02:16.Z",
            "2026-11-25T15:02:16.12345678Z",
            "2026-11-25T15:02:16.+1Z",
            "2026-11-25 15:02:16Z",
            "2026-13-25T15:02:16Z",
            "2026-02-30T15:02:16Z",
            "2026-11-25T24:02:16Z",
            "+026-11-25T15:02:16Z",
            "2026-11-25T15:02:16é.0Z",
            "202é-11-25T15:02:16Z",
        ] {
            assert_eq!(SnapshotId::parse(wrong), None, "{wrong}");
        }
    }
}
