//! A folder of a bench, with repositories in it.

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
    /// An empty folder.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a repository with this configuration in it, and says its URL.
    pub fn repository(&self, configuration: &str) -> String {
        let repository = self.new_path("repository");
        fs::create_dir(&repository).expect("a new folder");
        fs::write(repository.join("main.tf"), configuration).expect("a new file");
        git(&repository, &["init", "--quiet", "--initial-branch=main"]);
        git(&repository, &["add", "--all"]);
        git(&repository, &["commit", "--quiet", "--message=first"]);
        format!("file://{}", repository.display())
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
