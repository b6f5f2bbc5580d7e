//! Digests of whole directory trees.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::hash::{Hash, named, too_large};
use super::reach::ReadableDirs;
use crate::regular_file;

/// Most files outside of a source that symbolic links and modules may lead to; bounds a link to `/`.
const MAX_ENTRIES_OUTSIDE: usize = 100_000;
/// Most bytes of them.
const MAX_BYTES_OUTSIDE: u64 = 2 * 1024 * 1024 * 1024;
/// Most bytes of files in a source.
const MAX_BYTES_INSIDE: u64 = 16 * 1024 * 1024 * 1024;
/// Directories whose files count by what the kernel knows about them: they are large, and nothing writes them after
/// the plan.
const BY_METADATA: [&str; 3] = [".git/objects", ".terraform/providers", ".terraform/plugins"];
/// Largest state that is recognized.
const MAX_STATE_BYTES: u64 = 1024 * 1024 * 1024;
/// How often a state that another run is writing is read again, and the pause between.
const STATE_ATTEMPTS: u32 = 20;
const STATE_PAUSE: Duration = Duration::from_millis(100);
/// What counts instead of a directory or file that the tool cannot read.
const OUT_OF_REACH: &[u8] = b"out of reach";
/// Kernel file systems: their files have no stable content, and reading one may block forever.
const OF_THE_KERNEL: [&str; 2] = ["/proc", "/sys"];

