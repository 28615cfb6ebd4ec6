//! From a configuration to running tasks; the wiring arrives with the merge of the parts.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use crate::config::Config;
use crate::text::{Exit, OperatorError, Texts};

/// Serves until told to stop.
pub fn serve(
    _config: Config,
    _path: &Path,
    _environment: &BTreeMap<String, String>,
    _texts: &Texts,
    _out: &mut dyn Write,
) -> Result<(), OperatorError> {
    Err(OperatorError::new("internal", Exit::Internal))
}

/// Checks everything that the configuration names.
pub fn check(
    _config: Config,
    _path: &Path,
    _offline: bool,
    _texts: &Texts,
    _out: &mut dyn Write,
) -> Result<(), OperatorError> {
    Err(OperatorError::new("internal", Exit::Internal))
}
