//! Versions of tokens (`sv`), by what each began.
//!
//! Source: "Versioning for Azure Storage", SAS version; the pages on the three kinds of SAS.

/// A version: its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SasVersion(u16, u8, u8);

impl SasVersion {
    /// `2026-10-06`. `None` also for what is older than [`OLDEST`] or newer than [`NEWEST`]: what such a token says is not
    /// known here, so it cannot be held to it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('-');
        let mut field =
            |digits| fields.next().filter(|field| field.len() == digits && field.bytes().all(|b| b.is_ascii_digit()));
        let (year, month, day) = (field(4)?, field(2)?, field(2)?);
        let version = Self(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        if fields.next().is_some() {
            return None;
        }
        (OLDEST..=NEWEST).contains(&version).then_some(version)
    }
}

/// Service SAS with a version.
pub(super) const OLDEST: SasVersion = SasVersion(2012, 2, 12);
/// `rscc` and its siblings.
pub(super) const OVERRIDES_SINCE: SasVersion = SasVersion(2013, 8, 15);
/// `/blob/` before the account in the resource.
pub(super) const SERVICE_IN_PATH: SasVersion = SasVersion(2015, 2, 21);
/// `sip`, `spr`; account SAS.
pub(super) const ADDRESS_AND_PROTOCOL: SasVersion = SasVersion(2015, 4, 5);
/// `sr` is signed, and the snapshot; user delegation SAS.
pub(super) const RESOURCE: SasVersion = SasVersion(2018, 11, 9);
/// `saoid`, `suoid`, `scid`.
pub(super) const AGENTS: SasVersion = SasVersion(2020, 2, 10);
/// `ses`.
pub(super) const ENCRYPTION_SCOPE: SasVersion = SasVersion(2020, 12, 6);
/// `skdutid`, `sduoid`.
pub(super) const DELEGATED_USER: SasVersion = SasVersion(2025, 7, 5);
/// `srh`, `srq`.
pub(super) const REQUEST_PARTS: SasVersion = SasVersion(2026, 4, 6);
/// The version of the newest clients: of rclone 1.75's signatures.
pub(super) const NEWEST: SasVersion = SasVersion(2026, 12, 6);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_known_are_dates_between_the_oldest_and_the_newest() {
        for good in ["2012-02-12", "2015-04-05", "2026-12-06"] {
            assert!(SasVersion::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2012-02-11",
            "2011-08-18",
            "2026-12-07",
            "9999-01-01",
            "2015-4-5",
            "20150405",
            "2015/04/05",
            "2015-04-0é",
        ] {
            assert!(SasVersion::parse(bad).is_none(), "{bad}");
        }
    }
}
