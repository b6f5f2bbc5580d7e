//! One request, one result: common commands, and requests that are refused.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::bounded::output_of;
use crate::support::ending::{assert_is_a_time, assert_state_is_told};
use crate::support::mark::VARIABLE;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    the_first_request_ever_published_gets_its_result,
    init_plan_apply_and_output_do_what_they_say,
    a_plan_with_changes_under_detailed_exitcode_is_a_success,
    a_failed_apply_tells_what_went_wrong,
    a_tool_of_another_version_is_refused_before_anything_runs,
    a_tool_of_the_wanted_version_runs,
    a_missing_tool_is_not_started,
    a_missing_work_dir_is_not_started,
    a_bad_request_gets_one_result_and_runs_nothing,
    work_starts_before_stdin_is_closed,
    a_run_directory_that_holds_a_run_is_refused,
}

/// As it was published, except for the tool.
fn the_first_request_ever_published_gets_its_result(tool: Tool) {
    let request = r#"{
  "tool": "terraform",
  "work_dir": "/tmp",
  "command": "version",
  "args": [],
  "env_vars": {},
  "timeout": 5
}
"#
    .replace("terraform", tool.name());
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let ending = Launch::new(&workspace, &[]).input(request).run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    let printed = output_of(
        Command::new(tool.program())
            .arg("version")
            .current_dir("/tmp")
            .env_clear()
            .env("HOME", workspace.home())
            .env("CHECKPOINT_DISABLE", "1"),
    );
    assert_eq!(result["success"], true);
    assert_eq!(
        result["output"],
        String::from_utf8_lossy(&printed.stdout).as_ref()
    );
    assert_eq!(result["exit_code"], 0);
    assert_eq!(result["error_msg"], "");
    assert_is_a_time(&result["started_at"]);
    assert_is_a_time(&result["ended_at"]);
    assert_eq!(result["state"], Value::Null);
    assert_eq!(result["diagnosis"], Value::Null);
}

fn init_plan_apply_and_output_do_what_they_say(tool: Tool) {
    let workspace = Workspace::not_initialised(
        tool,
        Backend::Server,
        r#"
resource "terraform_data" "one" {
  input = "first"
}

output "one" {
  value = terraform_data.one.output
}
"#,
    );
    let run = |command: &str, args: &[&str]| {
        let ending = Launch::request(&workspace, &workspace.request(command, args)).run();
        let result = ending.result();
        ending.assert_outcome(&result, "succeeded");
        result
    };
    run("init", &["-no-color"]);
    let plan = run("plan", &["-no-color", "-out=tfplan"]);
    let text = plan["output"].as_str().expect("text");
    assert!(text.contains("1 to add"), "{text}");
    assert!(workspace.work_dir().join("tfplan").is_file());
    assert_eq!(workspace.resources(), []);
    let apply = run("apply", &["-no-color", "tfplan"]);
    assert_state_is_told(&apply, "saved", "released");
    assert_eq!(workspace.resources().len(), 1);
    let output = run("output", &["-json"]);
    let text = output["output"].as_str().expect("text");
    let values: Value = serde_json::from_str(text).expect("`output -json` prints JSON only");
    assert_eq!(values["one"]["value"], "first");
    workspace.assert_lock_is_released();
}

fn a_plan_with_changes_under_detailed_exitcode_is_a_success(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let request = workspace.request("plan", &["-no-color", "-detailed-exitcode"]);
    let ending = Launch::request(&workspace, &request).run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["exit_code"], 2);
    assert_eq!(result["diagnosis"], Value::Null);
}

fn a_failed_apply_tells_what_went_wrong(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Server, "echo broken; exit 3");
    let ending = Launch::request(&workspace, &workspace.apply()).run();
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    assert_eq!(result["exit_code"], 1);
    assert!(result["diagnosis"]["class"].is_string(), "{result:#}");
    assert_eq!(result["diagnosis"]["retryable"], false, "{result:#}");
    assert_state_is_told(&result, "saved", "released");
    workspace.assert_state_is_complete();
    workspace.assert_lock_is_released();
}

