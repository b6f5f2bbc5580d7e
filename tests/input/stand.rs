//! A work directory, and tools that leave a mark when they are run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{copy_program, write_program};

/// Temporary directories for one test.
pub(crate) struct Stand {
    folder: TempDir,
}

impl Stand {
    /// Both tools are there, and leave a mark when they are run.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("iac-input-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary directory");
        let stand = Self { folder };
        for name in ["bin", "empty", "work"] {
            fs::create_dir(stand.at(name)).expect("a new folder");
        }
        let mark = format!("#!/bin/sh\n: >>'{}'\n", stand.mark().display());
        for tool in ["terraform", "tofu"] {
            stand.put_program(&format!("bin/{tool}"), &mark);
        }
        stand
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path in text.
    pub(crate) fn text_of(&self, name: &str) -> String {
        self.at(name)
            .into_os_string()
            .into_string()
            .expect("a path that is text")
    }

    pub(crate) fn work_dir(&self) -> PathBuf {
        self.at("work")
    }

    /// A `PATH` with the tools and a shell's own programs.
    pub(crate) fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.text_of("bin"))
    }

    /// Writes an executable file.
    pub(crate) fn put_program(&self, name: &str, text: &str) {
        write_program(&self.at(name), text);
    }

    /// Copies the binary to where everybody can start it.
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

    /// Takes the mark away that a tool has left.
    #[track_caller]
    pub(crate) fn assert_was_run(&self) {
        fs::remove_file(self.mark()).expect("a tool was run");
    }

    /// A request that would be carried out, with these members more or others.
    pub(crate) fn request(&self, members: &Value) -> Value {
        request_in(&self.work_dir(), members)
    }
}

/// A request that would be carried out in a directory, with these members more or others.
///
/// Its command has no closing words: the tool here is a script, whose exit code 0 would need them.
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
