//! `x-ms-version`: which version of the protocol a request speaks.
//!
//! Every version since the first that these operations know is accepted, later ones too: what they add is refused where it is
//! not known, header by header. The answer names the version that was asked for, as the service does.
//!
//! Source: "Versioning for Azure Storage".

use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::refusal::Refusal;

/// What a request without a version speaks.
pub(in crate::front::azure) const DEFAULT: &str = "2026-04-06";
const FIRST: &str = "2009-09-19";

/// The version that a request speaks: its header, `api-version`, or the version of its SAS.
pub(in crate::front::azure) fn of(asked: &Asked<'_>) -> Result<String, Refusal> {
    if let Some(value) = asked.headers.get("x-ms-version") {
        let text = value.to_str().unwrap_or_default();
        return accepted(text).ok_or_else(|| Refusal::invalid_header("x-ms-version", text));
    }
    for name in ["api-version", "sv"] {
        if let Some(text) = asked.parameter(name) {
            return accepted(text).ok_or_else(|| Refusal::invalid_parameter(name, text));
        }
    }
    Ok(DEFAULT.to_owned())
}

/// A date of the right form, not before the first version.
fn accepted(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let form = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, b)| if at == 4 || at == 7 { *b == b'-' } else { b.is_ascii_digit() });
    let number =
        |from: usize| text.get(from..from + 2).and_then(|digits| digits.parse::<u8>().ok()).unwrap_or_default();
    let day = (1..=12).contains(&number(5)) && (1..=31).contains(&number(8));
    (form && day && text >= FIRST).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_since_the_first_version_are_accepted() {
        for text in ["2009-09-19", "2023-11-03", "2026-10-06", "2031-01-01"] {
            assert_eq!(accepted(text).as_deref(), Some(text));
        }
        for text in [
            "",
            "2009-09-18",
            "2023-11-3",
            "2023/11/03",
            "20231103",
            "latest",
            "2023-11-03 ",
            "2026-13-01",
            "2026-01-32",
            "2026-00-01",
        ] {
            assert_eq!(accepted(text), None, "{text}");
        }
    }
}
