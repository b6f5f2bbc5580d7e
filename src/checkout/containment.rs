//! Resolves paths that must not leave a directory.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Number of symbolic links that Linux follows in one path, path_resolution(7).
const MAX_LINKS: usize = 40;

/// Why a path inside a checkout is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// The path is absolute.
    #[error("`{path}` is absolute, give it relative to the root of the repository")]
    Absolute {
        /// The given path.
        path: String,
    },
    /// The path leaves the root, by `..` or by a symbolic link.
    #[error("`{path}` leads out of the repository")]
    Escapes {
        /// The given path.
        path: String,
    },
    /// Nothing exists at the path.
    #[error("`{path}` is not in the repository")]
    NotFound {
        /// The given path.
        path: String,
    },
    /// The path exists but is not a directory.
    #[error("`{path}` is not a directory")]
    NotADirectory {
        /// The given path.
        path: String,
    },
    /// The path is empty, or contains a NUL character.
    #[error("`{path}` is not a path")]
    Malformed {
        /// The given path.
        path: String,
    },
    /// A symbolic link refers to itself.
    #[error("`{path}` goes through more than {MAX_LINKS} symbolic links")]
    Loop {
        /// The given path.
        path: String,
    },
    /// The system refused access.
    #[error("`{path}` cannot be looked at")]
    Unreadable {
        /// The given path.
        path: String,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// Resolves a path inside `root`, with every symbolic link in it.
///
/// Each step is checked before the next: nothing outside of `root` is ever accessed, so the answer does not even
/// reveal what exists there. A `..` that stays inside is accepted. The result may be of any file type, and is valid
/// as long as no process changes the tree.
///
/// # Errors
/// The path is absolute, leaves `root`, or does not exist.
pub fn contained(root: &Path, path: &str) -> Result<PathBuf, PathFault> {
    let given = || path.to_owned();
    if path.is_empty() || path.contains('\0') {
        return Err(PathFault::Malformed { path: given() });
    }
    if Path::new(path).is_absolute() {
        return Err(PathFault::Absolute { path: given() });
    }
    let unreadable = |source| PathFault::Unreadable {
        path: given(),
        source,
    };
    let root = root.canonicalize().map_err(unreadable)?;
    let mut here = root.clone();
    let mut steps: VecDeque<PathStep> = steps_of(Path::new(path)).collect();
    let mut links = 0;
    while let Some(step) = steps.pop_front() {
        let PathStep::Down(name) = step else {
            if step == PathStep::Top || here == root {
                return Err(PathFault::Escapes { path: given() });
            }
            here.pop();
            continue;
        };
        here.push(name);
        let kind =
            fs::symlink_metadata(&here).map_err(|fault| absent_or(fault, given(), unreadable))?;
        if !kind.is_symlink() {
            if !steps.is_empty() && !kind.is_dir() {
                return Err(PathFault::NotFound { path: given() });
            }
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(PathFault::Loop { path: given() });
        }
        let target = fs::read_link(&here).map_err(unreadable)?;
        here.pop();
        for step in steps_of(&target).collect::<Vec<_>>().into_iter().rev() {
            steps.push_front(step);
        }
    }
    // `file/` and `file/.` do not exist, as everywhere else.
    if matches!(path.rsplit('/').next(), Some("" | ".")) && !here.is_dir() {
        return Err(PathFault::NotFound { path: given() });
    }
    Ok(here)
}

fn absent_or(
    fault: io::Error,
    path: String,
    otherwise: impl FnOnce(io::Error) -> PathFault,
) -> PathFault {
    match fault.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => PathFault::NotFound { path },
        _ => otherwise(fault),
    }
}

/// One component of a path.
#[derive(Debug, PartialEq, Eq)]
enum PathStep {
    /// The root of the file system: never inside.
    Top,
    Up,
    Down(OsString),
}

fn steps_of(path: &Path) -> impl Iterator<Item = PathStep> + '_ {
    path.components().filter_map(|component| match component {
        Component::CurDir => None,
        Component::ParentDir => Some(PathStep::Up),
        Component::Normal(name) => Some(PathStep::Down(name.to_owned())),
        Component::RootDir | Component::Prefix(_) => Some(PathStep::Top),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    /// Creates `outside/secret` beside `root`, and in `root`: `a/b/file`, and links in and out.
    fn tree() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "").unwrap();
        fs::create_dir(place.path().join("outside")).unwrap();
        fs::write(place.path().join("outside/secret"), "").unwrap();
        for (link, target) in [
            ("in", "a/b"),
            ("a/up", "../a/b"),
            ("out", "../outside"),
            ("out_file", "../outside/secret"),
            ("a/out", "../../outside"),
            ("absolute", "/etc"),
            ("nowhere", "../outside/absent"),
            ("loop", "loop"),
            ("chain", "a/out"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let root = root.canonicalize().unwrap();
        (place, root)
    }

    #[test]
    fn what_is_inside_is_found() {
        let (_place, root) = tree();
        let table = [
            (".", ""),
            ("./", ""),
            ("a", "a"),
            ("a//b/", "a/b"),
            ("a/../a/b/file", "a/b/file"),
            ("in/file", "a/b/file"),
            ("a/up/../..", ""),
        ];
        for (path, expected) in table {
            let found = contained(&root, path).unwrap();
            assert_eq!(found, root.join(expected), "{path}");
        }
    }

    #[test]
    fn what_leads_out_is_refused() {
        let (_place, root) = tree();
        let table = [
            "..",
            "../root",
            "a/../..",
            "out",
            "out/secret",
            "out_file",
            "a/out/secret",
            "chain",
            "absolute",
            "absolute/passwd",
            // The error does not reveal whether these exist.
            "nowhere",
            "../absent",
        ];
        for path in table {
            let refused = contained(&root, path);
            assert!(
                matches!(refused, Err(PathFault::Escapes { .. })),
                "{path}: {refused:?}"
            );
        }
        assert!(matches!(
            contained(&root, "/etc"),
            Err(PathFault::Absolute { .. })
        ));
        assert!(matches!(
            contained(&root, "loop"),
            Err(PathFault::Loop { .. })
        ));
        for path in [
            "absent",
            "a/b/file/x",
            "a/b/file/..",
            "a/b/file/",
            "a/b/file/.",
        ] {
            let refused = contained(&root, path);
            assert!(
                matches!(refused, Err(PathFault::NotFound { .. })),
                "{path}: {refused:?}"
            );
        }
        for path in ["", "a\0b"] {
            assert!(matches!(
                contained(&root, path),
                Err(PathFault::Malformed { .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn found_paths_are_inside(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "b", "up", "in", "out", "out_file", "..", ".", "", "file", "absolute", "chain", "nowhere",
                ]),
                0..8,
            )
        ) {
            let (_place, root) = tree();
            let path = parts.join("/");
            if let Ok(found) = contained(&root, &path) {
                prop_assert!(found.starts_with(&root), "{} is {}", path, found.display());
                prop_assert_eq!(found.canonicalize().unwrap(), found.clone());
                prop_assert_eq!(root.join(&path).canonicalize().unwrap(), found);
            }
        }
    }
}