/// Returns the digest of everything below a source that an apply may read or execute: names, kinds, executable
/// bits, and bytes; including the targets of symbolic links within its reach.
///
/// The tool runs in `work_dir`, which is below the root. Excluded are files that the tool itself writes, see
/// [`TreeWalk::is_the_tools`], states, and `sessions`, the directory of all sessions, if it is below the root: journals and
/// logs grow. Fails with `Interrupted` once `is_stopped` returns `true`.
pub(crate) fn of_tree(
    root: &Path,
    work_dir: &Path,
    sessions: &Path,
    reach: &ReadableDirs,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<String> {
    let mut walk = TreeWalk::new(root, work_dir, Extent::Approval, is_stopped);
    walk.sessions = Some(sessions.canonicalize()?);
    walk.reach = reach.clone();
    walk.digest()
}

/// Returns one digest like [`of_tree`] for all modules beside a source.
pub(crate) fn of_modules_outside(
    dirs: &[PathBuf],
    sessions: &Path,
    reach: &ReadableDirs,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<String> {
    let sessions = sessions.canonicalize()?;
    let mut hash = Hash::default();
    let mut left = Allowance::OUTSIDE;
    for dir in dirs {
        if !reach.contains(dir) {
            hash.add(OUT_OF_REACH);
            continue;
        }
        let mut walk = TreeWalk::new(dir, dir, Extent::Approval, is_stopped);
        walk.is_outside = true;
        walk.left_outside = left;
        walk.sessions = Some(sessions.clone());
        walk.reach = reach.clone();
        hash.add(walk.digest()?.as_bytes());
        left = walk.left_outside;
    }
    Ok(hash.finish())
}

/// The files of a source at the time of the fetch.
pub(crate) struct Fetched {
    /// Digest that identifies them.
    pub(crate) digest: String,
    /// Their names relative to the root, in the order of the digest, a zero byte after each.
    pub(crate) names: Vec<u8>,
}

/// Reads a source that has just been fetched.
pub(crate) fn of_source(
    root: &Path,
    work_dir: &Path,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<Fetched> {
    let mut walk = TreeWalk::new(root, work_dir, Extent::Source, is_stopped);
    let digest = walk.digest()?;
    Ok(Fetched {
        digest,
        names: walk.names,
    })
}

/// Returns the digest of a source that was fetched before: of the listed files, ignoring any others; without a
/// list, of all files.
pub(crate) fn of_fetched(
    root: &Path,
    work_dir: &Path,
    names: Option<&[u8]>,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<String> {
    let mut walk = TreeWalk::new(root, work_dir, Extent::Source, is_stopped);
    walk.listed = names.map(|names| {
        let names = names.split(|byte| *byte == 0);
        names.map(|it| OsStr::from_bytes(it).into()).collect()
    });
    walk.digest()
}

/// The part of a tree that is digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// Everything that an apply may read or execute.
    Approval,
    /// The fetched files: not the targets of links, not the tool's data directory with the modules that it
    /// downloads, and no directories, since a workspace may add some.
    Source,
}

/// One walk through a tree.
struct TreeWalk<'a> {
    root: PathBuf,
    /// Where the tool runs, relative to the root.
    work_dir: PathBuf,
    extent: Extent,
    /// The files that count; all if `None`.
    listed: Option<HashSet<PathBuf>>,
    /// The files that counted, a zero byte after each.
    names: Vec<u8>,
    /// A directory that is excluded.
    sessions: Option<PathBuf>,
    is_stopped: &'a dyn Fn() -> bool,
    hash: Hash,
    /// Directories outside of the tree that were already walked.
    followed: BTreeSet<PathBuf>,
    /// Whether the whole tree is outside of the source.
    is_outside: bool,
    /// What may still be read outside of the source.
    left_outside: Allowance,
    /// How many bytes may still be read in it.
    left_inside: u64,
    /// Where the tool can read; links that lead elsewhere are not followed.
    reach: ReadableDirs,
}

/// How much may be read.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    entries: usize,
    bytes: u64,
}

impl Allowance {
    const OUTSIDE: Self = Self {
        entries: MAX_ENTRIES_OUTSIDE,
        bytes: MAX_BYTES_OUTSIDE,
    };
}

/// A directory to walk.
struct Folder {
    /// Its name in the digest, relative to the root.
    relative: PathBuf,
    path: PathBuf,
    /// A link led here: everything in it counts.
    is_followed: bool,
}

impl<'a> TreeWalk<'a> {
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
            left_outside: Allowance::OUTSIDE,
            left_inside: MAX_BYTES_INSIDE,
            reach: ReadableDirs::unlimited(),
        }
    }

    fn digest(&mut self) -> io::Result<String> {
        self.root = self.root.canonicalize()?;
        let mut waiting = vec![Folder {
            relative: PathBuf::new(),
            path: self.root.clone(),
            is_followed: false,
        }];
        while let Some(folder) = waiting.pop() {
            let entries = std::fs::read_dir(&folder.path).map_err(|it| named(&folder.path, &it))?;
            let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
            entries.sort_by_key(std::fs::DirEntry::file_name);
            for entry in entries {
                let relative = folder.relative.join(entry.file_name());
                if self.sessions.as_ref() == Some(&entry.path()) {
                    continue;
                }
                if folder.is_followed || self.is_outside {
                    self.count_outside(&relative)?;
                }
                if !folder.is_followed
                    && (self.is_the_tools(&relative) || self.is_state(&relative, &entry.path()))
                {
                    continue;
                }
                let next = self.add_entry(relative, &entry.path(), folder.is_followed)?;
                waiting.extend(next);
            }
        }
        Ok(std::mem::take(&mut self.hash).finish())
    }

    /// Adds one entry; returns the directory to walk next, if any.
    fn add_entry(
        &mut self,
        relative: PathBuf,
        path: &Path,
        is_followed: bool,
    ) -> io::Result<Option<Folder>> {
        let metadata = path.symlink_metadata().map_err(|it| named(path, &it))?;
        let counts_by_its_files = match self.extent {
            Extent::Approval => !is_followed && self.is_for_states(&relative),
            Extent::Source => true,
        };
        if metadata.is_dir() && counts_by_its_files {
            return Ok(Some(Folder {
                relative,
                path: path.to_owned(),
                is_followed,
            }));
        }
        let is_listed = self.listed.as_ref().is_none_or(|it| it.contains(&relative));
        if !is_listed {
            return Ok(None);
        }
        self.hash.add(relative.as_os_str().as_encoded_bytes());
        if self.extent == Extent::Source {
            self.names.extend(relative.as_os_str().as_encoded_bytes());
            self.names.push(0);
        }
        if metadata.is_symlink() {
            self.hash.add(b"link");
            let target = std::fs::read_link(path)?;
            self.hash.add(target.as_os_str().as_encoded_bytes());
            return match self.extent {
                Extent::Approval => self.follow(relative, path),
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
                relative,
                path: path.to_owned(),
                is_followed,
            }));
        }
        self.add_file(path, &metadata, is_followed || self.is_outside)?;
        Ok(None)
    }

    /// Adds the target of a link.
    fn follow(&mut self, relative: PathBuf, path: &Path) -> io::Result<Option<Folder>> {
        let target = match path.canonicalize() {
            Ok(target) => target,
            // A dangling or circular link cannot be executed.
            Err(_) => {
                self.hash.add(b"nowhere");
                return Ok(None);
            }
        };
        if OF_THE_KERNEL.iter().any(|it| target.starts_with(it)) {
            self.hash.add(b"other");
            return Ok(None);
        }
        if !target.starts_with(&self.root) && !self.reach.contains(&target) {
            self.hash.add(OUT_OF_REACH);
            return Ok(None);
        }
        let metadata = target.metadata().map_err(|it| named(&target, &it))?;
        if !metadata.is_dir() {
            let is_outside = !target.starts_with(&self.root);
            self.add_file(&target, &metadata, is_outside)?;
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
            relative,
            path: target,
            is_followed: true,
        }))
    }

    fn add_file(
        &mut self,
        path: &Path,
        metadata: &std::fs::Metadata,
        is_outside: bool,
    ) -> io::Result<()> {
        if !metadata.is_file() {
            // A socket or a device has no stable content.
            self.hash.add(b"other");
            return Ok(());
        }
        if is_outside {
            let left = self.left_outside.bytes.checked_sub(metadata.len());
            self.left_outside.bytes = left.ok_or_else(|| {
                too_much_outside(path, &format!("{MAX_BYTES_OUTSIDE} bytes of files"))
            })?;
        } else if self.counts_by_metadata(path) {
            self.hash.add(b"metadata");
            self.hash.add(&identity_of(metadata));
            return Ok(());
        } else {
            let left = self.left_inside.checked_sub(metadata.len());
            self.left_inside = left.ok_or_else(|| named(path, &too_large(MAX_BYTES_INSIDE)))?;
        }
        self.hash.add(kind_of(metadata));
        self.hash.add_file(path, self.is_stopped)
    }

    fn count_outside(&mut self, relative: &Path) -> io::Result<()> {
        let left = self.left_outside.entries.checked_sub(1);
        self.left_outside.entries = left
            .ok_or_else(|| too_much_outside(relative, &format!("{MAX_ENTRIES_OUTSIDE} files")))?;
        Ok(())
    }

    /// Returns whether the tool creates this directory for the states of workspaces; other files in it count.
    fn is_for_states(&self, relative: &Path) -> bool {
        let of_all = self.work_dir.join("terraform.tfstate.d");
        relative == of_all || relative.parent() == Some(&of_all)
    }

    /// Returns whether an entry below a source has a digest of its own, or is written between its fetch and the plan.
    ///
    /// Nothing of a session writes into the source between the plan and the apply, so all other entries count.
    fn is_the_tools(&self, relative: &Path) -> bool {
        let own = relative.strip_prefix(&self.work_dir).ok();
        let is_lock_file = own == Some(Path::new(".terraform.lock.hcl"));
        let is_fetched_by_init = own.is_some_and(|own| own.starts_with(".terraform"));
        match self.extent {
            Extent::Approval => is_lock_file,
            Extent::Source => is_lock_file || is_fetched_by_init || relative == Path::new(".git"),
        }
    }

    /// Returns whether an entry is a state, or the info file of its lock. The run of another workspace may write
    /// one; and the tool itself rejects a plan for another state.
    ///
    /// A file that only has such a name counts: an apply could execute it.
    fn is_state(&self, relative: &Path, path: &Path) -> bool {
        let is_named = self.extent == Extent::Approval
            && relative
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(is_of_state);
        is_named && has_state(path)
    }

    /// Returns whether the content of a file in the source counts by its metadata.
    fn counts_by_metadata(&self, path: &Path) -> bool {
        let of_git = self.root.join(BY_METADATA[0]);
        let own = self.root.join(&self.work_dir);
        let of_tool = BY_METADATA[1..].iter().map(|name| own.join(name));
        self.extent == Extent::Approval
            && std::iter::once(of_git)
                .chain(of_tool)
                .any(|dir| path.starts_with(dir))
    }
}

