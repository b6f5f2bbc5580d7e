//! Runs git, one call at a time.

pub(crate) mod host_proxy;
pub(crate) mod route;

pub(super) mod arguments;
pub(super) mod confinement;
pub(super) mod environment;
pub(super) mod failure;
pub(super) mod mask;
pub(super) mod programs;
pub(super) mod progress;
pub(super) mod ssh;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use self::confinement::Confinement;
use self::environment::AllowedProtocols;
use self::failure::{GitFailure, failure};
use self::mask::GitMask;
use self::progress::{GitLine, ProgressLines};
use self::route::Route;
use super::CheckoutError;
use super::credentials::offer::Offer;
use super::credentials::{Login, login};
use super::source::address;
use super::source::address::{Address, Scheme};
use super::source::hosts::AllowedHosts;
use super::source::{GitSource, Options};
use super::staging::Staging;
use crate::process::{Ended, InheritedMemfd, OwnedProcessGroup, StartedGroup};

/// Most bytes of stdout that are kept: the few lines that the calls need.
pub(super) const MAX_STDOUT_BYTES: usize = 64 * 1024;
/// Number of last lines that are kept: a warning of ssh about a host key has about twenty.
const MAX_SAID_LINES: usize = 30;
/// Most characters of them that an error shows.
const MAX_SAID_CHARS: usize = 2000;
/// How long the pipes may stay open after all of git has ended: only processes outside of its group can hold them.
const DRAIN: Duration = Duration::from_secs(2);

/// Receives each line that git prints for its user.
pub(super) type OnLine<'a> = &'a mut (dyn FnMut(&str) + Send);

/// State that all calls of a checkout share.
#[derive(Debug)]
pub(super) struct Git {
    pub(super) address: Address,
    own: BTreeMap<OsString, OsString>,
    login: Login,
    mask: GitMask,
    ceiling: PathBuf,
    /// Directory for temporary files if git is confined.
    temp_dir: PathBuf,
    pub(super) allowed_hosts: AllowedHosts,
    /// The route to the source.
    pub(super) route: Route,
    /// `None` if git is not confined.
    confinement: Option<Confinement>,
    /// Receives each progress message of git.
    progress: Option<watch::Sender<Option<String>>>,
    /// Closed when no call is left, including dropped calls that are being killed.
    alive: mpsc::Sender<()>,
}

/// One call of git.
#[derive(Debug)]
pub(super) struct GitCall<'a> {
    pub(super) args: Vec<String>,
    pub(super) in_dir: &'a Path,
    pub(super) touches: Touches,
    /// The route to other hosts than the source's.
    pub(super) route: Option<&'a Route>,
    /// Paths that the call may change besides its directory and the one for temporary files.
    pub(super) writes: &'a [&'a Path],
    /// Dropped when no process of the call is left.
    pub(super) keep: Arc<dyn std::any::Any + Send + Sync>,
}

/// What a call accesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touches {
    /// Only the repository on disk.
    Disk,
    /// The mirror on this machine.
    Mirror,
    /// The server, with the credentials.
    Source,
    /// The server and those of submodules, with the credentials for the first.
    Submodules,
}

/// The result of a call.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) succeeded: bool,
    pub(super) stdout: String,
    said: Vec<String>,
    step: String,
}

impl Git {
    pub(super) async fn new(
        source: &GitSource,
        options: &Options,
        staging: &Staging,
        alive: mpsc::Sender<()>,
    ) -> Result<Self, CheckoutError> {
        let address = address::parse(&source.url)?;
        let login = login(&source.credentials, address.scheme)?;
        let own: BTreeMap<_, _> = std::env::vars_os().collect();
        let proxies = own
            .iter()
            .filter(|(name, _)| environment::is_proxy_variable(name))
            .filter_map(|(_, value)| value.to_str());
        let mask = GitMask::of(&source.credentials, proxies);
        let local = address::local_path(&source.url).filter(|_| address.scheme == Scheme::File);
        let confinement = Confinement::of(&options.sandbox, &own, local)?;
        let allowed_hosts = options.allowed_hosts.clone();
        let route = Route::to(&address, &allowed_hosts, &own).await?;
        Ok(Self {
            address,
            allowed_hosts,
            route,
            login,
            mask,
            own,
            ceiling: staging.parent().to_owned(),
            temp_dir: staging.temp_dir().to_owned(),
            confinement,
            progress: options.progress.clone(),
            alive,
        })
    }

