//! The properties of the blob service: what a client asks for, and what this gateway is.
//!
//! Source: "Set Blob Service Properties", "Get Blob Service Properties".

use super::super::refusal::Refusal;
use super::cors;
use crate::front::xml::{self, Node, Reading, Writer};
use crate::model::CorsRule;

/// What a client asks the service to be. Sections that it leaves out stay as they are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::front::azure) struct ServiceProperties {
    /// Rules for the pages of other origins; `None`: as they are.
    pub(in crate::front::azure) cors: Option<Vec<CorsRule>>,
    /// Logs, metrics, a website, deletion for good: what the gateway has none of.
    unknown_here: bool,
    delete_retention: Option<Retention>,
}

#[derive(Debug, PartialEq, Eq)]
struct Retention {
    days: Option<u32>,
}

impl ServiceProperties {
    /// Whether it is anything but what the gateway is, which keeps what is deleted for `retention_days`.
    pub(in crate::front::azure) fn asks_for_what_is_not_here(&self, retention_days: Option<u32>) -> bool {
        self.unknown_here || self.delete_retention.as_ref().is_some_and(|asked| asked.days != retention_days)
    }
}

/// Reads Set Blob Service Properties.
pub(in crate::front::azure) fn read_service_properties(bytes: &[u8]) -> Result<ServiceProperties, Refusal> {
    let root = xml::root(bytes, "StorageServiceProperties", Reading::Strict)?;
    // The default version is what requests without one are answered as. Requests without one are refused here.
    let [logging, hours, minutes, cors, _version, deletion, website] = root.fields([
        "Logging",
        "HourMetrics",
        "MinuteMetrics",
        "Cors",
        "DefaultServiceVersion",
        "DeleteRetentionPolicy",
        "StaticWebsite",
    ])?;
    let mut asked = ServiceProperties::default();
    if let Some(section) = logging {
        let [_version, delete, read, write, kept] =
            section.fields(["Version", "Delete", "Read", "Write", "RetentionPolicy"])?;
        retention(kept)?;
        asked.unknown_here |= is_on(delete)? | is_on(read)? | is_on(write)?;
    }
    for section in [hours, minutes].into_iter().flatten() {
        let [_version, enabled, apis, kept] =
            section.fields(["Version", "Enabled", "IncludeAPIs", "RetentionPolicy"])?;
        retention(kept)?;
        is_on(apis)?;
        asked.unknown_here |= is_on(enabled)?;
    }
    if let Some(section) = cors {
        asked.cors = Some(cors::rules(section)?);
    }
    if let Some(section) = website {
        let [enabled, _index, _index_path, _error] =
            section.fields(["Enabled", "IndexDocument", "DefaultIndexDocumentPath", "ErrorDocument404Path"])?;
        asked.unknown_here |= is_on(enabled)?;
    }
    if let Some((retention, for_good)) = retention(deletion)? {
        asked.unknown_here |= for_good;
        asked.delete_retention = Some(retention);
    }
    Ok(asked)
}

/// A section that tells how long something is kept, and whether it may be deleted for good before.
fn retention(section: Option<&Node>) -> Result<Option<(Retention, bool)>, Refusal> {
    let Some(section) = section else { return Ok(None) };
    let [enabled, days, for_good] = section.fields(["Enabled", "Days", "AllowPermanentDelete"])?;
    let enabled = is_on(Some(enabled.ok_or_else(unreadable)?))?;
    let days = days.map(Node::value).transpose()?.flatten();
    let days = days.map(|days| days.parse::<u32>().ok().filter(|days| *days > 0).ok_or_else(unreadable)).transpose()?;
    if enabled && days.is_none() {
        return Err(unreadable());
    }
    Ok(Some((Retention { days: days.filter(|_| enabled) }, is_on(for_good)?)))
}

/// `true` or `false`; what is not there is not asked for.
fn is_on(node: Option<&Node>) -> Result<bool, Refusal> {
    match node.map(Node::value).transpose()?.flatten() {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(unreadable()),
    }
}

fn unreadable() -> Refusal {
    Refusal::invalid_xml("a property of the service is not as it must be")
}

/// Get Blob Service Properties.
pub(in crate::front::azure) fn service_properties(retention_days: Option<u32>, rules: &[CorsRule]) -> String {
    let mut writer = Writer::new();
    writer.within("StorageServiceProperties", |writer| {
        writer.within("Logging", |writer| {
            writer.text("Version", "1.0");
            for name in ["Delete", "Read", "Write"] {
                writer.text(name, "false");
            }
            writer.within("RetentionPolicy", |writer| writer.text("Enabled", "false"));
        });
        for section in ["HourMetrics", "MinuteMetrics"] {
            writer.within(section, |writer| {
                writer.text("Version", "1.0");
                writer.text("Enabled", "false");
                writer.within("RetentionPolicy", |writer| writer.text("Enabled", "false"));
            });
        }
        writer.within("Cors", |writer| cors::write(writer, rules));
        writer.within("DeleteRetentionPolicy", |writer| match retention_days {
            Some(days) => {
                writer.text("Enabled", "true");
                writer.text("Days", &days.to_string());
            }
            None => writer.text("Enabled", "false"),
        });
        writer.within("StaticWebsite", |writer| writer.text("Enabled", "false"));
    });
    writer.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(sections: &str, retention_days: Option<u32>) -> bool {
        let document = format!("<StorageServiceProperties>{sections}</StorageServiceProperties>");
        read_service_properties(document.as_bytes()).unwrap().asks_for_what_is_not_here(retention_days)
    }

    #[test]
    fn what_the_gateway_is_can_be_asked_for() {
        for days in [None, Some(7)] {
            let asked = read_service_properties(service_properties(days, &[]).as_bytes()).unwrap();
            assert_eq!(asked.cors, Some(Vec::new()));
            assert!(!asked.asks_for_what_is_not_here(days));
            assert!(asked.asks_for_what_is_not_here(Some(8)));
        }
        assert!(!asks("", Some(7)));
        assert!(!asks("<DefaultServiceVersion>2021-12-02</DefaultServiceVersion>", None));
    }

    #[test]
    fn what_it_has_not_is_noticed() {
        for sections in [
            "<Logging><Version>1.0</Version><Read>true</Read></Logging>",
            "<HourMetrics><Enabled>true</Enabled></HourMetrics>",
            "<MinuteMetrics><Enabled>True</Enabled></MinuteMetrics>",
            "<StaticWebsite><Enabled>true</Enabled></StaticWebsite>",
            "<DeleteRetentionPolicy><Enabled>true</Enabled><Days>1</Days></DeleteRetentionPolicy>",
            "<DeleteRetentionPolicy><Enabled>false</Enabled><AllowPermanentDelete>true</AllowPermanentDelete>\
             </DeleteRetentionPolicy>",
        ] {
            assert!(asks(sections, None), "{sections}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for sections in [
            "<Else/>",
            "<Cors/><Cors/>",
            "<Cors><Else/></Cors>",
            "<Logging><Read>yes</Read></Logging>",
            "<DeleteRetentionPolicy><Days>1</Days></DeleteRetentionPolicy>",
            "<DeleteRetentionPolicy><Enabled>true</Enabled></DeleteRetentionPolicy>",
            "<DeleteRetentionPolicy><Enabled>true</Enabled><Days>0</Days></DeleteRetentionPolicy>",
        ] {
            let document = format!("<StorageServiceProperties>{sections}</StorageServiceProperties>");
            assert!(read_service_properties(document.as_bytes()).is_err(), "{sections}");
        }
    }
}
