//! Signals while the result is copied to a slow reader.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::ending::{Ending, assert_stopped_in_order};
use crate::support::mark::{children, name, state_of};
use crate::support::runner::{Launch, Runner, SUPERVISOR};
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, WITHIN_A_TEST, wait_for};
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    sigterm_while_an_answer_is_copied_cuts_nothing,
    sigint_while_an_answer_is_copied_cuts_nothing,
    sighup_while_an_answer_is_copied_cuts_nothing,
    a_signal_while_eight_megabytes_are_copied_cuts_nothing,
    a_signal_while_the_last_events_are_copied_cuts_nothing,
    a_cancelled_run_prints_its_whole_answer_to_a_slow_reader,
    a_second_signal_two_seconds_later_ends_the_copy_with_70,
    a_signal_to_attach_while_it_prints_is_seen_in_its_status,
}

/// Several times what a pipe holds.
const HUNDREDS_OF_KB: usize = 400 * 1024;
const EIGHT_MB: usize = 8 * 1000 * 1000;
/// Size of the pieces of an output value.
const PIECE_BYTES: usize = 100_000;

/// Returns a configuration whose apply prints this much: half of it in the plan, half after the apply.
fn verbose(tool: Tool, bytes: usize) -> Workspace {
    let pieces = (bytes / 2).div_ceil(PIECE_BYTES);
    let hcl = format!(
        r#"
output "verbose" {{
  value = join("\n", [
    for piece in range({pieces}) : join("\n", [for line in range(100) : format("%01000d", line)])
  ])
}}
"#
    );
    Workspace::with_configuration(tool, Backend::Local, &hcl)
}

fn apply(workspace: &Workspace) -> Value {
    let mut request = workspace.apply();
    request["output_limit_bytes"] = json!(64 * 1024 * 1024);
    request
}

fn sigterm_while_an_answer_is_copied_cuts_nothing(tool: Tool) {
    one_signal_cuts_nothing(tool, HUNDREDS_OF_KB, Signal::SIGTERM);
}

fn sigint_while_an_answer_is_copied_cuts_nothing(tool: Tool) {
    one_signal_cuts_nothing(tool, HUNDREDS_OF_KB, Signal::SIGINT);
}

fn sighup_while_an_answer_is_copied_cuts_nothing(tool: Tool) {
    one_signal_cuts_nothing(tool, HUNDREDS_OF_KB, Signal::SIGHUP);
}

fn a_signal_while_eight_megabytes_are_copied_cuts_nothing(tool: Tool) {
    one_signal_cuts_nothing(tool, EIGHT_MB, Signal::SIGTERM);
}

/// Without `--stream` the first byte on stdout means that the run has ended.
fn one_signal_cuts_nothing(tool: Tool, bytes: usize, signal: Signal) {
    let workspace = verbose(tool, bytes);
    let mut runner = Launch::request(&workspace, &apply(&workspace)).start();
    runner.read_at_least(bytes / 2);
    wait_until_supervisor_has_ended(&runner);
    runner.signal(signal);
    let ending = runner.end();
    assert_is_whole(&ending, &ending.result(), bytes);
}

fn a_signal_while_the_last_events_are_copied_cuts_nothing(tool: Tool) {
    let workspace = verbose(tool, HUNDREDS_OF_KB);
    let mut runner = Launch::stream(&workspace, &apply(&workspace)).start();
    runner.tool_pid();
    wait_until_supervisor_has_ended(&runner);
    runner.signal(Signal::SIGTERM);
    let ending = runner.end();
    assert_is_whole(&ending, &ending.streamed_result(), HUNDREDS_OF_KB);
}

#[track_caller]
fn assert_is_whole(ending: &Ending, result: &Value, bytes: usize) {
    let output = result["output"].as_str().expect("text");
    assert!(output.len() >= bytes, "only {} bytes", output.len());
    let mut short = result.clone();
    short["output"] = Value::Null;
    ending.assert_outcome(&short, "succeeded");
}

fn a_cancelled_run_prints_its_whole_answer_to_a_slow_reader(tool: Tool) {
    let script = format!(
        "yes {} | head -n 400; touch ready; sleep 60",
        "x".repeat(1023)
    );
    let workspace = Workspace::with_in_flight(tool, Backend::Server, &script);
    let mut runner = Launch::request(&workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    // The tool forwards a provisioner's output at its own pace, and stops forwarding when it is stopped.
    let log = workspace.run_dir().join("output.log");
    wait_for("the whole output", WITHIN_A_TEST, || {
        let len = log.metadata().map_or(0, |log| log.len());
        (len >= HUNDREDS_OF_KB as u64).then_some(())
    });
    runner.signal(Signal::SIGTERM);
    runner.read_at_least(HUNDREDS_OF_KB / 4);
    let ending = runner.end();
    let result = ending.result();
    ending.assert_outcome(&result, "cancelled");
    assert_stopped_in_order(&workspace, &result, "cancel");
    assert!(result["output"].as_str().expect("text").len() >= HUNDREDS_OF_KB);
}

fn a_second_signal_two_seconds_later_ends_the_copy_with_70(tool: Tool) {
    let workspace = verbose(tool, HUNDREDS_OF_KB);
    let mut runner = Launch::request(&workspace, &apply(&workspace)).start();
    runner.read_at_least(1);
    wait_until_supervisor_has_ended(&runner);
    // Signals within two seconds of the first one request nothing new; the next one counts as the second.
    wait_for("the end of the front process", SOON, || {
        if !runner.has_ended() {
            runner.signal(Signal::SIGTERM);
        }
        runner.has_ended().then_some(())
    });
    let ending = runner.end();
    assert_eq!(ending.status, Some(70), "{}", ending.stderr);
    assert!(ending.stdout.len() < HUNDREDS_OF_KB, "nothing was cut");
    assert!(ending.stderr.contains("attach"), "{}", ending.stderr);

    let attached = Launch::on_run_dir(&workspace, "attach", &[]).run();
    assert_is_whole(&attached, &attached.result(), HUNDREDS_OF_KB);
}

fn a_signal_to_attach_while_it_prints_is_seen_in_its_status(tool: Tool) {
    let workspace = verbose(tool, HUNDREDS_OF_KB);
    Launch::request(&workspace, &apply(&workspace)).run();
    for args in [&[][..], &["--stream"]] {
        let mut attached = Launch::on_run_dir(&workspace, "attach", args).start();
        attached.read_at_least(1);
        attached.signal(Signal::SIGTERM);
        let ending = attached.end();
        assert_eq!(ending.status, None, "{args:?}: {}", ending.stderr);
    }
    let attached = Launch::on_run_dir(&workspace, "attach", &[]).run();
    assert_is_whole(&attached, &attached.result(), HUNDREDS_OF_KB);
}

/// Waits until the supervisor is a zombie or gone; the front may have reaped it.
#[track_caller]
fn wait_until_supervisor_has_ended(runner: &Runner) {
    wait_for("the end of the supervisor", WITHIN_A_TEST, || {
        children(runner.pid())
            .into_iter()
            .filter(|&child| name(child) == SUPERVISOR)
            .all(|child| state_of(child).is_none_or(|state| state == 'Z'))
            .then_some(())
    });
}
