//! What a confined tool can read besides the source.

use std::io;
use std::path::{Path, PathBuf};

use crate::process::system_paths;
use crate::protocol::SandboxRequest;

/// The directories and files that the tools of a session can read.
///
/// The session itself is not confined. What a tool cannot read can neither change an apply nor be part of what is
/// approved, and the session has no business there: the directory may be a hung disk, or hold the data of others.
#[derive(Clone, Debug)]
pub(crate) struct ReadableDirs {
    /// Without symbolic links; `None` for everything.
    paths: Option<Vec<PathBuf>>,
}

impl ReadableDirs {
    /// Returns the reach of a tool that nothing confines.
    pub(crate) const fn unlimited() -> Self {
        Self { paths: None }
    }

    /// Returns the reach of a tool that is confined to these paths and those of the system.
    ///
    /// # Errors
    /// One of `own` does not exist or cannot be accessed. Missing paths of the operator and the system are skipped.
    pub(crate) fn confined(sandbox: &SandboxRequest, own: &[&Path]) -> io::Result<Self> {
        let own = own.iter().map(|path| path.canonicalize());
        let mut paths = own.collect::<io::Result<Vec<_>>>()?;
        let listed = sandbox.read.iter().chain(&sandbox.write);
        paths.extend(listed.filter_map(|path| path.canonicalize().ok()));
        paths.extend(system_paths().filter_map(|path| path.canonicalize().ok()));
        Ok(Self { paths: Some(paths) })
    }

    /// Returns whether the tool can read this path, which contains no symbolic links.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        self.paths
            .as_ref()
            .is_none_or(|paths| paths.iter().any(|it| path.starts_with(it)))
    }
}
