//! Dates in headers, for both fronts: read in all three forms of RFC 9110 §5.6.7, and written in the one.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use crate::model::Timestamp;

/// A year of two digits that would lie more than fifty years ahead is one of the past (RFC 9110 §5.6.7).
const YEARS_AHEAD: i32 = 50;

/// Seconds since the epoch of `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or
/// `Sun Nov  6 08:49:37 1994`. A day may have one digit. `None`: it is none of them.
pub(in crate::front) fn parse(text: &str) -> Option<i64> {
    parse_at(text, OffsetDateTime::now_utc().year())
}

fn parse_at(text: &str, this_year: i32) -> Option<i64> {
    let mut words = text.split_ascii_whitespace();
    let name = words.next()?;
    let (day, month, year, time) = match name.strip_suffix(',') {
        // `Sun Nov  6 08:49:37 1994`
        None => {
            weekday(name, false)?;
            let (month, day, time) = (words.next()?, words.next()?, words.next()?);
            (digits(day, 1, 2)?, month, digits(words.next()?, 4, 4)?, time)
        }
        Some(name) => {
            let first = words.next()?;
            let (day, month, year) = if first.contains('-') {
                weekday(name, true)?;
                let mut parts = first.split('-');
                let (day, month, year) = (parts.next()?, parts.next()?, digits(parts.next()?, 2, 2)?);
                parts.next().is_none().then_some(())?;
                (day, month, century(year, this_year))
            } else {
                weekday(name, false)?;
                (first, words.next()?, digits(words.next()?, 4, 4)?)
            };
            let time = words.next()?;
            (words.next()? == "GMT").then_some(())?;
            (digits(day, 1, 2)?, month, year, time)
        }
    };
    words.next().is_none().then_some(())?;
    let date = Date::from_calendar_date(year, month_of(month)?, u8::try_from(day).ok()?).ok()?;
    Some(PrimitiveDateTime::new(date, time_of(time)?).assume_utc().unix_timestamp())
}

/// A time in whole seconds as HTTP writes it: an IMF-fixdate.
pub(in crate::front) fn written(at: Timestamp) -> String {
    let seconds = u64::try_from(at.seconds()).unwrap_or_default();
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
}

fn century(year: i32, this_year: i32) -> i32 {
    let near = this_year - this_year.rem_euclid(100) + year;
    if near > this_year + YEARS_AHEAD { near - 100 } else { near }
}

/// Whether it is the name of a day. Which day it is, is not held against the date.
fn weekday(name: &str, long: bool) -> Option<()> {
    const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    NAMES.iter().any(|day| if long { *day == name } else { day.get(..3) == Some(name) }).then_some(())
}

fn month_of(name: &str) -> Option<Month> {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let index = NAMES.iter().position(|month| *month == name)?;
    Month::try_from(u8::try_from(index + 1).ok()?).ok()
}

/// `08:49:37`; a leap second is the second before.
fn time_of(text: &str) -> Option<Time> {
    let mut fields = text.split(':');
    let mut next = || digits(fields.next()?, 2, 2).and_then(|number| u8::try_from(number).ok());
    let (hour, minute, second) = (next()?, next()?, next()?);
    fields.next().is_none().then_some(())?;
    Time::from_hms(hour, minute, if second == 60 { 59 } else { second }).ok()
}

fn digits(text: &str, least: usize, most: usize) -> Option<i32> {
    let fine = (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fine.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_are_read_and_days_of_one_digit() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sunday, 6-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun Nov 06 08:49:37 1994",
            "  Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse("Sat, 31 Dec 2016 23:59:60 GMT"), Some(1_483_228_799));
        assert_eq!(parse("Wed, 31 Dec 1969 23:59:59 GMT"), Some(-1));
    }

    #[test]
    fn a_year_of_two_digits_is_near() {
        let year = |text: &str, now| {
            parse_at(text, now).map(|seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap().year())
        };
        assert_eq!(year("Sunday, 06-Nov-26 08:49:37 GMT", 2026), Some(2026));
        assert_eq!(year("Sunday, 06-Nov-76 08:49:37 GMT", 2026), Some(2076));
        assert_eq!(year("Sunday, 06-Nov-77 08:49:37 GMT", 2026), Some(1977));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "yesterday",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Someday, 06-Nov-94 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_in_whole_seconds() {
        assert_eq!(written(Timestamp(1_445_412_480_999)), "Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(parse(&written(Timestamp(1_445_412_480_999))), Some(1_445_412_480));
    }
}
