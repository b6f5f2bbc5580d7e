//! Results on kernels with and without Landlock.

use std::fs;

use serde_json::{Value, json};

use super::runs_script;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::without_landlock::WITHOUT_LANDLOCK;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    result_says_what_was_enforced,
    auto_warns_and_runs_where_there_is_no_landlock,
    required_starts_nothing_where_there_is_no_landlock,
}

/// Runs an apply in a mode, with or without Landlock.
fn applied(
    workspace: &Workspace,
    mode: &Value,
    has_landlock: bool,
) -> crate::support::ending::Ending {
    let mut request = workspace.apply();
    request["sandbox"] = mode.clone();
    let launch = Launch::request(workspace, &request);
    if has_landlock {
        return launch.run();
    }
    launch
        .under(&["/usr/bin/python3", "-c", WITHOUT_LANDLOCK])
        .run()
}

fn workspace(tool: Tool) -> Workspace {
    let workspace = Workspace::with_configuration(tool, Backend::Local, &runs_script("run.sh"));
    fs::write(workspace.work_dir().join("run.sh"), "echo ran >ran").expect("a script");
    workspace
}

fn result_says_what_was_enforced(tool: Tool) {
    for (sandbox, is_confined) in [
        (json!(null), false),
        (json!({"mode": "off", "read": ["/"]}), false),
        (json!({"mode": "auto"}), true),
        (json!({"mode": "required"}), true),
    ] {
        let workspace = workspace(tool);
        let ending = applied(&workspace, &sandbox, true);
        let result = ending.result();
        ending.assert_outcome(&result, "succeeded");
        assert_eq!(result["sandbox"].is_string(), is_confined, "{result:#}");
        assert_eq!(result["sandbox"].is_null(), !is_confined, "{result:#}");
    }
}

fn auto_warns_and_runs_where_there_is_no_landlock(tool: Tool) {
    let workspace = workspace(tool);
    let ending = applied(&workspace, &json!({"mode": "auto"}), false);
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["sandbox"], json!(null));
    assert!(
        ending
            .stderr
            .contains("there is no sandbox: the kernel has no Landlock"),
        "{}",
        ending.stderr
    );
    assert!(workspace.work_dir().join("ran").exists());
}

fn required_starts_nothing_where_there_is_no_landlock(tool: Tool) {
    let workspace = workspace(tool);
    let ending = applied(&workspace, &json!({"mode": "required"}), false);
    let result = ending.result();
    ending.assert_outcome(&result, "not_started");
    let sentence = result["error_msg"].as_str().expect("text");
    assert!(sentence.contains("has no Landlock"), "{sentence}");
    assert!(!workspace.work_dir().join("ran").exists());
}

#[test]
fn doctor_tells_the_version_of_landlock() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    let ending = Launch::new(&workspace, &["doctor", "--json"]).run();
    let report: Value = serde_json::from_str(&ending.text()).expect("a report");
    let checks = report["checks"].as_array().expect("checks");
    let sandbox = checks.iter().find(|check| check["name"] == "sandbox");
    let sandbox = sandbox.expect("a check of the sandbox");
    assert_eq!(sandbox["status"], "ok", "{sandbox}");
    let detail = sandbox["detail"].as_str().expect("text");
    assert!(detail.contains("Landlock version"), "{detail}");
}
