//! The directories of deployments in the data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use iac_runner::process::FileId;

use super::data_dir::DataDir;
use crate::config::SESSIONS_DIR;
use crate::store::DeploymentId;

/// Where the sessions of this node are. Keeps the data directory locked while it is in use.
#[derive(Clone, Debug)]
pub(crate) struct SessionDirs {
    data_dir: Arc<DataDir>,
}

impl SessionDirs {
    pub(crate) fn new(data_dir: Arc<DataDir>) -> Self {
        Self { data_dir }
    }

    /// Returns the directory that contains those of all deployments.
    pub(crate) fn root(&self) -> PathBuf {
        self.data_dir.dir().join(SESSIONS_DIR)
    }

    /// Returns the directory of a deployment on this machine.
    pub(crate) fn of(&self, id: DeploymentId) -> PathBuf {
        self.root().join(id.to_string())
    }

    /// Returns the session directory of a deployment if it is not in the data directory of this service, which then
    /// does not run the deployment: the journal and the processes there may have gone on without this copy.
    pub(crate) fn foreign<'a>(
        &self,
        id: DeploymentId,
        session_dir: Option<&'a str>,
    ) -> Option<&'a Path> {
        let own = self.of(id);
        session_dir
            .map(Path::new)
            .filter(|dir| *dir != own && !is_same_file(dir, &own))
    }
}

/// Returns whether both paths lead to one directory, by symbolic links or mounts.
fn is_same_file(one: &Path, other: &Path) -> bool {
    match (FileId::at(one), FileId::at(other)) {
        (Ok(one), Ok(other)) => one == other,
        (_, _) => false,
    }
}
