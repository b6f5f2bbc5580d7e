//! Digests of what is on disk, and of values.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Read at once while a file is digested, in bytes.
const PIECE_BYTES: usize = 128 * 1024;

/// A digest that is being made of one part after the other; none can be taken for more of the one before.
#[derive(Default)]
pub(super) struct Hash(Sha256);

impl Hash {
    pub(super) fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    fn add_file(&mut self, path: &Path) -> io::Result<()> {
        let named = |fault: io::Error| match fault.kind() {
            io::ErrorKind::NotFound => fault,
            kind => io::Error::new(kind, format!("`{}`: {fault}", path.display())),
        };
        let mut file = File::open(path).map_err(named)?;
        let mut piece = vec![0; PIECE_BYTES];
        let mut total: u64 = 0;
        loop {
            let len = file.read(&mut piece).map_err(named)?;
            if len == 0 {
                break;
            }
            self.0.update(&piece[..len]);
            total += len as u64;
        }
        self.0.update(total.to_be_bytes());
        Ok(())
    }

    /// 64 hexadecimal digits.
    pub(super) fn finish(self) -> String {
        use std::fmt::Write;
        self.0
            .finalize()
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }
}

/// Digest of named values under a salt.
pub(super) fn of_values<'a>(
    salt: &str,
    values: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut hash = Hash::default();
    hash.add(salt.as_bytes());
    for (name, value) in values {
        hash.add(name.as_bytes());
        hash.add(value.as_bytes());
    }
    hash.finish()
}

/// Digest of the bytes of a file; none if there is none.
pub(super) fn of_file(path: &Path) -> io::Result<Option<String>> {
    let mut hash = Hash::default();
    match hash.add_file(path) {
        Ok(()) => Ok(Some(hash.finish())),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Digest of the files below a directory: their names, kinds, whether they can be executed, and their bytes.
///
/// Left out is what the tool writes there by itself: see [`is_the_tools`].
pub(super) fn of_tree(root: &Path) -> io::Result<String> {
    let mut hash = Hash::default();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        let mut entries = std::fs::read_dir(root.join(&folder))?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let place = folder.join(entry.file_name());
            if is_the_tools(&place) {
                continue;
            }
            let path = entry.path();
            let metadata = path.symlink_metadata()?;
            hash.add(place.as_os_str().as_encoded_bytes());
            if metadata.is_symlink() {
                hash.add(b"link");
                hash.add(std::fs::read_link(&path)?.as_os_str().as_encoded_bytes());
            } else if metadata.is_dir() {
                hash.add(b"directory");
                waiting.push(place);
            } else if metadata.is_file() {
                hash.add(kind_of(&metadata));
                hash.add_file(&path)?;
            } else {
                // A socket or a device has no content that stays.
                hash.add(b"other");
            }
        }
    }
    Ok(hash.finish())
}

fn kind_of(metadata: &std::fs::Metadata) -> &'static [u8] {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o111 == 0 {
        b"file"
    } else {
        b"program"
    }
}

/// Whether something below a source is written by git or by the tool in the course of its work.
///
/// State and its backups change with every run, and a plan for another state is refused by the tool itself.
/// The lock file is digested apart. Downloaded modules are configuration; providers are held to the lock
/// file by the tool.
fn is_the_tools(place: &Path) -> bool {
    let Some(name) = place.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let parent = place.parent().and_then(Path::file_name);
    if parent.is_some_and(|parent| parent == ".terraform") {
        return name != "modules";
    }
    let is_of_state = name.ends_with(".tfstate")
        || name.ends_with(".tfstate.lock.info")
        || (name.contains(".tfstate.") && name.ends_with(".backup"));
    let others = [
        ".git",
        ".terraform.lock.hcl",
        "crash.log",
        "terraform.tfstate.d",
    ];
    is_of_state || others.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::write(root.join("main.tf"), "a").unwrap();
        fs::create_dir_all(root.join("sub/.terraform/modules/m")).unwrap();
        fs::create_dir_all(root.join("sub/.terraform/providers")).unwrap();
        fs::write(root.join("sub/.terraform/modules/m/main.tf"), "m").unwrap();
        fs::write(root.join("run.sh"), "s").unwrap();
        symlink("main.tf", root.join("link.tf")).unwrap();
        dir
    }

    #[test]
    fn whatever_could_change_an_apply_changes_the_digest_of_the_tree() {
        type Change = fn(&Path);
        let table: [(&str, Change); 9] = [
            ("bytes", |root| {
                fs::write(root.join("main.tf"), "b").unwrap();
            }),
            ("a new file", |root| {
                fs::write(root.join("new.tf"), "").unwrap();
            }),
            ("a file less", |root| {
                fs::remove_file(root.join("run.sh")).unwrap();
            }),
            ("a name", |root| {
                fs::rename(root.join("run.sh"), root.join("ran.sh")).unwrap();
            }),
            ("the target of a link", |root| {
                fs::remove_file(root.join("link.tf")).unwrap();
                symlink("run.sh", root.join("link.tf")).unwrap();
            }),
            ("an execute bit", |root| {
                fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755))
                    .unwrap();
            }),
            ("an empty directory", |root| {
                fs::create_dir(root.join("empty")).unwrap();
            }),
            ("configuration with the name of a state", |root| {
                fs::write(root.join("x.tfstate.tf"), "").unwrap();
            }),
            ("a downloaded module", |root| {
                fs::write(root.join("sub/.terraform/modules/m/main.tf"), "n").unwrap();
            }),
        ];
        for (what, change) in table {
            let dir = tree();
            let before = of_tree(dir.path()).unwrap();
            change(dir.path());
            assert_ne!(of_tree(dir.path()).unwrap(), before, "{what}");
        }
    }

    #[test]
    fn what_the_tools_write_by_themselves_does_not() {
        let dir = tree();
        let before = of_tree(dir.path()).unwrap();
        for name in [
            "terraform.tfstate",
            "terraform.tfstate.backup",
            "terraform.tfstate.1700000000.backup",
            ".terraform.tfstate.lock.info",
            "errored.tfstate",
            ".terraform.lock.hcl",
            "sub/.terraform/terraform.tfstate",
            "sub/.terraform/providers/p",
        ] {
            fs::write(dir.path().join(name), "x").unwrap();
            assert_eq!(of_tree(dir.path()).unwrap(), before, "{name}");
        }
    }

    #[test]
    fn values_cannot_be_moved_between_names() {
        let salt = "salt";
        let of = |values: &[(&str, &str)]| of_values(salt, values.iter().copied());
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_ne!(of(&[("a", "1"), ("b", "")]), of(&[("a", "1")]));
        assert_ne!(
            of_values("other", [("a", "1")].into_iter()),
            of(&[("a", "1")])
        );
    }
}