fn a_tool_of_another_version_is_refused_before_anything_runs(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let before = workspace.server().count("LOCK");
    let mut request = workspace.apply();
    request["tool_version"] = json!("0.0.1");
    let ending = Launch::request(&workspace, &request).run();
    let result = ending.result();
    ending.assert_outcome(&result, "not_started");
    assert_eq!(result["exit_code"], 1);
    let error_msg = result["error_msg"].as_str().expect("text");
    for version in ["0.0.1", &tool.version()] {
        assert!(
            error_msg.contains(version),
            "`{version}` is not in `{error_msg}`"
        );
    }
    assert!(!workspace.work_dir().join("ready").exists());
    assert_eq!(workspace.server().count("LOCK"), before);
}

fn a_tool_of_the_wanted_version_runs(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let mut request = workspace.request("version", &[]);
    request["tool_version"] = json!(tool.version());
    let ending = Launch::request(&workspace, &request).run();
    ending.assert_outcome(&ending.result(), "succeeded");
}

fn a_missing_tool_is_not_started(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let nowhere = workspace.home();
    let mut request = workspace.request("version", &[]);
    request["env_vars"]["PATH"] = json!(nowhere);
    let ending = Launch::request(&workspace, &request)
        .env("PATH", nowhere.to_str().expect("a path that is text"))
        .run();
    let result = ending.result();
    ending.assert_outcome(&result, "not_started");
    assert_eq!(result["exit_code"], 1);
    assert_eq!(result["output"], "");
    let error_msg = result["error_msg"].as_str().expect("text");
    assert!(error_msg.contains(tool.name()), "{error_msg}");
}

fn a_missing_work_dir_is_not_started(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let missing = workspace.work_dir().join("missing");
    let mut request = workspace.request("version", &[]);
    request["work_dir"] = json!(missing);
    let ending = Launch::request(&workspace, &request).run();
    let result = ending.result();
    ending.assert_outcome(&result, "not_started");
    assert_eq!(result["exit_code"], 1);
    let error_msg = result["error_msg"].as_str().expect("text");
    let told = format!("chdir {}: no such file or directory", missing.display());
    assert!(error_msg.contains(&told), "{error_msg}");
}

fn a_bad_request_gets_one_result_and_runs_nothing(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let good = workspace.request("version", &[]);
    let with = |field: &str, value: Value| {
        let mut request = good.clone();
        request[field] = value;
        request.to_string()
    };
    let table = [
        (String::new(), ""),
        ("\n\n".to_owned(), ""),
        ("no json\n".to_owned(), ""),
        ("{\"tool\":".to_owned(), ""),
        (with("surprise", json!(1)), "surprise"),
        (with("timeout", json!("5")), "timeout"),
        (with("timeout", json!(-1)), "timeout"),
        (with("args", json!(["a", 1])), "args[1]"),
        (with("tool", json!("pulumi")), "tool"),
        (with("command", json!("-version")), "command"),
        (with("env_vars", json!({ "A=B": "" })), "env_vars"),
        (format!("{good} {good}\n"), ""),
    ];
    for (input, told) in table {
        let ending = Launch::new(&workspace, &[]).input(input.as_str()).run();
        let result = ending.result();
        ending.assert_outcome(&result, "invalid_request");
        assert_eq!(result["exit_code"], 1, "{input}");
        let error_msg = result["error_msg"].as_str().expect("text");
        assert!(error_msg.contains(told), "`{told}` is not in `{error_msg}`");
    }
}

fn work_starts_before_stdin_is_closed(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    // Without a newline: the document is complete with its last brace.
    let request = workspace.request("version", &[]).to_string();
    let ending = Launch::new(&workspace, &[]).input(request).start().end();
    ending.assert_outcome(&ending.result(), "succeeded");
}

fn a_run_directory_that_holds_a_run_is_refused(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let mut request = workspace.request("version", &[]);
    request["run_dir"] = json!(workspace.run_dir());
    let first = Launch::request(&workspace, &request).run();
    first.assert_outcome(&first.result(), "succeeded");
    let second = Launch::request(&workspace, &request).run();
    let result = second.result();
    let outcome = result["outcome"].as_str().expect("a word");
    assert!(
        ["invalid_request", "not_started"].contains(&outcome),
        "{result:#}"
    );
    second.assert_outcome(&result, outcome);
    let attached = Launch::on_run_dir(&workspace, "attach", &[]).run();
    assert_eq!(attached.result(), first.result(), "the first run's record");
    assert!(!first.text().contains(VARIABLE));
}
