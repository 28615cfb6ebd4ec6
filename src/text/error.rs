//! An error for the operator, and the exit code that it ends the program with.

use super::Texts;

/// How the program ends. Source: BSD `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0.
    Fine,
    /// 64: the command line is wrong.
    Usage,
    /// 69: a dependency is unavailable.
    Unavailable,
    /// 70: our fault.
    Internal,
    /// 78: the configuration is wrong.
    Configuration,
}

/// Something that the operator must deal with. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorError {
    /// Names the texts `error-CODE`, `cause-CODE`, `hint-CODE` and the section of `docs/operators/errors.md`.
    pub code: &'static str,
    /// What the texts mention.
    pub args: Vec<(&'static str, String)>,
    /// Technical causes, outermost first.
    pub causes: Vec<String>,
    /// How the program ends.
    pub exit: Exit,
}

impl Exit {
    /// The number for the operating system.
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::Configuration => 78,
        }
    }
}

impl OperatorError {
    /// An error with nothing to mention yet.
    pub fn new(code: &'static str, exit: Exit) -> Self {
        Self { code, args: Vec::new(), causes: Vec::new(), exit }
    }

    /// Adds something for the texts to mention.
    #[must_use]
    pub fn arg(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.args.push((name, value.into()));
        self
    }

    /// Adds the error that led here, and those behind it.
    #[must_use]
    pub fn because(mut self, error: &dyn std::error::Error) -> Self {
        let mut at = Some(error);
        while let Some(error) = at {
            self.causes.push(error.to_string());
            at = error.source();
        }
        self
    }

    /// The lines that the operator reads.
    pub fn render(&self, texts: &Texts) -> String {
        texts.error(self.code, &self.args, &self.causes)
    }
}
