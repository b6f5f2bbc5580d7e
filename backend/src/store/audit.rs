//! Who did what.

use chrono::{DateTime, Utc};

use super::DeploymentId;

/// Something that somebody did, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// Who: the name of a key.
    pub actor: String,
    /// What, in a word such as `approve`.
    pub action: String,
    /// About which deployment.
    pub deployment: Option<DeploymentId>,
    /// The rest, for a person to read; never a secret.
    pub detail: String,
    /// Whether it is an approval by the person who started the deployment.
    pub by_starter: bool,
}

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place in the trail; grows.
    pub seq: u64,
    /// What was kept.
    pub entry: NewAuditEntry,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of what an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was about to be done.
    Pending,
    /// The work on the deployment was lost before that could be known.
    Unknown,
}

impl Outcome {
    /// The word of the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Done, Self::Pending, Self::Unknown];
        all.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// How a pending entry ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It was done.
    Done,
    /// It was not done, and goes.
    Dropped,
    /// That can't be known.
    Unknown,
}

/// Which entries are wanted.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// Those about this deployment.
    pub deployment: Option<DeploymentId>,
    /// Those before this one.
    pub before: Option<u64>,
    /// So many at most.
    pub most: u32,
}
