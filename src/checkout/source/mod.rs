//! The source of a checkout and its options.

pub(super) mod address;
pub(super) mod commit;
pub(super) mod hosts;
pub(super) mod reference;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;

use self::hosts::AllowedHosts;
use crate::protocol::SandboxRequest;

/// Enough for a repository of some hundred megabytes over a slow line.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// A directory in a repository at a ref.
#[derive(Debug, Clone)]
pub struct GitSource {
    /// The repository: see [`super::validate_url`] for accepted URLs.
    pub url: String,
    /// A branch, a tag, the full id of a commit, or `HEAD`.
    ///
    /// If a name is both, the tag takes precedence, as in gitrevisions(7); `refs/heads/name` is the branch.
    pub git_ref: String,
    /// The directory in the repository to work in, relative to its root; `.` is the root.
    pub path: String,
    /// Credentials for the server.
    pub credentials: Credentials,
    /// Whether submodules are checked out too, including nested ones.
    pub submodules: bool,
    /// How many commits of the history are fetched, with the tags on them; 0 for all of them and all tags, `None`
    /// for the commit alone.
    pub depth: Option<u32>,
}

/// Credentials for a server; Debug hides them.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// None: a public repository, or a local one.
    #[default]
    None,
    /// User name and password, for http and https.
    ///
    /// Over http both are sent in plain text, readable by anyone on the network.
    Basic {
        /// The user name; with a token, most servers accept any.
        username: String,
        /// The password, or a token.
        password: SecretString,
    },
    /// A key pair, for ssh.
    Ssh {
        /// The private key as `ssh-keygen` writes it, without a passphrase, which could not be entered.
        private_key: SecretString,
        /// The server's host keys, as lines of a `known_hosts` file. No other key is accepted.
        known_hosts: String,
    },
}

impl Credentials {
    /// Creates credentials from an access token, with a user name that the usual servers accept.
    pub fn token(token: SecretString) -> Self {
        Self::Basic {
            username: "x-access-token".to_owned(),
            password: token,
        }
    }
}

/// Options of a checkout.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long the whole checkout may take.
    pub timeout: Duration,
    /// A directory in which fetched objects are kept, for the next checkout of the same repository.
    ///
    /// Created if missing, accessible only to this user. Any number of processes may share it.
    pub mirror_cache: Option<PathBuf>,
    /// Receives git's progress, such as `Receiving objects:  50% (5/10)`, whenever git reports it.
    pub progress: Option<watch::Sender<Option<String>>>,
    /// What git may access besides what a checkout needs; not confined by default. It may write only the checkout:
    /// listed paths are not writable.
    pub sandbox: SandboxRequest,
    /// Hosts that may be fetched from, including those of submodules; any by default.
    ///
    /// If the hosts are restricted, no redirect is followed, and messages of servers are not repeated.
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
