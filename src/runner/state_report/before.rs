//! Records the working directory before a run, to distinguish the files of the run from existing ones.
//!
//! File times alone are not enough: a file system may store whole seconds, or use its own clock.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, Metadata};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::backend::RecordedBackend;
use super::read_file::{is_whole_document, open, read};
use super::state_head::StateHead;
use crate::process::{EntryWatch, FileId};

/// Most links that the kernel follows in one path.
const MAX_LINKS: usize = 40;

/// What is known of the files before a run.
#[derive(Clone, Debug)]
pub enum Before {
    /// They were recorded.
    Seen {
        /// Files that the run may write.
        files: Vec<(PathBuf, Option<Fingerprint>)>,
        /// The local state.
        local_state: Option<Box<LocalState>>,
        /// The backend of the saved plan to apply, or else the recorded one.
        backend: Option<RecordedBackend>,
    },
    /// They were not recorded, or the record is lost; the run began at this time.
    Unknown { began_at: SystemTime },
}

/// The file of a local state before a run.
#[derive(Clone, Debug)]
pub struct LocalState {
    path: PathBuf,
    /// `None` if it did not exist.
    fingerprint: Option<Fingerprint>,
    head: StateHead,
    /// Watches on the name itself, and on the names to which it leads through links.
    watches: Vec<Arc<EntryWatch>>,
}

impl LocalState {
    fn at(path: PathBuf) -> Self {
        // The watches come first, so that a change between the two is noticed.
        let names = names_that_lead_to(&path);
        let watches = names.iter().filter_map(|name| EntryWatch::start(name));
        let watches = watches.map(Arc::new).collect();
        let content = read(&path);
        Self {
            watches,
            fingerprint: Fingerprint::with_content(&path, content.as_deref()),
            head: StateHead::with_content(&path, content.as_deref()),
            path,
        }
    }

    fn is_lost(&self) -> bool {
        let identity = self.fingerprint.as_ref().map(|it| it.identity);
        let is_other = identity.is_some() && FileId::at(&self.path).ok() != identity;
        is_other || self.watches.iter().any(|watch| watch.is_replaced())
    }
}

/// Returns the names through which a path leads: itself, and the targets of links. For missing directories, the
/// first of them is returned instead.
fn names_that_lead_to(path: &Path) -> Vec<PathBuf> {
    let mut names = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(name) = next.take_if(|_| names.len() < MAX_LINKS) {
        let directory = name.parent().unwrap_or(Path::new("/"));
        next = fs::read_link(&name)
            .ok()
            .map(|target| directory.join(target));
        let has_directory = |it: &&Path| it.parent().is_some_and(Path::is_dir);
        names.extend(name.ancestors().find(has_directory).map(Path::to_owned));
    }
    names
}

impl Before {
    /// The record for a run that writes no state.
    pub const NOTHING: Self = Self::Seen {
        files: Vec::new(),
        local_state: None,
        backend: None,
    };

    /// Records files that the run may write, and watches the local state.
    pub(super) fn seen(
        paths: impl IntoIterator<Item = PathBuf>,
        local_state: Option<PathBuf>,
        backend: Option<RecordedBackend>,
    ) -> Self {
        let files = paths.into_iter().map(|path| {
            let fingerprint = Fingerprint::of(&path);
            (path, fingerprint)
        });
        Self::Seen {
            files: files.collect(),
            local_state: local_state.map(LocalState::at).map(Box::new),
            backend,
        }
    }

    /// Returns the backend at the start of the run, if it was recorded.
    pub(super) fn backend(&self) -> Option<&RecordedBackend> {
        match self {
            Self::Seen { backend, .. } => backend.as_ref(),
            Self::Unknown { .. } => None,
        }
    }

    /// Returns the file of the local state at the start of the run, if it was recorded.
    pub(super) fn local_state(&self) -> Option<&Path> {
        match self {
            Self::Seen { local_state, .. } => {
                local_state.as_ref().map(|state| state.path.as_path())
            }
            Self::Unknown { .. } => None,
        }
    }

    /// Returns what was recorded of the local state, if it is in this file.
    fn state_at(&self, path: &Path) -> Option<&LocalState> {
        match self {
            Self::Seen { local_state, .. } => {
                local_state.as_deref().filter(|state| state.path == path)
            }
            Self::Unknown { .. } => None,
        }
    }

    /// Returns whether the file of the local state is not a whole document. Both tools create it empty, and write
    /// it in place.
    pub(super) fn is_state_damaged(&self, path: &Path) -> bool {
        match open(path).and_then(|file| file.metadata().ok()) {
            None => false,
            Some(file) if file.len() == 0 => self
                .state_at(path)
                .and_then(|state| state.fingerprint.as_ref())
                .is_some_and(|earlier| earlier.len > 0),
            Some(_) => !is_whole_document(path),
        }
    }

