//! Checks whether a path is inside a directory, by whichever names the two are reached.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Returns whether `inner` is `outer` or is inside it. Links are followed, and a bind mount counts as its source,
/// unless `/proc` can't be read.
///
/// # Errors
/// One of the paths does not exist or can't be accessed.
pub fn contains(outer: &Path, inner: &Path) -> io::Result<bool> {
    let (outer, inner) = (outer.canonicalize()?, inner.canonicalize()?);
    let through_mounts = || Mounts::read().is_ok_and(|it| it.contains(&outer, &inner));
    Ok(inner.starts_with(&outer) || through_mounts())
}

/// Returns whether a path that may be missing lies in a directory, or will once it is created. Nothing lies in a missing
/// directory.
pub fn will_contain(outer: &Path, inner: &Path) -> bool {
    let existing = inner.ancestors().find(|it| it.exists());
    existing.is_some_and(|existing| contains(outer, existing).unwrap_or(false))
}

/// A mounted part of a file system (`proc_pid_mountinfo(5)`).
struct Mount {
    /// Major and minor number of the file system.
    device: String,
    /// The path in the file system that is mounted.
    root: PathBuf,
    /// The mount point.
    point: PathBuf,
}

struct Mounts(Vec<Mount>);

impl Mounts {
    fn read() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/self/mountinfo")?;
        Ok(Self(text.lines().filter_map(Mount::parse).collect()))
    }

    fn contains(&self, outer: &Path, inner: &Path) -> bool {
        match (self.on_file_system(outer), self.on_file_system(inner)) {
            (Some((outer_device, outer)), Some((inner_device, inner))) => {
                outer_device == inner_device && inner.starts_with(outer)
            }
            _ => false,
        }
    }

    /// Returns the file system of a path, and the path relative to its root.
    fn on_file_system(&self, path: &Path) -> Option<(&str, PathBuf)> {
        // If mounts are stacked, the last one is on top.
        let around = self.0.iter().filter(|it| path.starts_with(&it.point));
        let mount = around.max_by_key(|it| it.point.components().count())?;
        let below = path.strip_prefix(&mount.point).ok()?;
        Some((&mount.device, mount.root.join(below)))
    }
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ').skip(2);
        Some(Self {
            device: fields.next()?.to_owned(),
            root: unescaped(fields.next()?),
            point: unescaped(fields.next()?),
        })
    }
}

/// Decodes the octal escapes of white space and backslashes in a path.
fn unescaped(field: &str) -> PathBuf {
    let mut parts = field.split('\\');
    let mut path = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(3).unwrap_or(("", part));
        path.extend(u8::from_str_radix(code, 8).ok());
        path.extend(rest.bytes());
    }
    OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_of_a_directory_do_not_matter() {
        let lines = "\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 8:1 /srv/work\\040dir /mnt/alias rw - ext4 /dev/sda1 rw
24 22 8:1 /srv/work\\040dir/runs /mnt/runs rw - ext4 /dev/sda1 rw
25 22 0:30 / /mnt/other rw - tmpfs tmpfs rw
26 22 0:31 / /mnt/other rw - tmpfs tmpfs rw
27 22 0:31 / /mnt/same rw - tmpfs tmpfs rw";
        let mounts = Mounts(lines.lines().filter_map(Mount::parse).collect());
        for (outer, inner, expected) in [
            ("/srv/work dir", "/mnt/alias", true),
            ("/srv/work dir", "/mnt/alias/rd", true),
            ("/srv/work dir", "/mnt/runs/rd", true),
            ("/srv", "/mnt/runs/rd", true),
            ("/mnt/alias/runs", "/mnt/runs/rd", true),
            ("/mnt/alias/others", "/mnt/runs/rd", false),
            ("/srv/work", "/mnt/alias", false),
            ("/mnt/runs", "/srv/work dir", false),
            ("/srv/work dir", "/mnt/other/rd", false),
            ("/mnt/other", "/mnt/same/rd", true),
        ] {
            let found = mounts.contains(Path::new(outer), Path::new(inner));
            assert_eq!(found, expected, "{outer} {inner}");
        }
    }

    #[test]
    fn links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        symlink(at("a"), at("link")).unwrap();
        assert!(contains(&at("link"), &at("a/b")).unwrap());
        assert!(contains(&at("a"), &at("link/b")).unwrap());
        assert!(contains(&at("a"), &at("a")).unwrap());
        assert!(!contains(&at("a/b"), &at("link")).unwrap());
        assert!(contains(&at("a"), &at("gone")).is_err());
        assert!(will_contain(&at("link"), &at("a/new/file")));
        assert!(!will_contain(&at("a/b"), &at("a/new")));
        assert!(!will_contain(&at("gone"), &at("a")));
    }
}
