//! The request document.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::schema::shapes;
use super::{OnDisconnect, SandboxRequest, Tool};

/// Timeout when the request does not set one, or sets 0.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Longest timeout that a request may set.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Time from the graceful signal to SIGKILL when the request does not set it.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(60);
/// Longest grace period that a request may set.
pub const MAX_GRACE: Duration = Duration::from_secs(24 * 60 * 60);
/// Limit on `output` in the result when the request does not set it.
pub const DEFAULT_OUTPUT_LIMIT_BYTES: u64 = 8 * 1024 * 1024;
/// Highest limit that a request may set: the result document is built to be read as a whole.
pub const MAX_OUTPUT_LIMIT_BYTES: u64 = 1024 * 1024 * 1024;

/// Variables of the runner's own environment that the tool gets when the request does not list any.
///
/// A `*` at the end of a name matches any suffix.
pub const DEFAULT_INHERIT_ENV: [&str; 26] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "LANG",
    "LC_*",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "TF_*",
    "AWS_*",
    "ARM_*",
    "AZURE_*",
    "GOOGLE_*",
    "CLOUDSDK_*",
    "KUBE*",
    "SSH_AUTH_SOCK",
    "GIT_SSH_COMMAND",
];

/// Returns whether the tool inherits a variable with this name: the list holds it, or an entry that ends in `*` is
/// a prefix of it.
///
/// Without a list, [`DEFAULT_INHERIT_ENV`] applies.
///
/// ```
/// use iac_runner::protocol::inherits;
///
/// assert!(inherits(None, "AWS_REGION"));
/// assert!(!inherits(Some(&["PATH".to_owned()]), "AWS_REGION"));
/// ```
pub fn inherits(patterns: Option<&[String]>, name: &str) -> bool {
    match patterns {
        Some(patterns) => patterns.iter().any(|pattern| fits(pattern, name)),
        None => DEFAULT_INHERIT_ENV
            .iter()
            .any(|pattern| fits(pattern, name)),
    }
}

/// Returns whether a name equals the pattern or, for a pattern that ends in `*`, begins with it.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// One command for one tool.
///
/// Built by [`Request::new`] on the sending side and by [`Request::parse`] on the receiving side. The Debug form
/// does not show values of `env_vars` and `secrets`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(
    deny_unknown_fields,
    description = "One command for one tool. A field that is not required may be `null`, which is the \
                   same as to leave it out."
)]
pub struct Request {
    /// The tool to run.
    pub tool: Tool,
    /// The directory to run it in; must exist.
    #[schemars(with = "shapes::PathText")]
    pub work_dir: PathBuf,
    /// Any subcommand of the tool.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{0,31}$"))]
    pub command: String,
    /// Arguments after the subcommand, passed unchanged, without a shell.
    #[schemars(default, with = "Option<Vec<shapes::Text>>")]
    pub args: Vec<String>,
    /// Variables for the tool; they override inherited ones.
    #[schemars(default, with = "Option<BTreeMap<shapes::VariableName, shapes::Text>>")]
    #[serde(serialize_with = "expose_map")]
    pub env_vars: BTreeMap<String, SecretString>,
    /// Longest run time of the tool in minutes, fractions allowed; 0 is the default of 30.
    #[serde(rename = "timeout")]
    #[schemars(
        default = "default_timeout_minutes",
        with = "Option<f64>",
        range(min = 0, max = 10080)
    )]
    pub timeout_minutes: f64,
    /// Seconds from the graceful signal to SIGKILL.
    #[schemars(
        default = "default_grace_seconds",
        with = "Option<f64>",
        range(min = 0, max = 86400)
    )]
    pub grace_seconds: f64,
    /// Directory for the durable record of the run.
    #[schemars(default, with = "Option<shapes::PathText>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_dir: Option<PathBuf>,
    /// What happens to the tool when the front process dies or its stdout has no reader.
    #[schemars(default, with = "Option<OnDisconnect>")]
    pub on_disconnect: OnDisconnect,
    /// Values that are masked in all output.
    #[schemars(default, with = "Option<Vec<shapes::Text>>")]
    #[serde(serialize_with = "expose_list")]
    pub secrets: Vec<SecretString>,
    /// Names, or prefixes that end in `*`, of variables that the tool gets from the runner's own environment;
    /// [`DEFAULT_INHERIT_ENV`] if not set.
    #[schemars(
        default,
        with = "Option<Vec<shapes::VariablePattern>>",
        description = "Names, or prefixes that end in `*`, of what the tool gets from the runner's own \
                       environment; without it, a list that suits both tools and the large clouds."
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherit_env: Option<Vec<String>>,
    /// Limit on `output` in the result, in bytes. The line that says how much was left out is always written, alone
    /// if necessary, for any limit: `output` may take up to 64 bytes.
    #[schemars(
        default = "default_output_limit_bytes",
        with = "Option<u64>",
        range(min = 0, max = 1_073_741_824_u64)
    )]
    pub output_limit_bytes: u64,
    /// The exact version that the tool must have.
    #[schemars(default, with = "Option<shapes::ExactVersion>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_version: Option<String>,
    /// What the tool and all processes that it starts may access.
    #[schemars(default, with = "Option<SandboxRequest>")]
    pub sandbox: SandboxRequest,
}

impl Request {
    /// Builds a request with the defaults of the wire.
    pub fn new(tool: Tool, work_dir: impl Into<PathBuf>, command: impl Into<String>) -> Self {
        Self {
            tool,
            work_dir: work_dir.into(),
            command: command.into(),
            args: Vec::new(),
            env_vars: BTreeMap::new(),
            timeout_minutes: default_timeout_minutes(),
            grace_seconds: default_grace_seconds(),
            run_dir: None,
            on_disconnect: OnDisconnect::default(),
            secrets: Vec::new(),
            inherit_env: None,
            output_limit_bytes: default_output_limit_bytes(),
            tool_version: None,
            sandbox: SandboxRequest::default(),
        }
    }

    /// Returns how long the tool may run.
    pub fn timeout(&self) -> Duration {
        if self.timeout_minutes == 0.0 {
            DEFAULT_TIMEOUT
        } else {
            Duration::from_secs_f64(self.timeout_minutes * 60.0)
        }
    }

    /// Returns the time from the graceful signal to SIGKILL.
    pub fn grace(&self) -> Duration {
        Duration::from_secs_f64(self.grace_seconds)
    }
}

const fn default_timeout_minutes() -> f64 {
    DEFAULT_TIMEOUT.as_secs() as f64 / 60.0
}

const fn default_grace_seconds() -> f64 {
    DEFAULT_GRACE.as_secs() as f64
}

const fn default_output_limit_bytes() -> u64 {
    DEFAULT_OUTPUT_LIMIT_BYTES
}

fn expose_map<S: Serializer>(
    values: &BTreeMap<String, SecretString>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(values.len()))?;
    for (name, value) in values {
        map.serialize_entry(name, value.expose_secret())?;
    }
    map.end()
}

fn expose_list<S: Serializer>(values: &[SecretString], to: S) -> Result<S::Ok, S::Error> {
    let mut list = to.serialize_seq(Some(values.len()))?;
    for value in values {
        list.serialize_element(value.expose_secret())?;
    }
    list.end()
}
