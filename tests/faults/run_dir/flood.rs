//! The tool prints faster than its output can be masked, until it would fill the memory.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::memory_group::MemoryGroup;
use crate::support::ending::warnings;
use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    output_that_would_fill_the_memory_is_passed_over,
    a_hole_in_the_output_is_passed_over,
}

const MIB: u64 = 1024 * 1024;
const SECRET: &str = "correct horse battery";

/// The supervisor is stopped while more than a third of the memory is printed.
fn output_that_would_fill_the_memory_is_passed_over(tool: Tool) {
    let group = MemoryGroup::new(&format!("flood-{}", tool.name()), 256 * MIB);
    let fake = FakeTool::new(
        tool,
        &format!(
            "echo the beginning; while [ ! -e stopped ]; do sleep 0.02; done
             seq 1 14000000; touch ready; while [ ! -e go ]; do sleep 0.02; done
             echo Outputs:; echo '{SECRET}'; echo the end"
        ),
    );
    let workspace = &fake.workspace;
    let mut request = fake.refresh();
    request["secrets"] = json!([SECRET]);
    let mut runner = Launch::stream(workspace, &request)
        .under(&["sh", "-c", &group.entrance(), "sh"])
        .start();
    runner.output_with("the beginning");
    let supervisor = Pid::from_raw(runner.supervisor());
    kill(supervisor, Signal::SIGSTOP).expect("the supervisor runs");
    fs::write(workspace.work_dir().join("stopped"), "").expect("a disk with room");
    workspace.wait_until_in_flight();
    kill(supervisor, Signal::SIGCONT).expect("the supervisor is stopped");
    runner.output_with(" bytes passed over: ");
    workspace.let_go();
    let ending = runner.end();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["output_complete"], false);
    let output = result["output"].as_str().expect("text");
    assert!(output.starts_with("the beginning\n"), "{output:.100}");
    assert!(output.ends_with("\n***\nthe end\n"));
    assert!(output.contains(" bytes passed over: "));
    let events = ending.events();
    let [warning] = warnings(&events)[..] else {
        panic!("{:?}", warnings(&events));
    };
    assert!(
        warning.contains("printed faster than its output could be masked"),
        "{warning}"
    );
    assert_eq!(result["state"]["safety"], "unknown");
}

/// Far more than can be masked in the ten seconds that a stopped run has for it.
#[test]
fn a_stopped_run_ends_although_much_output_is_left() {
    let fake = FakeTool::new(
        Tool::Terraform,
        "trap 'yes | head -c 400000000; exit 1' INT; touch ready; while :; do sleep 0.1; done",
    );
    let mut request = fake.apply();
    request["secrets"] = json!([SECRET]);
    request["grace_seconds"] = json!(60);
    let mut runner = Launch::stream(&fake.workspace, &request).start();
    fake.workspace.wait_until_in_flight();
    runner.control(r#"{"type":"cancel"}"#);
    let ending = runner.end();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "cancelled");
    assert_eq!(result["output_complete"], false);
    let output = result["output"].as_str().expect("text");
    assert!(output.contains(" bytes passed over: "), "{output:.100}");
    let events = ending.events();
    let warnings = warnings(&events);
    let says = |it: &&str| it.contains("or to hold up a stop");
    assert!(warnings.iter().any(says), "{warnings:?}");
}

/// A provisioner extends the file that receives the tool's output.
fn a_hole_in_the_output_is_passed_over(tool: Tool) {
    let hcl = r#"
resource "terraform_data" "a" {
  provisioner "local-exec" {
    command = "truncate -s 1T /proc/$PPID/fd/1 && echo behind"
  }
}
"#;
    let workspace = Workspace::with_configuration(tool, Backend::Local, hcl);
    let ending = Launch::request(&workspace, &workspace.apply()).run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    let output = result["output"].as_str().expect("text");
    assert!(output.contains("Apply complete!"), "{output}");
}
