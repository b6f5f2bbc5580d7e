//! The run directory is removed, moved, or recreated while the run continues.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::ending::warnings;
use crate::support::runner::{Launch, Runner};
use crate::support::state::read_json;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, Workspace};

on_both_tools! {
    a_second_run_in_a_directory_made_again_keeps_its_own_record,
    a_removed_directory_is_noticed,
    a_moved_directory_gets_the_record,
    attach_follows_the_run_whose_directory_it_opened,
    a_result_that_a_provisioner_forges_is_not_the_record,
    cancel_reaches_a_run_whose_socket_was_removed,
}

fn in_flight(workspace: &Workspace) -> Runner {
    let mut runner = Launch::stream(workspace, &workspace.apply()).start();
    runner.output_with(IN_FLIGHT_LINE);
    runner
}

/// Lets the run finish; it succeeds and reports that its record is not where it was.
#[track_caller]
fn finish_displaced(workspace: &Workspace, runner: Runner) -> Value {
    workspace.let_go();
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");
    workspace.assert_everything_was_applied();
    assert_eq!(result["output_file"], Value::Null, "{result:#}");
    let events = ending.events();
    let warnings = warnings(&events);
    let told = warnings
        .iter()
        .any(|warning| warning.contains("removed, moved or replaced"));
    assert!(told, "{warnings:?}");
    result
}

fn result_in(run_dir: &Path) -> Option<Value> {
    read_json(&run_dir.join("result.json"))
}

fn a_second_run_in_a_directory_made_again_keeps_its_own_record(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let first = in_flight(&workspace);
    fs::remove_dir_all(workspace.run_dir()).expect("the record of the first run");

    let other = Workspace::new(tool, Backend::Local);
    let mut request = other.apply();
    request["run_dir"] = json!(workspace.run_dir());
    let mut second = Launch::stream(&other, &request).start();
    second.output_with(IN_FLIGHT_LINE);
    let first_result = finish_displaced(&workspace, first);
    assert_eq!(result_in(&workspace.run_dir()), None);

    let reader = Launch::on_run_dir(&workspace, "attach", &["--stream"]).start();
    let cancelled = Launch::on_run_dir(&workspace, "cancel", &[]).run();
    assert_eq!(cancelled.result()["requested"], true);
    let ending = second.end();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "cancelled");
    assert_eq!(result_in(&workspace.run_dir()), Some(result.clone()));
    assert_eq!(reader.end().streamed_result(), result);
    assert_ne!(result, first_result);
}

fn a_removed_directory_is_noticed(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let runner = in_flight(&workspace);
    fs::remove_dir_all(workspace.run_dir()).expect("the record");
    finish_displaced(&workspace, runner);
    assert!(!workspace.run_dir().exists(), "it is not made again");
}

fn a_moved_directory_gets_the_record(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let runner = in_flight(&workspace);
    let moved = workspace.home().join("moved");
    fs::rename(workspace.run_dir(), &moved).expect("the same disk");
    let result = finish_displaced(&workspace, runner);
    assert_eq!(result_in(&moved), Some(result));
}

fn attach_follows_the_run_whose_directory_it_opened(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let runner = in_flight(&workspace);
    let mut reader = Launch::on_run_dir(&workspace, "attach", &["--stream"]).start();
    reader.output_with(IN_FLIGHT_LINE);
    let moved = workspace.home().join("moved");
    fs::rename(workspace.run_dir(), &moved).expect("the same disk");
    fs::create_dir(workspace.run_dir()).expect("an empty one in its place");
    let result = finish_displaced(&workspace, runner);
    assert_eq!(reader.end().streamed_result(), result);
}

/// The file reserved for the result is replaced while the tool runs.
fn a_result_that_a_provisioner_forges_is_not_the_record(tool: Tool) {
    let hcl = r#"
variable "record" {}
resource "terraform_data" "a" {
  provisioner "local-exec" {
    command = "rm $RECORD/result.json.part; echo '{\"success\":true}' >$RECORD/result.json.part; exit 1"
    environment = { RECORD = var.record }
  }
}
"#;
    let workspace = Workspace::with_configuration(tool, Backend::Local, hcl);
    let mut request = workspace.apply();
    request["env_vars"]["TF_VAR_record"] = json!(workspace.run_dir());
    let ending = Launch::request(&workspace, &request).run();
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    assert_eq!(result_in(&workspace.run_dir()), Some(result.clone()));
    let attached = Launch::on_run_dir(&workspace, "attach", &[]).run();
    assert_eq!(attached.result(), result);
}

fn cancel_reaches_a_run_whose_socket_was_removed(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let runner = in_flight(&workspace);
    fs::remove_file(workspace.run_dir().join("control.sock")).expect("removed");
    let cancelled = Launch::on_run_dir(&workspace, "cancel", &[]).run();
    let answer = cancelled.result();
    assert_eq!(answer["requested"], json!(true), "{answer:#}");
    let message = answer["message"].as_str().expect("text");
    assert!(
        message.contains("the socket of the run was removed"),
        "{message}"
    );
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    ending.assert_outcome(&ending.streamed_result(), "cancelled");
}
