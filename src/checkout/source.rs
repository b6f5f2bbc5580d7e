//! What is to be checked out, and with what.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;

use super::hosts::AllowedHosts;
use crate::protocol::SandboxRequest;

/// For a repository of some hundred megabytes over a slow line.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// A place in a repository.
#[derive(Debug, Clone)]
pub struct GitSource {
    /// The repository: see [`super::validate_url`] for what is taken.
    pub url: String,
    /// A branch, a tag, the full name of a commit, or `HEAD`.
    ///
    /// Where a name is both, the tag wins, as in gitrevisions(7); `refs/heads/name` is the branch.
    pub git_ref: String,
    /// The directory in the repository that is worked in, relative to its root; `.` is the root.
    pub path: String,
    /// What the server is shown.
    pub credentials: Credentials,
    /// Whether submodules are checked out too, and theirs in turn.
    pub submodules: bool,
    /// How many commits of the history are fetched, with the tags that are on them; 0 for all of it and all tags, none
    /// for the commit alone.
    pub depth: Option<u32>,
}

/// What a server is shown; Debug shows nothing of it.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Nothing: a public repository, or a local one.
    #[default]
    None,
    /// User name and password, for http and https.
    ///
    /// Over http both go in clear, and to whoever listens.
    Basic {
        /// The user name; for most servers anything will do beside a token.
        username: String,
        /// The password, or a token.
        password: SecretString,
    },
    /// A key pair, for ssh.
    Ssh {
        /// The private key as `ssh-keygen` writes it, without a passphrase: nobody could be asked for it.
        private_key: SecretString,
        /// The server's host keys, as lines of a `known_hosts` file. No other key is accepted.
        known_hosts: String,
    },
}

impl Credentials {
    /// Makes credentials of an access token, with a user name that the usual servers take.
    pub fn token(token: SecretString) -> Self {
        Self::Basic {
            username: "x-access-token".to_owned(),
            password: token,
        }
    }
}

/// How a checkout is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long the whole checkout may take.
    pub timeout: Duration,
    /// A directory in which what was fetched is kept, for the next checkout of the same repository.
    ///
    /// Made when it is missing, readable for this user alone. Any number of processes may share it.
    pub mirror_cache: Option<PathBuf>,
    /// Gets how far git is, such as `Receiving objects:  50% (5/10)`, whenever it says so.
    pub progress: Option<watch::Sender<Option<String>>>,
    /// What git may reach beside what a checkout needs; not confined by default. It may write only the
    /// checkout: listed paths are not writable.
    pub sandbox: SandboxRequest,
    /// Which hosts may be fetched from, submodules included; any by default.
    ///
    /// Where not all are, no redirect is followed, and messages of servers are not repeated.
    pub allowed_hosts: AllowedHosts,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            mirror_cache: None,
            progress: None,
            sandbox: SandboxRequest::default(),
            allowed_hosts: AllowedHosts::default(),
        }
    }
}
