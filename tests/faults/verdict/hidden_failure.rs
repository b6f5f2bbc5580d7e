//! A script in the tool's place hides that the tool failed, or was killed, by its own exit code 0.

use std::fs;

use serde_json::Value;

use crate::support::ending::Ending;
use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    failure_behind_a_pipe_has_failed,
    success_behind_a_pipe_has_succeeded,
    command_that_ends_without_its_words_behind_a_pipe_is_unknown,
    killed_apply_behind_a_pipe_is_unknown,
    killed_plan_behind_a_pipe_is_unknown,
}

const PIPE: &str = "TOOL \"$@\" 2>&1 | cat";
const CONFIGURATION: &str = "resource \"terraform_data\" \"a\" {}\noutput \"a\" { value = 1 }\n";

fn failure_behind_a_pipe_has_failed(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, CONFIGURATION);
    let fake = FakeTool::around_the_tool(workspace, PIPE);
    let invalid = "resource \"x\" {\n";
    fs::write(fake.workspace.work_dir().join("invalid.tf"), invalid).expect("a new file");
    for (command, args) in [
        ("plan", &["-no-color"][..]),
        ("plan", &[]),
        ("plan", &["-json"]),
        ("init", &["-no-color"]),
        ("init", &[]),
        ("validate", &["-no-color"]),
        ("validate", &["-json"]),
        ("apply", &["-auto-approve"]),
        ("output", &["-no-color", "none"]),
        ("state", &["show", "none"]),
        ("show", &["none"]),
        ("import", &["a", "b"]),
    ] {
        let (ending, result) = ended(&fake, command, args);
        ending.assert_outcome(&result, "failed");
        assert_eq!(result["exit_code"], 0, "{result:#}");
        let told = result["error_msg"].as_str().expect("text");
        assert!(told.contains("set -o pipefail"), "{told}");
    }
}

fn success_behind_a_pipe_has_succeeded(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, CONFIGURATION);
    let test = "run \"a\" {\n  command = plan\n}\n";
    fs::write(workspace.work_dir().join("a.tftest.hcl"), test).expect("a new file");
    let fake = FakeTool::around_the_tool(workspace, PIPE);
    for (command, args) in [
        ("init", &["-no-color"][..]),
        ("init", &[]),
        ("validate", &["-no-color"]),
        ("validate", &["-json"]),
        ("plan", &["-out=p"]),
        ("plan", &["-json", "-out=p"]),
        ("plan", &["-no-color"]),
        ("apply", &["-auto-approve"]),
        ("plan", &["-out=p"]),
        ("plan", &["-json"]),
        ("output", &[]),
        ("output", &["-json"]),
        ("state", &["list"]),
        ("show", &["-json"]),
        ("version", &[]),
        ("taint", &["terraform_data.a"]),
        ("apply", &["-auto-approve", "-json"]),
        ("refresh", &[]),
        (
            "state",
            &["replace-provider", "-auto-approve", "a/b", "c/d"],
        ),
        ("state", &["rm", "terraform_data.a"]),
        ("workspace", &["select", "default"]),
        ("workspace", &["new", "dev"]),
        ("workspace", &["select", "dev"]),
        ("workspace", &["select", "default"]),
        ("workspace", &["delete", "dev"]),
        ("test", &[]),
        ("test", &["-json"]),
        ("destroy", &["-auto-approve"]),
    ] {
        let (ending, result) = ended(&fake, command, args);
        ending.assert_outcome(&result, "succeeded");
    }
}

fn command_that_ends_without_its_words_behind_a_pipe_is_unknown(tool: Tool) {
    const KILLED: &str = "(ulimit -t 0; TOOL \"$@\") 2>/dev/null | cat";
    for (script, command, args) in [
        (PIPE, "workspace", &["select", "none"][..]),
        (PIPE, "workspace", &["delete", "none"]),
        (KILLED, "apply", &["-auto-approve"]),
        (KILLED, "refresh", &[]),
        (KILLED, "taint", &["terraform_data.a"]),
        (KILLED, "untaint", &["terraform_data.a"]),
        (KILLED, "state", &["rm", "terraform_data.a"]),
        (
            KILLED,
            "state",
            &["mv", "terraform_data.a", "terraform_data.b"],
        ),
        (KILLED, "state", &["push", "terraform.tfstate"]),
        (KILLED, "workspace", &["new", "dev"]),
        (KILLED, "force-unlock", &["-force", "x"]),
        (KILLED, "test", &[]),
    ] {
        let workspace = Workspace::with_configuration(tool, Backend::Local, CONFIGURATION);
        let fake = FakeTool::around_the_tool(workspace, script);
        let (ending, result) = ended(&fake, command, args);
        assert_is_unknown(&ending, &result);
    }
}

fn killed_apply_behind_a_pipe_is_unknown(tool: Tool) {
    let script = format!(
        "echo $PPID >parent; {}",
        "touch ready; while [ ! -e go ]; do sleep 0.05; done"
    );
    let workspace = Workspace::with_in_flight(tool, Backend::Server, &script);
    let fake = FakeTool::around_the_tool(
        workspace,
        "(echo $BASHPID >pid; exec TOOL \"$@\") 2>&1 | cat",
    );
    for form in [&["-no-color"][..], &["-json"]] {
        let _ = fs::remove_file(fake.workspace.work_dir().join("ready"));
        let args = [&["-auto-approve", "-lock=false"], form].concat();
        let runner = Launch::request(&fake.workspace, &fake.request("apply", &args)).start();
        fake.workspace.wait_until_in_flight();
        fake.workspace.kill_recorded_tool();
        let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        assert_is_unknown(&ending, &result);
        assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
    }
}

fn killed_plan_behind_a_pipe_is_unknown(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Server, CONFIGURATION);
    let held = serde_json::json!({"ID": "another", "Who": "a@b"});
    workspace.server().lock_for_another(held);
    let fake = FakeTool::around_the_tool(
        workspace,
        "(echo $BASHPID >pid; exec TOOL \"$@\") 2>&1 | cat",
    );
    let args = ["-no-color", "-lock-timeout=300s"];
    let runner = Launch::request(&fake.workspace, &fake.request("plan", &args)).start();
    let limit = crate::support::waiting::WITHIN_A_TEST;
    fake.workspace.server().wait_for_more("LOCK", 0, limit);
    fake.workspace.kill_recorded_tool();
    let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    assert_is_unknown(&ending, &result);
}

#[track_caller]
fn assert_is_unknown(ending: &Ending, result: &Value) {
    ending.assert_outcome(result, "unknown");
    assert_eq!(result["success"], false, "{result:#}");
    let told = result["error_msg"].as_str().expect("text");
    assert!(told.contains("set -o pipefail"), "{told}");
}

fn ended(fake: &FakeTool, command: &str, args: &[&str]) -> (Ending, Value) {
    let ending = Launch::request(&fake.workspace, &fake.request(command, args)).run();
    let result = ending.result();
    (ending, result)
}
