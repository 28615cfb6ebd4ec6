//! Points in time as SAS tokens and headers write them.
//!
//! Source: "Formatting DateTime values"; RFC 9110 §5.6.7.

use time::{Date, Month, OffsetDateTime, Time};

use crate::model::Timestamp;

/// `2026-01-31`, `2026-01-31T23:59Z`, `…:58Z`, `…:58.1234567Z`: UTC, always.
pub(in crate::front::azure::admission::auth) fn iso8601(text: &str) -> Option<Timestamp> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time.strip_suffix('Z')?)),
        None => (text, None),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    let time = match time {
        Some(time) => time_of_day(time)?,
        None => Time::MIDNIGHT,
    };
    timestamp(OffsetDateTime::new_utc(date, time))
}

fn time_of_day(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let [hour, minute, second] = match whole.len() {
        5 if fraction.is_none() => {
            let [hour, minute] = numbers(whole, ':', [2, 2])?;
            [hour, minute, 0]
        }
        _ => numbers(whole, ':', [2, 2, 2])?,
    };
    let milliseconds = match fraction {
        Some(digits) if (1..=7).contains(&digits.len()) => {
            let [number] = numbers(digits, ':', [digits.len()])?;
            number * 10_u32.pow(u32::try_from(7 - digits.len()).ok()?) / 10_000
        }
        Some(_) => return None,
        None => 0,
    };
    let byte = |number: u32| u8::try_from(number).ok();
    Time::from_hms_milli(byte(hour)?, byte(minute)?, byte(second)?, u16::try_from(milliseconds).ok()?).ok()
}

/// Numbers of so many digits each, with `separator` between them.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u32; N]> {
    let mut fields = text.split(separator);
    let mut found = [0; N];
    for (number, digits) in found.iter_mut().zip(digits) {
        let field = fields.next().filter(|field| field.len() == digits && field.bytes().all(|b| b.is_ascii_digit()))?;
        *number = field.parse().ok()?;
    }
    fields.next().is_none().then_some(found)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, or as [`iso8601`].
pub(in crate::front::azure::admission::auth) fn http_date(text: &str) -> Option<Timestamp> {
    match crate::front::http_date::parse(text) {
        Some(seconds) => Some(Timestamp(seconds.checked_mul(1000)?)),
        None => iso8601(text.trim()),
    }
}

/// `2026-01-31T23:59:58Z`.
pub(in crate::front::azure::admission::auth) fn written(at: Timestamp) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(at.seconds()).ok()?;
    let (date, time) = (moment.date(), moment.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    (0..=9999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

fn timestamp(moment: OffsetDateTime) -> Option<Timestamp> {
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_documentation_is_read_and_no_other() {
        let seconds = |text: &str| iso8601(text).map(|at| at.0);
        assert_eq!(seconds("1970-01-02"), Some(86_400_000));
        assert_eq!(seconds("1970-01-01T01:02Z"), Some(3_720_000));
        assert_eq!(seconds("1970-01-01T01:02:03Z"), Some(3_723_000));
        assert_eq!(seconds("1970-01-01T00:00:00.1Z"), Some(100));
        assert_eq!(seconds("1970-01-01T00:00:00.1239999Z"), Some(123));
        for bad in [
            "",
            "1970",
            "1970-1-1",
            "1970-01-01Z",
            "1970-01-01T00:00",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00+00:00",
            "1970-01-01T00:00.1Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.12345678Z",
            "1970-02-30",
            "1970-13-01",
            "1970-01-01T24:00Z",
            "1970-01-01T00:60Z",
            "+970-01-01",
            "1970-01-01T00:00:00z",
            "1970-01-01 00:00Z",
            "1970-01-01T00:00:00:00Z",
            "é970-01-01",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let at = Timestamp(1_700_000_000_999);
        let text = written(at).unwrap();
        assert_eq!(text, "2023-11-14T22:13:20Z");
        assert_eq!(iso8601(&text), Some(Timestamp(1_700_000_000_000)));
    }

    #[test]
    fn header_dates_are_those_of_http() {
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:01 GMT"), Some(Timestamp(1000)));
        assert_eq!(http_date("1970-01-01T00:00:01Z"), Some(Timestamp(1000)));
        assert_eq!(http_date("yesterday"), None);
    }
}
