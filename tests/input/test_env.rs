//! A working directory, and tools that leave a mark when they run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{copy_program, write_program};

/// Temporary directories for one test.
pub(crate) struct TestEnv {
    folder: TempDir,
}

impl TestEnv {
    /// Creates both tools, which leave a mark when they run.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("iac-input-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary directory");
        let test_env = Self { folder };
        for name in ["bin", "empty", "work"] {
            fs::create_dir(test_env.at(name)).expect("a new folder");
        }
        let mark = format!("#!/bin/sh\n: >>'{}'\n", test_env.mark().display());
        for tool in ["terraform", "tofu"] {
            test_env.put_program(&format!("bin/{tool}"), &mark);
        }
        test_env
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns a path as text.
    pub(crate) fn text_of(&self, name: &str) -> String {
        self.at(name)
            .into_os_string()
            .into_string()
            .expect("a path that is text")
    }

    pub(crate) fn work_dir(&self) -> PathBuf {
        self.at("work")
    }

    /// Returns a `PATH` with the tools and the programs of a shell.
    pub(crate) fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.text_of("bin"))
    }

    /// Writes an executable file.
    pub(crate) fn put_program(&self, name: &str, text: &str) {
        write_program(&self.at(name), text);
    }

    /// Copies the binary to a place where every user can start it.
    pub(crate) fn copy_of_the_runner(&self) -> PathBuf {
        let copy = self.at("iac-runner");
        copy_program(Path::new(env!("CARGO_BIN_EXE_iac-runner")), &copy);
        copy
    }

    fn mark(&self) -> PathBuf {
        self.at("was-run")
    }

    #[track_caller]
    pub(crate) fn assert_nothing_was_run(&self, name: &str) {
        assert!(!self.mark().exists(), "{name}: a tool was run");
    }

    /// Asserts that a tool was run, and removes its mark.
    #[track_caller]
    pub(crate) fn assert_was_run(&self) {
        fs::remove_file(self.mark()).expect("a tool was run");
    }

    /// Returns a request that would be executed, with these members added or replaced.
    pub(crate) fn request(&self, members: &Value) -> Value {
        request_in(&self.work_dir(), members)
    }
}

/// Returns a request that would be executed in a directory, with these members added or replaced.
///
/// The command prints no closing message: the tool here is a script, whose exit code 0 would require one.
pub(crate) fn request_in(work_dir: &Path, members: &Value) -> Value {
    let mut request = json!({
        "tool": "terraform",
        "work_dir": work_dir,
        "command": "show",
        "args": ["-no-color"],
        "env_vars": {"TF_VAR_region": "eu-west-1"},
    });
    for (name, value) in members.as_object().expect("an object") {
        request[name] = value.clone();
    }
    request
}
