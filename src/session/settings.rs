//! What all sessions of a program have in common.

use std::path::PathBuf;
use std::time::Duration;

use super::flags::FlagPolicy;
use crate::checkout::AllowedHosts;
use crate::client::Runner;
use crate::protocol::{DEFAULT_GRACE, SandboxRequest};
use crate::registry::Registry;

/// How long a plan waits for somebody to decide, when nothing else is set.
pub const DEFAULT_APPROVAL_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a finished session is kept, when nothing else is set.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a checkout may take, when nothing else is set.
pub const DEFAULT_CHECKOUT_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// What all sessions of a program have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The runner that carries out every command.
    pub runner: Runner,
    /// Where each session has its directory; made with 0700 if it is missing. Its path is UTF-8 without `=`.
    pub root: PathBuf,
    /// How long a plan waits for somebody to decide, ten years at most. What a session waits for already stays as it is.
    pub approval_deadline: Duration,
    /// How long a finished session is kept, counted from its end.
    ///
    /// One in which something is alive is kept longer; one that ended as `unknown`, or that holds a state which
    /// could not be written to its backend, until a person removes it.
    pub retention: Duration,
    /// How long a checkout may take.
    pub checkout_timeout: Duration,
    /// Where mirrors of repositories are kept, so that a second checkout fetches only what is new; none to
    /// fetch each time from the start, as is done anyway with repositories of this machine.
    pub mirror_cache: Option<PathBuf>,
    /// A private registry for modules and providers.
    pub registry: Option<Registry>,
    /// The flags that `init_flags` and `plan_flags` may not hold.
    pub flags: FlagPolicy,
    /// From the graceful signal to SIGKILL, when a command is stopped;
    /// [`MAX_GRACE`](crate::protocol::MAX_GRACE) at most.
    pub grace: Duration,
    /// Names, or prefixes that end in `*`, of what the tools get from this process's environment; none for
    /// [`DEFAULT_INHERIT_ENV`](crate::protocol::DEFAULT_INHERIT_ENV).
    pub inherit_env: Option<Vec<String>>,
    /// What the tools may reach beside the source and what their own session keeps for them; off by default. The
    /// lists hold absolute paths. See `Sandbox` in `README.md`.
    pub sandbox: SandboxRequest,
    /// From which hosts repositories may be fetched; any by default. It rules the checkout, not what the tools fetch.
    pub allowed_git_hosts: AllowedHosts,
}

impl Settings {
    /// The defaults, with a runner, and a directory for all sessions.
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
        }
    }
}
