//! What an approval is bound to.

use serde::{Deserialize, Serialize};

use super::content::Hash;
use super::digest::PlanDigest;
use super::tool_file::ToolFile;
use crate::checkout::CommitSha;

/// The parts that an approval is bound to, each by itself, so that it can be said which of them differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Binding {
    /// Digest of the plan file; none if there is none.
    pub(super) plan_file: Option<String>,
    /// Digest of the summary of the plan, by which people approve; none for a plan that was made before it
    /// counted.
    #[serde(default)]
    pub(super) summary: Option<String>,
    /// Digest of the dependency lock file; none if there is none.
    pub(super) lock_file: Option<String>,
    pub(super) commit: Option<CommitSha>,
    /// Digest of the files of the source.
    pub(super) configuration: String,
    /// None if there is no such program.
    pub(super) tool: Option<ToolFile>,
    /// `None` for a plan that is read as JSON while it is applied.
    pub(super) tool_version: Option<String>,
    /// Digest of variables, environment and workspace, salted: what stands here is on disk.
    pub(super) variables: String,
}

impl Binding {
    /// The digest of all parts together.
    pub(super) fn digest(&self) -> PlanDigest {
        let mut hash = Hash::default();
        hash.add(b"iac-runner plan digest 1");
        let parts = [
            ("plan_file", self.plan_file.clone()),
            ("lock_file", self.lock_file.clone()),
            ("commit", self.commit.as_ref().map(ToString::to_string)),
            ("configuration", Some(self.configuration.clone())),
            ("tool", self.tool.as_ref().map(ToolFile::text)),
            ("tool_version", self.tool_version.clone()),
            ("variables", Some(self.variables.clone())),
        ];
        for (name, value) in parts {
            hash.add(name.as_bytes());
            hash.add(value.unwrap_or_default().as_bytes());
        }
        if let Some(summary) = &self.summary {
            hash.add(b"summary");
            hash.add(summary.as_bytes());
        }
        PlanDigest::of(hash)
    }

    /// What differs in what is there now from what was approved.
    pub(super) fn differences(&self, now: &Self) -> Vec<&'static str> {
        let parts = [
            ("the plan file", self.plan_file != now.plan_file),
            (
                "the summary of the plan",
                self.summary.is_some() && self.summary != now.summary,
            ),
            ("the dependency lock file", self.lock_file != now.lock_file),
            ("the commit", self.commit != now.commit),
            (
                "the files of the configuration",
                self.configuration != now.configuration,
            ),
            ("the tool's program", self.tool != now.tool),
            ("the tool's version", self.tool_version != now.tool_version),
            (
                "the variables, the environment or the workspace",
                self.variables != now.variables,
            ),
        ];
        let differing = parts.into_iter().filter(|(_, differs)| *differs);
        differing.map(|(name, _)| name).collect()
    }
}