    /// Returns the route to another host.
    pub(super) async fn route_to(&self, address: &Address) -> Result<Route, CheckoutError> {
        Route::to(address, &self.allowed_hosts, &self.own).await
    }

    /// Returns the route to several hosts.
    pub(super) async fn route_to_all(&self, addresses: &[Address]) -> Result<Route, CheckoutError> {
        Route::to_all(addresses, &self.allowed_hosts, &self.own).await
    }

    /// Returns whether this process has a proxy for http, which then decides where git connects to.
    pub(super) fn has_proxy(&self) -> bool {
        self.own.iter().any(|(name, value)| {
            environment::is_proxy_variable(name)
                && !name.eq_ignore_ascii_case("no_proxy")
                && !value.is_empty()
        })
    }

    /// Returns the `PATH` in which git looks for programs.
    pub(super) fn search_path(&self) -> &OsStr {
        let own = self.own.get(OsStr::new("PATH"));
        own.map_or(OsStr::new(environment::DEFAULT_PATH), OsString::as_os_str)
    }

    /// Runs a call to its end.
    ///
    /// If the future is dropped earlier, all processes of the call are killed.
    pub(super) async fn run(
        &self,
        call: GitCall<'_>,
        on_line: OnLine<'_>,
    ) -> Result<Finished, CheckoutError> {
        let step = call
            .args
            .iter()
            .find(|arg| !arg.starts_with('-') && !arg.contains('='));
        let step = step.cloned().unwrap_or_default();
        let started = self.start(call).map_err(|fault| match fault.kind() {
            io::ErrorKind::NotFound => CheckoutError::GitMissing,
            _ => CheckoutError::Run(fault),
        })?;
        let (ended, stdout, said) = self
            .attend(started, on_line)
            .await
            .map_err(CheckoutError::Run)?;
        Ok(Finished {
            succeeded: ended == Ended::Exited(0),
            stdout,
            said,
            step,
        })
    }

    fn start(&self, call: GitCall<'_>) -> io::Result<StartedGroup> {
        let (offer, reach, handed): (_, _, &[InheritedMemfd]) = match call.touches {
            Touches::Disk | Touches::Mirror => (Offer::Nothing, AllowedProtocols::Mirror, &[]),
            Touches::Source => (
                self.login.offer,
                AllowedProtocols::Source,
                &self.login.handed,
            ),
            Touches::Submodules => (
                self.login.offer,
                AllowedProtocols::Submodules,
                &self.login.handed,
            ),
        };
        let route = call.route.unwrap_or(&self.route);
        let mut environment =
            environment::environment(&self.own, &self.address, offer, reach, route, &self.ceiling);
        let sandbox = match &self.confinement {
            None => None,
            Some(confinement) => {
                let writes = [call.writes, &[call.in_dir, &self.temp_dir]].concat();
                environment.insert("TMPDIR".into(), self.temp_dir.clone().into());
                let connect = route.proxy.as_ref().map(|proxy| &*proxy.connect_ports);
                Some(confinement.sandbox(&writes, connect)?)
            }
        };
        let mut command = Command::new("git");
        command
            .args(&call.args)
            .env_clear()
            .envs(environment)
            .current_dir(call.in_dir);
        OwnedProcessGroup::start(command, handed, sandbox, (call.keep, self.alive.clone()))
    }

