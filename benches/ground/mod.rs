//! A folder of a bench, with a repository in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// Where everything happens.
pub struct Ground {
    folder: TempDir,
}

impl Ground {
    /// An empty folder, and an empty directory for the repository.
    pub fn new() -> Self {
        let ground = Self {
            folder: tempfile::tempdir().expect("a temporary directory"),
        };
        fs::create_dir(ground.repository()).expect("a new folder");
        ground
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The working tree of the repository.
    pub fn repository(&self) -> PathBuf {
        self.folder().join("repository")
    }

    /// Makes the repository of what is in its working tree.
    pub fn commit(&self) {
        let repository = self.repository();
        git(&repository, &["init", "--quiet", "--initial-branch=main"]);
        git(&repository, &["add", "--all"]);
        git(&repository, &["commit", "--quiet", "--message=first"]);
    }

    /// The URL of the repository.
    pub fn url(&self) -> String {
        format!("file://{}", self.repository().display())
    }

    /// A name that nothing has, in the folder.
    pub fn new_path(&self, what: &str) -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        self.folder().join(format!("{what}-{number}"))
    }
}

fn git(folder: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args(args)
        .current_dir(folder)
        .envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "a"),
            ("GIT_AUTHOR_EMAIL", "a@example.com"),
            ("GIT_COMMITTER_NAME", "a"),
            ("GIT_COMMITTER_EMAIL", "a@example.com"),
        ])
        .status()
        .expect("git is on PATH");
    assert!(done.success(), "git {args:?}");
}
