//! An apply that is stopped again while it is stopping: the tool never gets a second signal.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::stop::{Cancel, in_flight_under_a_timeout};
use crate::support::ending::assert_stopped_in_order;
use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    two_sigterms_while_a_state_write_takes_six_seconds_lose_nothing,
    two_sigints_while_a_state_write_takes_six_seconds_lose_nothing,
    two_cancel_lines_while_a_state_write_takes_six_seconds_lose_nothing,
    two_cancel_commands_while_a_state_write_takes_six_seconds_lose_nothing,
    a_cancel_after_the_timeout_while_a_state_write_takes_six_seconds_loses_nothing,
    sigterm_to_every_process_and_the_front_first_loses_nothing,
    sigterm_to_every_process_and_the_tool_first_loses_nothing,
    the_tool_gets_one_sigint_and_no_other_signal_however_often_it_is_cancelled,
    signals_that_the_parent_has_blocked_reach_runner_and_tool,
    a_signal_three_seconds_after_the_first_is_force,
}

/// Both tools print this after their first signal.
const FIRST_SIGNAL_SEEN: &str = "Interrupt received";
/// Duration of one state write.
const SLOW_WRITE: Duration = Duration::from_secs(6);
/// Well below the two seconds after which a second signal means force.
const TOGETHER: Duration = Duration::from_secs(1);
/// Well below the time for which a signalled front waits for the signal to its supervisor.
const AT_ONCE: Duration = Duration::from_millis(100);
/// Attempts to send signals close enough to each other: a busy machine may delay this process.
const ATTEMPTS: usize = 10;

fn two_sigterms_while_a_state_write_takes_six_seconds_lose_nothing(tool: Tool) {
    cancelled_twice(tool, Cancel::Sigterm);
}

fn two_sigints_while_a_state_write_takes_six_seconds_lose_nothing(tool: Tool) {
    cancelled_twice(tool, Cancel::Sigint);
}

fn two_cancel_lines_while_a_state_write_takes_six_seconds_lose_nothing(tool: Tool) {
    cancelled_twice(tool, Cancel::ControlLine);
}

fn two_cancel_commands_while_a_state_write_takes_six_seconds_lose_nothing(tool: Tool) {
    cancelled_twice(tool, Cancel::Command);
}

fn cancelled_twice(tool: Tool, cancel: Cancel) {
    for _ in 0..ATTEMPTS {
        let workspace = Workspace::new(tool, Backend::Server);
        let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
        workspace.wait_until_in_flight();
        let server = workspace.server();
        server.take_writes(Writes::Held);
        let writes = server.count("POST");
        let first = Instant::now();
        cancel.ask(&workspace, &mut runner);
        // Not before: two signals of one kind that the tool has not handled yet count as one.
        runner.output_with(FIRST_SIGNAL_SEEN);
        server.wait_for_more("POST", writes, WITHIN_A_TEST);
        cancel.ask(&workspace, &mut runner);
        let are_together = first.elapsed() < TOGETHER;
        server.take_writes(Writes::Slow(SLOW_WRITE));
        if are_together || !cancel.is_a_signal() {
            let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
            let result = ending.streamed_result();
            ending.assert_outcome(&result, "cancelled");
            assert_stopped_in_order(&workspace, &result, "cancel");
            return;
        }
    }
    panic!("no two signals in {ATTEMPTS} attempts were less than {TOGETHER:?} apart");
}

fn a_cancel_after_the_timeout_while_a_state_write_takes_six_seconds_loses_nothing(tool: Tool) {
    let (workspace, mut runner) =
        in_flight_under_a_timeout(tool, Backend::Server, Launch::stream, |workspace| {
            workspace.server().take_writes(Writes::Held);
        });
    runner.output_with(FIRST_SIGNAL_SEEN);
    for cancel in Cancel::ALL {
        cancel.ask(&workspace, &mut runner);
    }
    workspace.server().take_writes(Writes::Slow(SLOW_WRITE));
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "timed_out");
    assert_stopped_in_order(&workspace, &result, "timeout");
}

