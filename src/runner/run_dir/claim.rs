//! Claims a directory for the record of one run.

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, Flock, FlockArg, fallocate};
use nix::sys::stat::{Mode, umask};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::directory::Directory;
use super::{CONTROL, Durability, EVENTS, OUTPUT, PID, REQUEST, RESULT, RESULT_PART, SUPERVISOR};
use crate::process::ProcessIdentity;
use crate::runner::messages::wording::of_system;

/// Space reserved at the start, so that a result can be written even if the disk is full by then.
const RESERVED_BYTES: i64 = 64 * 1024;

/// Number of attempts to lock a new record, and the pause between them.
const LOCK_TRIES: u32 = 250;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// Why a directory cannot be the record of a run.
#[derive(Debug, Error)]
pub(crate) enum RunDirError {
    #[error("`run_dir`: `{path}` already holds a run; give each run a directory of its own")]
    InUse { path: PathBuf },
    #[error("`run_dir`: `{path}` cannot be created: {}", of_system(source))]
    Create { path: PathBuf, source: io::Error },
    #[error(
        "`run_dir`: the disk of `{path}` has not answered for {} s; nothing ran", limit.as_secs()
    )]
    Hangs { path: PathBuf, limit: Duration },
}

impl RunDirError {
    /// Returns whether this run may still claim the directory later.
    pub(crate) const fn may_be_claimed_yet(&self) -> bool {
        match self {
            Self::Hangs { .. } => true,
            Self::InUse { .. } | Self::Create { .. } => false,
        }
    }
}

/// The supervisor of a run, as stored in `supervisor.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Supervisor {
    #[serde(flatten)]
    pub(super) process: ProcessIdentity,
    /// Whether it listens on the socket of the record.
    pub(super) listens: bool,
}

/// A claimed directory with the files of its record.
#[derive(Debug)]
pub(super) struct ClaimedDir {
    pub(super) directory: Directory,
    pub(super) output: Option<File>,
    pub(super) events: Option<File>,
    /// The file that becomes the result.
    pub(super) part: Option<File>,
    /// Where other processes request a stop.
    pub(super) listener: Option<UnixListener>,
    /// Sentences about what could not be set up; the run continues without it.
    pub(super) warnings: Vec<String>,
    /// Held for its lock, which ends with this process however it ends.
    _lock: Flock<File>,
}

impl ClaimedDir {
    /// Claims the directory for this run, and creates it if it is missing.
    ///
    /// Changes the umask of the process meanwhile, so no other thread may create files.
    pub(super) fn make(
        path: &Path,
        durability: Durability,
        request: &str,
    ) -> Result<Self, RunDirError> {
        let inherited = umask(Mode::from_bits_truncate(0o077));
        let claim = make_with_own_umask(path, durability, request);
        umask(inherited);
        claim
    }
}

fn make_with_own_umask(
    path: &Path,
    durability: Durability,
    request: &str,
) -> Result<ClaimedDir, RunDirError> {
    let create = |source| RunDirError::Create {
        path: path.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(create)?;
    let directory = Directory::open(path).map_err(create)?;
    if directory.has(RESULT).map_err(create)? {
        return Err(in_use(&directory));
    }
    let mut warnings = Vec::new();
    let lock = take_lock(&directory, durability, &mut warnings)?;
    let mut claim = ClaimedDir {
        output: None,
        events: None,
        part: None,
        listener: None,
        warnings,
        directory,
        _lock: lock,
    };
    claim.reserve();
    claim.introduce();
    claim.keep_request(request);
    claim.events = claim.create(EVENTS);
    claim.output = claim.create(OUTPUT);
    Ok(claim)
}

fn in_use(directory: &Directory) -> RunDirError {
    RunDirError::InUse {
        path: directory.path().to_owned(),
    }
}

/// Creates `supervisor.pid`: it appears locked, and contains the process id.
fn take_lock(
    directory: &Directory,
    durability: Durability,
    warnings: &mut Vec<String>,
) -> Result<Flock<File>, RunDirError> {
    let create = |source| RunDirError::Create {
        path: directory.path().to_owned(),
        source,
    };
    if directory.has(PID).map_err(create)? {
        return Err(in_use(directory));
    }
    let aside = name_aside();
    let mut lock = directory.create(&aside).and_then(locked).map_err(create)?;
    let mut written = write_pid(&lock, durability);
    let linked = directory.link(&aside, PID);
    // Whether or not the link was created.
    let _ = directory.remove(&aside);
    match linked {
        Ok(()) => {}
        Err(Errno::EEXIST) => return Err(in_use(directory)),
        // The file system has no hard links: there the file appears before it is locked.
        Err(_) => {
            lock = match directory.create(PID) {
                Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(in_use(directory));
                }
                created => created.and_then(locked).map_err(create)?,
            };
            written = write_pid(&lock, durability);
        }
    }
    if let Err(fault) = written {
        warnings.push(could_not("write", &directory.path_of(PID), &fault));
    }
    Ok(lock)
}

