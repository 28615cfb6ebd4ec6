//! The command line: arguments → one of the commands, errors → four lines and an exit code.
//!
//! # Invariants
//! - Everything that is printed goes through the two writers given to [`run`].
//! - Help, usage and errors are in the operator's language; clap's own texts are never shown.

mod arguments;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::app::{CheckOptions, Fencing, InitOptions, Laid};
use crate::config::{Config, Problem};
use crate::text::{Exit, Language, OperatorError, Texts};

/// The surroundings of one run.
struct Run<'a> {
    environment: &'a BTreeMap<String, String>,
    texts: &'a Texts,
    out: &'a mut dyn Write,
}

/// Why a command did not end well.
enum Failure {
    /// One error.
    One(OperatorError),
    /// The configuration file has problems.
    Configuration(PathBuf, Vec<Problem>),
}

/// What holds for every command, whatever becomes of it: no core image, no data in the report of a panic.
pub fn begin() {
    crate::app::forbid_core_images();
    crate::telemetry::withhold_panic_messages();
}

/// Runs the command that `arguments` (the program's name first) ask for, in the language of `--lang` or the environment.
pub fn run(
    arguments: &[OsString],
    environment: &BTreeMap<String, String>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let language = arguments::language(arguments).unwrap_or_else(|| Language::from_environment(environment));
    let texts = Texts::new(language);
    let matches = match arguments::command(&texts).try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return if write!(out, "{error}").is_ok() { Exit::Fine } else { Exit::Unavailable };
        }
        Err(error) => return complain(&usage(&error), &texts, err),
    };
    let mut run = Run { environment, texts: &texts, out };
    match dispatch(&matches, &mut run) {
        Ok(()) => Exit::Fine,
        Err(Failure::One(error)) => complain(&error, &texts, err),
        Err(Failure::Configuration(path, problems)) => list(&path, &problems, &texts, err),
    }
}

fn dispatch(matches: &ArgMatches, run: &mut Run<'_>) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("demo", given)) => {
            let options = crate::demo::DemoOptions {
                exit: given.get_flag("exit"),
                listen: given.get_one("listen").copied(),
                data_dir: given.get_one::<PathBuf>("data-dir").cloned(),
            };
            Ok(crate::demo::command(options, run.environment, run.texts, run.out)?)
        }
        Some(("serve", given)) => {
            let (path, config) = load(given, run)?;
            let fencing = if given.get_flag("read-only") { Fencing::ReadOnly } else { Fencing::Enforced };
            Ok(crate::app::serve(config, &path, fencing, run.environment, run.texts, run.out)?)
        }
        Some(("check", given)) => {
            let (path, config) = load(given, run)?;
            let options = CheckOptions { offline: given.get_flag("offline"), quick: given.get_flag("quick") };
            Ok(crate::app::check(config, &path, options, run.texts, run.out)?)
        }
        Some(("clock", given)) => {
            let (_, config) = load(given, run)?;
            Ok(crate::app::clock(&config, given.get_flag("believe"), run.texts, run.out)?)
        }
        Some(("scrub", given)) => {
            let (_, config) = load(given, run)?;
            if given.get_flag("orphans") {
                return Ok(crate::app::orphans(config, given.get_flag("delete"), run.texts, run.out)?);
            }
            Ok(crate::app::scrub(config, run.texts, run.out)?)
        }
        Some(("catalog", given)) => match given.subcommand() {
            Some((_compact, given)) => {
                let (_, config) = load(given, run)?;
                Ok(crate::app::compact(&config, run.texts, run.out)?)
            }
            None => Err(OperatorError::new("usage-missing-command", Exit::Usage).into()),
        },
        Some(("keys", given)) => match given.subcommand() {
            Some((_init, given)) => {
                let (_, config) = load(given, run)?;
                let options =
                    InitOptions { adopt: given.get_flag("adopt"), new_catalog: given.get_flag("new-catalog") };
                Ok(keys_init(config, options, run)?)
            }
            None => Err(OperatorError::new("usage-missing-command", Exit::Usage).into()),
        },
        Some(("epoch", given)) => match given.subcommand() {
            Some((_take_over, given)) => {
                let (_, config) = load(given, run)?;
                Ok(take_over(config, run)?)
            }
            None => Err(OperatorError::new("usage-missing-command", Exit::Usage).into()),
        },
        _ => Err(OperatorError::new("usage-missing-command", Exit::Usage).into()),
    }
}

