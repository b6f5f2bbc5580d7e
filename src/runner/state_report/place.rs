//! The directory of a run, and the files in it that matter.

use std::path::{Path, PathBuf};

use super::backend::{LOCAL_STATE, LockVariables, RecordedBackend};
use super::read_file::{is_absent, read};
use crate::runner::command::flags;
use crate::runner::command::leader::Leader;
use crate::runner::preparation::data_dir;

/// File in which both tools leave a state that they could not write.
const ERRORED_STATE: &str = "errored.tfstate";
/// The file in the data directory that names the selected workspace.
const SELECTED_WORKSPACE: &str = "environment";
/// The workspace that is selected by default.
const DEFAULT_WORKSPACE: &str = "default";

/// The place of a run.
#[derive(Clone, Debug)]
pub struct WorkPlace {
    /// Its working directory.
    pub work_dir: PathBuf,
    /// The tool's `TF_DATA_DIR`.
    pub data_dir: Option<PathBuf>,
    /// The tool's `TF_WORKSPACE`.
    pub workspace: Option<String>,
    /// The lock addresses that the tool's environment sets.
    pub lock_variables: LockVariables,
    /// The arguments after the subcommand, including those from the environment.
    pub args: Vec<String>,
    /// The saved plan to apply.
    pub plan_file: Option<PathBuf>,
    /// Whether the command writes the record of the backend.
    pub is_init: bool,
    /// The started program: a script may run the tool in another directory, or with other variables.
    pub started_as: Leader,
}

impl WorkPlace {
    fn data_dir(&self) -> PathBuf {
        data_dir::of(&self.work_dir, self.data_dir.as_deref())
    }

    pub(super) fn errored_state(&self) -> PathBuf {
        self.work_dir.join(ERRORED_STATE)
    }

    /// Returns the backend that is recorded now.
    pub(super) fn recorded_backend(&self) -> RecordedBackend {
        match &self.plan_file {
            Some(path) => RecordedBackend::of_plan(path),
            None => RecordedBackend::of_data_dir(&self.data_dir()),
        }
    }

    /// Returns whether the record of the backend may be written in the run before the tool reads it.
    pub(super) fn may_rewrite_backend(&self) -> bool {
        self.plan_file.is_none() && (self.is_init || self.started_as == Leader::Wrapper)
    }

    /// Returns the absolute path of the file that the local backend writes and locks.
    ///
    /// Measured with both tools: `-state-out` takes precedence over `-state`, and `-state` over the workspace's own
    /// file; `workspace_dir` does not use any part of `path`.
    pub(super) fn local_state(&self, record: &RecordedBackend) -> PathBuf {
        let flag = |name| flags::value(&self.args, name).filter(|path| !path.is_empty());
        if let Some(path) = flag("state-out").or_else(|| flag("state")) {
            return self.work_dir.join(path);
        }
        let selected = read(&self.data_dir().join(SELECTED_WORKSPACE));
        let workspace = record
            .workspace()
            .or(self.workspace.as_deref())
            .or(selected.as_deref())
            .map_or("", str::trim);
        if matches!(workspace, "" | DEFAULT_WORKSPACE) {
            let path = record.setting("path").unwrap_or(LOCAL_STATE);
            return self.work_dir.join(path);
        }
        let workspaces = record
            .setting("workspace_dir")
            .unwrap_or("terraform.tfstate.d");
        let workspaces = self.work_dir.join(workspaces);
        workspaces.join(workspace).join(LOCAL_STATE)
    }

    /// Returns the path of the backup of a local state that the tool makes before it first writes that state.
    pub(super) fn state_backup(&self, state: &Path) -> Option<PathBuf> {
        if let Some(path) = flags::value(&self.args, "backup").filter(|path| !path.is_empty()) {
            return (path != "-").then(|| self.work_dir.join(path));
        }
        let name = state.file_name()?.to_str()?;
        Some(state.with_file_name(format!("{name}.backup")))
    }
}

/// Returns the workspace that is selected in the data directory; `None` if that can't be read.
pub fn selected_workspace(place: &WorkPlace) -> Option<String> {
    let path = place.data_dir().join(SELECTED_WORKSPACE);
    if is_absent(&path) {
        return Some(DEFAULT_WORKSPACE.to_owned());
    }
    read(&path).map(|name| name.trim().to_owned())
}

/// Returns the path of `.NAME.lock.info` beside the state file.
pub(super) fn lock_info_path(state: &Path) -> Option<PathBuf> {
    let name = state.file_name()?.to_str()?;
    Some(state.with_file_name(format!(".{name}.lock.info")))
}
