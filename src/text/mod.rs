//! What operators read: every message in English and in French, by its id.
//!
//! # Invariants
//! - `en.ftl` and `fr.ftl` define the same ids with the same variables (tested below).
//! - Every code of an error has its texts and its section in both error documents (tested below).
//! - Protocol errors are not here: clients read those, in English.

mod error;

use std::collections::BTreeMap;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

pub use error::{Exit, OperatorError};

const ENGLISH: &str = concat!(include_str!("en.ftl"), "\n", include_str!("demo.en.ftl"));
const FRENCH: &str = concat!(include_str!("fr.ftl"), "\n", include_str!("demo.fr.ftl"));

/// A language of the operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// French.
    French,
}

/// The messages in one language.
pub struct Texts {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Language {
    /// Chooses by `ECLUSE_LANG`, `LC_ALL`, `LC_MESSAGES` or `LANG`, whichever is set first (POSIX order after our own).
    /// French when that begins with `fr`, English otherwise.
    pub fn from_environment(environment: &BTreeMap<String, String>) -> Self {
        ["ECLUSE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|name| environment.get(name))
            .find(|value| !value.is_empty())
            .and_then(|value| Self::parse(value))
            .unwrap_or(Self::English)
    }

    /// `fr`, `fr_CA.UTF-8`, `en`, `en-CA`, ...; `None` for any other language.
    pub fn parse(tag: &str) -> Option<Self> {
        match tag.split(['_', '-', '.', '@']).next().map(str::to_ascii_lowercase).as_deref() {
            Some("fr") => Some(Self::French),
            Some("en") => Some(Self::English),
            _ => None,
        }
    }
}

impl Texts {
    /// The messages in `language`.
    pub fn new(language: Language) -> Self {
        let (tag, source) = match language {
            Language::English => ("en-CA", ENGLISH),
            Language::French => ("fr-CA", FRENCH),
        };
        let mut bundle = FluentBundle::new_concurrent(tag.parse::<LanguageIdentifier>().into_iter().collect());
        bundle.set_use_isolating(false);
        // A test parses both files whole; what a damaged file still holds is better than nothing.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _errors)| resource);
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    /// The language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The message `id` with `args` in it; the id itself when there is no such message.
    pub fn say(&self, id: &str, args: &[(&str, String)]) -> String {
        self.find(id, args).unwrap_or_else(|| id.to_owned())
    }

    fn find(&self, id: &str, args: &[(&str, String)]) -> Option<String> {
        let pattern = self.bundle.get_message(id)?.value()?;
        let mut fluent = FluentArgs::with_capacity(args.len());
        for (name, value) in args {
            fluent.set(*name, value.as_str());
        }
        let mut errors = Vec::new();
        Some(self.bundle.format_pattern(pattern, Some(&fluent), &mut errors).into_owned())
    }

    /// An error in four lines or more: what, why, what to do, where to read on. `causes` are technical and stay as they
    /// are.
    pub fn error(&self, code: &str, args: &[(&str, String)], causes: &[String]) -> String {
        self.lines(code, self.say(&format!("error-{code}"), args), args, causes)
    }

    /// A problem of the configuration, in the same lines; the first names the key and its value.
    pub fn problem(&self, code: &str, key: &str, value: Option<&str>, args: &[(&str, String)]) -> String {
        let what = self.say(&format!("error-{code}"), args);
        let colon = self.colon();
        let what = match (key, value) {
            ("", _) => what,
            (key, None) => format!("{key}{colon} {what}"),
            (key, Some(value)) if value.parse::<i64>().is_ok() => format!("{key} = {value}{colon} {what}"),
            (key, Some(value)) => format!("{key} = {value:?}{colon} {what}"),
        };
        self.lines(code, what, args, &[])
    }

    fn lines(&self, code: &str, what: String, args: &[(&str, String)], causes: &[String]) -> String {
        let colon = self.colon();
        let mut lines = vec![format!("{}{colon} {what}", self.say("label-error", &[]))];
        let why = self.find(&format!("cause-{code}"), args);
        lines.extend(why.iter().chain(causes).map(|why| format!("{}{colon} {why}", self.say("label-cause", &[]))));
        if let Some(hint) = self.find(&format!("hint-{code}"), args) {
            lines.push(format!("{}{colon} {hint}", self.say("label-hint", &[])));
        }
        let document = self.say("errors-document", &[]);
        lines.push(format!("{}{colon} {document}#{code}", self.say("label-see", &[])));
        lines.join("\n")
    }

    /// French sets a no-break space before a colon (OQLF).
    fn colon(&self) -> &'static str {
        match self.language {
            Language::English => ":",
            Language::French => "\u{a0}:",
        }
    }
}

#[cfg(test)]
mod tests;
