//! Deployment rows, as inserted and as read.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use iac_runner::protocol::Tool;
use iac_runner::session::request::Source;
use iac_runner::session::request::shell_words;
use iac_runner::session::{DeployRequest, Operation, Phase, Reason, Status};
use uuid::Uuid;

/// Id of a deployment: a random UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(Uuid);

impl DeploymentId {
    /// Returns a new random id.
    #[expect(clippy::new_without_default, reason = "each one is another")]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DeploymentId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What a deployment works on. Deployments with the same target run one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// URL of the repository, or a placeholder for another source.
    pub repository: String,
    /// Directory of the root module in the repository.
    pub path: String,
    /// Workspace; `None` for the default one.
    pub workspace: Option<String>,
}

impl Target {
    /// Returns the target of a request.
    ///
    /// Files sent with a request have no repository and share one name.
    pub fn of(request: &DeployRequest) -> Self {
        let repository = match &request.source {
            Source::Git(git) => git
                .url
                .trim_end_matches('/')
                .trim_end_matches(".git")
                .to_owned(),
            Source::Directory(path) => format!("directory:{}", path.display()),
            Source::Files(_) => "files:".to_owned(),
        };
        let steps = request.path.split('/');
        let steps: Vec<_> = steps.filter(|step| !matches!(*step, "" | ".")).collect();
        Self {
            repository,
            path: if steps.is_empty() {
                ".".to_owned()
            } else {
                steps.join("/")
            },
            workspace: request.workspace.clone(),
        }
    }

    /// Returns the whole target as one text, which is unique to it.
    pub fn key(&self) -> String {
        let workspace = self.workspace.as_deref().unwrap_or("default");
        format!("{}\n{}\n{workspace}", self.repository, self.path)
    }
}

/// When a deployment may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// When no other deployment is active in its workspace, in queue order.
    InWorkspace,
    /// As soon as there is room: it shares no state with others, or changes none.
    AtOnce,
}

impl Turn {
    /// Returns when a requested deployment may start.
    ///
    /// A plan without `-lock=false` holds the state lock, and another deployment would fail to get it.
    pub fn of(request: &DeployRequest) -> Self {
        if matches!(request.source, Source::Files(_)) {
            return Self::AtOnce;
        }
        match request.operation {
            Operation::Validate => Self::AtOnce,
            Operation::Plan | Operation::Drift if takes_no_lock(&request.plan_flags) => {
                Self::AtOnce
            }
            Operation::Plan | Operation::Drift | Operation::Deploy | Operation::Destroy => {
                Self::InWorkspace
            }
        }
    }
}

/// Returns whether the last `-lock` of these flags turns locking off, parsed as the tools do.
fn takes_no_lock(flags: &str) -> bool {
    let words = shell_words::split(flags).unwrap_or_default();
    let mut values = words.iter().filter_map(|word| {
        let flag = word.strip_prefix('-')?;
        match flag.strip_prefix('-').unwrap_or(flag) {
            "lock" => Some("true"),
            flag => flag.strip_prefix("lock="),
        }
    });
    let off = ["0", "f", "F", "false", "FALSE", "False"];
    values.next_back().is_some_and(|value| off.contains(&value))
}

/// A deployment to insert into the queue.
#[derive(Clone, Debug)]
pub struct NewDeployment {
    /// Id of the deployment.
    pub id: DeploymentId,
    /// What it works on.
    pub target: Target,
    /// When it may start.
    pub turn: Turn,
    /// The tool.
    pub tool: Tool,
    /// The operation to run.
    pub operation: Operation,
    /// The request without its secrets.
    pub record: serde_json::Value,
    /// The encrypted secrets; `None` if there are none.
    pub sealed_secrets: Option<Vec<u8>>,
    /// Name of the API key that started it.
    pub started_by: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// Whether a deployment is queued, run by a node, or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueState {
    /// It is in the queue.
    Waiting,
    /// A node runs it.
    Active,
    /// It has ended.
    Ended,
}

impl QueueState {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Waiting, Self::Active, Self::Ended];
        all.into_iter().find(|state| state.word() == word)
    }
}

