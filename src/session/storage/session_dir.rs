//! The directory of a session, and the layout of its files.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

use crate::process::{remove_tree, restore_owner_access_below};
use crate::protocol::{MAX_OUTPUT_LIMIT_BYTES, RunResult, run_files};
use crate::regular_file;

/// What a session writes to the file of the supervisor's process id, to keep runners out of a run directory; a runner
/// would write a number.
const FENCED: &[u8] = b"fenced by the session\n";
/// Most bytes of a result that are read: JSON needs up to six for one byte of output.
const MAX_RESULT_BYTES: u64 = 7 * MAX_OUTPUT_LIMIT_BYTES;

/// The directory of one session.
///
/// | name | holds |
/// |---|---|
/// | `session.lock` | nothing; locked by the process that owns the session |
/// | `journal.ndjson` | the request without its secrets, and every event |
/// | `log.ndjson` | every line of the log |
/// | `source/` | the checkout, or the inline files |
/// | `source.list` | the names of the fetched files, a zero byte after each |
/// | `runs/NN-command/` | the run directory of each run |
/// | `plan/` | the plan file, as the tool wrote it, its summary, and the workspace before the plan was made |
/// | `data/` | the tools' own files (`TF_DATA_DIR`): the selected workspace, providers, modules |
/// | `outputs.json` | the outputs, without sensitive values |
/// | `config/` | variables, backend configuration and CLI configuration, none of them secret |
///
/// Only its owner can access it. The plan file belongs to the tool and contains values in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionDir {
    dir: PathBuf,
}

/// Exclusive ownership of a session; ends with the process, however it ends.
#[derive(Debug)]
pub(crate) struct SessionLock {
    _lock: Flock<File>,
}

