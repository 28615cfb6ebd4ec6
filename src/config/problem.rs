//! One mistake in the configuration, as data. The words are in `src/text/`.

use super::keys;

/// One mistake: which key, which value, and what the texts need to explain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Names the texts and the anchor in `docs/operators/errors.md`.
    pub code: &'static str,
    /// The path of the key, like `client[0].secret`; empty when the file as a whole is meant.
    pub key: String,
    /// The value as it was typed. Never that of a secret or of an unknown key.
    pub value: Option<String>,
    /// What else the texts of this code mention. `example` is always there.
    pub args: Vec<(&'static str, String)>,
}

impl Problem {
    /// A problem at `key`, with the example that belongs to the key.
    pub(super) fn new(code: &'static str, key: impl Into<String>) -> Self {
        let key = key.into();
        let example = keys::example(&key).to_owned();
        Self { code, key, value: None, args: vec![("example", example)] }
    }

    /// Adds the value. Only for keys that hold no secret.
    pub(super) fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Adds something for the texts.
    pub(super) fn arg(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.args.push((name, text.into()));
        self
    }
}