/// Progress of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whether it runs or waits for approval, or how it ended. A queued deployment counts as running.
    pub status: Status,
    /// Present phase.
    pub phase: Phase,
    /// One sentence about the failure; empty if there was none.
    pub error: String,
    /// Warnings of a deployment that may have succeeded, one sentence each.
    pub warnings: Vec<String>,
    /// The commit that was checked out.
    pub commit: Option<String>,
    /// Digest that an approval has to name.
    pub plan_digest: Option<String>,
    /// Sandbox that its tools run in; `None` if there is none, or before it is known.
    pub sandbox: Option<String>,
    /// When its session was started.
    pub started_at: Option<DateTime<Utc>>,
}

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The reason, which implies the status.
    pub reason: Reason,
    /// One sentence about the failure; empty if there was none.
    pub error: String,
    /// When it ended.
    pub at: DateTime<Utc>,
}

/// The record of a deployment. Only a [`Claim`](super::Claim) contains its secrets.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Sequence number among all deployments; grows.
    pub seq: u64,
    /// Id of the deployment.
    pub id: DeploymentId,
    /// What it works on.
    pub target: Target,
    /// The tool.
    pub tool: Tool,
    /// The operation to run.
    pub operation: Operation,
    /// The request without its secrets.
    pub record: serde_json::Value,
    /// Whether it is queued, active or ended.
    pub queue_state: QueueState,
    /// Its progress.
    pub progress: Progress,
    /// Why it ended.
    pub reason: Option<Reason>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Name of the API key that started it.
    pub started_by: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// The node that runs it, or ran it last.
    pub node: Option<String>,
    /// When the lease of that node expires, by the clock of the database.
    pub lease_until: Option<DateTime<Utc>>,
    /// The directory of its session.
    pub session_dir: Option<String>,
}

impl Deployment {
    /// Returns whether its plan is applied without asking for approval.
    pub fn is_automatic(&self) -> bool {
        self.record.get("auto_approve") == Some(&serde_json::Value::Bool(true))
    }
}

/// Selects deployments.
#[derive(Clone, Debug, Default)]
pub struct DeploymentFilter {
    /// Only those with this status.
    pub status: Option<Status>,
    /// Only those of this repository.
    pub repository: Option<String>,
    /// Only those created at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Only those created before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only those before this one: the last `seq` of the previous page.
    pub before: Option<u64>,
    /// Largest number of deployments to return.
    pub most: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(url: &str, path: &str, workspace: Option<&str>) -> String {
        let mut request = DeployRequest::git(Tool::Tofu, url, "main");
        request.path = path.to_owned();
        request.workspace = workspace.map(str::to_owned);
        Target::of(&request).key()
    }

    #[test]
    fn the_same_target_in_other_words_has_the_same_key() {
        let first = key("https://h/a.git", ".", None);
        assert_eq!(first, key("https://h/a", "./", None));
        assert_eq!(first, key("https://h/a/", "", Some("default")));
        assert_eq!(
            key("https://h/a", "x/y", None),
            key("https://h/a", "./x//y/", None)
        );
    }

    #[test]
    fn only_what_shares_a_state_and_may_lock_it_waits() {
        use std::collections::BTreeMap;
        let table = [
            (Operation::Deploy, "", Turn::InWorkspace),
            (Operation::Deploy, "-lock=false", Turn::InWorkspace),
            (Operation::Destroy, "-lock=false", Turn::InWorkspace),
            (Operation::Plan, "", Turn::InWorkspace),
            (Operation::Plan, "-lock-timeout=1s", Turn::InWorkspace),
            (Operation::Plan, "-lock=false", Turn::AtOnce),
            (Operation::Plan, "-refresh=false --lock=0", Turn::AtOnce),
            (Operation::Plan, "-lock=false -lock", Turn::InWorkspace),
            (Operation::Plan, "-lock=true '-lock=false'", Turn::AtOnce),
            (Operation::Drift, "", Turn::InWorkspace),
            (Operation::Drift, "-lock=false", Turn::AtOnce),
            (Operation::Validate, "", Turn::AtOnce),
        ];
        for (operation, flags, turn) in table {
            let mut request = DeployRequest::git(Tool::Tofu, "https://h/a", "main");
            request.operation = operation;
            request.plan_flags = flags.to_owned();
            assert_eq!(Turn::of(&request), turn, "{operation:?} {flags}");
            request.source = Source::Files(BTreeMap::new());
            assert_eq!(Turn::of(&request), Turn::AtOnce);
        }
    }

    #[test]
    fn other_targets_have_other_keys() {
        let all = [
            key("https://h/a", ".", None),
            key("https://h/b", ".", None),
            key("https://h/a", "x", None),
            key("https://h/a", ".", Some("x")),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
