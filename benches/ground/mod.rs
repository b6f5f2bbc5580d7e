//! A folder with repositories for a bench.

#[allow(dead_code, reason = "the checkout's tests need all of it")]
#[path = "../../tests/checkout/repository.rs"]
mod repository;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use repository::Repository;

/// The folder of a bench.
pub struct Ground {
    folder: TempDir,
}

impl Ground {
    /// Creates an empty folder.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Creates a repository with this configuration, and returns its URL.
    pub fn repository(&self, configuration: &str) -> String {
        let path = self.new_path("repository");
        fs::create_dir(&path).expect("a new folder");
        let repository = Repository { path };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.write("main.tf", configuration);
        repository.commit("first");
        repository.url()
    }

    /// Returns an unused path in the folder.
    pub fn new_path(&self, what: &str) -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        self.folder().join(format!("{what}-{number}"))
    }
}