    /// Returns whether the file of the local state holds nothing of the run: it is as it was before, or is an older
    /// state, another one, or none. `false` if that is unknown.
    pub(super) fn is_state_unwritten(&self, path: &Path) -> bool {
        let Some(state) = self.state_at(path) else {
            return false;
        };
        let content = read(path);
        state.fingerprint == Fingerprint::with_content(path, content.as_deref())
            || StateHead::with_content(path, content.as_deref()).is_not_after(&state.head)
    }

    /// Returns whether the file of the local state is missing, or was removed or replaced during the run: the tool
    /// writes to the file that it has opened. `false` if that is unknown.
    pub(super) fn has_lost_state(&self, path: &Path) -> bool {
        self.state_at(path).is_some_and(LocalState::is_lost)
    }

    /// Returns whether a file exists that the run has created or written; `false` if that is unknown.
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

/// Returns whether the kernel's change time is later: unlike the modification time, no program can set it.
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

/// Data by which an unchanged file is recognized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    identity: FileId,
    len: u64,
    written_at: (i64, i64),
    content: Content,
}

/// The content, or the time of the last change if the file is too long to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Hash(u64),
    ChangedAt(i64, i64),
}

impl Fingerprint {
    fn of(path: &Path) -> Option<Self> {
        Self::with_content(path, read(path).as_deref())
    }

    /// Takes the content as it was read; `None` if the file is too long.
    fn with_content(path: &Path, content: Option<&str>) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        let hash = |content: &str| {
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            hasher.finish()
        };
        Some(Self {
            identity: FileId::of(&file),
            len: file.len(),
            written_at: (file.mtime(), file.mtime_nsec()),
            content: content.map_or_else(
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

    /// Returns times of whole seconds, far in the past, far in the future.
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
            let absent = Before::seen([path.clone()], None, None);
            assert!(!absent.is_written_since(&path));

            fs::write(&path, "one").unwrap();
            set_time(&path, at);
            assert!(absent.is_written_since(&path), "made");

            let before = Before::seen([path.clone()], None, None);
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
        assert!(!Before::seen([], None, None).is_written_since(&path));
    }

    #[test]
    fn state_that_is_no_longer_where_its_name_leads_is_lost() {
        type Change = fn(&Path);
        let link: Change =
            |dir| std::os::unix::fs::symlink("store/real", dir.join("state")).unwrap();
        let store: Change = |dir| fs::create_dir(dir.join("store")).unwrap();
        let write: Change = |dir| fs::write(dir.join("store/real"), "x").unwrap();
        let replace: Change = |dir| {
            fs::write(dir.join("store/other"), "x").unwrap();
            fs::rename(dir.join("store/other"), dir.join("store/real")).unwrap();
        };
        let remove: Change = |dir| fs::remove_dir_all(dir.join("store")).unwrap();
        let nothing: Change = |_| {};
        let linked: &[Change] = &[link, store, write];
        type Row<'a> = (&'a str, &'a [Change], &'a str, &'a [Change], bool);
        let table: [Row<'_>; 9] = [
            ("left alone", linked, "state", &[nothing], false),
            ("written", linked, "state", &[write], false),
            ("target replaced", linked, "state", &[replace], true),
            ("target removed", linked, "state", &[remove], true),
            ("target made", &[link, store], "state", &[write], false),
            (
                "target made and removed",
                &[link, store],
                "state",
                &[write, remove],
                true,
            ),
            ("directory made", &[], "store/real", &[store, write], false),
            (
                "directory made and removed",
                &[],
                "store/real",
                &[store, write, remove],
                true,
            ),
            (
                "all made behind a link",
                &[link],
                "state",
                &[store, write],
                false,
            ),
        ];
        for (what, earlier, name, changes, expected) in table {
            let folder = tempfile::tempdir().unwrap();
            let apply =
                |changes: &[Change]| changes.iter().for_each(|change| change(folder.path()));
            apply(earlier);
            let path = folder.path().join(name);
            let before = Before::seen([], Some(path.clone()), None);
            apply(changes);
            assert_eq!(before.has_lost_state(&path), expected, "{what}");
        }
    }

    #[test]
    fn replaced_state_is_noticed_without_a_watch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        fs::write(&path, "x").unwrap();
        let state = LocalState {
            watches: Vec::new(),
            ..LocalState::at(path.clone())
        };
        assert!(!state.is_lost());
        fs::write(folder.path().join("other"), "x").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        assert!(state.is_lost());
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
