//! Removes a directory tree of any depth.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Removes a directory and everything in it; does not follow links.
///
/// `std::fs::remove_dir_all` recurses, so a tree that is some thousand directories deep overflows the stack or runs
/// out of descriptors. Here each directory is moved to the top before it is emptied, so that only one level is open
/// at a time.
///
/// # Errors
/// The first file or directory that can't be listed, moved or removed. [`io::ErrorKind::NotFound`] if the directory
/// does not exist.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let root = open_directory(AT_FDCWD, path)?;
    let mut moved = 0;
    loop {
        let mut is_empty = true;
        for (name, kind) in entries(root.as_fd())? {
            is_empty = false;
            if kind == Kind::Directory {
                empty_into(root.as_fd(), &name, &mut moved)?;
                unlinkat(&root, name.as_c_str(), UnlinkatFlags::RemoveDir)?;
            } else {
                unlinkat(&root, name.as_c_str(), UnlinkatFlags::NoRemoveDir)?;
            }
        }
        if is_empty {
            break;
        }
    }
    Ok(unlinkat(AT_FDCWD, path, UnlinkatFlags::RemoveDir)?)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Directory,
    Other,
}

/// Removes the files of a directory in the root, and moves its directories into the root.
fn empty_into(root: BorrowedFd<'_>, name: &CStr, moved: &mut u64) -> io::Result<()> {
    let directory = open_directory(root, name)?;
    for (child, kind) in entries(directory.as_fd())? {
        match kind {
            Kind::Directory => move_to(root, directory.as_fd(), &child, moved)?,
            Kind::Other => unlink(directory.as_fd(), &child)?,
        }
    }
    Ok(())
}

/// Moves a directory into the root, under an unused name.
fn move_to(
    root: BorrowedFd<'_>,
    from: BorrowedFd<'_>,
    name: &CStr,
    moved: &mut u64,
) -> io::Result<()> {
    let mut is_accessible = false;
    loop {
        *moved += 1;
        let target = CString::new(format!(".removed-{moved}"))?;
        match renameat(from, name, root, target.as_c_str()) {
            // The name is already used.
            Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => {}
            // The move changes both directories.
            Err(Errno::EACCES) if !is_accessible => {
                is_accessible = true;
                fchmod(from, Mode::S_IRWXU)?;
                fchmodat(from, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
            }
            answer => return Ok(answer?),
        }
    }
}

/// Removes a file, even from a read-only directory of this user.
fn unlink(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let remove = || unlinkat(directory, name, UnlinkatFlags::NoRemoveDir);
    match remove() {
        Err(Errno::EACCES) => {
            fchmod(directory, Mode::S_IRWXU)?;
            Ok(remove()?)
        }
        answer => Ok(answer?),
    }
}

fn open_directory<P: ?Sized + nix::NixPath>(at: impl AsFd, path: &P) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(at, path, flags, Mode::empty())?)
}

/// Returns the entries of a directory, without `.` and `..`.
fn entries(directory: BorrowedFd<'_>) -> io::Result<Vec<(CString, Kind)>> {
    let mut listed = Dir::openat(
        directory,
        ".",
        OFlag::O_RDONLY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )?;
    let mut found = Vec::new();
    for entry in listed.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let kind = match entry.file_type() {
            Some(Type::Directory) => Kind::Directory,
            Some(_) => Kind::Other,
            // The file system does not report the type.
            None => match open_directory(directory, name) {
                Ok(_) => Kind::Directory,
                Err(_) => Kind::Other,
            },
        };
        found.push((name.to_owned(), kind));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn everything_in_it_is_removed_and_nothing_that_links_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            "tree/a/b/c",
            "tree/a/d",
            "tree/.removed-1/.removed-2",
            "kept",
        ] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in ["tree/f", "tree/a/b/f", "tree/.removed-3", "kept/f"] {
            fs::write(at(name), "").unwrap();
        }
        symlink(at("kept"), at("tree/a/link")).unwrap();
        symlink("gone", at("tree/dangling")).unwrap();
        remove_tree(&at("tree")).unwrap();
        assert!(!at("tree").exists() && at("kept/f").exists());
        let fault = remove_tree(&at("tree")).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::NotFound);
        symlink(at("kept"), at("link")).unwrap();
        remove_tree(&at("link")).unwrap_err();
        assert!(at("kept/f").exists());
    }

    #[test]
    fn a_very_deep_tree_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("deep");
        fs::create_dir(&root).unwrap();
        // The kernel does not accept a path of that length.
        let mut directory = open_directory(AT_FDCWD, &root).unwrap();
        for _ in 0..30_000 {
            nix::sys::stat::mkdirat(&directory, "d", Mode::S_IRWXU).unwrap();
            directory = open_directory(directory.as_fd(), "d").unwrap();
        }
        drop(directory);
        std::thread::Builder::new()
            .stack_size(128 * 1024)
            .spawn(move || remove_tree(&root))
            .unwrap()
            .join()
            .unwrap()
            .unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
