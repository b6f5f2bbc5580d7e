//! Faults of the state that are followed by megabytes of other output.

use std::fs;

use crate::support::runner::Launch;
use crate::support::state_server::{Unlocks, Writes};
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    refused_write_is_told_before_many_long_errors,
    success_with_long_output_values_is_saved_behind_a_pipe,
    success_with_much_output_is_saved_and_released,
    failure_with_much_output_and_a_held_lock_is_told,
}

const FORMS: [&[&str]; 3] = [&[], &["-no-color"], &["-json"]];

fn refused_write_is_told_before_many_long_errors(tool: Tool) {
    let configuration = r#"
resource "terraform_data" "saved" {}
resource "terraform_data" "failing" {
  count = 40
  provisioner "local-exec" {
    command = "seq 1 1700; exit 1"
  }
}
"#;
    for form in FORMS {
        let workspace = Workspace::with_configuration(tool, Backend::Server, configuration);
        workspace.server().take_writes(Writes::Refused);
        // The tool cannot write the state here either.
        fs::create_dir(workspace.work_dir().join("errored.tfstate")).expect("a new folder");
        let args = [&["-auto-approve"], form].concat();
        let ending = Launch::request(&workspace, &workspace.request("apply", &args)).run();
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        assert_eq!(result["state"]["safety"], "unknown", "{form:?}");
    }
}

fn success_with_long_output_values_is_saved_behind_a_pipe(tool: Tool) {
    let configuration = r#"
resource "terraform_data" "a" {}
output "long" { value = [for n in range(40) : join("\n", range(1000))] }
"#;
    for form in FORMS {
        let workspace = Workspace::with_configuration(tool, Backend::Server, configuration);
        let fake = crate::support::fake_tool::FakeTool::around_the_tool(
            workspace,
            "TOOL \"$@\" 2>&1 | cat",
        );
        let args = [&["-auto-approve"], form].concat();
        let ending = Launch::request(&fake.workspace, &fake.request("apply", &args)).run();
        let result = ending.result();
        ending.assert_outcome(&result, "succeeded");
        assert_eq!(result["state"]["safety"], "saved", "{form:?}");
        assert_eq!(result["state"]["lock"], "released", "{form:?}");
    }
}

fn success_with_much_output_is_saved_and_released(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Server, "seq 1 100000");
    let ending = Launch::request(&workspace, &workspace.apply()).run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["state"]["safety"], "saved", "{:#}", result["state"]);
    assert_eq!(result["state"]["lock"], "released", "{:#}", result["state"]);
}

fn failure_with_much_output_and_a_held_lock_is_told(tool: Tool) {
    for form in FORMS {
        let workspace = Workspace::with_in_flight(tool, Backend::Server, "seq 1 100000; exit 1");
        workspace.server().take_unlocks(Unlocks::Refused);
        let args = [&["-auto-approve"], form].concat();
        let ending = Launch::request(&workspace, &workspace.request("apply", &args)).run();
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        assert_eq!(result["state"]["safety"], "saved", "{form:?}");
        assert_ne!(result["state"]["lock"], "released", "{form:?}");
    }
}