impl SessionDir {
    pub(crate) const fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Creates the directory of a new session with its initial contents, or nothing.
    pub(crate) fn create(&self) -> io::Result<()> {
        if let Some(parent) = self.dir.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)?;
        }
        make_dir(&self.dir)?;
        let made = [self.runs(), self.plan_dir(), self.config_dir()]
            .iter()
            .try_for_each(|dir| make_dir(dir));
        if made.is_err() {
            remove_tree(&self.dir)?;
        }
        made
    }

    /// Returns whether the directory contains nothing but the initial contents, which may be incomplete.
    pub(crate) fn is_as_created(&self) -> io::Result<bool> {
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let is_part = if [self.runs(), self.plan_dir(), self.config_dir()].contains(&path) {
                std::fs::read_dir(&path)?.next().is_none()
            } else {
                [self.lock(), self.journal(), self.log()].contains(&path)
            };
            if !is_part {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives this process back the access to its own files, which a tool may have taken away with `chmod`.
    pub(crate) fn restore_access(&self) -> io::Result<()> {
        restore_owner_access_below(&self.dir, &["source", "data"])
    }

    /// Claims the session; returns `None` if another process owns it.
    pub(crate) fn claim(&self) -> io::Result<Option<SessionLock>> {
        let file = private(OpenOptions::new().create(true).append(true)).open(self.lock())?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(SessionLock { _lock: lock })),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, fault)) => Err(fault.into()),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn lock(&self) -> PathBuf {
        self.dir.join("session.lock")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.dir.join("journal.ndjson")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("log.ndjson")
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.dir.join("source")
    }

    pub(crate) fn source_list(&self) -> PathBuf {
        self.dir.join("source.list")
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.dir.join("runs")
    }

    pub(crate) fn run(&self, name: &str) -> PathBuf {
        self.runs().join(name)
    }

    /// Returns the tools' data directory. It stores the selected workspace, so no other session may share it.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Returns the file in which the tools store the selected workspace.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.data_dir().join("environment")
    }

    /// Creates the data directory; a confined tool can't create it.
    pub(crate) fn make_data_dir(&self) -> io::Result<()> {
        match make_dir(&self.data_dir()) {
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    /// Creates the plan file; a confined tool can change it, but not create it.
    pub(crate) fn make_plan_file(&self) -> io::Result<()> {
        open_to_append(&self.plan_file()).map(drop)
    }

    /// Replaces the plan file by a copy, which no tool has open or may write to; a missing one stays missing.
    pub(crate) fn replace_plan_file(&self) -> io::Result<()> {
        let file = self.plan_file();
        let mut made = match regular_file::open(&file) {
            Ok(made) => made,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(fault) => return Err(fault),
        };
        let (path, mut part) = create_part(&file)?;
        io::copy(&mut made, &mut part)?;
        std::fs::rename(&path, &file)
    }

    fn plan_dir(&self) -> PathBuf {
        self.dir.join("plan")
    }

    pub(crate) fn plan_file(&self) -> PathBuf {
        self.plan_dir().join("tfplan")
    }

    pub(crate) fn plan_summary(&self) -> PathBuf {
        self.plan_dir().join("summary.json")
    }

    /// Returns the path of a copy of what [`workspace`](Self::workspace) held before the plan.
    pub(crate) fn workspace_before_plan(&self) -> PathBuf {
        self.plan_dir().join("workspace")
    }

    pub(crate) fn outputs(&self) -> PathBuf {
        self.dir.join("outputs.json")
    }

    pub(crate) fn config_dir(&self) -> PathBuf {
        self.dir.join("config")
    }

    pub(crate) fn variables(&self) -> PathBuf {
        self.config_dir().join("variables.tfvars.json")
    }

    pub(crate) fn backend_config(&self) -> PathBuf {
        self.config_dir().join("backend.tfbackend.json")
    }

    /// Returns the path of the host keys for the ssh that the tool's git runs.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.config_dir().join("known_hosts")
    }

    /// Claims the directory of a run that was announced but maybe never begun, so that it can no longer begin;
    /// returns `false` if it has begun.
    ///
    /// The file that it leaves shows who claimed the directory: a later call also finds that the run never began.
    pub(crate) fn fence(&self, run: &str) -> io::Result<bool> {
        let dir = self.run(run);
        DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        let path = dir.join(run_files::PID);
        match private(OpenOptions::new().create_new(true).write(true)).open(&path) {
            Ok(mut file) => {
                let written = file.write_all(FENCED).and_then(|()| file.sync_all());
                if written.is_err() {
                    // Without the text it would look like a run that began.
                    std::fs::remove_file(&path)?;
                }
                written.map(|()| true)
            }
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {
                let mut start = Vec::new();
                let most = FENCED.len() as u64;
                regular_file::open(&path)?
                    .take(most)
                    .read_to_end(&mut start)?;
                Ok(start == FENCED)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Returns whether the supervisor of a run is alive: it holds a lock while it lives.
    pub(crate) fn is_supervised(&self, run: &str) -> io::Result<bool> {
        let file = regular_file::open(&self.run(run).join(run_files::PID))?;
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Ok(_) => Ok(false),
            Err((_, Errno::EWOULDBLOCK)) => Ok(true),
            Err((_, fault)) => Err(fault.into()),
        }
    }

    /// Returns whether the supervisor of any run is alive.
    pub(crate) fn is_supervised_at_all(&self) -> io::Result<bool> {
        let entries = match std::fs::read_dir(self.runs()) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(fault) => return Err(fault),
        };
        for entry in entries {
            let name = entry?.file_name();
            match self.is_supervised(&name.to_string_lossy()) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                // No run has begun there.
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(false)
    }

    /// Returns the result of a run; `None` if it does not exist or cannot be read.
    pub(crate) fn result_of(&self, run: &str) -> Option<RunResult> {
        let text =
            regular_file::read(&self.run(run).join(run_files::RESULT), MAX_RESULT_BYTES).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// Returns whether another process works in the directory of a session, runs a program from there, or has its data
/// directory among its variables, as every tool of a session does.
///
/// A tool outlives a killed supervisor, and so may the processes that it started. Processes of other users cannot
/// be inspected.
pub(crate) fn is_worked_in(dir: &Path) -> io::Result<bool> {
    let real = dir.canonicalize()?;
    let variable = [
        b"TF_DATA_DIR=",
        dir.as_os_str().as_encoded_bytes(),
        b"/data",
    ]
    .concat();
    Ok(others()?.any(|process| is_within(&process, &real) || has_variable(&process, &variable)))
}

/// Returns every other process, as a directory of `/proc`.
fn others() -> io::Result<impl Iterator<Item = PathBuf>> {
    let own = std::process::id();
    let named = std::fs::read_dir("/proc")?.flatten().filter(move |entry| {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.parse::<u32>().ok());
        pid.is_some_and(|pid| pid != own)
    });
    Ok(named.map(|entry| entry.path()))
}

fn is_within(process: &Path, dir: &Path) -> bool {
    // The kernel resolves symbolic links in these paths. A process that has ended has none.
    ["cwd", "exe"]
        .iter()
        .any(|link| std::fs::read_link(process.join(link)).is_ok_and(|it| it.starts_with(dir)))
}

fn has_variable(process: &Path, variable: &[u8]) -> bool {
    std::fs::read(process.join("environ"))
        .is_ok_and(|text| text.split(|byte| *byte == 0).any(|it| it == variable))
}

fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(dir)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Writes a temporary file, syncs it and renames it: the file exists completely or not at all.
///
/// The next sync of the directory makes the name durable; if it is lost before, the contents are obtained again.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let part = write_part(path, content)?;
    File::open(&part)?.sync_data()?;
    std::fs::rename(&part, path)
}

/// Writes a temporary file and renames it: whenever this process ends, the file exists completely or not at all.
///
/// For files beside the source or the plan file, which are not synced either: a power loss affects them all, and
/// the check before an apply detects it.
pub(crate) fn write_aside(path: &Path, content: &[u8]) -> io::Result<()> {
    let part = write_part(path, content)?;
    std::fs::rename(&part, path)
}

fn write_part(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let (part, mut file) = create_part(path)?;
    file.write_all(content)?;
    Ok(part)
}

/// Does not follow links: a tool may have left one.
fn create_part(path: &Path) -> io::Result<(PathBuf, File)> {
    let part = path.with_extension("part");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    let file = private(&mut options)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(&part)?;
    Ok((part, file))
}

/// Makes the name of a file durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Opens a file that only its owner can read, for appending.
pub(crate) fn open_to_append(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().create(true).append(true).read(true)).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_file_is_replaced_by_one_that_no_tool_has_open() {
        let folder = tempfile::tempdir().unwrap();
        let session_dir = SessionDir::at(folder.path().join("session"));
        session_dir.create().unwrap();
        session_dir.replace_plan_file().unwrap();
        assert!(!session_dir.plan_file().exists());
        session_dir.make_plan_file().unwrap();
        std::fs::write(session_dir.plan_file(), "reviewed").unwrap();
        let mut open_in_tool = open_to_append(&session_dir.plan_file()).unwrap();
        session_dir.replace_plan_file().unwrap();
        open_in_tool.write_all(b" and changed").unwrap();
        assert_eq!(std::fs::read(session_dir.plan_file()).unwrap(), b"reviewed");
    }
}
