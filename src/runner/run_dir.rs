//! The run directory: the durable record of one run.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, Flock, FlockArg, fallocate};
use nix::sys::stat::{Mode, umask};
use serde::Serialize;
use thiserror::Error;

use super::effect::{Effect, effect_of};
use super::wording::of_system;

/// The request as it came, secrets masked.
pub(super) const REQUEST: &str = "request.json";
/// The masked output; grows as the tool prints.
pub(super) const OUTPUT: &str = "output.log";
/// The events, one a line.
pub(super) const EVENTS: &str = "events.ndjson";
/// The result; there as a whole or not at all.
pub(super) const RESULT: &str = "result.json";
/// Locked for as long as the supervisor lives; holds its process id.
pub(super) const PID: &str = "supervisor.pid";
/// Where the result is written before it gets its name.
const RESULT_PART: &str = "result.json.part";

/// Space set aside at the start, so that a result can be written when the disk is full by then.
const RESERVED_BYTES: i64 = 64 * 1024;

/// How often the lock of a new record is tried for, and the pause between.
const LOCK_TRIES: u32 = 250;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// Why a directory cannot be the record of a run.
#[derive(Debug, Error)]
pub(super) enum RunDirError {
    #[error("`run_dir`: `{path}` already holds a run; give each run a directory of its own")]
    InUse { path: PathBuf },
    #[error("`run_dir`: `{path}` cannot be created: {}", of_system(source))]
    Create { path: PathBuf, source: io::Error },
}

/// What of a record has to be there after a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// All of it: the run may change something that lasts.
    Record,
    /// The result: whatever the run does can be done again.
    Result,
}

impl Durability {
    /// What the record of a command with these arguments needs.
    pub(super) fn of(command: &str, args: &[String]) -> Self {
        match effect_of(command, args) {
            Effect::Nothing => Self::Result,
            Effect::State | Effect::Other => Self::Record,
        }
    }

    /// Syncs a part of the record that is not the result.
    fn sync(self, file: &File) -> io::Result<()> {
        match self {
            Self::Record => file.sync_all(),
            Self::Result => Ok(()),
        }
    }
}

/// The record of the run that this process supervises.
#[derive(Debug)]
pub(super) struct RunDir {
    path: PathBuf,
    durability: Durability,
    /// Held for its lock, which ends with this process however it ends.
    _lock: Flock<File>,
}

impl RunDir {
    /// Makes the directory this run's own, and creates it if it is missing.
    ///
    /// Gives back sentences about what could not be set up; the run goes on without that.
    pub(super) fn claim(
        path: &Path,
        durability: Durability,
    ) -> Result<(Self, Vec<String>), RunDirError> {
        let create = |source| RunDirError::Create {
            path: path.to_owned(),
            source,
        };
        with_own_umask(|| DirBuilder::new().recursive(true).mode(0o700).create(path))
            .map_err(create)?;
        let path = &path.canonicalize().map_err(create)?;
        if path.join(RESULT).exists() {
            return Err(RunDirError::InUse { path: path.clone() });
        }
        let lock = match new_file(&path.join(PID)) {
            Ok(file) => file,
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {
                return Err(RunDirError::InUse { path: path.clone() });
            }
            Err(source) => return Err(create(source)),
        };
        let mut lock = locked(lock).map_err(create)?;
        let mut warnings = Vec::new();
        if let Err(fault) =
            writeln!(lock, "{}", std::process::id()).and_then(|()| durability.sync(&lock))
        {
            warnings.push(could_not("write", &path.join(PID), &fault));
        }
        let this = Self {
            path: path.clone(),
            durability,
            _lock: lock,
        };
        if let Err(fault) = this.reserve() {
            warnings.push(could_not("set space aside for", &path.join(RESULT), &fault));
        }
        Ok((this, warnings))
    }

    fn reserve(&self) -> io::Result<()> {
        let part = new_file(&self.path.join(RESULT_PART))?;
        match fallocate(&part, FallocateFlags::empty(), 0, RESERVED_BYTES) {
            // Some file systems cannot set space aside. Then a full disk costs the record.
            Ok(()) | Err(Errno::EOPNOTSUPP) => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Creates one of the files of the record.
    pub(super) fn create(&self, name: &str) -> Result<RecordFile, String> {
        let path = self.path.join(name);
        match new_file(&path) {
            Ok(file) => Ok(RecordFile {
                path,
                file,
                durability: self.durability,
            }),
            Err(fault) => Err(could_not("create", &path, &fault)),
        }
    }

    /// Writes the request, which has to be masked by now.
    pub(super) fn write_request(&self, masked: &str) -> Result<(), String> {
        let mut file = self.create(REQUEST)?;
        // Nothing depends on it but who looks into the record: it is not synced.
        writeln!(file, "{masked}").map_err(|fault| file.could_not_write(&fault))
    }

    /// Writes the result, aside first, then durably under its name.
    ///
    /// # Errors
    /// A sentence, when the disk took not even the space that was set aside.
    pub(super) fn write_result(&self, result: &impl Serialize) -> Result<(), String> {
        let part = self.path.join(RESULT_PART);
        self.write_part(&part, result)
            .and_then(|()| fs::rename(&part, self.path.join(RESULT)))
            .and_then(|()| self.durability.sync(&File::open(&self.path)?))
            .map_err(|fault| could_not("write", &self.path.join(RESULT), &fault))
    }

    fn write_part(&self, part: &Path, result: &impl Serialize) -> io::Result<()> {
        // Over what was set aside, not instead of it.
        let file = with_own_umask(|| {
            File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(part)
        })?;
        let mut writer = BufWriter::new(&file);
        serde_json::to_writer(&mut writer, result)?;
        writer.write_all(b"\n")?;
        writer.flush()?;
        drop(writer);
        let len = io::Seek::stream_position(&mut &file)?;
        file.set_len(len)?;
        file.sync_all()
    }
}

/// A file of the record that grows.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    file: File,
    durability: Durability,
}

impl RecordFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes what was written last as long as the record has to.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.durability.sync(&self.file)
    }

    /// A sentence for a warning.
    pub(super) fn could_not_write(&self, fault: &io::Error) -> String {
        could_not("write", &self.path, fault)
    }
}

