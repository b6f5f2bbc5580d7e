//! What the tool inherits from the runner's own environment, and what it does not.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    what_is_not_on_the_list_does_not_reach_the_tool,
    inherit_env_replaces_the_list,
    the_tool_has_an_empty_stdin,
}

fn what_is_not_on_the_list_does_not_reach_the_tool(tool: Tool) {
    let workspace = writing_its_environment(tool);
    let mut request = workspace.apply();
    request["env_vars"]["TF_VAR_from_request"] = json!("of the request");
    request["env_vars"]["TF_VAR_from_both"] = json!("of the request");
    let ending = Launch::request(&workspace, &request)
        .env("DATABASE_URL", "postgres://backend:of-the-backend@db/runs")
        .env("ENCRYPTION_KEY", "of the backend")
        .env("TF_VAR_from_runner", "of the runner")
        .env("TF_VAR_from_both", "of the runner")
        .env("AWS_REGION", "eu-west-1")
        .env("LC_TIME", "C")
        .run();
    ending.assert_outcome(&ending.result(), "succeeded");
    let seen = environment_seen(&workspace);
    let table = [
        ("DATABASE_URL", None),
        ("ENCRYPTION_KEY", None),
        ("TF_VAR_from_runner", Some("of the runner")),
        ("TF_VAR_from_request", Some("of the request")),
        ("TF_VAR_from_both", Some("of the request")),
        ("AWS_REGION", Some("eu-west-1")),
        ("LC_TIME", Some("C")),
        ("TF_IN_AUTOMATION", Some("1")),
        ("TF_INPUT", Some("0")),
        ("CHECKPOINT_DISABLE", Some("1")),
        // Providers use as much memory as without the runner.
        ("GOGC", None),
    ];
    for (name, value) in table {
        assert_eq!(seen.get(name).map(String::as_str), value, "{name}");
    }
}

fn inherit_env_replaces_the_list(tool: Tool) {
    let workspace = writing_its_environment(tool);
    let mut request = workspace.apply();
    request["inherit_env"] = json!(["PATH", "HOME", "ONLY_ME", "SOME_*"]);
    let ending = Launch::request(&workspace, &request)
        .env("ONLY_ME", "1")
        .env("SOME_ONE", "2")
        .env("SOMEBODY_ELSE", "3")
        .env("AWS_REGION", "eu-west-1")
        .run();
    ending.assert_outcome(&ending.result(), "succeeded");
    let seen = environment_seen(&workspace);
    let table = [
        ("ONLY_ME", Some("1")),
        ("SOME_ONE", Some("2")),
        ("SOMEBODY_ELSE", None),
        ("AWS_REGION", None),
    ];
    for (name, value) in table {
        assert_eq!(seen.get(name).map(String::as_str), value, "{name}");
    }
}

/// Without `-auto-approve` the tool would ask; it must get an end of file instead of waiting.
fn the_tool_has_an_empty_stdin(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let mut request = workspace.request("apply", &["-no-color"]);
    request["env_vars"]["TF_INPUT"] = json!("1");
    let ending = Launch::request(&workspace, &request).start().end();
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    assert_eq!(
        result["diagnosis"]["class"], "approval_required",
        "{result:#}"
    );
    assert_eq!(workspace.resources(), []);
}

fn writing_its_environment(tool: Tool) -> Workspace {
    Workspace::with_in_flight(tool, Backend::Local, "env >seen")
}

fn environment_seen(workspace: &Workspace) -> BTreeMap<String, String> {
    fs::read_to_string(workspace.work_dir().join("seen"))
        .expect("the resource wrote its environment")
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
