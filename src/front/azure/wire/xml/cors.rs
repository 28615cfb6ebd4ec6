//! The account's rules for the pages of other origins, in XML.
//!
//! Source: "Set Blob Service Properties"; "Cross-Origin Resource Sharing (CORS) support for Azure Storage".

use http::StatusCode;

use super::super::codes::Code;
use super::super::refusal::Refusal;
use crate::front::xml::{Node, Writer};
use crate::model::CorsRule;

const MOST_RULES: usize = 5;
/// Most bytes of all rules, without the names of the elements.
const MOST_BYTES: usize = 2 * 1024;
const MOST_ORIGINS: usize = 64;
/// Most headers of a list that are named, and that begin so.
const MOST_HEADERS: (usize, usize) = (64, 2);
const LONGEST: usize = 256;
const METHODS: [&str; 8] = ["DELETE", "GET", "HEAD", "MERGE", "POST", "OPTIONS", "PUT", "PATCH"];

/// Reads the rules.
pub(super) fn rules(section: &Node) -> Result<Vec<CorsRule>, Refusal> {
    let nodes = section.items("CorsRule")?;
    let rules: Vec<CorsRule> = nodes.iter().map(rule).collect::<Result<_, _>>()?;
    let lists = |rule: &CorsRule| {
        let lists = [&rule.origins, &rule.methods, &rule.headers, &rule.exposed];
        lists.into_iter().flatten().map(|text| text.len() + 1).sum::<usize>()
    };
    if rules.len() > MOST_RULES || rules.iter().map(lists).sum::<usize>() > MOST_BYTES {
        return Err(unfit("There are at most five rules, of 2 KiB together."));
    }
    Ok(rules)
}

fn rule(node: &Node) -> Result<CorsRule, Refusal> {
    let names = ["AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposedHeaders", "MaxAgeInSeconds"];
    let [origins, methods, headers, exposed, age] = node.fields(names)?;
    let age = age.and_then(|age| age.value().transpose()).ok_or_else(|| unfit("A rule has no MaxAgeInSeconds."))??;
    let rule = CorsRule {
        id: None,
        origins: list(origins)?,
        methods: list(methods)?,
        headers: list(headers)?,
        exposed: list(exposed)?,
        max_age: Some(age.parse().map_err(|_fault| unfit("MaxAgeInSeconds is no number of seconds."))?),
    };
    let begins = |name: &&String| name.contains('*') && *name != "*";
    let many = |names: &[String]| {
        let beginnings = names.iter().filter(begins).count();
        names.len() - beginnings > MOST_HEADERS.0 || beginnings > MOST_HEADERS.1
    };
    let at_end = |names: &[String]| names.iter().all(|name| name.find('*').is_none_or(|at| at + 1 == name.len()));
    let fits = rule.is_sound()
        && rule.methods.iter().all(|method| METHODS.contains(&method.as_str()))
        && rule.origins.len() <= MOST_ORIGINS
        && [&rule.headers, &rule.exposed].into_iter().all(|names| !many(names) && at_end(names))
        && [&rule.origins, &rule.headers, &rule.exposed].into_iter().flatten().all(|text| text.len() <= LONGEST);
    if fits { Ok(rule) } else { Err(unfit("A rule of CORS is not as it must be.")) }
}

/// A list parted by commas.
fn list(node: Option<&Node>) -> Result<Vec<String>, Refusal> {
    let text = node.map(Node::value).transpose()?.flatten().unwrap_or_default();
    Ok(text.split(',').map(str::trim_ascii).filter(|text| !text.is_empty()).map(str::to_owned).collect())
}

fn unfit(reason: &'static str) -> Refusal {
    let text = "The value provided for one of the XML nodes in the request body was not in the correct format.";
    Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidXmlNodeValue, text).detail("Reason", reason)
}

/// Writes them.
pub(super) fn write(writer: &mut Writer, rules: &[CorsRule]) {
    for rule in rules {
        writer.within("CorsRule", |writer| {
            writer.text("AllowedMethods", &rule.methods.join(","));
            writer.text("AllowedOrigins", &rule.origins.join(","));
            writer.text("AllowedHeaders", &rule.headers.join(","));
            writer.text("ExposedHeaders", &rule.exposed.join(","));
            writer.number("MaxAgeInSeconds", rule.max_age.unwrap_or_default().into());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::xml::{Reading, root};

    fn read(rules: &str) -> Result<Vec<CorsRule>, Refusal> {
        self::rules(&root(format!("<Cors>{rules}</Cors>").as_bytes(), "Cors", Reading::Strict).unwrap())
    }

    fn with(origins: &str, methods: &str, headers: &str, exposed: &str, age: &str) -> String {
        format!(
            "<CorsRule><AllowedOrigins>{origins}</AllowedOrigins><AllowedMethods>{methods}</AllowedMethods>\
             <AllowedHeaders>{headers}</AllowedHeaders><ExposedHeaders>{exposed}</ExposedHeaders>\
             <MaxAgeInSeconds>{age}</MaxAgeInSeconds></CorsRule>"
        )
    }

    #[test]
    fn rules_come_back_as_they_were_read() {
        let text = with("https://a, https://*.b", "GET,PUT", "x-ms-*,range", "x-ms-meta-*, ETag", "200");
        let rules = read(&text).unwrap();
        assert_eq!(rules[0].origins, ["https://a", "https://*.b"]);
        let mut writer = Writer::new();
        writer.within("Cors", |writer| write(writer, &rules));
        let written = root(writer.done().as_bytes(), "Cors", Reading::Strict).map(|node| self::rules(&node).unwrap());
        assert_eq!(written.unwrap(), rules);
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read(&with("*", "GET", "", "", "0")).unwrap()[0].headers, Vec::<String>::new());
    }

    #[test]
    fn limits_are_held() {
        let fine = with("*", "GET", "", "", "1");
        assert!(read(&fine.repeat(MOST_RULES)).is_ok());
        assert!(read(&fine.repeat(MOST_RULES + 1)).is_err());
        let long = "a".repeat(LONGEST);
        assert!(read(&with(&long, "GET", "", "", "1")).is_ok());
        let many = |count: usize| (0..count).map(|at| format!("x{at}")).collect::<Vec<_>>().join(",");
        for rule in [
            with("", "GET", "", "", "1"),
            with("*", "", "", "", "1"),
            with("*", "TRACE", "", "", "1"),
            with("*", "get", "", "", "1"),
            with("*", "GET", "", "", "-1"),
            with("*", "GET", "", "", ""),
            with("*", "GET", "x-*-y", "", "1"),
            with("*", "GET", "a*,b*,c*", "", "1"),
            with("*", "GET", &many(65), "", "1"),
            with(&many(65), "GET", "", "", "1"),
            with(&format!("{long}a"), "GET", "", "", "1"),
            format!("{0}{0}{0}", with(&[long.as_str(); 3].join(","), "GET", "", "", "1")),
        ] {
            assert!(read(&rule).is_err(), "{rule}");
        }
    }
}
