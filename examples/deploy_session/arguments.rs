//! The command line.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Parser};
use iac_runner::protocol::Tool;
use iac_runner::session::Operation;

const AFTER_HELP: &str = "\
Ctrl-C cancels: a command that runs is stopped gracefully and writes its state. Once more, two seconds
later or more, kills it: what was in flight may be missing in the state, and its lock may stay held.

A process that is killed leaves a session that continues: recover it with --recover DIR, and name the
same secrets (--env, --git-token-env, --ssh-key).

Credentials of the clouds are taken from the environment (AWS_*, ARM_*, GOOGLE_* and more). REGISTRY_HOST
and REGISTRY_TOKEN name a private registry, IAC_RUNNER_BIN the runner.

Exit status:
  0   what was asked for is done, also when there was nothing to change
  1   a phase failed, or what was approved is not what is there
  2   the arguments or the request are not valid
  3   the session was not started, not taken up, or left as it was
  4   a command ran into its timeout
  5   cancelled, killed, rejected, or no decision in time
  6   it cannot be known how a command ended: look at the state
  70  the session could not do its own part";

/// Runs a deployment: checkout, init, plan, approval, apply and outputs.
#[derive(Debug, Parser)]
#[command(
    name = "deploy_session",
    after_help = AFTER_HELP,
    group = ArgGroup::new("source").required(true).args(["repo", "dir", "recover"])
)]
pub(crate) struct Arguments {
    /// Git repository to deploy
    #[arg(long, value_name = "URL", requires = "git_ref")]
    pub(crate) repo: Option<String>,
    /// Branch, tag or full commit id of the repository
    #[arg(long = "ref", value_name = "REF", requires = "repo")]
    pub(crate) git_ref: Option<String>,
    /// Local directory to deploy; the tool works in it
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Session to recover
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["path", "tool", "operation", "variables", "tfvars", "workspace"]
    )]
    pub(crate) recover: Option<PathBuf>,
    /// Directory of the root module, within the source
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// Tool to run; by default the one on PATH, terraform first
    #[arg(long, value_parser = tools())]
    pub(crate) tool: Option<Tool>,
    /// Operation to run
    #[arg(long, value_parser = operations(), default_value = "deploy")]
    pub(crate) operation: Operation,
    /// Value of an input variable, which must not be secret; `[...]` and `{...}` are parsed as JSON
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = assignment)]
    pub(crate) variables: Vec<(String, serde_json::Value)>,
    /// Variable file, relative to the root module
    #[arg(long, value_name = "FILE")]
    pub(crate) tfvars: Vec<String>,
    /// Variable to pass on from this environment; its value is masked as a secret if its name says so
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Vec<String>,
    /// Workspace to select, created if it is missing
    #[arg(long, value_name = "NAME")]
    pub(crate) workspace: Option<String>,
    /// Variable of this environment that holds a token for the repository
    #[arg(long, value_name = "NAME", conflicts_with_all = ["ssh_key", "dir"])]
    pub(crate) git_token_env: Option<String>,
    /// Private key for the repository, without a passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    pub(crate) ssh_key: Option<PathBuf>,
    /// Known hosts, for --ssh-key with --repo
    #[arg(long, value_name = "FILE", requires = "ssh_key")]
    pub(crate) known_hosts: Option<PathBuf>,
    /// Directory for mirrors of remote repositories, so that the next checkout fetches only new objects
    #[arg(long, value_name = "DIR")]
    pub(crate) mirror_cache: Option<PathBuf>,
    /// Directory of the sessions; by default a directory of yours in the temporary directory
    #[arg(long, value_name = "DIR", conflicts_with = "recover")]
    pub(crate) root: Option<PathBuf>,
    /// Apply without asking for approval
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Print sensitive outputs in clear text
    #[arg(long)]
    pub(crate) show_sensitive: bool,
}

fn tools() -> impl TypedValueParser<Value = Tool> {
    let tools = [Tool::Terraform, Tool::Tofu];
    PossibleValuesParser::new(tools.map(Tool::program)).try_map(move |word| {
        let named = tools.into_iter().find(|tool| tool.program() == word);
        named.ok_or("no such tool")
    })
}

fn operations() -> impl TypedValueParser<Value = Operation> {
    PossibleValuesParser::new(Operation::ALL.map(Operation::word))
        .try_map(|word| Operation::from_word(&word).ok_or("no such operation"))
}

fn assignment(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write it as NAME=VALUE".to_owned())?;
    let value = if value.starts_with(['[', '{']) {
        serde_json::from_str(value).map_err(|fault| format!("no JSON: {fault}"))?
    } else {
        value.into()
    };
    Ok((name.to_owned(), value))
}
