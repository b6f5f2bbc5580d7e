//! Events: in order, without a gap, at once, and the same in the run directory.

use std::fs;

use serde_json::json;

use crate::support::ending::{joined_output, warnings};
use crate::support::fake_tool::FakeTool;
use crate::support::mark::is_alive;
use crate::support::record::recorded_events;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, wait_for};
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, Workspace};

on_both_tools! {
    a_stream_has_no_gap_and_its_outputs_are_the_output,
    output_that_was_cut_after_the_run_is_not_called_complete,
    what_the_tool_prints_is_told_while_it_runs,
    a_bad_control_line_is_a_warning_that_does_not_repeat_it,
    a_warning_while_the_version_is_asked_for_is_an_event_like_any_other,
    a_warning_while_the_version_is_asked_for_goes_to_stderr_without_events,
    a_bad_request_gets_its_result_as_the_only_event,
    stalled_reader_does_not_block_the_tool,
    a_cancelled_stream_tells_that_it_is_stopping,
}

fn a_stream_has_no_gap_and_its_outputs_are_the_output(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    workspace.let_go();
    let ending = Launch::stream(&workspace, &workspace.apply()).run();
    let events = ending.events();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");

    let started = &events[0];
    assert_eq!(started["type"], "started");
    assert_eq!(started["tool_path"], json!(tool.program()));
    assert_eq!(
        started["argv"],
        json!([tool.name(), "apply", "-auto-approve", "-no-color"])
    );

    let output = joined_output(&events);
    assert_eq!(result["output"], output.as_str());
    assert_eq!(result["output_bytes"], output.len());
    assert!(
        output.contains("Apply complete! Resources: 4 added"),
        "{output}"
    );
    let kept =
        |name: &str| fs::read_to_string(workspace.run_dir().join(name)).expect("a file of the run");
    assert_eq!(kept("output.log"), output);
    assert_eq!(
        result["output_file"],
        json!(workspace.run_dir().join("output.log"))
    );
    assert_eq!(recorded_events(&workspace.run_dir()), events);
    // Each text is on disk once, however it is cut into events.
    assert!(!kept("events.ndjson").contains("Apply complete!"));
    let attached = Launch::on_run_dir(&workspace, "attach", &["--stream"]).run();
    assert_eq!(attached.events(), events);
    let stored: serde_json::Value =
        serde_json::from_str(&kept("result.json")).expect("a result document");
    assert_eq!(stored, result);
}

fn output_that_was_cut_after_the_run_is_not_called_complete(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    workspace.let_go();
    Launch::stream(&workspace, &workspace.apply()).run();
    let log = workspace.run_dir().join("output.log");
    let attached = || Launch::on_run_dir(&workspace, "attach", &["--stream"]).run();
    assert_eq!(attached().streamed_result()["output_complete"], true);
    let text = fs::read(&log).expect("the log");
    fs::write(&log, &text[..text.len() / 2]).expect("the log is cut");
    assert_eq!(attached().streamed_result()["output_complete"], false);
    fs::remove_file(&log).expect("the log is removed");
    assert_eq!(attached().streamed_result()["output_complete"], false);
}

fn what_the_tool_prints_is_told_while_it_runs(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
    let pid = runner.tool_pid();
    assert!(is_alive(pid));
    runner.output_with(IN_FLIGHT_LINE);
    assert!(is_alive(pid));
    workspace.let_go();
    let ending = runner.end();
    ending.assert_outcome(&ending.streamed_result(), "succeeded");
}

fn a_bad_control_line_is_a_warning_that_does_not_repeat_it(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    runner.control("{\"type\":\"hunter2\"}");
    let warning = runner.event_of_type("warning");
    assert!(!warning.to_string().contains("hunter2"), "{warning}");
    workspace.let_go();
    let ending = runner.end();
    ending.assert_outcome(&ending.streamed_result(), "succeeded");
    assert_eq!(warnings(&ending.events()).len(), 1);
}

/// A tool that prints its version when it is released; this is not part of the run's output.
fn slow_to_say_its_version(tool: Tool) -> (FakeTool, serde_json::Value) {
    let fake = FakeTool::new(
        tool,
        "[ \"$1\" = version ] || { echo the run; exit; }
         echo not the run >&2; touch ready; while [ ! -e go ]; do sleep 0.02; done
         echo '{\"terraform_version\":\"1.2.3\"}'",
    );
    let mut request = fake.apply();
    request["tool_version"] = json!("1.2.3");
    (fake, request)
}

fn a_warning_while_the_version_is_asked_for_is_an_event_like_any_other(tool: Tool) {
    let (fake, request) = slow_to_say_its_version(tool);
    let mut runner = Launch::stream(&fake.workspace, &request).start();
    fake.workspace.wait_until_in_flight();
    runner.control("no control line");
    assert_eq!(runner.event_of_type("warning")["seq"], 0);
    fake.workspace.let_go();
    let ending = runner.end();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["output"], "the run\n");
    assert_eq!(warnings(&ending.events()).len(), 1);
    let recorded = recorded_events(&fake.workspace.run_dir());
    assert_eq!(recorded, ending.events());
}

fn a_warning_while_the_version_is_asked_for_goes_to_stderr_without_events(tool: Tool) {
    let (fake, request) = slow_to_say_its_version(tool);
    let mut runner = Launch::request(&fake.workspace, &request).start();
    fake.workspace.wait_until_in_flight();
    runner.control("no control line");
    let events = fake.workspace.run_dir().join("events.ndjson");
    wait_for("the warning", SOON, || {
        fs::read_to_string(&events)
            .ok()
            .filter(|text| text.ends_with('\n'))
    });
    fake.workspace.let_go();
    let ending = runner.end();
    ending.assert_outcome(&ending.result(), "succeeded");
    assert_eq!(
        ending.stderr.matches("warning: ").count(),
        1,
        "{}",
        ending.stderr
    );
}

fn a_bad_request_gets_its_result_as_the_only_event(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    for input in ["", "no json\n", "{}\n"] {
        let ending = Launch::new(&workspace, &["--stream"]).input(input).run();
        assert_eq!(ending.events().len(), 1, "{}", ending.text());
        ending.assert_outcome(&ending.streamed_result(), "invalid_request");
    }
}

/// The pipe to the reader holds 64 KiB; the tool prints many times that.
fn stalled_reader_does_not_block_the_tool(tool: Tool) {
    let fake = FakeTool::new(tool, "seq 1 400000; touch ready");
    let runner = Launch::stream(&fake.workspace, &fake.apply()).start();
    fake.workspace.wait_until_in_flight();
    fake.workspace.wait_until_nothing_runs();
    let ending = runner.end();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["output_complete"], true);
    assert!(joined_output(&ending.events()).ends_with("\n399999\n400000\n"));
}

fn a_cancelled_stream_tells_that_it_is_stopping(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let mut request = workspace.apply();
    request["grace_seconds"] = json!(45.5);
    let mut runner = Launch::stream(&workspace, &request).start();
    workspace.wait_until_in_flight();
    runner.control(r#"{"type":"cancel"}"#);
    let stopping = runner.event_of_type("stopping");
    assert_eq!(stopping["reason"], "cancel");
    assert_eq!(stopping["grace_seconds"], 45.5);
    let ending = runner.end();
    ending.assert_outcome(&ending.streamed_result(), "cancelled");
}
