//! Digests of whole trees of files.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::content::{Hash, named};

/// How many files symbolic links and modules may lead to outside of a source, so that one to `/` has an end.
const MAX_ENTRIES_OUTSIDE: usize = 100_000;
/// What the tool keeps in its data directory, beside modules.
const OF_THE_DATA_DIR: [&str; 4] = ["providers", "plugins", "terraform.tfstate", "environment"];
/// Where files are the kernel's: they have no content that stays, and to read one may take for ever.
const OF_THE_KERNEL: [&str; 2] = ["/proc", "/sys"];

/// Digest of everything below a source that an apply may read or execute: names, kinds, whether it can be
/// executed, and bytes; also of what symbolic links lead to.
///
/// The tool runs in `work_dir`, which is below the root. Left out is what it writes by itself: see
/// [`Walk::is_the_tools`]; and `sessions`, the directory of all sessions, should it be below: journals and
/// logs grow. Ends with an error of the kind `Interrupted` once `is_stopped` says so.
pub(super) fn of_tree(
    root: &Path,
    work_dir: &Path,
    sessions: &Path,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<String> {
    let mut walk = Walk::new(root, work_dir, Extent::Approval, is_stopped);
    walk.sessions = Some(sessions.canonicalize()?);
    walk.digest()
}

/// The same of modules that lie beside a source, together.
pub(super) fn of_modules_beside(
    dirs: &[PathBuf],
    sessions: &Path,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<String> {
    let sessions = sessions.canonicalize()?;
    let mut hash = Hash::default();
    let mut entries_outside = 0;
    for dir in dirs {
        let mut walk = Walk::new(dir, dir, Extent::Approval, is_stopped);
        walk.is_outside = true;
        walk.entries_outside = entries_outside;
        walk.sessions = Some(sessions.clone());
        hash.add(walk.digest()?.as_bytes());
        entries_outside = walk.entries_outside;
    }
    Ok(hash.finish())
}

/// The files of a source as they were fetched.
pub(super) struct Fetched {
    /// By which they are known again.
    pub(super) digest: String,
    /// Their names from the root, in the order of the digest, a zero byte after each.
    pub(super) names: Vec<u8>,
}

/// Looks at a source that has just been fetched.
pub(super) fn of_source(
    root: &Path,
    work_dir: &Path,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<Fetched> {
    let mut walk = Walk::new(root, work_dir, Extent::Source, is_stopped);
    let digest = walk.digest()?;
    Ok(Fetched {
        digest,
        names: walk.names,
    })
}

/// Digest of a source that was fetched before: of the files that are listed, whatever else lies there by now;
/// without a list, of all of them.
pub(super) fn of_fetched(
    root: &Path,
    work_dir: &Path,
    names: Option<&[u8]>,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<String> {
    let mut walk = Walk::new(root, work_dir, Extent::Source, is_stopped);
    walk.listed = names.map(|names| {
        let names = names.split(|byte| *byte == 0);
        names.map(|it| OsStr::from_bytes(it).into()).collect()
    });
    walk.digest()
}

/// How much of a tree is digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// All that an apply may read or execute.
    Approval,
    /// The files that were fetched: not what links lead to, not the tool's data directory with the modules
    /// that it downloads, and no directories, which a workspace may add.
    Source,
}

/// One walk through a tree.
struct Walk<'a> {
    root: PathBuf,
    /// Where the tool runs, from the root.
    work_dir: PathBuf,
    extent: Extent,
    /// The files that count; without it, all do.
    listed: Option<HashSet<PathBuf>>,
    /// Those that did, a zero byte after each.
    names: Vec<u8>,
    /// A directory that is left out.
    sessions: Option<PathBuf>,
    is_stopped: &'a dyn Fn() -> bool,
    hash: Hash,
    /// Directories outside of the tree that were walked through already.
    followed: BTreeSet<PathBuf>,
    /// Whether the whole tree is outside of the source.
    is_outside: bool,
    /// How many entries outside of the source there were, and how many there may be.
    entries_outside: usize,
    most_outside: usize,
}

/// A directory that is walked through.
struct Folder {
    /// Its name in the digest, from the root.
    place: PathBuf,
    path: PathBuf,
    /// A link led here: everything counts.
    is_followed: bool,
}

impl<'a> Walk<'a> {
    fn new(root: &Path, work_dir: &Path, extent: Extent, is_stopped: &'a dyn Fn() -> bool) -> Self {
        Self {
            root: root.to_owned(),
            work_dir: work_dir.strip_prefix(root).unwrap_or(work_dir).to_owned(),
            extent,
            listed: None,
            names: Vec::new(),
            sessions: None,
            is_stopped,
            hash: Hash::default(),
            followed: BTreeSet::new(),
            is_outside: false,
            entries_outside: 0,
            most_outside: MAX_ENTRIES_OUTSIDE,
        }
    }

    fn digest(&mut self) -> io::Result<String> {
        self.root = self.root.canonicalize()?;
        let mut waiting = vec![Folder {
            place: PathBuf::new(),
            path: self.root.clone(),
            is_followed: false,
        }];
        while let Some(folder) = waiting.pop() {
            let entries = std::fs::read_dir(&folder.path).map_err(|it| named(&folder.path, &it))?;
            let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
            entries.sort_by_key(std::fs::DirEntry::file_name);
            for entry in entries {
                let place = folder.place.join(entry.file_name());
                if self.sessions.as_ref() == Some(&entry.path()) {
                    continue;
                }
                if folder.is_followed || self.is_outside {
                    self.count_outside(&place)?;
                }
                if !folder.is_followed && self.is_the_tools(&place) {
                    continue;
                }
                let next = self.add_entry(place, &entry.path(), folder.is_followed)?;
                waiting.extend(next);
            }
        }
        Ok(std::mem::take(&mut self.hash).finish())
    }

    /// Adds one entry; what it leads on to, if anything.
    fn add_entry(
        &mut self,
        place: PathBuf,
        path: &Path,
        is_followed: bool,
    ) -> io::Result<Option<Folder>> {
        let metadata = path.symlink_metadata().map_err(|it| named(path, &it))?;
        let counts_by_its_files = match self.extent {
            Extent::Approval => !is_followed && self.is_for_states(&place),
            Extent::Source => true,
        };
        if metadata.is_dir() && counts_by_its_files {
            return Ok(Some(Folder {
                place,
                path: path.to_owned(),
                is_followed,
            }));
        }
        let is_listed = self.listed.as_ref().is_none_or(|it| it.contains(&place));
        if !is_listed {
            return Ok(None);
        }
        self.hash.add(place.as_os_str().as_encoded_bytes());
        if self.extent == Extent::Source {
            self.names.extend(place.as_os_str().as_encoded_bytes());
            self.names.push(0);
        }
        if metadata.is_symlink() {
            self.hash.add(b"link");
            let target = std::fs::read_link(path)?;
            self.hash.add(target.as_os_str().as_encoded_bytes());
            return match self.extent {
                Extent::Approval => self.follow(place, path),
                Extent::Source => Ok(None),
            };
        }
        if OF_THE_KERNEL.iter().any(|it| path == Path::new(it)) {
            self.hash.add(b"other");
            return Ok(None);
        }
        if metadata.is_dir() {
            self.hash.add(b"directory");
            return Ok(Some(Folder {
                place,
                path: path.to_owned(),
                is_followed,
            }));
        }
        self.add_file(path, &metadata)?;
        Ok(None)
    }

    /// Adds what a link leads to.
    fn follow(&mut self, place: PathBuf, path: &Path) -> io::Result<Option<Folder>> {
        let target = match path.canonicalize() {
            Ok(target) => target,
            // What leads nowhere, or round in a circle, cannot be executed.
            Err(_) => {
                self.hash.add(b"nowhere");
                return Ok(None);
            }
        };
        if OF_THE_KERNEL.iter().any(|it| target.starts_with(it)) {
            self.hash.add(b"other");
            return Ok(None);
        }
        let metadata = target.metadata().map_err(|it| named(&target, &it))?;
        if !metadata.is_dir() {
            self.add_file(&target, &metadata)?;
            return Ok(None);
        }
        self.hash.add(b"directory");
        let is_covered = target
            .strip_prefix(&self.root)
            .is_ok_and(|inside| !inside.ancestors().any(|it| self.is_the_tools(it)));
        if is_covered || !self.followed.insert(target.clone()) {
            return Ok(None);
        }
        Ok(Some(Folder {
            place,
            path: target,
            is_followed: true,
        }))
    }

    fn add_file(&mut self, path: &Path, metadata: &std::fs::Metadata) -> io::Result<()> {
        if metadata.is_file() {
            self.hash.add(kind_of(metadata));
            self.hash.add_file(path, self.is_stopped)
        } else {
            // A socket or a device has no content that stays.
            self.hash.add(b"other");
            Ok(())
        }
    }

    fn count_outside(&mut self, place: &Path) -> io::Result<()> {
        self.entries_outside += 1;
        if self.entries_outside <= self.most_outside {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "`{}`: symbolic links and modules lead to more than {} files outside of the source",
            place.display(),
            self.most_outside
        )))
    }

    /// Whether the tool makes this directory for the states of workspaces: whatever else lies in it counts.
    fn is_for_states(&self, place: &Path) -> bool {
        let of_all = self.work_dir.join("terraform.tfstate.d");
        place == of_all || place.parent() == Some(&of_all)
    }

    /// Whether something below a source is written by git or by the tool in the course of its work.
    ///
    /// State and its backups change with every run, and a plan for another state is refused by the tool
    /// itself. The lock file is digested apart. Downloaded modules are configuration; providers are held to
    /// the lock file by the tool. Whatever else bears such a name somewhere else is a file like any other.
    fn is_the_tools(&self, place: &Path) -> bool {
        if place == Path::new(".git") {
            return true;
        }
        if let Ok(own) = place.strip_prefix(&self.work_dir) {
            if own == Path::new(".terraform.lock.hcl") {
                return true;
            }
            if let Ok(data) = own.strip_prefix(".terraform") {
                let is_fetched_by_init = self.extent == Extent::Source;
                if is_fetched_by_init || OF_THE_DATA_DIR.iter().any(|it| data == Path::new(it)) {
                    return true;
                }
            }
        }
        // What was fetched is the first state of all: nothing writes it before the plan.
        self.extent == Extent::Approval
            && place
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(is_of_state)
    }
}

/// Whether the tool gives this name to a state, or to what it leaves beside one.
fn is_of_state(name: &str) -> bool {
    let is_backup = name
        .strip_prefix("terraform.tfstate.")
        .is_some_and(|rest| rest == "backup" || rest.ends_with(".backup"));
    let others = [
        "terraform.tfstate",
        ".terraform.tfstate.lock.info",
        "errored.tfstate",
        "crash.log",
    ];
    is_backup || others.contains(&name)
}

fn kind_of(metadata: &std::fs::Metadata) -> &'static [u8] {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o111 == 0 {
        b"file"
    } else {
        b"program"
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
