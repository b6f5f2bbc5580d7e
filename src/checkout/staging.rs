//! The directory of a checkout until it is complete.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::CheckoutError;
use crate::process::remove_tree;

/// Suffix of an incomplete checkout.
const END: &str = ".partial";

/// A directory beside the target; dropping this value removes it, unless it was moved into place.
#[derive(Debug)]
pub(super) struct Staging {
    path: PathBuf,
    /// For temporary files of the processes that work in it; removed with it.
    temp_dir: PathBuf,
}

impl Staging {
    /// Creates the directory and its missing parents.
    pub(super) fn next_to(into: &Path) -> Result<Self, CheckoutError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        if !is_free(into).map_err(at(into))? {
            return Err(CheckoutError::Occupied {
                into: into.to_owned(),
            });
        }
        let (Some(parent), Some(name)) = (into.parent(), into.file_name()) else {
            return Err(CheckoutError::Occupied {
                into: into.to_owned(),
            });
        };
        fs::create_dir_all(parent).map_err(at(parent))?;
        let parent = parent.canonicalize().map_err(at(parent))?;
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}{}-{number}", beginning(name), process::id());
            let path = parent.join(format!("{name}{END}"));
            let temp_dir = parent.join(format!("{name}.temp{END}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let staging = Self { path, temp_dir };
                    let _ = remove_tree(&staging.temp_dir);
                    let made = fs::create_dir(&staging.temp_dir);
                    return made.map_err(at(&staging.temp_dir)).map(|()| staging);
                }
                // Left by a killed process with the same id.
                Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {}
                Err(fault) => return Err(at(&path)(fault)),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn temp_dir(&self) -> &Path {
        &self.temp_dir
    }

    /// Returns the parent directory.
    pub(super) fn parent(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Renames the checkout to its target atomically, and returns the path.
    pub(super) fn put_in_place(&self, into: &Path) -> Result<PathBuf, CheckoutError> {
        let root = self.parent().join(into.file_name().unwrap_or_default());
        match fs::rename(&self.path, &root) {
            Ok(()) => Ok(root),
            Err(fault)
                if matches!(
                    fault.kind(),
                    io::ErrorKind::DirectoryNotEmpty
                        | io::ErrorKind::AlreadyExists
                        | io::ErrorKind::NotADirectory
                ) =>
            {
                Err(CheckoutError::Occupied {
                    into: into.to_owned(),
                })
            }
            Err(fault) => Err(at(into)(fault)),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // It no longer exists once it was moved into place.
        let _ = remove_tree(&self.path);
        let _ = remove_tree(&self.temp_dir);
    }
}

/// Returns the prefix of its name.
fn beginning(name: &OsStr) -> String {
    format!(".{}.", name.display())
}

/// Removes what checkouts of killed processes into this directory have left.
///
/// Call this only if no checkout into the directory is running.
///
/// # Errors
/// A leftover cannot be removed.
pub fn remove_unfinished(into: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (into.parent(), into.file_name()) else {
        return Ok(());
    };
    let beginning = beginning(name);
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_one = name
            .to_str()
            .is_some_and(|name| name.starts_with(&beginning) && name.ends_with(END));
        if is_one {
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

/// Returns whether the path does not exist or is an empty directory.
fn is_free(into: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(into) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(fault) => Err(fault),
        Ok(found) if found.is_dir() => Ok(fs::read_dir(into)?.next().is_none()),
        Ok(_) => Ok(false),
    }
}

pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> CheckoutError {
    let path = path.to_owned();
    |source| CheckoutError::Filesystem { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_becomes_the_wanted_directory_or_nothing() {
        let place = tempfile::tempdir().unwrap();
        let into = place.path().join("a/b");
        drop(Staging::next_to(&into).unwrap());
        assert_eq!(fs::read_dir(place.path().join("a")).unwrap().count(), 0);

        let staging = Staging::next_to(&into).unwrap();
        fs::write(staging.path().join("file"), "").unwrap();
        let root = staging.put_in_place(&into).unwrap();
        drop(staging);
        assert!(root.join("file").exists());
        assert_eq!(fs::read_dir(place.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let into = place.path().join("source");
        std::mem::forget(Staging::next_to(&into).unwrap());
        let others = [".other.1-1.partial", ".source.txt", "source.partial"];
        for other in others {
            fs::create_dir(place.path().join(other)).unwrap();
        }
        // The checkout has a directory for temporary files beside it.
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 5);
        remove_unfinished(&into).unwrap();
        assert!(others.iter().all(|other| place.path().join(other).exists()));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3);
    }

    #[test]
    fn what_is_there_is_not_touched() {
        let place = tempfile::tempdir().unwrap();
        let full = place.path().join("full");
        fs::create_dir(&full).unwrap();
        fs::write(full.join("file"), "").unwrap();
        for into in [full.clone(), full.join("file")] {
            let refused = Staging::next_to(&into);
            assert!(matches!(refused, Err(CheckoutError::Occupied { .. })));
        }
        let empty = place.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let staging = Staging::next_to(&empty).unwrap();
        fs::write(empty.join("late"), "").unwrap();
        let refused = staging.put_in_place(&empty);
        assert!(matches!(refused, Err(CheckoutError::Occupied { .. })));
    }
}
