//! What an approval is bound to.

use serde::{Deserialize, Serialize};

use super::digest::PlanDigest;
use super::executable_identity::ToolFile;
use super::hash::Hash;
use crate::checkout::CommitSha;

/// The parts that an approval is bound to, kept separately so that an error can name the parts that differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Binding {
    /// Digest of the plan file; `None` if the file does not exist.
    pub(crate) plan_file: Option<String>,
    /// Digest of the plan's summary, by which people approve; `None` for a plan made before the summary was
    /// covered.
    #[serde(default)]
    pub(crate) summary: Option<String>,
    /// Digest of the dependency lock file; `None` if the file does not exist.
    pub(crate) lock_file: Option<String>,
    pub(crate) commit: Option<CommitSha>,
    /// Digest of the source files.
    pub(crate) configuration: String,
    /// `None` if the program does not exist.
    pub(crate) tool: Option<ToolFile>,
    /// `None` for a plan that is read as JSON while it is applied.
    pub(crate) tool_version: Option<String>,
    /// Digest of variables, environment and workspace, salted because this value is stored on disk.
    pub(crate) variables: String,
}

impl Binding {
    /// Returns one digest of all parts.
    pub(crate) fn digest(&self) -> PlanDigest {
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

    /// Returns the parts whose current value differs from the approved value.
    pub(crate) fn differences(&self, now: &Self) -> Vec<&'static str> {
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
