//! The record of a deployment, as it is put in and as it is had back.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use iac_runner::protocol::Tool;
use iac_runner::session::request::Source;
use iac_runner::session::{DeployRequest, Operation, Phase, Reason, Status, words};
use uuid::Uuid;

/// The name of a deployment: a random UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(Uuid);

impl DeploymentId {
    /// A new name.
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

/// What a deployment works on. Two that work on the same do so one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The address of the repository, or what stands for one.
    pub repository: String,
    /// The directory of the root module in it.
    pub path: String,
    /// The workspace; none for the default one.
    pub workspace: Option<String>,
}

impl Target {
    /// What a request works on.
    ///
    /// Files that a request brings along are a repository by their content alone, and go by one name.
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

    /// All of it in one text; no two targets have the same.
    pub fn key(&self) -> String {
        let workspace = self.workspace.as_deref().unwrap_or("default");
        format!("{}\n{}\n{workspace}", self.repository, self.path)
    }
}

/// When a deployment has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// When no other one is active in its workspace, in the order in which they came.
    InWorkspace,
    /// As soon as there is room: it shares no state with others, or changes none.
    AtOnce,
}

impl Turn {
    /// The turn of what a request asks for.
    ///
    /// A plan without `-lock=false` holds the lock of the state, at which another would fail.
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

/// Whether the last `-lock` of these flags turns the lock off, as the tools read it.
fn takes_no_lock(flags: &str) -> bool {
    let words = words::split(flags).unwrap_or_default();
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

/// A deployment that is to wait its turn.
#[derive(Clone, Debug)]
pub struct NewDeployment {
    /// Its name.
    pub id: DeploymentId,
    /// What it works on.
    pub target: Target,
    /// When it has its turn.
    pub turn: Turn,
    /// The tool.
    pub tool: Tool,
    /// What it is to do.
    pub operation: Operation,
    /// The request without its secrets.
    pub record: serde_json::Value,
    /// The secrets, sealed; none if there are none.
    pub sealed_secrets: Option<Vec<u8>>,
    /// Who started it.
    pub started_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Whether a deployment has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It waits.
    Waiting,
    /// A node carries it.
    Active,
    /// It is over.
    Ended,
}

impl Standing {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Waiting, Self::Active, Self::Ended];
        all.into_iter().find(|standing| standing.word() == word)
    }
}

/// How far a deployment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whether it runs, waits for an approval, or how it ended. A deployment that waits its turn counts as running.
    pub status: Status,
    /// What it is at.
    pub phase: Phase,
    /// One sentence about what went wrong; empty otherwise.
    pub error: String,
    /// What a person should know although nothing went wrong, one sentence each.
    pub warnings: Vec<String>,
    /// The commit that was checked out.
    pub commit: Option<String>,
    /// The digest that an approval has to name.
    pub plan_digest: Option<String>,
    /// What its tools are confined by; none when they are not, or before it is known.
    pub sandbox: Option<String>,
    /// When its session was started.
    pub started_at: Option<DateTime<Utc>>,
}

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Why; says the status as well.
    pub reason: Reason,
    /// One sentence about what went wrong; empty otherwise.
    pub error: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The record of a deployment. Its secrets are had by a claim alone.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its place among all; grows.
    pub seq: u64,
    /// Its name.
    pub id: DeploymentId,
    /// What it works on.
    pub target: Target,
    /// The tool.
    pub tool: Tool,
    /// What it is to do.
    pub operation: Operation,
    /// The request without its secrets.
    pub record: serde_json::Value,
    /// Whether it has its turn.
    pub standing: Standing,
    /// How far it is.
    pub progress: Progress,
    /// Why it ended as it did.
    pub reason: Option<Reason>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who started it.
    pub started_by: String,
    /// When it came.
    pub created_at: DateTime<Utc>,
    /// The node that carries it, or did so at the end.
    pub node: Option<String>,
    /// Until when the node that carries it has given signs of life, by the clock of the database.
    pub lease_until: Option<DateTime<Utc>>,
    /// The directory of its session.
    pub session_dir: Option<String>,
}

impl Deployment {
    /// Whether its plan is applied without anybody being asked.
    pub fn is_automatic(&self) -> bool {
        self.record.get("auto_approve") == Some(&serde_json::Value::Bool(true))
    }
}

/// Which deployments are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those with this status.
    pub status: Option<Status>,
    /// Those of this repository.
    pub repository: Option<String>,
    /// Those that came at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Those that came before this time.
    pub until: Option<DateTime<Utc>>,
    /// Those before this one: the last `seq` of the page before.
    pub before: Option<u64>,
    /// So many at most.
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
