//! A scripted tool for what the real ones can't be made to do.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::program::{compile_program, write_program};
use super::tools::Tool;
use super::waiting::{WITHIN_A_TEST, wait_for};
use super::workspace::{Backend, Workspace};

/// Notes every signal that can be noted, one name a line, in `signals`.
const NOTES_SIGNALS: &str = "\
for name in HUP INT QUIT PIPE TERM USR1 USR2; do
    trap \"echo $name >>signals\" $name
done
";

/// A shell script that stands in for a tool, in a workspace of its own.
pub(crate) struct FakeTool {
    pub(crate) workspace: Workspace,
    path: String,
    /// What it is asked to do.
    command: &'static str,
}

impl FakeTool {
    /// A tool that runs this script, whatever its arguments are.
    pub(crate) fn new(tool: Tool, script: &str) -> Self {
        let workspace = Workspace::not_initialised(tool, Backend::Local, "");
        let fake = Self::in_place_of_the_tool(workspace, &format!("#!/bin/sh\n{script}"));
        // It needs no closing words, and writes no state.
        Self {
            command: "get",
            ..fake
        }
    }

    /// A program in the tool's place, such as a script that calls the real one.
    pub(crate) fn in_place_of_the_tool(workspace: Workspace, text: &str) -> Self {
        Self::made_by(workspace, |program| write_program(program, text))
    }

    /// A C program in the tool's place.
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

    /// A shell script in the tool's place; `TOOL` is the path of the real one.
    #[allow(dead_code, reason = "tests/faults alone needs it")]
    pub(crate) fn around_the_tool(workspace: Workspace, script: &str) -> Self {
        let program = workspace.tool.program();
        let script = script.replace("TOOL", program.to_str().expect("a path that is text"));
        Self::in_place_of_the_tool(workspace, &format!("#!/bin/bash\n{script}\n"))
    }

    /// A request for any command that this tool gets.
    #[allow(dead_code, reason = "tests/faults alone needs it")]
    pub(crate) fn request(&self, command: &str, args: &[&str]) -> Value {
        let mut request = self.workspace.request(command, args);
        request["env_vars"]["PATH"] = json!(self.path);
        request
    }

    /// A tool that notes the signals that it gets, says that it is ready, and then runs `script`.
    pub(crate) fn noting_signals(tool: Tool, script: &str) -> Self {
        Self::new(tool, &format!("{NOTES_SIGNALS}touch ready\n{script}"))
    }

    /// A request for an apply that this tool gets, or for what stands for one, with a run directory.
    pub(crate) fn apply(&self) -> Value {
        let mut request = self.workspace.apply();
        request["command"] = json!(self.command);
        request["env_vars"]["PATH"] = json!(self.path);
        request
    }

    /// The same for a command that writes state.
    pub(crate) fn refresh(&self) -> Value {
        let mut request = self.apply();
        request["command"] = json!("refresh");
        request
    }

    /// The signals noted so far.
    pub(crate) fn signals(&self) -> Vec<String> {
        fs::read_to_string(self.signals_file())
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Waits until a signal has been noted.
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
