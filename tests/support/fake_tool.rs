//! A scripted tool for what the real ones can't be made to do.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::program::{compile_program, write_program};
use super::tools::Tool;
use super::waiting::{WITHIN_A_TEST, wait_for};
use super::workspace::{Backend, Workspace};

/// Records every signal that can be caught, one name per line, in `signals`.
const NOTES_SIGNALS: &str = "\
for name in HUP INT QUIT PIPE TERM USR1 USR2; do
    trap \"echo $name >>signals\" $name
done
";

/// A shell script in place of a tool, with its own workspace.
pub(crate) struct FakeTool {
    pub(crate) workspace: Workspace,
    path: String,
    /// The command in its requests.
    command: &'static str,
}

impl FakeTool {
    /// Creates a tool that runs this script with any arguments.
    pub(crate) fn new(tool: Tool, script: &str) -> Self {
        let workspace = Workspace::not_initialised(tool, Backend::Local, "");
        let fake = Self::in_place_of_the_tool(workspace, &format!("#!/bin/sh\n{script}"));
        // This command needs no closing message, and writes no state.
        Self {
            command: "get",
            ..fake
        }
    }

    /// Creates a program in the tool's place, such as a script that calls the real tool.
    pub(crate) fn in_place_of_the_tool(workspace: Workspace, text: &str) -> Self {
        Self::made_by(workspace, |program| write_program(program, text))
    }

    /// Creates a C program in the tool's place.
    #[allow(dead_code, reason = "tests/faults needs it")]
    pub(crate) fn compiled(workspace: Workspace, source: &str) -> Self {
        Self::made_by(workspace, |program| compile_program(program, source))
    }

    fn made_by(workspace: Workspace, make: impl FnOnce(&Path)) -> Self {
        let tool = workspace.tool;
        let folder = workspace.home().join("bin");
        fs::create_dir(&folder).expect("a new folder");
        let program = folder.join(tool.name());
        make(&program);
        let folder = folder.to_str().expect("a path that is text");
        Self {
            path: format!("{folder}:{}", tool.path()),
            workspace,
            command: "apply",
        }
    }

    /// Creates a shell script in the tool's place; `TOOL` is the path of the real tool.
    #[allow(dead_code, reason = "tests/faults alone needs it")]
    pub(crate) fn around_the_tool(workspace: Workspace, script: &str) -> Self {
        let program = workspace.tool.program();
        let script = script.replace("TOOL", program.to_str().expect("a path that is text"));
        Self::in_place_of_the_tool(workspace, &format!("#!/bin/bash\n{script}\n"))
    }

    /// Returns a request for any command with this tool.
    #[allow(dead_code, reason = "tests/faults alone needs it")]
    pub(crate) fn request(&self, command: &str, args: &[&str]) -> Value {
        let mut request = self.workspace.request(command, args);
        request["env_vars"]["PATH"] = json!(self.path);
        request
    }

    /// Creates a tool that records the signals that it gets, reports that it is ready, and then runs `script`.
    pub(crate) fn noting_signals(tool: Tool, script: &str) -> Self {
        Self::new(tool, &format!("{NOTES_SIGNALS}touch ready\n{script}"))
    }

    /// Returns a request for an apply with this tool, or for its substitute, with a run directory.
    pub(crate) fn apply(&self) -> Value {
        let mut request = self.workspace.apply();
        request["command"] = json!(self.command);
        request["env_vars"]["PATH"] = json!(self.path);
        request
    }

    /// Same as `apply`, for a command that writes state.
    pub(crate) fn refresh(&self) -> Value {
        let mut request = self.apply();
        request["command"] = json!("refresh");
        request
    }

    /// Returns the signals recorded so far.
    pub(crate) fn signals(&self) -> Vec<String> {
        fs::read_to_string(self.signals_file())
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Waits until a signal has been recorded.
    #[track_caller]
    pub(crate) fn wait_for_a_signal(&self) {
        wait_for("a signal to the tool", WITHIN_A_TEST, || {
            (!self.signals().is_empty()).then_some(())
        });
    }

    fn signals_file(&self) -> PathBuf {
        self.workspace.work_dir().join("signals")
    }
}
