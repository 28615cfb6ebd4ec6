//! The demonstration; arrives with the merge of the parts.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::text::{Exit, OperatorError, Texts};

/// What `ecluse demo` was asked for.
pub struct Options {
    /// End after the show.
    pub exit: bool,
    /// Where the S3 front listens.
    pub listen: Option<SocketAddr>,
    /// Where everything is kept; a temporary folder when absent.
    pub data_dir: Option<PathBuf>,
}

/// Runs it.
pub fn run(_options: Options, _texts: &Texts, _out: &mut dyn Write) -> Result<(), OperatorError> {
    Err(OperatorError::new("internal", Exit::Internal))
}
