//! From the command line to a session: runner, settings, request.

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use iac_runner::client::{ClientError, Runner};
use iac_runner::protocol::Tool;
use iac_runner::registry::Registry;
use iac_runner::session::request::{
    DeployRequest, GitAuth, RequestSecrets, Source, SshCredentials,
};
use iac_runner::session::{Session, Sessions, Settings};
use thiserror::Error;

use crate::arguments::Arguments;

/// Name of the runner's binary.
const RUNNER: &str = "iac-runner";

/// An item named on the command line does not exist.
#[derive(Debug, Error)]
pub(crate) enum NotAsked {
    #[error(
        "--env and --git-token-env: there is no variable `{0}` in this environment, or it is no text"
    )]
    NoVariable(String),
    #[error("`{}` cannot be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("--ssh-key needs --known-hosts: a host that is not known is not spoken to")]
    NoKnownHosts,
}

#[derive(Debug, Error)]
#[error(
    "build the runner with `cargo build`, or name it: IAC_RUNNER_BIN=/path/to/iac-runner ({0})"
)]
struct NoRunner(ClientError);

#[derive(Debug, Error)]
#[error("there is neither terraform nor tofu on PATH: install one")]
struct NoTool;

#[derive(Debug, Error)]
#[error("`{}` is not a directory of yours: name another one with --root", .0.display())]
struct NotYours(PathBuf);

/// Starts or recovers a session.
pub(crate) fn session(arguments: &Arguments) -> Result<(Sessions, Session), Box<dyn Error>> {
    match &arguments.recover {
        Some(dir) => {
            let dir = dir.canonicalize().unwrap_or_else(|_| dir.clone());
            let root = dir.parent().unwrap_or(&dir).to_owned();
            let sessions = Sessions::open(settings(arguments, root)?)?;
            let session = sessions.recover(&dir, Some(&secrets(arguments)?))?;
            Ok((sessions, session))
        }
        None => {
            let request = request(arguments)?;
            let root = arguments.root.clone().map_or_else(own_root, Ok)?;
            let sessions = Sessions::open(settings(arguments, std::path::absolute(root)?)?)?;
            let session = sessions.start(request)?;
            Ok((sessions, session))
        }
    }
}

fn settings(arguments: &Arguments, root: PathBuf) -> Result<Settings, Box<dyn Error>> {
    let mut settings = Settings::new(runner()?, root);
    settings.mirror_cache.clone_from(&arguments.mirror_cache);
    settings.registry = Registry::from_env().transpose()?;
    Ok(settings)
}

/// Returns the runner: the one that cargo built one folder above its examples, or else the one found by the search.
fn runner() -> Result<Runner, NoRunner> {
    let built = env::current_exe().ok().and_then(|own| {
        let folder = own.parent()?;
        let is_example = folder.file_name()? == "examples";
        is_example.then(|| folder.with_file_name(RUNNER))
    });
    match built {
        Some(built) if env::var_os("IAC_RUNNER_BIN").is_none() && built.is_file() => {
            Runner::at(built)
        }
        _ => Runner::locate(),
    }
    .map_err(NoRunner)
}

/// Returns a directory in the temporary directory that no other user can read.
fn own_root() -> Result<PathBuf, Box<dyn Error>> {
    let user = nix::unistd::geteuid().as_raw();
    let root = env::temp_dir().join(format!("iac-sessions-{user}"));
    match fs::DirBuilder::new().mode(0o700).create(&root) {
        Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => return Err(fault.into()),
        Ok(()) | Err(_) => {}
    }
    let found = fs::symlink_metadata(&root)?;
    if found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0 {
        Ok(root)
    } else {
        Err(NotYours(root).into())
    }
}

fn request(arguments: &Arguments) -> Result<DeployRequest, Box<dyn Error>> {
    let tool = arguments.tool.map_or_else(tool_on_path, Ok)?;
    let mut request = match (&arguments.dir, &arguments.repo, &arguments.git_ref) {
        (Some(dir), _, _) => DeployRequest::directory(tool, std::path::absolute(dir)?),
        (None, url, git_ref) => {
            // Clap guarantees a repository and a ref here.
            let url = url.clone().unwrap_or_default();
            let git_ref = git_ref.clone().unwrap_or_default();
            let mut request = DeployRequest::git(tool, url, git_ref);
            if let Source::Git(git) = &mut request.source {
                git.auth = git_auth(arguments)?;
                git.ssh = ssh(arguments)?;
            }
            request
        }
    };
    if let Some(path) = &arguments.path {
        request.path.clone_from(path);
    }
    request.operation = arguments.operation;
    request.auto_approve = arguments.auto_approve;
    request.tfvars_files.clone_from(&arguments.tfvars);
    request.workspace.clone_from(&arguments.workspace);
    request.variables = arguments.variables.iter().cloned().collect();
    for name in &arguments.env {
        request
            .env_vars
            .insert(name.clone(), variable(name)?.into());
    }
    Ok(request)
}

/// Returns the secrets of a recovered session, as far as they were given.
fn secrets(arguments: &Arguments) -> Result<RequestSecrets, NotAsked> {
    let mut secrets = Vec::new();
    for name in &arguments.env {
        secrets.push((format!("env_vars.{name}"), variable(name)?.into()));
    }
    if let Some(name) = &arguments.git_token_env {
        secrets.push(("git_auth.password".to_owned(), variable(name)?.into()));
    }
    if let Some(key) = &arguments.ssh_key {
        secrets.push(("ssh.private_key".to_owned(), text_of(key)?.into()));
    }
    Ok(secrets.into_iter().collect())
}

fn git_auth(arguments: &Arguments) -> Result<Option<GitAuth>, NotAsked> {
    let Some(name) = &arguments.git_token_env else {
        return Ok(None);
    };
    Ok(Some(GitAuth {
        // Hosts that check only the token accept any name.
        username: "token".to_owned(),
        password: variable(name)?.into(),
    }))
}

fn ssh(arguments: &Arguments) -> Result<Option<SshCredentials>, NotAsked> {
    let Some(key) = &arguments.ssh_key else {
        return Ok(None);
    };
    let known_hosts = arguments.known_hosts.as_ref();
    Ok(Some(SshCredentials {
        private_key: text_of(key)?.into(),
        known_hosts: text_of(known_hosts.ok_or(NotAsked::NoKnownHosts)?)?,
    }))
}

fn variable(name: &str) -> Result<String, NotAsked> {
    env::var(name).map_err(|_| NotAsked::NoVariable(name.to_owned()))
}

fn text_of(path: &Path) -> Result<String, NotAsked> {
    fs::read_to_string(path).map_err(|source| NotAsked::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn tool_on_path() -> Result<Tool, NoTool> {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there =
        |tool: &Tool| env::split_paths(&path).any(|folder| folder.join(tool.program()).is_file());
    Tool::ALL.into_iter().find(is_there).ok_or(NoTool)
}
