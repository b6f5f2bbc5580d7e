//! Settings that all sessions of a program share.

use std::path::PathBuf;
use std::time::Duration;

use super::request::flags::FlagPolicy;
use crate::checkout::AllowedHosts;
use crate::client::Runner;
use crate::protocol::{DEFAULT_GRACE, SandboxRequest};
use crate::registry::Registry;

/// Default time that a plan waits for a decision.
pub const DEFAULT_APPROVAL_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);
/// Default time that a finished session is kept.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);
/// Default time limit of a checkout.
pub const DEFAULT_CHECKOUT_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Settings that all sessions of a program share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The runner that runs every command.
    pub runner: Runner,
    /// Directory that contains the directory of each session; created with 0700 if missing. Its path is UTF-8
    /// without `=`.
    pub root: PathBuf,
    /// How long a plan waits for a decision, ten years at most. A session that already waits keeps its deadline.
    pub approval_deadline: Duration,
    /// How long a finished session is kept, counted from its end.
    ///
    /// A session with a living process is kept longer. A session that ended as `unknown`, or that contains a state
    /// which could not be written to its backend, is kept until a person removes it.
    pub retention: Duration,
    /// How long a checkout may take.
    pub checkout_timeout: Duration,
    /// Where mirrors of repositories are kept, so that a second checkout fetches only new objects; `None` to fetch
    /// everything each time, as always happens for repositories on this machine.
    pub mirror_cache: Option<PathBuf>,
    /// A private registry for modules and providers.
    pub registry: Option<Registry>,
    /// The flags that `init_flags` and `plan_flags` may not hold.
    pub flags: FlagPolicy,
    /// Time from the graceful signal to SIGKILL when a command is stopped;
    /// [`MAX_GRACE`](crate::protocol::MAX_GRACE) at most.
    pub grace: Duration,
    /// Names, or prefixes that end in `*`, of the variables that the tools inherit from this process; `None` for
    /// [`DEFAULT_INHERIT_ENV`](crate::protocol::DEFAULT_INHERIT_ENV).
    pub inherit_env: Option<Vec<String>>,
    /// What the tools may access besides the source and their own files in the session; off by default. The lists
    /// contain absolute paths. See `docs/sandbox.md`.
    pub sandbox: SandboxRequest,
    /// Hosts from which repositories may be fetched; any by default. It applies to the checkout, not to what the
    /// tools fetch.
    pub allowed_git_hosts: AllowedHosts,
    /// Files and directories that no source on this machine may contain or lie in: others' data, keys, programs.
    pub protected: Vec<PathBuf>,
}

impl Settings {
    /// Returns the defaults, with a runner, and a directory for all sessions.
    pub fn new(runner: Runner, root: impl Into<PathBuf>) -> Self {
        Self {
            runner,
            root: root.into(),
            approval_deadline: DEFAULT_APPROVAL_DEADLINE,
            retention: DEFAULT_RETENTION,
            checkout_timeout: DEFAULT_CHECKOUT_TIMEOUT,
            mirror_cache: None,
            registry: None,
            flags: FlagPolicy::default(),
            grace: DEFAULT_GRACE,
            inherit_env: None,
            sandbox: SandboxRequest::default(),
            allowed_git_hosts: AllowedHosts::default(),
            protected: Vec::new(),
        }
    }
}
