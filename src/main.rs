//! Start-up order and exit codes: arguments, environment, run, exit code. The rest is in `cli` and `app`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// What is freed is wiped: plaintext and keys do not outlive their use, in whatever library's hands they were.
#[global_allocator]
static MEMORY: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    ecluse::cli::begin();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Variables that are not UTF-8 cannot be ours: neither a key nor a secret of ours is anything else.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let exit = ecluse::cli::run(&arguments, &environment, &mut std::io::stdout(), &mut std::io::stderr());
    ExitCode::from(exit.code())
}
