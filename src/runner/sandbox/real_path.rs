//! Resolves a path without following links that a confined tool can change.
//!
//! Otherwise a link that one run leaves in its working directory would give the next run access to its target.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Number of links that the kernel follows.
const MOST_LINKS: u32 = 40;

/// The result of resolving a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// This path, which contains no links.
    Real(PathBuf),
    /// The path does not exist.
    Missing,
    /// The path is in a writable directory, which is granted as a whole.
    WithinWritable,
}

enum Part {
    Up,
    Name(OsString),
}

/// Resolves an absolute path; `writable` contains paths without links.
///
/// # Errors
/// The path is relative, a directory on the way can't be searched, or links form a loop.
pub(super) fn resolve(path: &Path, writable: &[PathBuf]) -> io::Result<Resolved> {
    if !path.is_absolute() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut left = parts(path);
    let mut real = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if writable.iter().any(|directory| real.starts_with(directory)) {
            return Ok(Resolved::WithinWritable);
        }
        let name = match part {
            Part::Up => {
                real.pop();
                continue;
            }
            Part::Name(name) => name,
        };
        let next = real.join(name);
        let found = match fs::symlink_metadata(&next) {
            Ok(found) => found,
            Err(fault) if is_missing(&fault) => return Ok(Resolved::Missing),
            Err(fault) => return Err(fault),
        };
        if !found.is_symlink() {
            real = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(io::Error::from_raw_os_error(libc::ELOOP));
        }
        let target = fs::read_link(&next)?;
        if target.is_absolute() {
            real = PathBuf::from("/");
        }
        let mut target = parts(&target);
        target.append(&mut left);
        left = target;
    }
    Ok(Resolved::Real(real))
}

fn is_missing(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn parts(path: &Path) -> VecDeque<Part> {
    path.components()
        .filter_map(|component| match component {
            Component::ParentDir => Some(Part::Up),
            Component::Normal(name) => Some(Part::Name(name.to_owned())),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_but_for_those_that_a_tool_can_change() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["work/sub", "other/deep"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::write(root.join("other/file"), "").unwrap();
        for (link, target) in [
            ("to_other", "other"),
            ("to_file", "to_other/file"),
            ("to_work", "work"),
            ("work/out", "../other"),
            ("through_work", "work/out/deep"),
            ("round", "round"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let writable = [root.join("work")];
        let real = |name: &str| Resolved::Real(root.join(name));
        let table = [
            ("other", real("other")),
            ("other/../other/./deep", real("other/deep")),
            ("to_other/deep", real("other/deep")),
            ("to_file", real("other/file")),
            ("work", real("work")),
            ("to_work", real("work")),
            ("work/out", Resolved::WithinWritable),
            ("work/sub/../../other", Resolved::WithinWritable),
            ("to_work/out", Resolved::WithinWritable),
            ("through_work", Resolved::WithinWritable),
            ("work/nothing", Resolved::WithinWritable),
            ("nothing/deep", Resolved::Missing),
            ("to_file/deep", Resolved::Missing),
        ];
        for (path, expected) in table {
            assert_eq!(
                resolve(&root.join(path), &writable).unwrap(),
                expected,
                "{path}"
            );
        }
        assert!(resolve(&root.join("round"), &writable).is_err());
        for relative in ["", ".", "..", "work"] {
            assert!(resolve(Path::new(relative), &[]).is_err(), "{relative}");
        }
    }
}
