//! The audit trail.

use chrono::{DateTime, Utc};

use super::DeploymentId;

/// An audit entry, as inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// When the action was recorded.
    pub at: DateTime<Utc>,
    /// Name of the API key that acted.
    pub actor: String,
    /// The action, for example `approve`.
    pub action: String,
    /// The deployment that the action concerned.
    pub deployment: Option<DeploymentId>,
    /// Further details, for people; never a secret.
    pub detail: String,
    /// Whether this is an approval by the person who started the deployment.
    pub by_starter: bool,
}

/// An audit entry, as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Number in the audit trail; grows.
    pub seq: u64,
    /// The entry as inserted.
    pub entry: NewAuditEntry,
    /// Outcome of the action.
    pub outcome: Outcome,
}

/// Outcome of a recorded action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The action was carried out.
    Done,
    /// The action was about to be carried out.
    Pending,
    /// Work on the deployment was lost before the outcome was known.
    Unknown,
}

impl Outcome {
    /// Returns the word that the API uses.
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

/// How a pending entry is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The action was carried out.
    Done,
    /// The action was not carried out; the entry is deleted.
    Dropped,
    /// The outcome cannot be known.
    Unknown,
}

/// Selects audit entries.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// Only entries about this deployment.
    pub deployment: Option<DeploymentId>,
    /// Only entries before this number.
    pub before: Option<u64>,
    /// Largest number of entries to return.
    pub most: u32,
}
