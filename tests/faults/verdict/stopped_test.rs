//! The command `test` is stopped: both tools skip the remaining tests, and exit with 0.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::ending::Ending;
use crate::support::runner::{Launch, Runner};
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    a_test_that_is_stopped_has_not_succeeded,
    a_test_that_is_killed_says_what_may_be_left,
}

const CONFIGURATION: &str = r#"
resource "terraform_data" "a" {
  provisioner "local-exec" {
    command = "trap '' INT; touch ready; while [ ! -e go ]; do sleep 0.05; done"
  }
}
"#;
const RUNS: &str = "run \"one\" {\n  command = apply\n}\nrun \"two\" {\n  command = apply\n}\n";

fn in_flight(tool: Tool) -> (Workspace, Runner) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, CONFIGURATION);
    fs::write(workspace.work_dir().join("main.tftest.hcl"), RUNS).expect("a disk with room");
    let request = workspace.request("test", &["-no-color"]);
    let runner = Launch::stream(&workspace, &request).start();
    workspace.wait_until_in_flight();
    (workspace, runner)
}

fn end(workspace: &Workspace, runner: Runner) -> (Ending, Value) {
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    (ending, result)
}

fn a_test_that_is_stopped_has_not_succeeded(tool: Tool) {
    let (workspace, mut runner) = in_flight(tool);
    runner.signal(Signal::SIGTERM);
    runner.output_with("Interrupt received");
    workspace.let_go();
    let (ending, result) = end(&workspace, runner);
    ending.assert_outcome(&result, "cancelled");
    assert_eq!(result["success"], false, "{result:#}");
}

fn a_test_that_is_killed_says_what_may_be_left(tool: Tool) {
    let (workspace, mut runner) = in_flight(tool);
    runner.control(r#"{"type":"cancel","force":true}"#);
    let (ending, result) = end(&workspace, runner);
    ending.assert_outcome(&result, "killed");
    let sentence = result["error_msg"].as_str().expect("text");
    assert!(
        sentence.contains("what it had created may still exist"),
        "{sentence}"
    );
}
