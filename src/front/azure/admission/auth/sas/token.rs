//! A token as it came: its parameters, each once.

use super::super::{failure, key};
use super::version::SasVersion;
use crate::front::azure::wire::refusal::Refusal;

/// A shared access signature, nothing checked but its form.
pub(in crate::front::azure::admission::auth) struct Token {
    fields: Vec<(&'static str, String)>,
    pub(super) version: SasVersion,
    pub(super) signature: Vec<u8>,
}

impl Token {
    /// Finds the token in a query. An empty parameter says nothing, as for Azure.
    pub(in crate::front::azure::admission::auth) fn parse(query: &[(String, String)]) -> Result<Self, Refusal> {
        let mut fields: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in query {
            let Some(known) = NAMES.iter().find(|known| known.eq_ignore_ascii_case(name)) else { continue };
            if fields.iter().any(|(other, _)| other == known) {
                return Err(failure::sas(&format!("{known} comes twice")));
            }
            if value.len() > MAX_FIELD_BYTES || value.contains(char::is_control) {
                return Err(failure::sas(&format!("{known} is too long or has a control character")));
            }
            fields.push((known, value.clone()));
        }
        let find = |name| fields.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| value.as_str());
        let version = SasVersion::parse(find("sv"));
        let version = version.ok_or_else(|| failure::sas("sv is missing or is not a version that is known"))?;
        let signature = key::decoded(find("sig")).ok_or_else(|| failure::sas("sig is not a signature"))?;
        Ok(Self { fields, version, signature })
    }

    /// A parameter's value; empty when it is not there.
    pub(super) fn value(&self, name: &str) -> &str {
        self.fields.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        !self.value(name).is_empty()
    }
}

/// Longest value of a parameter. Microsoft sets none; a URL of 8 KiB holds no more.
const MAX_FIELD_BYTES: usize = 2048;

/// Response headers, in the order in which they are signed.
pub(super) const OVERRIDES: [&str; 5] = ["rscc", "rscd", "rsce", "rscl", "rsct"];

/// Every parameter of a token, those of other services too: what is not signed is refused.
pub(super) const NAMES: [&str; 36] = [
    "sv", "ss", "srt", "sp", "st", "se", "sip", "spr", "sig", "ses", "sr", "si", "sdd", "rscc", "rscd", "rsce", "rscl",
    "rsct", "skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid", "skdutid", "sduoid", "srh", "srq",
    "tn", "spk", "srk", "epk", "erk",
];
