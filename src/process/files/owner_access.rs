//! Gives the owner of files back the access that another program of the same user has taken away.
//!
//! Landlock does not limit `chmod`: a confined tool can change the mode of a file that it can neither read nor write.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::unistd::geteuid;

/// What an owner needs of a directory, and of a file.
const OF_DIRECTORY: u32 = 0o700;
const OF_FILE: u32 = 0o600;

/// Lets the owner read and write a file, or read, write and enter a directory; returns whether that was not so.
///
/// Does nothing to symbolic links, to files of other users, and where nothing exists.
///
/// # Errors
/// The mode cannot be read or changed.
pub fn restore_owner_access(path: &Path) -> io::Result<bool> {
    let Some(metadata) = metadata_of_own(path)? else {
        return Ok(false);
    };
    let needed = if metadata.is_dir() {
        OF_DIRECTORY
    } else {
        OF_FILE
    };
    let mode = metadata.permissions().mode();
    if mode & needed == needed {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(mode | needed))?;
    Ok(true)
}

/// Returns the metadata of a file or directory of this user; `None` for a symbolic link, for a file of another user, and
/// where nothing exists.
///
/// # Errors
/// The metadata cannot be read.
pub fn metadata_of_own(path: &Path) -> io::Result<Option<Metadata>> {
    match path.symlink_metadata() {
        Ok(metadata) => {
            let is_own = !metadata.is_symlink() && metadata.uid() == geteuid().as_raw();
            Ok(is_own.then_some(metadata))
        }
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Does [`restore_owner_access`] for a directory and everything below it, except the entries of the directory with the
/// names `left_alone`.
///
/// # Errors
/// As [`restore_owner_access`], or a directory cannot be read.
pub fn restore_owner_access_below(dir: &Path, left_alone: &[&str]) -> io::Result<()> {
    let mut paths = vec![dir.to_owned()];
    while let Some(path) = paths.pop() {
        restore_owner_access(&path)?;
        if !path.symlink_metadata().is_ok_and(|it| it.is_dir()) {
            continue;
        }
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            let is_left_alone = path == dir && left_alone.iter().any(|it| entry.file_name() == *it);
            if !is_left_alone {
                paths.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_owner_gets_back_what_it_needs_and_others_get_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("session/runs/01-init")).unwrap();
        fs::create_dir_all(at("session/source")).unwrap();
        fs::write(at("session/runs/01-init/result.json"), "").unwrap();
        fs::write(at("session/journal"), "").unwrap();
        fs::write(at("other"), "").unwrap();
        symlink(at("other"), at("session/link")).unwrap();
        let deepest_first = [
            ("session/runs/01-init/result.json", 0o000, 0o600),
            ("session/runs/01-init", 0o050, 0o750),
            ("session/runs", 0o000, 0o700),
            ("session/journal", 0o444, 0o644),
            ("session/source", 0o500, 0o500),
            ("other", 0o000, 0o000),
            ("session", 0o000, 0o700),
        ];
        for (name, mode, _) in deepest_first {
            fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
        }
        restore_owner_access_below(&at("session"), &["source"]).unwrap();
        for (name, _, expected) in deepest_first {
            let mode = fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, expected, "{name}: {mode:o}");
        }
        assert!(!restore_owner_access(&at("session")).unwrap());
        assert!(!restore_owner_access(&at("nothing")).unwrap());
        assert!(restore_owner_access(&at("other")).unwrap());
    }
}
