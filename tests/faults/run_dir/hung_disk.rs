//! The disk of the run directory hangs: every write to it waits in the kernel.

use std::fs;

use serde_json::{Value, json};

use super::frozen_disk::{FrozenDisk, exists};
use crate::support::ending::{
    Ending, assert_state_is_told, assert_stopped_in_order, joined_output, parse_events, warnings,
};
use crate::support::fake_tool::FakeTool;
use crate::support::mark::is_alive;
use crate::support::record::recorded_events;
use crate::support::runner::{Launch, Runner, wait_until_gone};
use crate::support::state::read_json;
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, Workspace};

on_both_tools! {
    a_cancel_stops_an_apply_whose_record_hangs,
    a_timeout_stops_an_apply_whose_record_hangs,
    force_ends_an_apply_whose_record_hangs,
    an_apply_finishes_while_its_record_hangs,
    a_run_dir_on_a_hung_disk_is_refused_in_time,
    a_disk_that_hangs_for_a_moment_costs_nothing,
}

/// An apply in progress whose record cannot be written any more.
struct Hanging {
    disk: FrozenDisk,
    workspace: Workspace,
    runner: Runner,
    supervisor: i32,
}

impl Hanging {
    fn start(tool: Tool, timeout_minutes: f64) -> Self {
        let disk = FrozenDisk::mount();
        let workspace = Workspace::new(tool, Backend::Server);
        let mut request = workspace.apply();
        request["run_dir"] = json!(disk.path("run"));
        request["timeout"] = json!(timeout_minutes);
        let mut runner = Launch::stream(&workspace, &request).start();
        let supervisor = runner.supervisor();
        runner.output_with(IN_FLIGHT_LINE);
        disk.freeze();
        Self {
            disk,
            workspace,
            runner,
            supervisor,
        }
    }

    /// Waits for the end of the run, and then for the writes once the disk responds again.
    fn end(self, outcome: &str) -> (Workspace, Value) {
        let Self {
            disk,
            workspace,
            runner,
            supervisor,
        } = self;
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.streamed_result();
        ending.assert_outcome(&result, outcome);
        assert_record_is_given_up(&ending, &result);

        assert!(is_alive(supervisor), "it cannot end on a disk that hangs");
        disk.thaw();
        wait_until_gone(supervisor, WITHIN_A_TEST);
        let kept = read_json(&disk.path("run/result.json")).expect("the result");
        assert_eq!(kept, result);
        // The result names a log only if it is complete.
        if let Some(log) = result["output_file"].as_str() {
            let log = fs::read_to_string(log).expect("a log");
            assert_eq!(result["output"], log.as_str());
        }
        let run_dir = disk.path("run");
        let run_dir = run_dir.to_str().expect("text");
        let attached = Launch::new(&workspace, &["attach", run_dir]).run();
        assert_eq!(attached.result(), result);
        let attached = Launch::new(&workspace, &["attach", "--stream", run_dir]).run();
        let events = parse_events(&attached.text());
        assert!(
            events
                .iter()
                .enumerate()
                .all(|(seq, event)| event["seq"] == seq)
        );
        assert_eq!(events[events.len() - 1]["result"], result);
        let warnings = warnings(&events);
        assert!(
            warnings[0].contains("not recorded to their end"),
            "{warnings:?}"
        );
        (workspace, result)
    }
}

/// The result says so; the printed output is complete.
#[track_caller]
fn assert_record_is_given_up(ending: &Ending, result: &Value) {
    let events = ending.events();
    let warnings = warnings(&events);
    let says = |words: &str| warnings.iter().any(|warning| warning.contains(words));
    assert!(says("has not answered for 30 s"), "{warnings:?}");
    assert_eq!(result["output_complete"], true, "{result:#}");
    assert_eq!(result["output"], joined_output(&events).as_str());
}

fn a_cancel_stops_an_apply_whose_record_hangs(tool: Tool) {
    let mut hanging = Hanging::start(tool, 30.0);
    hanging.runner.control(r#"{"type":"cancel"}"#);
    let (workspace, result) = hanging.end("cancelled");
    assert_stopped_in_order(&workspace, &result, "cancel");
}

fn a_timeout_stops_an_apply_whose_record_hangs(tool: Tool) {
    let hanging = Hanging::start(tool, 0.2);
    let (workspace, result) = hanging.end("timed_out");
    assert_stopped_in_order(&workspace, &result, "timeout");
}

fn force_ends_an_apply_whose_record_hangs(tool: Tool) {
    let mut hanging = Hanging::start(tool, 30.0);
    hanging.runner.control(r#"{"type":"cancel","force":true}"#);
    let (_, result) = hanging.end("killed");
    assert_eq!(result["signal"], "SIGKILL");
}

fn an_apply_finishes_while_its_record_hangs(tool: Tool) {
    let hanging = Hanging::start(tool, 30.0);
    hanging.workspace.let_go();
    let (workspace, result) = hanging.end("succeeded");
    assert_state_is_told(&result, "saved", "released");
    workspace.assert_everything_was_applied();
    workspace.assert_lock_is_released();
}

fn a_run_dir_on_a_hung_disk_is_refused_in_time(tool: Tool) {
    let disk = FrozenDisk::mount();
    let workspace = Workspace::new(tool, Backend::Local);
    let run_dir = disk.path("run");
    let mut request = workspace.apply();
    request["run_dir"] = json!(run_dir);
    disk.freeze();
    let runner = Launch::request(&workspace, &request).start();
    let supervisor = runner.supervisor();
    let ending = runner.end();
    let result = ending.result();
    ending.assert_outcome(&result, "not_started");
    let sentence = result["error_msg"].as_str().expect("text");
    assert!(sentence.contains("has not answered"), "{sentence}");
    assert_eq!(workspace.resources(), []);

    disk.thaw();
    wait_until_gone(supervisor, WITHIN_A_TEST);
    let attached = Launch::new(&workspace, &["attach", run_dir.to_str().expect("text")]).run();
    assert_eq!(attached.result(), result, "the disk got the refusal");
    assert_eq!(workspace.resources(), []);
}

/// The tool prints more than the queue for the disk holds; the disk hangs until all of it is printed.
fn a_disk_that_hangs_for_a_moment_costs_nothing(tool: Tool) {
    let disk = FrozenDisk::mount();
    let fake = FakeTool::new(
        tool,
        "touch started; while [ ! -e frozen ]; do sleep 0.02; done
         seq 1 400000; touch ready; while [ ! -e go ]; do sleep 0.02; done; echo the end",
    );
    let workspace = &fake.workspace;
    let run_dir = disk.path("run");
    let mut request = fake.apply();
    request["run_dir"] = json!(run_dir);
    let runner = Launch::stream(workspace, &request).start();
    wait_for("the tool", WITHIN_A_TEST, || {
        exists(&workspace.work_dir().join("started")).then_some(())
    });
    disk.freeze();
    fs::write(workspace.work_dir().join("frozen"), "").expect("another disk");
    workspace.wait_until_in_flight();
    disk.thaw();
    workspace.let_go();
    let ending = runner.end();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");
    let events = ending.events();
    assert_eq!(warnings(&events), Vec::<&str>::new());
    assert_eq!(recorded_events(&run_dir), events);
    let output = joined_output(&events);
    assert!(output.ends_with("\n400000\nthe end\n"));
    assert_eq!(result["output_file"], json!(run_dir.join("output.log")));
}
