//! The published example of a cancel works: it stops an apply in progress.

use serde_json::{Value, json};

use crate::support::ending::assert_state_is_told;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    published_cancel_stops_the_apply_in_mid_flight,
}

const CONFIGURATION: &str = include_str!("../../../examples/hello/main.tf");
const EXAMPLE: &str = include_str!("../../../examples/requests/cancel.ndjson");

fn published_cancel_stops_the_apply_in_mid_flight(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, CONFIGURATION);
    let (request, cancel) = EXAMPLE.split_once('\n').expect("two lines");
    let published: Value = serde_json::from_str(request).expect("a request");
    let mut request = workspace.apply();
    for field in ["command", "args", "env_vars", "timeout"] {
        request[field] = published[field].clone();
    }
    request["env_vars"]["IAC_TEST_MARK"] = json!(workspace.mark.value());
    let mut runner = Launch::stream(&workspace, &request).start();
    runner.output_with("(local-exec): Hello, world!");
    runner.control(cancel.trim_end());
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "cancelled");
    assert_eq!(result["stop_reason"], "cancel", "{result:#}");
    assert_state_is_told(&result, "saved", "released");
}
