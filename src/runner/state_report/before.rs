//! What was in the working directory before a run, to tell what the run has left from what it has found.
//!
//! Times of files alone do not tell: a file system may keep whole seconds, or have a clock of its own.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, Metadata};
use std::hash::{Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::files::read;
use crate::process::EntryWatch;

/// What is known of the files before a run.
#[derive(Clone, Debug)]
pub enum Before {
    /// They were looked at.
    Seen {
        /// Files that the run may write.
        files: Vec<(PathBuf, Option<Fingerprint>)>,
        /// The local state.
        local_state: Option<LocalState>,
    },
    /// They were not, or the knowledge is lost; the run began at this time.
    Unknown { began_at: SystemTime },
}

/// The file of a local state before a run.
#[derive(Clone, Debug)]
pub struct LocalState {
    path: PathBuf,
    existed: bool,
    /// `None` where the directory does not exist yet or can't be watched.
    watch: Option<Arc<EntryWatch>>,
}

impl LocalState {
    fn at(path: PathBuf) -> Self {
        Self {
            existed: path.exists(),
            watch: EntryWatch::start(&path).map(Arc::new),
            path,
        }
    }
}

impl Before {
    /// What is known before a run that writes no state.
    pub const NOTHING: Self = Self::Seen {
        files: Vec::new(),
        local_state: None,
    };

    /// Looks at files that the run may write, and watches the local state.
    pub(super) fn seen(
        paths: impl IntoIterator<Item = PathBuf>,
        local_state: Option<PathBuf>,
    ) -> Self {
        let files = paths.into_iter().map(|path| {
            let fingerprint = Fingerprint::of(&path);
            (path, fingerprint)
        });
        Self::Seen {
            files: files.collect(),
            local_state: local_state.map(LocalState::at),
        }
    }

    /// Returns whether this file, in which the local state was, is missing, or was removed or replaced during the run: the
    /// tool writes to the file that it has opened. `false` if that can't be told.
    pub(super) fn has_lost_state(&self, path: &Path) -> bool {
        let state = match self {
            Self::Seen { local_state, .. } => local_state.as_ref(),
            Self::Unknown { .. } => None,
        };
        state
            .filter(|state| state.path == path)
            .is_some_and(|state| {
                let is_missing =
                    || fs::metadata(path).is_err_and(|fault| fault.kind() == ErrorKind::NotFound);
                state
                    .watch
                    .as_ref()
                    .is_some_and(|watch| watch.is_replaced())
                    || (state.existed && is_missing())
            })
    }

    /// Whether a file is there that the run has made or written; `false` if that can't be told.
    pub(super) fn is_written_since(&self, path: &Path) -> bool {
        match self {
            Self::Seen { files, .. } => {
                let now = Fingerprint::of(path);
                let before = files.iter().find(|(seen, _)| seen == path);
                now.is_some() && before.is_some_and(|(_, before)| *before != now)
            }
            Self::Unknown { began_at } => {
                fs::metadata(path).is_ok_and(|file| is_changed_since(&file, *began_at))
            }
        }
    }
}

/// Whether the kernel says so: unlike the time of the last write, no program can set this one.
fn is_changed_since(file: &Metadata, began_at: SystemTime) -> bool {
    let began_at = began_at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let changed_at = (
        u64::try_from(file.ctime()).unwrap_or_default(),
        u32::try_from(file.ctime_nsec()).unwrap_or_default(),
    );
    changed_at >= (began_at.as_secs(), began_at.subsec_nanos())
}

/// By what a file is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    device: u64,
    inode: u64,
    len: u64,
    written_at: (i64, i64),
    content: Content,
}

/// Content, or for a file too long to be read, the time of its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Hash(u64),
    ChangedAt(i64, i64),
}

impl Fingerprint {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        let hash = |content: String| {
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            hasher.finish()
        };
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            len: file.len(),
            written_at: (file.mtime(), file.mtime_nsec()),
            content: read(path).map_or_else(
                || Content::ChangedAt(file.ctime(), file.ctime_nsec()),
                |content| Content::Hash(hash(content)),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};
    use std::time::Duration;

    use super::*;

    fn set_time(path: &Path, at: SystemTime) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(at)).unwrap();
    }

    /// Times of whole seconds, far in the past, far in the future.
    fn odd_times() -> [SystemTime; 3] {
        let now = SystemTime::now();
        let age = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let a_day = Duration::from_secs(86_400);
        [
            SystemTime::UNIX_EPOCH + Duration::from_secs(age.as_secs()),
            now - a_day,
            now + a_day,
        ]
    }

    #[test]
    fn only_what_was_written_since_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("errored.tfstate");
        for at in odd_times() {
            let absent = Before::seen([path.clone()], None);
            assert!(!absent.is_written_since(&path));

            fs::write(&path, "one").unwrap();
            set_time(&path, at);
            assert!(absent.is_written_since(&path), "made");

            let before = Before::seen([path.clone()], None);
            assert!(!before.is_written_since(&path), "left alone");

            fs::set_permissions(&path, fs::metadata(&path).unwrap().permissions()).unwrap();
            assert!(!before.is_written_since(&path), "with the same mode");

            fs::write(&path, "two").unwrap();
            set_time(&path, at);
            assert!(before.is_written_since(&path), "same time, same length");

            fs::remove_file(&path).unwrap();
            assert!(!before.is_written_since(&path), "removed");
        }
    }

    #[test]
    fn path_that_was_not_looked_at_is_not_blamed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "").unwrap();
        assert!(!Before::seen([], None).is_written_since(&path));
    }

    #[test]
    fn without_a_look_only_the_kernels_time_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("errored.tfstate");
        fs::write(&path, "one").unwrap();
        let minute = Duration::from_secs(60);
        let unknown = |began_at| Before::Unknown { began_at };
        set_time(&path, SystemTime::now() + 60 * minute);
        assert!(!unknown(SystemTime::now() + minute).is_written_since(&path));
        set_time(&path, SystemTime::now() - 60 * minute);
        assert!(unknown(SystemTime::now() - minute).is_written_since(&path));
    }
}