/// Returns a name that no other process uses.
fn name_aside() -> String {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = since_1970.map_or(0, |since| since.as_nanos());
    format!(".{PID}.{}-{nanoseconds}", std::process::id())
}

fn write_pid(mut file: &File, durability: Durability) -> io::Result<()> {
    writeln!(file, "{}", std::process::id())?;
    durability.sync(file)
}

/// Locks a new record; an `attach` that inspects it holds the lock for an instant.
fn locked(mut file: File) -> io::Result<Flock<File>> {
    let mut tries = LOCK_TRIES;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EWOULDBLOCK)) if tries > 0 => file = again,
            Err((_, fault)) => return Err(fault.into()),
        }
        tries -= 1;
        std::thread::sleep(LOCK_PAUSE);
    }
}

impl ClaimedDir {
    fn reserve(&mut self) {
        self.part = self.create(RESULT_PART);
        let Some(part) = &self.part else {
            return;
        };
        match fallocate(part, FallocateFlags::empty(), 0, RESERVED_BYTES) {
            // Some file systems cannot reserve space. Then a full disk costs the record.
            Ok(()) | Err(Errno::EOPNOTSUPP) => {}
            Err(fault) => self.warn("set space aside for", RESULT, &fault.into()),
        }
    }

    /// Writes who supervises the run, and listens for orders.
    fn introduce(&mut self) {
        self.listener = self.directory.listen(CONTROL).ok();
        let introduction = serde_json::to_string(&Supervisor {
            process: ProcessIdentity::of_this_process(),
            listens: self.listener.is_some(),
        });
        let written = introduction
            .map_err(io::Error::from)
            .and_then(|line| writeln!(self.directory.create(SUPERVISOR)?, "{line}"));
        if let Err(fault) = written {
            self.warn("write", SUPERVISOR, &fault);
        }
    }

    /// Writes the request, which must already be masked.
    fn keep_request(&mut self, request: &str) {
        let Some(mut file) = self.create(REQUEST) else {
            return;
        };
        // Only for people who inspect the record, so it is not synced.
        if let Err(fault) = writeln!(file, "{request}") {
            self.warn("write", REQUEST, &fault);
        }
    }

    fn create(&mut self, name: &str) -> Option<File> {
        let created = self.directory.create(name);
        created
            .map_err(|fault| self.warn("create", name, &fault))
            .ok()
    }

    fn warn(&mut self, what: &str, name: &str, fault: &io::Error) {
        let sentence = could_not(what, &self.directory.path_of(name), fault);
        self.warnings.push(sentence);
    }
}

/// Returns a sentence for a warning.
pub(super) fn could_not(what: &str, path: &Path, fault: &io::Error) -> String {
    format!(
        "could not {what} `{}`: {}; the run continues without it",
        path.display(),
        of_system(fault)
    )
}
