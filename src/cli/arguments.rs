//! What may be typed, with its help in the operator's language.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::text::{Language, Texts};

/// The language that `--lang` asks for. Looked for before anything is parsed, so that errors are in that language too.
pub(super) fn language(arguments: &[OsString]) -> Option<Language> {
    let mut rest = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = rest.next() {
        if argument == "--lang" {
            return rest.next().and_then(Language::parse);
        }
        if let Some(tag) = argument.strip_prefix("--lang=") {
            return Language::parse(tag);
        }
    }
    None
}

/// The whole command line.
pub(super) fn command(texts: &Texts) -> Command {
    let say = |id: &str| texts.say(id, &[]);
    let lang = Arg::new("lang")
        .long("lang")
        .global(true)
        .value_name(say("help-value-language"))
        .value_parser(["fr", "en"])
        .hide_possible_values(true)
        .help(say("help-lang"));
    let version = Arg::new("version").long("version").action(ArgAction::Version).help(say("help-version"));
    let demo = leaf("demo", "help-demo", texts)
        .arg(Arg::new("exit").long("exit").action(ArgAction::SetTrue).help(say("help-exit")))
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name(say("help-value-address"))
                .value_parser(value_parser!(SocketAddr))
                .help(say("help-listen")),
        )
        .arg(
            Arg::new("data-dir")
                .long("data-dir")
                .value_name(say("help-value-folder"))
                .value_parser(value_parser!(PathBuf))
                .help(say("help-data-dir")),
        );
    let offline = Arg::new("offline").long("offline").action(ArgAction::SetTrue).help(say("help-offline"));
    let believe = Arg::new("believe").long("believe").action(ArgAction::SetTrue).help(say("help-believe"));
    let flag = |name: &'static str, about: &str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(say(about));
    let init = leaf("init", "help-keys-init", texts)
        .arg(configuration(texts))
        .arg(flag("adopt", "help-adopt"))
        .arg(flag("new-catalog", "help-new-catalog"));
    let keys = branch("keys", "help-keys", texts).subcommand(init);
    let take_over = leaf("take-over", "help-take-over", texts)
        .arg(configuration(texts))
        .arg(flag("other-gateway-is-stopped", "help-other-gateway-is-stopped").required(true));
    let epoch = branch("epoch", "help-epoch", texts).subcommand(take_over);
    let compact = leaf("compact", "help-compact", texts).arg(configuration(texts));
    let catalog = branch("catalog", "help-catalog", texts).subcommand(compact);
    let serve = leaf("serve", "help-serve", texts).arg(configuration(texts)).arg(flag("read-only", "help-read-only"));
    let scrub = leaf("scrub", "help-scrub", texts)
        .arg(configuration(texts))
        .arg(flag("orphans", "help-orphans"))
        .arg(flag("delete", "help-delete").requires("orphans"));
    let check =
        leaf("check", "help-check", texts).arg(configuration(texts)).arg(offline).arg(flag("quick", "help-quick"));
    branch("ecluse", "help-about", texts)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .next_help_heading(say("help-template-options"))
        .arg(lang)
        .arg(version)
        .subcommand(demo)
        .subcommand(serve)
        .subcommand(check)
        .subcommand(leaf("clock", "help-clock", texts).arg(configuration(texts)).arg(believe))
        .subcommand(scrub)
        .subcommand(catalog)
        .subcommand(keys)
        .subcommand(epoch)
}

fn configuration(texts: &Texts) -> Arg {
    Arg::new("config")
        .long("config")
        .required(true)
        .value_name(texts.say("help-value-file", &[]))
        .value_parser(value_parser!(PathBuf))
        .help(texts.say("help-config", &[]))
}

/// A command that does something.
fn leaf(name: &'static str, about: &str, texts: &Texts) -> Command {
    let colon = if texts.language() == Language::French { "\u{a0}:" } else { ":" };
    let template = format!("{{about}}\n\n{}{colon} {{usage}}\n\n{{all-args}}\n", texts.say("help-template-usage", &[]));
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help(texts.say("help-help", &[]));
    Command::new(name)
        .about(texts.say(about, &[]))
        .help_template(template)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .next_help_heading(texts.say("help-template-options", &[]))
        .arg(help)
}

/// A command that others stand below.
fn branch(name: &'static str, about: &str, texts: &Texts) -> Command {
    leaf(name, about, texts)
        .subcommand_required(true)
        .subcommand_help_heading(texts.say("help-template-commands", &[]))
        .subcommand_value_name(texts.say("help-command-value", &[]))
}
