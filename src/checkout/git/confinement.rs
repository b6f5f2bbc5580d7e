//! Confines git and the processes that it starts to what a checkout needs.
//!
//! They can change the checkout, the mirror and a temporary directory. They can read the system, the programs on
//! `PATH`, certificates, the paths that the operator lists, and a local repository if that is the source.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::checkout::CheckoutError;
use crate::process::{
    Access, LANDLOCK_COMPLETE, LANDLOCK_TCP, LANDLOCK_USABLE, Ruleset, Sandbox, landlock_abi,
};
use crate::protocol::{SandboxMode, SandboxRequest};

/// Variables that name certificates; a variable for directories may list several.
const CERTIFICATES: [&str; 4] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
];

/// Paths that git may read in all calls of a checkout.
#[derive(Debug)]
pub(crate) struct Confinement {
    abi: u32,
    read: Vec<PathBuf>,
}

impl Confinement {
    /// Converts a request for a sandbox to git's confinement; `None` if git is not confined.
    ///
    /// `own` is the environment of this process, `local` a repository on this machine.
    ///
    /// # Errors
    /// A sandbox is required and the kernel can't make a complete one.
    pub(crate) fn of(
        request: &SandboxRequest,
        own: &BTreeMap<OsString, OsString>,
        local: Option<&Path>,
    ) -> Result<Option<Self>, CheckoutError> {
        if request.mode == SandboxMode::Off {
            return Ok(None);
        }
        let Some(abi) = usable(request.mode, landlock_abi())? else {
            return Ok(None);
        };
        let mut read = request.read.clone();
        for name in CERTIFICATES.iter().chain(&["PATH"]) {
            let paths = own.get(OsStr::new(name)).map(std::env::split_paths);
            let paths = paths.into_iter().flatten();
            read.extend(paths.filter(|path| path.is_absolute()));
        }
        read.extend(local.into_iter().flat_map(of_repository));
        Ok(Some(Self { abi, read }))
    }

    /// Returns the sandbox of one call, which may change these directories, and connect only to these TCP ports if
    /// the kernel can restrict that.
    pub(crate) fn sandbox(
        &self,
        write: &[&Path],
        connect_ports: Option<&[u16]>,
    ) -> io::Result<Sandbox> {
        let ruleset = match connect_ports {
            Some(ports) if self.abi >= LANDLOCK_TCP => Ruleset::with_tcp_ports(self.abi, ports)?,
            Some(_) | None => Ruleset::new(self.abi)?,
        };
        ruleset.allow_system();
        for path in &self.read {
            // A missing or unreadable path is not needed, or git reports that it misses it.
            let _ = ruleset.allow(path, Access::Read);
        }
        for path in write {
            ruleset.allow_real(path, Access::Write)?;
        }
        Ok(Sandbox::new(ruleset, None))
    }
}

/// Returns the version of Landlock to use; `None` if git is not confined.
fn usable(mode: SandboxMode, abi: io::Result<u32>) -> Result<Option<u32>, CheckoutError> {
    let abi = abi.unwrap_or(0);
    match mode {
        SandboxMode::Required if abi < LANDLOCK_COMPLETE => Err(CheckoutError::NoSandbox),
        SandboxMode::Required | SandboxMode::Auto => Ok((abi >= LANDLOCK_USABLE).then_some(abi)),
        SandboxMode::Off => Ok(None),
    }
}

/// Returns where the parts of a local repository are: a linked work tree has them elsewhere.
fn of_repository(path: &Path) -> Vec<PathBuf> {
    let mut parts = vec![path.to_owned()];
    let named = |file: PathBuf, beginning: &str| {
        let text = fs::read_to_string(&file).ok()?;
        let name = text.strip_prefix(beginning)?.trim_end();
        Some(file.parent()?.join(name))
    };
    if let Some(git_dir) = named(path.join(".git"), "gitdir: ") {
        parts.extend(named(git_dir.join("commondir"), ""));
        parts.push(git_dir);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_what_there_is_and_required_takes_all_or_nothing() {
        let absent = || io::Error::from_raw_os_error(libc::ENOSYS);
        let table = [
            (SandboxMode::Off, Ok(7), Some(None)),
            (SandboxMode::Auto, Ok(7), Some(Some(7))),
            (SandboxMode::Auto, Ok(2), Some(Some(2))),
            (SandboxMode::Auto, Ok(1), Some(None)),
            (SandboxMode::Auto, Err(()), Some(None)),
            (SandboxMode::Required, Ok(6), Some(Some(6))),
            (SandboxMode::Required, Ok(5), None),
            (SandboxMode::Required, Err(()), None),
        ];
        for (mode, abi, expected) in table {
            let found = usable(mode, abi.map_err(|()| absent())).ok();
            assert_eq!(found, expected, "{mode:?} {abi:?}");
        }
    }

    #[test]
    fn a_work_tree_names_where_its_repository_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("a/.git/worktrees/b")).unwrap();
        fs::create_dir(root.join("b")).unwrap();
        let git_dir = root.join("a/.git/worktrees/b");
        fs::write(
            root.join("b/.git"),
            format!("gitdir: {}\n", git_dir.display()),
        )
        .unwrap();
        fs::write(git_dir.join("commondir"), "../..\n").unwrap();
        assert_eq!(of_repository(&root.join("a")), [root.join("a")]);
        assert_eq!(
            of_repository(&root.join("b")),
            [root.join("b"), git_dir.join("../.."), git_dir]
        );
    }
}
