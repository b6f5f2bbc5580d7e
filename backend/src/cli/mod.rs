//! The command line.

mod abandon;
mod flags;
mod health;
mod keys;
mod open_files;
mod replace_sealing_key;
mod serve;
mod with_store;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use iac_runner::process::{erase_variables, forbid_dumps};

use crate::causes::Causes;
use crate::config::{Config, ConfigError, Layers, SETTINGS, ValueKind, shown};
use crate::store::DeploymentId;
use flags::{SettingFlags, without_settings};
use keys::KeysCall;

/// Deployments of Terraform and OpenTofu over HTTP.
#[derive(Debug, Parser)]
#[command(version, name = "iac-backend", after_help = AFTER_HELP)]
pub struct Arguments {
    /// Configuration file in TOML format; `IAC_BACKEND_CONFIG` sets it as well
    #[arg(long, global = true, value_name = "path")]
    config: Option<PathBuf>,

    #[command(flatten)]
    settings: SettingFlags,

    #[command(subcommand)]
    call: Option<Call>,
}

const AFTER_HELP: &str = "\
A flag wins over the environment, the environment over the file. Secrets have no flag.
Exit status: 0 success, 1 failure, 2 usage or configuration.";

#[derive(Debug, Subcommand)]
enum Call {
    /// Serve deployments (the default)
    Serve,
    /// Manage API keys
    Keys {
        #[command(subcommand)]
        call: KeysCall,
    },
    /// End a deployment as `unknown` if its node will not come back
    Abandon {
        /// Its id
        deployment: DeploymentId,
    },
    /// Check whether the service at the configured address is ready; exit status 1 if it is not
    Health,
    /// Use the present sealing key if the previous one is lost; stop all services first
    ReplaceSealingKey,
    /// Check or show the configuration
    Config {
        #[command(subcommand)]
        call: ConfigCall,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum ConfigCall {
    /// Check whether the configuration is valid
    Check,
    /// Show every setting with its value and where that comes from; secrets are hidden
    Show,
}

/// Exit status of usage and configuration errors, as in the runner.
const USAGE: u8 = 2;
/// Environment variable that names the configuration file.
const FILE_VARIABLE: &str = "IAC_BACKEND_CONFIG";

/// Settings that a subcommand reads, for subcommands that don't read all. Their help shows only these.
const SETTINGS_OF: [(&str, &[&str]); 3] = [
    ("keys", &["store.data_dir", "store.database_url"]),
    ("abandon", &["store.data_dir", "store.database_url"]),
    ("health", &["server.listen"]),
];

impl Arguments {
    /// Parses the command line; exits the process on a request for help or a usage error.
    pub fn from_command_line() -> Self {
        Self::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit())
    }
}

fn command() -> Command {
    SETTINGS_OF
        .iter()
        .fold(Arguments::command(), |command, (name, read)| {
            command.mut_subcommand(name, |subcommand| without_settings(subcommand, read))
        })
}

/// Runs one command.
pub fn run(arguments: Arguments) -> ExitCode {
    let configured = layers(arguments.config, arguments.settings)
        .and_then(|layers| Ok((Config::of(&layers)?, layers)));
    let (config, layers) = match configured {
        Ok(both) => both,
        Err(error) => return fail(&error, USAGE),
    };
    // Before any thread starts.
    if let Err(error) = protect_secrets() {
        return fail(&error, 1);
    }
    let done = match arguments.call.unwrap_or(Call::Serve) {
        Call::Serve => serve::run(&config),
        Call::Keys { call } => keys::run(&config, call),
        Call::Health => health::run(&config),
        Call::Abandon { deployment } => abandon::run(&config, deployment),
        Call::ReplaceSealingKey => replace_sealing_key::run(&config),
        Call::Config { call } => {
            match call {
                ConfigCall::Check => println!("the configuration is valid"),
                ConfigCall::Show => print!("{}", shown(&layers)),
            }
            Ok(())
        }
    };
    done.map_or_else(|error| fail(error.as_ref(), 1), |()| ExitCode::SUCCESS)
}

/// Removes the secrets from the environment after they were read, and forbids other processes to read this one's
/// memory.
fn protect_secrets() -> io::Result<()> {
    let secrets = SETTINGS.iter().filter(|it| it.kind == ValueKind::Secret);
    let names: Vec<_> = secrets.map(|setting| setting.variable).collect();
    erase_variables(&names)?;
    forbid_dumps()
}

fn layers(file: Option<PathBuf>, flags: SettingFlags) -> Result<Layers, ConfigError> {
    let named = || std::env::var_os(FILE_VARIABLE).filter(|name| !name.is_empty());
    let layers = match file.or_else(|| named().map(PathBuf::from)) {
        Some(file) => Layers::new().with_file(&file)?,
        None => Layers::new(),
    };
    Ok(layers
        .with_environment(|name| std::env::var_os(name))?
        .with_flags(flags.values))
}

/// Prints an error with its causes, in one line.
fn fail(error: &(dyn Error + 'static), status: u8) -> ExitCode {
    eprintln!("iac-backend: {}", Causes(error));
    ExitCode::from(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        command().debug_assert();
    }

    /// Returns the help of a subcommand, such as `keys create`.
    fn help(call: &str) -> String {
        let words = ["iac-backend"].into_iter().chain(call.split_whitespace());
        let shown = command().try_get_matches_from(words.chain(["--help"]));
        shown.unwrap_err().to_string()
    }

    #[test]
    fn help_shows_defaults_and_only_what_is_read() {
        let table = [
            ("", "--listen", true),
            ("serve", "--listen", true),
            ("serve", "[default: 127.0.0.1:8080]", true),
            ("serve", "[default: 60s]", true),
            ("config show", "--listen", true),
            ("keys", "--listen", false),
            ("keys create", "--listen", false),
            ("keys create", "--grace", false),
            ("keys create", "--role", true),
            ("keys create", "--data-dir", true),
            ("keys list", "[default: iac-backend-data]", true),
            ("keys list", "--config", true),
            ("abandon", "--concurrency", false),
            ("health", "--listen", true),
            ("health", "--data-dir", false),
        ];
        for (call, text, expected) in table {
            let help = help(call);
            assert_eq!(help.contains(text), expected, "{call}: {text}: {help}");
        }
    }

    #[test]
    fn a_flag_is_heard_before_and_after_the_subcommand() {
        for line in [
            "iac-backend --listen 127.0.0.1:1 --insecure config show",
            "iac-backend config show --listen 127.0.0.1:1 --insecure",
            // `keys` does not read this flag but accepts it: a script may pass the same flags to every command.
            "iac-backend --listen 127.0.0.1:1 --insecure keys list",
            "iac-backend keys list --listen 127.0.0.1:1 --insecure",
        ] {
            let matches = command().try_get_matches_from(line.split(' ')).unwrap();
            let arguments = Arguments::from_arg_matches(&matches).unwrap();
            let values = &arguments.settings.values;
            assert_eq!(values["server.listen"], "127.0.0.1:1", "{line}");
            assert_eq!(values["server.insecure"], "true", "{line}");
        }
    }
}