fn sigterm_to_every_process_and_the_front_first_loses_nothing(tool: Tool) {
    shut_down(tool, |ours, the_tools| [ours, the_tools].concat());
}

fn sigterm_to_every_process_and_the_tool_first_loses_nothing(tool: Tool) {
    shut_down(tool, |ours, the_tools| [the_tools, ours].concat());
}

/// As a service manager does at shutdown: its signal is the tool's one signal.
fn shut_down(tool: Tool, in_order: impl Fn(Vec<i32>, Vec<i32>) -> Vec<i32>) {
    for _ in 0..ATTEMPTS {
        let workspace = Workspace::new(tool, Backend::Server);
        let runner = Launch::request(&workspace, &workspace.apply()).start();
        workspace.wait_until_in_flight();
        workspace.server().take_writes(Writes::Slow(SLOW_WRITE));
        let carriers = workspace.mark.carriers();
        let the_tools = carriers.iter().map(|carrier| carrier.pid).collect();
        let pids = in_order(vec![runner.pid(), runner.supervisor()], the_tools);
        let first = Instant::now();
        for pid in pids {
            // The child of the slow resource's shell may have changed in the meantime.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if first.elapsed() < AT_ONCE {
            let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
            let result = ending.result();
            ending.assert_outcome(&result, "cancelled");
            assert_stopped_in_order(&workspace, &result, "cancel");
            return;
        }
    }
    panic!("no signals in {ATTEMPTS} attempts were sent within {AT_ONCE:?}");
}

fn the_tool_gets_one_sigint_and_no_other_signal_however_often_it_is_cancelled(tool: Tool) {
    let fake = FakeTool::noting_signals(tool, "while [ ! -e go ]; do sleep 0.02; done; exit 1");
    let mut runner = Launch::stream(&fake.workspace, &fake.apply()).start();
    fake.workspace.wait_until_in_flight();
    Cancel::ControlLine.ask(&fake.workspace, &mut runner);
    fake.wait_for_a_signal();
    for cancel in Cancel::ALL {
        cancel.ask(&fake.workspace, &mut runner);
    }
    // The warning about a bad line shows that the lines before it have been read.
    runner.control("no control line");
    runner.event_of_type("warning");
    fake.workspace.let_go();
    let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "cancelled");
    assert_eq!(fake.signals(), ["INT"]);
}

/// A parent that forks from a thread with blocked signals passes the mask on.
fn signals_that_the_parent_has_blocked_reach_runner_and_tool(tool: Tool) {
    let fake =
        FakeTool::noting_signals(tool, "while [ ! -e signals ]; do sleep 0.02; done; exit 1");
    let runner = Launch::with_blocked_signals(&fake.workspace, &fake.apply()).start();
    fake.workspace.wait_until_in_flight();
    runner.signal(Signal::SIGTERM);
    let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
    ending.assert_outcome(&ending.result(), "cancelled");
    assert_eq!(fake.signals(), ["INT"]);
}

/// Two signals more than two seconds apart are not one Ctrl-C that arrived twice.
fn a_signal_three_seconds_after_the_first_is_force(tool: Tool) {
    let fake = FakeTool::noting_signals(
        tool,
        "while [ ! -e signals ]; do sleep 0.02; done
         sleep 3; touch late
         while [ ! -e go ]; do sleep 0.02; done; exit 1",
    );
    let mut runner = Launch::stream(&fake.workspace, &fake.apply()).start();
    fake.workspace.wait_until_in_flight();
    Cancel::Sigint.ask(&fake.workspace, &mut runner);
    let late = fake.workspace.work_dir().join("late");
    wait_for("three seconds", WITHIN_A_TEST, || {
        late.exists().then_some(())
    });
    Cancel::Sigterm.ask(&fake.workspace, &mut runner);
    let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "killed");
    assert_eq!(fake.signals(), ["INT"]);
}
