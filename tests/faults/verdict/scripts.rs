//! Scripts in the tool's place that print, set variables or run the tool more than once.

use std::fs;

use serde_json::{Value, json};

use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::state_server::Unlocks;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    second_apply_that_is_killed_leaves_no_claim,
    warning_of_a_script_hides_no_lock_that_is_held,
    other_form_of_a_first_command_hides_no_lock_that_is_held,
    json_from_a_variable_hides_no_lock_that_is_held,
    script_that_becomes_the_tool_with_other_flags_holds_no_lock,
    script_that_changes_its_directory_is_not_taken_for_a_local_backend,
    script_that_hides_the_errors_leaves_no_claim,
}

const CONFIGURATION: &str = "resource \"terraform_data\" \"a\" {}\n";

fn second_apply_that_is_killed_leaves_no_claim(tool: Tool) {
    for backend in [Backend::Server, Backend::Local] {
        let workspace = Workspace::new(tool, backend);
        let script = "c=$1; shift; TOOL $c -target=terraform_data.quick \"$@\"\n\
                      (echo $BASHPID >pid; exec TOOL $c \"$@\") | cat";
        let fake = FakeTool::around_the_tool(workspace, script);
        let runner = Launch::request(&fake.workspace, &fake.apply()).start();
        fake.workspace.wait_until_in_flight();
        fake.workspace.kill_recorded_tool();
        let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        ending.assert_outcome(&result, "unknown");
        assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
        // The kernel releases the lock of a local state with its process.
        let lock = match backend {
            Backend::Server => "unknown",
            Backend::Local => "released",
        };
        assert_eq!(result["state"]["lock"], lock, "{result:#}");
    }
}

fn warning_of_a_script_hides_no_lock_that_is_held(tool: Tool) {
    for script in [
        "echo 'Warning: no version file' >&2; exec TOOL \"$@\"",
        "echo 'Error: no version file' >&2; exec TOOL \"$@\"",
        "echo 'Warning: no version file' >&2; TOOL \"$@\"",
        "echo 'Warning: no version file' >&2; TOOL \"$@\" 2>&1 | cat",
    ] {
        for form in FORMS {
            assert_lock_is_told(&around(tool, script), form);
        }
    }
}

fn other_form_of_a_first_command_hides_no_lock_that_is_held(tool: Tool) {
    for script in [
        "TOOL show none; exec TOOL \"$@\"",
        "TOOL show -no-color none; exec TOOL \"$@\"",
        "TOOL plan -json -lock=false; exec TOOL \"$@\"",
        "TOOL plan -json -lock=false -var a=b; exec TOOL \"$@\"",
    ] {
        for form in FORMS {
            let fake = around(tool, script);
            let result = apply(&fake, form);
            let lock = &result["state"]["lock"];
            assert_ne!(lock, "released", "{script} {form:?} {result:#}");
            assert!(fake.workspace.lock_holder().is_some());
        }
    }
}

fn json_from_a_variable_hides_no_lock_that_is_held(tool: Tool) {
    for (name, value) in [
        ("TF_CLI_ARGS_apply", "-json"),
        ("TF_CLI_ARGS", "-json -no-color"),
    ] {
        let workspace = Workspace::with_configuration(tool, Backend::Server, CONFIGURATION);
        workspace.server().take_unlocks(Unlocks::Refused);
        let mut request = workspace.request("apply", &["-auto-approve"]);
        request["env_vars"][name] = json!(value);
        request["env_vars"]["TF_LOG"] = json!("INFO");
        let result = Launch::request(&workspace, &request).run().result();
        assert_eq!(result["state"]["lock"], "held", "{result:#}");
    }
    let fake = around(tool, "TF_LOG=INFO exec TOOL \"$@\" -json");
    assert_lock_is_told(&fake, &[]);
}

fn script_that_becomes_the_tool_with_other_flags_holds_no_lock(tool: Tool) {
    for script in [
        "exec TOOL \"$@\" -lock=false",
        "export TF_CLI_ARGS_apply=-lock=false; exec TOOL \"$@\"",
    ] {
        let fake = FakeTool::around_the_tool(Workspace::new(tool, Backend::Server), script);
        let mut runner = Launch::request(&fake.workspace, &fake.apply()).start();
        fake.workspace.wait_until_in_flight();
        runner.control(r#"{"type":"cancel","force":true}"#);
        let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        fake.workspace.assert_lock_is_released();
        assert_eq!(result["state"]["lock"], "unknown", "{script} {result:#}");
    }
}

fn script_that_changes_its_directory_is_not_taken_for_a_local_backend(tool: Tool) {
    for script in [
        "cd ../elsewhere; exec TOOL \"$@\"",
        "cd ../elsewhere; TOOL \"$@\"",
    ] {
        let workspace = Workspace::new(tool, Backend::Server);
        let elsewhere = workspace.home().with_file_name("elsewhere");
        fs::rename(workspace.work_dir(), &elsewhere).expect("a new name");
        fs::create_dir(workspace.work_dir()).expect("a new folder");
        let fake = FakeTool::around_the_tool(workspace, script);
        let mut runner = Launch::request(&fake.workspace, &fake.apply()).start();
        let ready = elsewhere.join("ready");
        let limit = crate::support::waiting::WITHIN_A_TEST;
        crate::support::waiting::wait_for("the resource in flight", limit, || {
            ready.exists().then_some(())
        });
        runner.control(r#"{"type":"cancel","force":true}"#);
        let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        assert_eq!(result["state"]["lock"], "unknown", "{script} {result:#}");
        assert!(fake.workspace.server().lock_holder().is_some());
    }
}

fn script_that_hides_the_errors_leaves_no_claim(tool: Tool) {
    for script in [
        "exec TOOL \"$@\" 2>/dev/null",
        "exec TOOL \"$@\" >log 2>&1",
        "exec 2> >(sed 's/^/tool: /' >&2); exec TOOL \"$@\"",
    ] {
        let fake = around(tool, script);
        let result = apply(&fake, &["-no-color"]);
        assert_ne!(result["state"]["lock"], "released", "{script} {result:#}");
    }
}

const FORMS: [&[&str]; 3] = [&[], &["-no-color"], &["-json"]];

/// Returns a script around a tool whose lock is never released.
fn around(tool: Tool, script: &str) -> FakeTool {
    let workspace = Workspace::with_configuration(tool, Backend::Server, CONFIGURATION);
    workspace.server().take_unlocks(Unlocks::Refused);
    FakeTool::around_the_tool(workspace, script)
}

fn apply(fake: &FakeTool, form: &[&str]) -> Value {
    let args = [&["-auto-approve"], form].concat();
    let request = fake.request("apply", &args);
    Launch::request(&fake.workspace, &request).run().result()
}

#[track_caller]
fn assert_lock_is_told(fake: &FakeTool, form: &[&str]) {
    let result = apply(fake, form);
    assert_eq!(result["state"]["lock"], "held", "{form:?} {result:#}");
    assert_eq!(result["success"], false, "{result:#}");
    assert!(fake.workspace.lock_holder().is_some());
}