    async fn attend(
        &self,
        started: StartedGroup,
        on_line: OnLine<'_>,
    ) -> io::Result<(Ended, String, Vec<String>)> {
        let StartedGroup {
            mut group,
            stdout,
            stderr,
        } = started;
        let mut stdout = pipe::Receiver::from_owned_fd(OwnedFd::from(stdout))?;
        let mut stderr = pipe::Receiver::from_owned_fd(OwnedFd::from(stderr))?;
        let mut printed = Vec::new();
        let mut said = Vec::new();
        {
            let reading = async {
                tokio::join!(
                    read_bounded(&mut stdout, &mut printed),
                    self.read_lines(&mut stderr, &mut said, on_line)
                );
            };
            tokio::pin!(reading);
            let ended = tokio::select! {
                () = &mut reading => group.ended().await,
                ended = group.ended() => {
                    let _ = timeout(DRAIN, reading).await;
                    ended
                }
            };
            ended
        }
        .map(|ended| (ended, String::from_utf8_lossy(&printed).into_owned(), said))
    }

    async fn read_lines(
        &self,
        stderr: &mut pipe::Receiver,
        said: &mut Vec<String>,
        on_line: OnLine<'_>,
    ) {
        let mut progress = ProgressLines::new(&self.mask);
        if !self.allowed_hosts.is_any() {
            progress = progress.without_words_of_servers();
        }
        let mut tell = |it: GitLine<'_>| {
            let line = match it {
                GitLine::Line(line) => line,
                GitLine::Progress(word) => {
                    if let Some(progress) = &self.progress {
                        progress.send_replace(Some(word.to_owned()));
                    }
                    return;
                }
            };
            if said.len() == MAX_SAID_LINES {
                said.remove(0);
            }
            said.push(line.to_owned());
            on_line(line);
        };
        let mut piece = [0; 4096];
        while let Ok(len @ 1..) = stderr.read(&mut piece).await {
            progress.push(&piece[..len], &mut tell);
        }
        progress.finish(&mut tell);
    }
}

async fn read_bounded(stdout: &mut pipe::Receiver, printed: &mut Vec<u8>) {
    let mut piece = [0; 4096];
    while let Ok(len @ 1..) = stdout.read(&mut piece).await {
        let room = MAX_STDOUT_BYTES - printed.len();
        printed.extend_from_slice(&piece[..len.min(room)]);
    }
}

impl Finished {
    pub(super) fn failure(&self) -> GitFailure {
        failure(self.said.iter().map(String::as_str))
    }

    /// Returns stdout, or an error that names only the step: no server was involved.
    pub(super) fn or_failed(self) -> Result<String, CheckoutError> {
        if self.succeeded {
            return Ok(self.stdout);
        }
        Err(CheckoutError::Git {
            said: self.said(),
            step: self.step,
        })
    }

    /// Returns stdout, or the error that matches the output about the source.
    pub(super) fn or_refused(
        self,
        source: &GitSource,
        address: &Address,
    ) -> Result<String, CheckoutError> {
        let said = self.said();
        let url = source.url.clone();
        let host = address.other_side().to_owned();
        if self.succeeded {
            return Ok(self.stdout);
        }
        Err(match self.failure() {
            GitFailure::HostKey => CheckoutError::HostKeyMismatch { host, said },
            GitFailure::Credentials => CheckoutError::BadCredentials { host, url, said },
            GitFailure::Unreachable => CheckoutError::Unreachable { host, said },
            GitFailure::NoSuchRepository => CheckoutError::NoSuchRepository { url, said },
            GitFailure::NoSuchObject | GitFailure::OnlyTips => CheckoutError::NoSuchRef {
                url,
                git_ref: source.git_ref.clone(),
            },
            GitFailure::Redirected => CheckoutError::Redirected { url },
            GitFailure::OtherFormat | GitFailure::Other => CheckoutError::Git {
                step: self.step,
                said,
            },
        })
    }

    fn said(&self) -> String {
        let all = self.said.join("\n");
        let chars = all.chars().count();
        all.chars()
            .skip(chars.saturating_sub(MAX_SAID_CHARS))
            .collect()
    }
}
