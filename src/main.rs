//! Start-up order and exit codes: arguments, environment, run, exit code. The rest is in `cli` and `app`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Variables that are not UTF-8 cannot be ours: neither a key nor a secret of ours is anything else.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let exit = ecluse::cli::run(&arguments, &environment, &mut std::io::stdout(), &mut std::io::stderr());
    ExitCode::from(exit.code())
}
