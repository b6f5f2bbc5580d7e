//! The request for a deployment: the body of `POST /deploy`, and the part of it that may be stored.

mod check;
mod decode;
mod fault;
mod fields;
pub mod flags;
mod names;
mod record;
pub mod shell_words;
mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Serialize;

use self::flags::FlagPolicy;
use crate::protocol::{MAX_TIMEOUT, Tool};
pub use fault::{FieldFault, InvalidRequest, RecordError};
pub use record::{Remembered, RequestSecrets};
pub use source::{Git, GitAuth, Source, SshCredentials};

/// Time limit of each command when the request does not set one, or sets 0.
pub const DEFAULT_COMMAND_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// Shortest time limit of a command.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(1);
/// Longest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
/// Largest `git_depth`; git accepts no more.
pub const MAX_GIT_DEPTH: u32 = i32::MAX as u32;
/// Most files that a request may contain.
pub const MAX_FILES: usize = 1000;
/// Most bytes that the files of a request may have together.
pub const MAX_FILES_BYTES: usize = 8 * 1024 * 1024;

/// What a session does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Plans, waits for approval, and applies.
    #[default]
    Deploy,
    /// Plans, and ends.
    Plan,
    /// Plans to destroy everything in the state, waits for approval, and does so.
    Destroy,
    /// Looks for resources that differ from the state.
    Drift,
    /// Validates the configuration only.
    Validate,
}

impl Operation {
    /// All operations, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Deploy,
        Self::Plan,
        Self::Destroy,
        Self::Drift,
        Self::Validate,
    ];

    /// Returns the word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Plan => "plan",
            Self::Destroy => "destroy",
            Self::Drift => "drift",
            Self::Validate => "validate",
        }
    }

    /// Returns the operation that a word on the wire names, or `None`.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.word() == word)
    }
}

/// The request for a deployment.
///
/// The Debug form does not show values of `env_vars`, the password and the private key.
#[derive(Clone, Debug)]
pub struct DeployRequest {
    /// The tool to run.
    pub tool: Tool,
    /// Where the configuration comes from.
    pub source: Source,
    /// The directory of the root module, relative to the source.
    pub path: String,
    /// Variables for the tool and for the processes that it starts.
    pub env_vars: BTreeMap<String, SecretString>,
    /// Variable files, relative to the directory that `path` names.
    pub tfvars_files: Vec<String>,
    /// Flags for `init`, as a shell would read them.
    pub init_flags: String,
    /// Flags for `plan`, as a shell would read them.
    ///
    /// `-parallelism`, `-lock-timeout`, `-no-color` and `-compact-warnings` go to `apply` as well.
    pub plan_flags: String,
    /// Flags for `apply`, as a shell would read them; they override those from `plan_flags`.
    pub apply_flags: String,
    /// Minutes that each command may run, fractions allowed; 0 is the default of 60.
    pub timeout_minutes: f64,
    /// Whether the plan is applied without approval.
    pub auto_approve: bool,
    /// What to do.
    pub operation: Operation,
    /// The workspace to select.
    pub workspace: Option<String>,
    /// Addresses to which the plan is limited.
    pub targets: Vec<String>,
    /// Addresses of resources to be replaced.
    pub replace: Vec<String>,
    /// Values of input variables; stored on disk, so they must not be secret.
    pub variables: BTreeMap<String, serde_json::Value>,
    /// Backend settings; stored on disk, so they must not be secret.
    pub backend_config: BTreeMap<String, String>,
}

impl DeployRequest {
    /// Deploys a commit, branch or tag of a git repository.
    pub fn git(tool: Tool, url: impl Into<String>, git_ref: impl Into<String>) -> Self {
        Self::from_source(tool, Source::Git(Git::new(url, git_ref)))
    }

    /// Deploys a directory of this machine.
    pub fn directory(tool: Tool, path: impl Into<PathBuf>) -> Self {
        Self::from_source(tool, Source::Directory(path.into()))
    }

    /// Deploys files that the request contains, by name.
    pub fn files(tool: Tool, files: BTreeMap<String, String>) -> Self {
        Self::from_source(tool, Source::Files(files))
    }

    /// Returns whether the plan is applied without an approver.
    pub(super) const fn applies_by_itself(&self) -> bool {
        match self.operation {
            Operation::Deploy | Operation::Destroy => self.auto_approve,
            Operation::Plan | Operation::Drift | Operation::Validate => false,
        }
    }

    fn from_source(tool: Tool, source: Source) -> Self {
        Self {
            tool,
            source,
            path: ".".to_owned(),
            env_vars: BTreeMap::new(),
            tfvars_files: Vec::new(),
            init_flags: String::new(),
            plan_flags: String::new(),
            apply_flags: String::new(),
            timeout_minutes: DEFAULT_COMMAND_TIMEOUT.as_secs_f64() / 60.0,
            auto_approve: false,
            operation: Operation::default(),
            workspace: None,
            targets: Vec::new(),
            replace: Vec::new(),
            variables: BTreeMap::new(),
            backend_config: BTreeMap::new(),
        }
    }

    /// Parses and checks a body, with the flags that are refused by default.
    ///
    /// # Errors
    /// Every fault of the body at once; see [`DeployRequest::parse`].
    pub fn from_json(body: &[u8]) -> Result<Self, InvalidRequest> {
        Self::parse(body, &FlagPolicy::default())
    }

    /// Parses and checks a body.
    ///
    /// A field that is not required may be `null`, which is the same as leaving it out.
    ///
    /// # Errors
    /// Every fault at once: unknown fields, duplicate keys, values of a wrong type, and invalid values of the right
    /// type. No value is repeated, since any value may be a secret in the wrong place.
    pub fn parse(body: &[u8], policy: &FlagPolicy) -> Result<Self, InvalidRequest> {
        if body.len() > MAX_BODY_BYTES {
            return Err(InvalidRequest::whole(format!(
                "the body is longer than {MAX_BODY_BYTES} bytes"
            )));
        }
        let (request, mut faults) = decode::body(body)?;
        let of_types = faults.clone();
        faults.extend(
            check::faults(&request, policy)
                .into_iter()
                .filter(|fault| !of_types.iter().any(|known| known.covers(fault))),
        );
        InvalidRequest::of(faults).map_or(Ok(request), Err)
    }

    /// Checks the values of a request, however it was created.
    ///
    /// # Errors
    /// Every fault at once, by field.
    pub fn validate(&self, policy: &FlagPolicy) -> Result<(), InvalidRequest> {
        InvalidRequest::of(check::faults(self, policy)).map_or(Ok(()), Err)
    }

    /// Returns how long each command may run.
    ///
    /// An unchecked request may contain any number. A number that is not a valid time gives the default; any other
    /// is limited to at least a millisecond and at most [`MAX_TIMEOUT`].
    pub fn timeout(&self) -> Duration {
        match Duration::try_from_secs_f64(self.timeout_minutes * 60.0) {
            Ok(timeout) if self.timeout_minutes > 0.0 => {
                timeout.clamp(SHORTEST_TIMEOUT, MAX_TIMEOUT)
            }
            Err(_) if self.timeout_minutes > 0.0 => MAX_TIMEOUT,
            Ok(_) | Err(_) => DEFAULT_COMMAND_TIMEOUT,
        }
    }
}

#[cfg(test)]
mod tests;
