//! Repositories to check out.

// Here and not at the crate root: benches need only this part of the support code.
#[allow(
    clippy::duplicate_mod,
    reason = "test binaries have it at their root as well"
)]
#[path = "../support/bounded.rs"]
mod bounded;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use bounded::output_of;

/// A folder with any number of repositories.
pub(crate) struct Repositories {
    place: TempDir,
}

/// A repository with a work tree, that others can fetch from.
pub(crate) struct Repository {
    pub(crate) path: PathBuf,
}

impl Repositories {
    pub(crate) fn new() -> Self {
        Self {
            place: tempfile::tempdir().expect("a folder"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Creates a repository with `main.tf` and `network/main.tf`, committed to `main`.
    pub(crate) fn create(&self, name: &str) -> Repository {
        self.create_with(name, &[])
    }

    pub(crate) fn create_with(&self, name: &str, options: &[&str]) -> Repository {
        let path = self.place.path().join(name);
        fs::create_dir(&path).expect("a new folder");
        let repository = Repository { path };
        repository.git(&[&["init", "--quiet", "--initial-branch=main"], options].concat());
        repository.write("main.tf", "# root\n");
        repository.write("network/main.tf", "# network\n");
        repository.commit("first");
        repository
    }
}

impl Repository {
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// Runs git here and returns its output.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = output_of(
            Command::new("git")
                .args(["-c", "protocol.file.allow=always"])
                .args(args)
                .current_dir(&self.path)
                .envs([
                    ("GIT_CONFIG_GLOBAL", "/dev/null"),
                    ("GIT_CONFIG_NOSYSTEM", "1"),
                    ("GIT_AUTHOR_NAME", "a"),
                    ("GIT_AUTHOR_EMAIL", "a@example.com"),
                    ("GIT_COMMITTER_NAME", "a"),
                    ("GIT_COMMITTER_EMAIL", "a@example.com"),
                ]),
        );
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// Commits all files and returns the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }
}
