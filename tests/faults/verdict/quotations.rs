//! The output of a provisioner, an output value or an error message contains the tool's own messages.

use serde_json::{Value, json};

use crate::support::runner::Launch;
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    nested_run_that_is_locked_out_fails_its_provisioner_only,
    echoed_words_of_the_tool_change_nothing_but_the_output,
    refused_write_is_told_beside_echoed_words,
    output_values_with_words_of_the_tool_change_nothing,
}

/// Output formats of the tool.
const FORMS: [&[&str]; 3] = [&[], &["-no-color"], &["-json"]];

/// The id of another run's lock.
const FOREIGN_ID: &str = "11111111-2222-3333-4444-555555555555";

/// Messages of both tools, in each of their forms.
const WORDS: &str = r#"Error: Error acquiring the state lock

Error message: state is already locked
Lock Info:
  ID:        11111111-2222-3333-4444-555555555555
  Who:       somebody@elsewhere

╷
│ Error: Error releasing the state lock
│
│ Error message: no
╵

Error: Error releasing the state lock

Error message: no

Error: Failed to save state

Apply complete! Resources: 9 added, 0 changed, 0 destroyed.
{"@level":"error","@module":"terraform.ui","diagnostic":{"severity":"error","summary":"Error acquiring the state lock","detail":"Lock Info:"},"type":"diagnostic"}
Two interrupts received. Exiting immediately.
"#;

fn nested_run_that_is_locked_out_fails_its_provisioner_only(tool: Tool) {
    let inner = Workspace::new(tool, Backend::Server);
    inner.server().lock_for_another(json!({
        "ID": FOREIGN_ID,
        "Operation": "OperationTypeApply",
        "Info": "",
        "Who": "somebody@elsewhere",
        "Version": "1.11.4",
        "Created": "2026-01-02T03:04:05.678901234Z",
        "Path": "",
    }));
    let command = format!(
        "{} -chdir={} apply -auto-approve -no-color",
        tool.name(),
        inner.work_dir().display()
    );
    let workspace = Workspace::with_in_flight(tool, Backend::Server, &command);
    for form in FORMS {
        let result = failed_apply(&workspace, form);
        assert!(
            result["output"]
                .as_str()
                .is_some_and(|output| output.contains(FOREIGN_ID)),
            "{result:#}"
        );
        assert_only_the_provisioner_failed(&workspace, &result);
    }
}

fn echoed_words_of_the_tool_change_nothing_but_the_output(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Server, "cat words.txt; exit 1");
    std::fs::write(workspace.work_dir().join("words.txt"), WORDS).expect("a new file");
    for form in FORMS {
        let result = failed_apply(&workspace, form);
        assert_only_the_provisioner_failed(&workspace, &result);
    }
}

fn refused_write_is_told_beside_echoed_words(tool: Tool) {
    for form in FORMS {
        let workspace = Workspace::with_in_flight(tool, Backend::Server, "cat words.txt; exit 1");
        std::fs::write(workspace.work_dir().join("words.txt"), WORDS).expect("a new file");
        workspace.server().take_writes(Writes::Refused);
        let result = failed_apply(&workspace, form);
        let class = &result["diagnosis"]["class"];
        assert_eq!(class, "state_write_failed", "{result:#}");
        assert_eq!(result["state"]["safety"], "errored_file", "{result:#}");
        assert_eq!(result["state"]["lock"], "released", "{result:#}");
        workspace.assert_lock_is_released();
    }
}

fn output_values_with_words_of_the_tool_change_nothing(tool: Tool) {
    let workspace = Workspace::with_configuration(
        tool,
        Backend::Server,
        r#"
resource "terraform_data" "a" {}
output "words" { value = file("words.txt") }
output "nested" { value = { words = file("words.txt") } }
"#,
    );
    std::fs::write(workspace.work_dir().join("words.txt"), WORDS).expect("a new file");
    for form in FORMS {
        let args = [&["-auto-approve"], form].concat();
        let ending = Launch::request(&workspace, &workspace.request("apply", &args)).run();
        let result = ending.result();
        ending.assert_outcome(&result, "succeeded");
        assert_eq!(result["diagnosis"], Value::Null, "{result:#}");
        assert_state_is_saved(&workspace, &result);
    }
}

/// Runs an apply that must fail.
fn failed_apply(workspace: &Workspace, form: &[&str]) -> Value {
    let args = [&["-auto-approve"], form].concat();
    let ending = Launch::request(workspace, &workspace.request("apply", &args)).run();
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    result
}

#[track_caller]
fn assert_only_the_provisioner_failed(workspace: &Workspace, result: &Value) {
    let class = &result["diagnosis"]["class"];
    assert_eq!(class, "provider_error", "{result:#}");
    for told in [&result["error_msg"], &result["diagnosis"]["message"]] {
        let told = told.as_str().expect("text");
        for advice in [FOREIGN_ID, "force-unlock", "state push"] {
            assert!(!told.contains(advice), "`{advice}` in {result:#}");
        }
    }
    assert_state_is_saved(workspace, result);
    workspace.assert_state_is_complete();
}

#[track_caller]
fn assert_state_is_saved(workspace: &Workspace, result: &Value) {
    let state = &result["state"];
    assert_eq!(state["safety"], "saved", "{result:#}");
    assert_eq!(state["lock"], "released", "{result:#}");
    assert_eq!(state["lock_id"], Value::Null, "{result:#}");
    workspace.assert_lock_is_released();
}