fn too_much_outside(path: &Path, limit: &str) -> io::Error {
    io::Error::other(format!(
        "`{}`: symbolic links and modules lead to more than {limit} outside of the source",
        path.display()
    ))
}

/// Returns whether the tool uses this name for a state, its backup, or the info file of its lock.
fn is_of_state(name: &str) -> bool {
    let is_backup = name
        .strip_prefix("terraform.tfstate.")
        .is_some_and(|rest| rest == "backup" || rest.ends_with(".backup"));
    let others = [
        "terraform.tfstate",
        ".terraform.tfstate.lock.info",
        "errored.tfstate",
    ];
    is_backup || others.contains(&name)
}

/// The members by which a state, or the info file of a lock, is recognized.
#[derive(Deserialize)]
struct StateMembers {
    serial: Option<u64>,
    lineage: Option<String>,
    #[serde(rename = "ID")]
    lock_id: Option<String>,
    #[serde(rename = "Operation")]
    operation: Option<String>,
}

/// Returns whether a file is empty, or has the content of a state or of a lock's info file.
fn has_state(path: &Path) -> bool {
    for attempt in 0..STATE_ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(STATE_PAUSE);
        }
        let Ok(file) = regular_file::open(path) else {
            return false;
        };
        let is_small = file.metadata().is_ok_and(|it| it.len() <= MAX_STATE_BYTES);
        if !is_small {
            return false;
        }
        let mut reader = BufReader::new(file);
        let Ok([first, ..]) = reader.fill_buf() else {
            return true;
        };
        if *first != b'{' {
            return false;
        }
        match serde_json::from_reader::<_, StateMembers>(reader) {
            Ok(members) => {
                let is_state = members.serial.is_some() && members.lineage.is_some();
                return is_state || (members.lock_id.is_some() && members.operation.is_some());
            }
            // Perhaps it is being written.
            Err(fault) if fault.is_eof() => {}
            Err(_) => return false,
        }
    }
    false
}

/// Returns what the kernel knows about a file, and changes with its content.
fn identity_of(metadata: &std::fs::Metadata) -> Vec<u8> {
    use std::os::unix::fs::MetadataExt;
    let numbers = [metadata.dev(), metadata.ino(), metadata.len()];
    let changed_at = [metadata.ctime(), metadata.ctime_nsec()];
    let numbers = numbers.map(u64::to_be_bytes).concat();
    [numbers, changed_at.map(i64::to_be_bytes).concat()].concat()
}

fn kind_of(metadata: &std::fs::Metadata) -> &'static [u8] {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o111 == 0 {
        b"file"
    } else {
        b"program"
    }
}