fn load(given: &ArgMatches, run: &Run<'_>) -> Result<(PathBuf, Config), Failure> {
    // clap has made sure that the argument is there.
    let path = given.get_one::<PathBuf>("config").cloned().unwrap_or_default();
    match Config::load(&path, run.environment) {
        Ok(config) => Ok((path, config)),
        Err(problems) => Err(Failure::Configuration(path, problems)),
    }
}

fn keys_init(config: Config, options: InitOptions, run: &mut Run<'_>) -> Result<(), OperatorError> {
    let done = crate::app::runtime()?.block_on(crate::app::init(config, options))?;
    let (key, key_made) = &done.root_key;
    let (catalog, catalog_made) = &done.catalog;
    let path = |path: &Path| [("path", path.display().to_string())];
    let mut lines = vec![
        run.texts.say(if *key_made { "keys-init-done" } else { "keys-init-key-there" }, &path(key)),
        run.texts.say(if *catalog_made { "keys-init-catalog" } else { "keys-init-catalog-there" }, &path(catalog)),
    ];
    for (name, laid) in &done.providers {
        let name = ("name", name.to_string());
        lines.push(match laid {
            Laid::New => run.texts.say("keys-init-marker", &[name]),
            Laid::Before => run.texts.say("keys-init-marker-there", &[name]),
            Laid::Adopted(parts) => run.texts.say("keys-init-adopted", &[name, ("parts", parts.to_string())]),
        });
    }
    if *key_made {
        lines.push(run.texts.say("keys-init-back-up", &[]));
        lines.push(run.texts.say("keys-init-also", &[("catalog", catalog.display().to_string())]));
    }
    say(run, &lines.join("\n"))
}

fn take_over(config: Config, run: &mut Run<'_>) -> Result<(), OperatorError> {
    let epoch = crate::app::runtime()?.block_on(crate::app::take_over(config))?;
    let line = run.texts.say("epoch-taken-over", &[("epoch", epoch.to_string())]);
    say(run, &line)
}

fn say(run: &mut Run<'_>, text: &str) -> Result<(), OperatorError> {
    writeln!(run.out, "{text}").map_err(|error| OperatorError::new("output", Exit::Unavailable).because(&error))
}

/// What clap found, in our words.
fn usage(error: &clap::Error) -> OperatorError {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let argument = context(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::UnknownArgument => {
            OperatorError::new("usage-unknown-argument", Exit::Usage).arg("argument", argument)
        }
        ErrorKind::InvalidSubcommand => OperatorError::new("usage-unknown-command", Exit::Usage)
            .arg("argument", context(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingRequiredArgument => {
            OperatorError::new("usage-missing-argument", Exit::Usage).arg("argument", argument)
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            OperatorError::new("usage-missing-command", Exit::Usage)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidUtf8 => {
            OperatorError::new("usage-invalid-value", Exit::Usage)
                .arg("argument", argument)
                .arg("value", format!("{:?}", context(ContextKind::InvalidValue)))
        }
        _ => OperatorError::new("usage-other", Exit::Usage),
    }
}

fn complain(error: &OperatorError, texts: &Texts, err: &mut dyn Write) -> Exit {
    // When even this cannot be written, the exit code is all that is left.
    let _unwritable = writeln!(err, "{}", error.render(texts));
    error.exit
}

fn list(path: &Path, problems: &[Problem], texts: &Texts, err: &mut dyn Write) -> Exit {
    let id = if problems.len() == 1 { "problems-one" } else { "problems-many" };
    let args = [("path", path.display().to_string()), ("count", problems.len().to_string())];
    let mut blocks = vec![texts.say(id, &args)];
    blocks.extend(problems.iter().map(|p| texts.problem(p.code, &p.key, p.value.as_deref(), &p.args)));
    let _unwritable = writeln!(err, "{}", blocks.join("\n\n"));
    Exit::Configuration
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        Self::One(error)
    }
}