impl Write for RecordFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Takes the lock of a new record; an `attach` that looks at it holds it for an instant.
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

fn new_file(path: &Path) -> io::Result<File> {
    with_own_umask(|| {
        File::options()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    })
}

/// Creates something that its owner can use, whatever umask this process was started with.
///
/// That one is put back at once: it is the tool's. Nothing else of this process creates files meanwhile,
/// which works in one thread.
fn with_own_umask<T>(create: impl FnOnce() -> T) -> T {
    let inherited = umask(Mode::from_bits_truncate(0o077));
    let created = create();
    umask(inherited);
    created
}

/// A sentence for a warning.
fn could_not(what: &str, path: &Path, fault: &io::Error) -> String {
    format!(
        "could not {what} `{}`: {}; the run goes on without it",
        path.display(),
        of_system(fault)
    )
}

/// How the record of a run stands, seen from another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its supervisor is alive.
    Running,
    /// Its supervisor is gone.
    Over,
}

/// The record of a run that another process supervises or supervised.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
}

/// Why a directory is not the record of a run.
#[derive(Debug, Error)]
#[error("`{path}` holds no run: {}", of_system(source))]
pub(super) struct NoRecord {
    path: PathBuf,
    source: io::Error,
}

impl Record {
    /// Opens a record.
    pub(super) fn open(path: &Path) -> Result<Self, NoRecord> {
        let no_record = |source| NoRecord {
            path: path.to_owned(),
            source,
        };
        let path = path.canonicalize().map_err(no_record)?;
        File::open(path.join(PID)).map_err(no_record)?;
        Ok(Self { path })
    }

    /// The directory, as an absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Path of one of its files.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether its supervisor is alive.
    pub(super) fn standing(&self) -> io::Result<Standing> {
        let file = File::open(self.file(PID))?;
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Ok(_) => Ok(Standing::Over),
            Err((_, Errno::EWOULDBLOCK)) => Ok(Standing::Running),
            Err((_, fault)) => Err(fault.into()),
        }
    }

    /// Process id of its supervisor; `None` when the disk was too full to write it.
    pub(super) fn supervisor(&self) -> io::Result<Option<i32>> {
        let mut text = String::new();
        File::open(self.file(PID))?
            .take(32)
            .read_to_string(&mut text)?;
        Ok(text.trim().parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_holds_one_run_only() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        let (claimed, warnings) = RunDir::claim(&path, Durability::Record).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        assert!(matches!(
            RunDir::claim(&path, Durability::Record),
            Err(RunDirError::InUse { .. })
        ));
        let record = Record::open(&path).unwrap();
        assert_eq!(record.standing().unwrap(), Standing::Running);
        assert_eq!(
            record.supervisor().unwrap(),
            Some(std::process::id().cast_signed())
        );
        claimed.write_result(&"a result").unwrap();
        drop(claimed);
        assert_eq!(record.standing().unwrap(), Standing::Over);
        assert!(matches!(
            RunDir::claim(&path, Durability::Record),
            Err(RunDirError::InUse { .. })
        ));
        assert_eq!(
            fs::read_to_string(record.file(RESULT)).unwrap(),
            "\"a result\"\n"
        );
        assert!(!record.file(RESULT_PART).exists());
    }

    #[test]
    fn only_the_record_of_what_can_be_done_again_may_be_lost_but_for_its_result() {
        let table: [(&str, &[&str], Durability); 8] = [
            ("init", &[], Durability::Result),
            ("plan", &["-out=p"], Durability::Result),
            ("output", &["-json"], Durability::Result),
            ("init", &["-migrate-state"], Durability::Record),
            ("apply", &["p"], Durability::Record),
            ("destroy", &[], Durability::Record),
            ("state", &["rm", "a"], Durability::Record),
            ("workspace", &["new", "a"], Durability::Record),
        ];
        for (command, args, durability) in table {
            let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
            assert_eq!(
                Durability::of(command, &args),
                durability,
                "{command} {args:?}"
            );
        }
    }
}
