//! The validity period of an X.509 certificate (RFC 5280 §4.1.2.5), read from its DER.
//!
//! Rustls checks peers' certificates, not its own. Only the period is read here; everything else is left to Rustls.

use std::time::{Duration, SystemTime};

/// From when to when a certificate is valid, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) begins: SystemTime,
    pub(super) ends: SystemTime,
}

impl Validity {
    /// `None`: not a certificate.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = element(certificate, SEQUENCE)?;
        let (mut fields, _) = element(certificate, SEQUENCE)?;
        if let Some((_, rest)) = element(fields, VERSION) {
            fields = rest;
        }
        let (_serial, rest) = element(fields, INTEGER)?;
        let (_signature, rest) = element(rest, SEQUENCE)?;
        let (_issuer, rest) = element(rest, SEQUENCE)?;
        let (validity, _) = element(rest, SEQUENCE)?;
        let (begins, rest) = time(validity)?;
        let (ends, _) = time(rest)?;
        Some(Self { begins, ends })
    }
}

/// The content of the first element, if it has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// `UTCTime` (two-digit year, 50 to 49 meaning 1950 to 2049) or `GeneralizedTime`, both in seconds and `Z`.
fn time(der: &[u8]) -> Option<(SystemTime, &[u8])> {
    let (digits, rest, century) = match element(der, UTC_TIME) {
        Some((text, rest)) => {
            let text = std::str::from_utf8(text).ok()?;
            let century = if text.get(..2)? < "50" { "20" } else { "19" };
            (text, rest, century)
        }
        None => {
            let (text, rest) = element(der, GENERALIZED_TIME)?;
            (std::str::from_utf8(text).ok()?, rest, "")
        }
    };
    let digits = format!("{century}{}", digits.strip_suffix('Z')?);
    if digits.len() != 14 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u8>().ok();
    let date = time::Date::from_calendar_date(
        digits.get(..4)?.parse().ok()?,
        time::Month::try_from(number(4..6)?).ok()?,
        number(6..8)?,
    )
    .ok()?;
    let seconds = date.with_hms(number(8..10)?, number(10..12)?, number(12..14)?).ok()?.assume_utc().unix_timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 { SystemTime::UNIX_EPOCH - distance } else { SystemTime::UNIX_EPOCH + distance };
    Some((time, rest))
}

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(begins: (i32, u8, u8), ends: (i32, u8, u8)) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(begins.0, begins.1, begins.2);
        params.not_after = rcgen::date_time_ymd(ends.0, ends.1, ends.2);
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn day(year: i32, month: u8, day: u8) -> SystemTime {
        rcgen::date_time_ymd(year, month, day).into()
    }

    #[test]
    fn both_forms_of_time_are_read() {
        // Until 2049 certificates use UTCTime, later GeneralizedTime.
        let validity = Validity::of(&certificate((2024, 2, 29), (2071, 12, 31))).unwrap();
        assert_eq!(validity, Validity { begins: day(2024, 2, 29), ends: day(2071, 12, 31) });
        let validity = Validity::of(&certificate((1969, 3, 1), (2049, 1, 1))).unwrap();
        assert_eq!(validity, Validity { begins: day(1969, 3, 1), ends: day(2049, 1, 1) });
    }

    #[test]
    fn a_truncated_certificate_is_no_certificate() {
        let whole = certificate((2024, 1, 1), (2030, 1, 1));
        for length in 0..whole.len() {
            assert_eq!(Validity::of(&whole[..length]), None, "{length} bytes");
        }
    }
}
