//! What an approval is bound to.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::tool_file::ToolFile;
use crate::checkout::CommitSha;

/// Read at once while a file is digested, in bytes.
const PIECE_BYTES: usize = 128 * 1024;

/// The digest of everything that an approval is bound to: 64 hexadecimal digits, a SHA-256.
///
/// It covers the bytes of the plan file and of the dependency lock file, the commit and the files of the
/// configuration, path and version of the tool, and the variables. Two plans of the same session differ in
/// it even when they would do the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PlanDigest(String);

/// A text that is no digest of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the digest of a plan has 64 hexadecimal digits")]
pub struct NotADigest;

impl FromStr for PlanDigest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.len() == 64 && is_hex {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(NotADigest)
        }
    }
}

impl TryFrom<String> for PlanDigest {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, NotADigest> {
        text.parse()
    }
}

impl From<PlanDigest> for String {
    fn from(digest: PlanDigest) -> Self {
        digest.0
    }
}

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The parts that an approval is bound to, each by itself, so that it can be said which of them differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Binding {
    /// Digest of the plan file; none if there is none.
    pub(super) plan_file: Option<String>,
    /// Digest of the dependency lock file; none if there is none.
    pub(super) lock_file: Option<String>,
    pub(super) commit: Option<CommitSha>,
    /// Digest of the files of the source.
    pub(super) configuration: String,
    /// None if there is no such program.
    pub(super) tool: Option<ToolFile>,
    pub(super) tool_version: String,
    /// Digest of variables, environment and workspace, salted: what stands here is on disk.
    pub(super) variables: String,
}

impl Binding {
    /// The digest of all parts together.
    pub(super) fn digest(&self) -> PlanDigest {
        let mut hash = Sha256::new();
        hash.update(b"iac-runner plan digest 1\n");
        let parts = [
            ("plan_file", self.plan_file.clone()),
            ("lock_file", self.lock_file.clone()),
            ("commit", self.commit.as_ref().map(ToString::to_string)),
            ("configuration", Some(self.configuration.clone())),
            ("tool", self.tool.as_ref().map(ToolFile::text)),
            ("tool_version", Some(self.tool_version.clone())),
            ("variables", Some(self.variables.clone())),
        ];
        for (name, value) in parts {
            add(&mut hash, name.as_bytes());
            add(&mut hash, value.unwrap_or_default().as_bytes());
        }
        PlanDigest(hex(&hash.finalize()))
    }

    /// What differs in what is there now from what was approved.
    pub(super) fn differences(&self, now: &Self) -> Vec<&'static str> {
        let parts = [
            ("the plan file", self.plan_file != now.plan_file),
            ("the dependency lock file", self.lock_file != now.lock_file),
            ("the commit", self.commit != now.commit),
            (
                "the files of the configuration",
                self.configuration != now.configuration,
            ),
            ("the tool's program", self.tool != now.tool),
            ("the tool's version", self.tool_version != now.tool_version),
            (
                "the variables, the environment or the workspace",
                self.variables != now.variables,
            ),
        ];
        let differing = parts.into_iter().filter(|(_, differs)| *differs);
        differing.map(|(name, _)| name).collect()
    }
}

/// Digest of named values under a salt.
pub(super) fn of_values<'a>(
    salt: &str,
    values: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut hash = Sha256::new();
    add(&mut hash, salt.as_bytes());
    for (name, value) in values {
        add(&mut hash, name.as_bytes());
        add(&mut hash, value.as_bytes());
    }
    hex(&hash.finalize())
}

/// Digest of the bytes of a file; none if there is none.
pub(super) fn of_file(path: &Path) -> io::Result<Option<String>> {
    let mut hash = Sha256::new();
    match add_file(&mut hash, path) {
        Ok(()) => Ok(Some(hex(&hash.finalize()))),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Digest of the files below a directory: their names, kinds, whether they can be executed, and their bytes.
///
/// Left out is what the tool writes there by itself: see [`is_the_tools`].
pub(super) fn of_tree(root: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
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
            add(&mut hash, place.as_os_str().as_encoded_bytes());
            if metadata.is_symlink() {
                add(&mut hash, b"link");
                add(
                    &mut hash,
                    std::fs::read_link(&path)?.as_os_str().as_encoded_bytes(),
                );
            } else if metadata.is_dir() {
                add(&mut hash, b"directory");
                waiting.push(place);
            } else if metadata.is_file() {
                add(&mut hash, kind_of(&metadata));
                add_file(&mut hash, &path)?;
            } else {
                // A socket or a device has no content that stays.
                add(&mut hash, b"other");
            }
        }
    }
    Ok(hex(&hash.finalize()))
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

fn add_file(hash: &mut Sha256, path: &Path) -> io::Result<()> {
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
        hash.update(&piece[..len]);
        total += len as u64;
    }
    // What follows cannot be taken for more of the file.
    hash.update(total.to_be_bytes());
    Ok(())
}

fn add(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
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

    #[test]
    fn a_digest_is_read_back_and_nothing_else_is_taken_for_one() {
        let text = "Ab".repeat(32);
        let digest: PlanDigest = text.parse().unwrap();
        assert_eq!(digest.to_string(), "ab".repeat(32));
        for wrong in ["", "ab", &"g".repeat(64), &"a".repeat(65)] {
            assert_eq!(wrong.parse::<PlanDigest>(), Err(NotADigest));
        }
    }
}
