//! A tool that does not stop when asked to, or that leaves processes behind.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::ending::{
    Ending, assert_owns_up_to_the_kill, assert_state_is_not_painted, assert_stopped_in_order,
};
use crate::support::fake_tool::FakeTool;
use crate::support::mark::{peak_memory_kib, state_of};
use crate::support::runner::Launch;
use crate::support::state::three_resources;
use crate::support::state_server::{Reads, StateServer, Writes};
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, WITHIN_A_TEST, wait_for};
use crate::support::workspace::{Backend, Workspace};

mod on_tools_and_backends {
    use super::*;

    on_both_tools_and_backends! {
        a_frozen_tool_is_woken_and_stops_in_order,
        a_daemon_that_ignores_signals_is_gone_before_the_result_of_a_success,
        a_daemon_that_ignores_signals_is_gone_before_the_result_of_a_cancel,
    }

    /// A tool under SIGSTOP handles no SIGINT before it gets SIGCONT.
    fn a_frozen_tool_is_woken_and_stops_in_order(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
        let group = Pid::from_raw(runner.tool_pid());
        workspace.wait_until_in_flight();
        killpg(group, Signal::SIGSTOP).expect("the tool is there");
        wait_for("the tool to stand still", SOON, || {
            (state_of(group.as_raw())? == 'T').then_some(())
        });
        runner.control(r#"{"type":"cancel"}"#);
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.streamed_result();
        ending.assert_outcome(&result, "cancelled");
        assert_stopped_in_order(&workspace, &result, "cancel");
        let output = result["output"].as_str().expect("text");
        assert_eq!(output.matches("Interrupt received.").count(), 1, "{output}");
        assert!(!output.contains("Two interrupts"), "{output}");
    }

    fn a_daemon_that_ignores_signals_is_gone_before_the_result_of_a_success(
        tool: Tool,
        backend: Backend,
    ) {
        let workspace = Workspace::with_in_flight(tool, backend, LEAVES_A_DAEMON);
        workspace.let_go();
        let runner = Launch::request(&workspace, &workspace.apply()).start();
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        ending.assert_outcome(&result, "succeeded");
        workspace.assert_everything_was_applied();
    }

    fn a_daemon_that_ignores_signals_is_gone_before_the_result_of_a_cancel(
        tool: Tool,
        backend: Backend,
    ) {
        let workspace = Workspace::with_in_flight(tool, backend, LEAVES_A_DAEMON);
        let mut runner = Launch::request(&workspace, &workspace.apply()).start();
        workspace.wait_until_in_flight();
        runner.control(r#"{"type":"cancel"}"#);
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        ending.assert_outcome(&result, "cancelled");
        assert_stopped_in_order(&workspace, &result, "cancel");
    }
}

mod on_tools {
    use super::*;

    on_both_tools! {
        a_tool_stuck_in_a_state_write_is_killed_when_the_grace_runs_out,
        a_tool_stuck_in_a_read_is_killed_and_what_was_done_is_in_the_local_state,
        a_tool_that_ignores_every_signal_is_killed_when_the_grace_runs_out,
        a_daemon_that_holds_the_output_open_does_not_hold_up_the_result,
        a_forced_cancel_cuts_the_grace_short,
        a_tool_that_prints_without_end_is_cut_to_head_and_tail_in_little_memory,
    }

    fn a_tool_stuck_in_a_state_write_is_killed_when_the_grace_runs_out(tool: Tool) {
        let workspace = Workspace::new(tool, Backend::Server);
        let mut request = workspace.apply();
        request["grace_seconds"] = json!(GRACE.as_secs_f64());
        let mut runner = Launch::stream(&workspace, &request).start();
        workspace.wait_until_in_flight();
        let server = workspace.server();
        server.take_writes(Writes::Slow(WITHIN_A_TEST));
        let asked = Instant::now();
        runner.control(r#"{"type":"cancel"}"#);
        let stopping = runner.event_of_type("stopping");
        assert_eq!(stopping["reason"], "cancel");
        assert_eq!(stopping["grace_seconds"], GRACE.as_secs_f64());
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        assert!(asked.elapsed() >= GRACE, "the grace was cut short");
        assert_was_killed(&workspace, &ending, &ending.streamed_result());
        assert!(workspace.lock_holder().is_some());
    }

    /// The outputs of another configuration are read from a server that never answers: neither tool interrupts such a
    /// read for a signal.
    fn a_tool_stuck_in_a_read_is_killed_and_what_was_done_is_in_the_local_state(tool: Tool) {
        let server = StateServer::start();
        server.take_reads(Reads::Never);
        let workspace =
            Workspace::with_configuration(tool, Backend::Local, &reads_after_three(&server.url()));
        let mut request = workspace.apply();
        request["grace_seconds"] = json!(GRACE.as_secs_f64());
        let mut runner = Launch::stream(&workspace, &request).start();
        server.wait_for_more("GET", 0, WITHIN_A_TEST);
        let asked = Instant::now();
        runner.control(r#"{"type":"cancel"}"#);
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        assert!(asked.elapsed() >= GRACE, "the grace was cut short");
        let result = ending.streamed_result();
        assert_was_killed(&workspace, &ending, &result);
        let output = result["output"].as_str().expect("text");
        assert_eq!(output.matches("Interrupt received.").count(), 1, "{output}");
        assert_eq!(workspace.resources(), three_resources());
    }

    fn a_tool_that_ignores_every_signal_is_killed_when_the_grace_runs_out(tool: Tool) {
        let fake = FakeTool::new(
            tool,
            "trap '' HUP INT QUIT TERM; touch ready; while :; do sleep 0.05; done",
        );
        let mut request = fake.refresh();
        request["grace_seconds"] = json!(GRACE.as_secs_f64());
        let mut runner = Launch::request(&fake.workspace, &request).start();
        fake.workspace.wait_until_in_flight();
        runner.control(r#"{"type":"cancel"}"#);
        let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
        assert_was_killed(&fake.workspace, &ending, &ending.result());
    }

    fn a_daemon_that_holds_the_output_open_does_not_hold_up_the_result(tool: Tool) {
        let fake = FakeTool::new(
            tool,
            "setsid sh -c 'trap \"\" HUP INT QUIT TERM; touch daemon; while :; do sleep 0.05; done' &
             while [ ! -e daemon ]; do sleep 0.02; done
             echo the end",
        );
        let started = Instant::now();
        let runner = Launch::request(&fake.workspace, &fake.apply()).start();
        let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        assert!(started.elapsed() < SOON, "the daemon held up the result");
        ending.assert_outcome(&result, "succeeded");
        assert_eq!(result["output"], "the end\n");
    }

    fn a_forced_cancel_cuts_the_grace_short(tool: Tool) {
        let fake = FakeTool::noting_signals(tool, "while :; do sleep 0.02; done");
        let mut request = fake.refresh();
        request["grace_seconds"] = json!(600);
        let mut runner = Launch::request(&fake.workspace, &request).start();
        fake.workspace.wait_until_in_flight();
        runner.control(r#"{"type":"cancel"}"#);
        fake.wait_for_a_signal();
        runner.control(r#"{"type":"cancel","force":true}"#);
        let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
        assert_was_killed(&fake.workspace, &ending, &ending.result());
        assert_eq!(fake.signals(), ["INT"]);
    }

    fn a_tool_that_prints_without_end_is_cut_to_head_and_tail_in_little_memory(tool: Tool) {
        let fake = FakeTool::new(
            tool,
            &format!(
                "echo the first line
                 yes {FILLER} | head -c {FILLER_BYTES}
                 echo the last line; touch ready; while [ ! -e go ]; do sleep 0.02; done"
            ),
        );
        let mut request = fake.workspace.request("get", &[]);
        request["env_vars"] = fake.apply()["env_vars"].take();
        request["output_limit_bytes"] = json!(64 * 1024);
        let runner = Launch::request(&fake.workspace, &request).start();
        fake.workspace.wait_until_in_flight();
        let processes = [runner.pid(), runner.supervisor()];
        let peaks =
            processes.map(|pid| wait_for("the memory of a process", SOON, || peak_memory_kib(pid)));
        fake.workspace.let_go();
        let ending = runner.end();
        let result = ending.result();
        ending.assert_outcome(&result, "succeeded");
        let output = result["output"].as_str().expect("text");
        assert!(output.starts_with("the first line\n"));
        assert!(output.ends_with("the last line\n"));
        assert!(output.len() < 80 * 1024, "{} bytes", output.len());
        assert_eq!(result["output_truncated"], true);
        assert_eq!(result["output_complete"], true);
        let whole = FILLER_BYTES + "the first line\nthe last line\n".len();
        assert_eq!(result["output_bytes"], whole);
        for peak in peaks {
            assert!(peak < 48 * 1024, "{peak} KiB of memory for {whole} bytes");
        }
    }
}

/// Three quick resources, then a read of the state at a URL.
fn reads_after_three(url: &str) -> String {
    format!(
        r#"
resource "terraform_data" "quick" {{
  count = 3
  input = count.index
}}

data "terraform_remote_state" "other" {{
  depends_on = [terraform_data.quick]
  backend    = "http"
  config     = {{ address = "{url}" }}
}}
"#
    )
}

/// Short enough for a test, long enough to check that it was observed, and for a tool on a busy machine to report the
/// interrupt.
const GRACE: Duration = Duration::from_secs(5);

const FILLER: &str = "a-line-that-is-printed-again-and-again-and-says-nothing-new-ever";
/// A whole number of lines.
const FILLER_BYTES: usize = 4_000_000 * (FILLER.len() + 1);

/// Leaves a process in its own session behind that ignores signals and holds the tool's output open.
const LEAVES_A_DAEMON: &str = "\
setsid sh -c 'trap \"\" HUP INT QUIT TERM; touch daemon; while :; do sleep 0.05; done' \
>>/proc/$PPID/fd/1 2>&1 & \
while [ ! -e daemon ]; do sleep 0.02; done; \
touch ready; while [ ! -e go ]; do sleep 0.05; done";

#[track_caller]
fn assert_was_killed(workspace: &Workspace, ending: &Ending, result: &Value) {
    ending.assert_outcome(result, "killed");
    assert_eq!(result["stop_reason"], "cancel", "{result:#}");
    assert_eq!(result["signal"], "SIGKILL", "{result:#}");
    assert_eq!(result["exit_code"], 137, "{result:#}");
    assert_state_is_not_painted(workspace, result);
    assert_owns_up_to_the_kill(result);
}
