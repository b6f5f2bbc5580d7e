//! The front process dies, its reader goes away, or its terminal hangs up.

use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::ending::assert_stopped_in_order;
use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::state::read_json;
use crate::support::terminal::Terminal;
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, wait_for};
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, LET_GO_LINE, Workspace};

mod on_tools_and_backends {
    use super::*;

    on_both_tools_and_backends! {
        a_killed_front_under_interrupt_loses_nothing,
        a_killed_front_under_finish_lets_the_apply_complete,
        a_killed_group_of_the_front_under_interrupt_loses_nothing,
        a_killed_group_of_the_front_under_finish_lets_the_apply_complete,
        a_reader_that_goes_away_under_interrupt_loses_nothing,
        a_reader_that_goes_away_under_finish_lets_the_apply_complete,
        a_terminal_that_hangs_up_under_interrupt_loses_nothing,
        a_terminal_that_hangs_up_under_finish_lets_the_apply_complete,
    }

    fn a_killed_front_under_interrupt_loses_nothing(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let mut runner = Launch::request(&workspace, &workspace.apply()).start();
        workspace.wait_until_in_flight();
        runner.kill_front();
        assert_attach_tells_of_a_disconnect(&workspace);
    }

    fn a_killed_front_under_finish_lets_the_apply_complete(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let mut runner = Launch::request(&workspace, &under_finish(&workspace)).start();
        workspace.wait_until_in_flight();
        runner.kill_front();
        assert_attach_follows_to_the_end(&workspace);
    }

    fn a_killed_group_of_the_front_under_interrupt_loses_nothing(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let launch = Launch::request(&workspace, &workspace.apply());
        let mut runner = launch.in_a_group().start();
        workspace.wait_until_in_flight();
        runner.kill_group_of_front();
        assert_attach_tells_of_a_disconnect(&workspace);
    }

    /// The supervisor and the tool are not in the front's process group or session.
    fn a_killed_group_of_the_front_under_finish_lets_the_apply_complete(
        tool: Tool,
        backend: Backend,
    ) {
        let workspace = Workspace::new(tool, backend);
        let launch = Launch::request(&workspace, &under_finish(&workspace));
        let mut runner = launch.in_a_group().start();
        workspace.wait_until_in_flight();
        runner.kill_group_of_front();
        assert_attach_follows_to_the_end(&workspace);
    }

    fn a_reader_that_goes_away_under_interrupt_loses_nothing(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
        runner.output_with(IN_FLIGHT_LINE);
        runner.close_stdout();
        assert_attach_tells_of_a_disconnect(&workspace);
    }

    fn a_reader_that_goes_away_under_finish_lets_the_apply_complete(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let mut runner = Launch::stream(&workspace, &under_finish(&workspace)).start();
        runner.output_with(IN_FLIGHT_LINE);
        runner.close_stdout();
        assert_attach_follows_to_the_end(&workspace);
    }

    fn a_terminal_that_hangs_up_under_interrupt_loses_nothing(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let front = start_at_a_terminal_that_hangs_up(&workspace, &workspace.apply());
        assert_attach_tells_of_a_disconnect(&workspace);
        front.assert_it_ends();
    }

    fn a_terminal_that_hangs_up_under_finish_lets_the_apply_complete(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let front = start_at_a_terminal_that_hangs_up(&workspace, &under_finish(&workspace));
        assert_attach_follows_to_the_end(&workspace);
        front.assert_it_ends();
    }
}

mod on_tools {
    use super::*;

    on_both_tools! {
        a_reader_of_one_result_that_goes_away_under_interrupt_loses_nothing,
        a_tool_that_prints_after_its_reader_has_gone_gets_no_signal,
        a_tool_whose_terminal_hung_up_gets_no_signal,
        a_killed_front_without_a_run_directory_leaves_nothing_alive,
    }

    fn a_reader_of_one_result_that_goes_away_under_interrupt_loses_nothing(tool: Tool) {
        let workspace = Workspace::new(tool, Backend::Server);
        let mut runner = Launch::request(&workspace, &workspace.apply()).start();
        workspace.wait_until_in_flight();
        runner.close_stdout();
        assert_attach_tells_of_a_disconnect(&workspace);
    }

    /// A tool that writes into a pipe of ours would get SIGPIPE here.
    fn a_tool_that_prints_after_its_reader_has_gone_gets_no_signal(tool: Tool) {
        let fake = FakeTool::noting_signals(tool, PRINTS_UNTIL_IT_IS_LET_GO);
        let mut runner = Launch::stream(&fake.workspace, &finishing(fake.apply())).start();
        runner.event_of_type("output");
        runner.close_stdout();
        assert_fake_prints_on_unsignalled(&fake);
    }

    fn a_tool_whose_terminal_hung_up_gets_no_signal(tool: Tool) {
        let fake = FakeTool::noting_signals(tool, PRINTS_UNTIL_IT_IS_LET_GO);
        let front = start_at_a_terminal_that_hangs_up(&fake.workspace, &finishing(fake.apply()));
        assert_fake_prints_on_unsignalled(&fake);
        front.assert_it_ends();
    }

    /// The result is lost; the state and the lock must still be in order.
    fn a_killed_front_without_a_run_directory_leaves_nothing_alive(tool: Tool) {
        let workspace = Workspace::new(tool, Backend::Server);
        let request = workspace.request("apply", &["-auto-approve", "-no-color"]);
        let mut runner = Launch::request(&workspace, &request).start();
        workspace.wait_until_in_flight();
        runner.kill_front();
        workspace.wait_until_nothing_runs();
        workspace.assert_state_is_complete();
        workspace.assert_lock_is_released();
    }
}

/// Numbers its lines, so that a test can check that it continues.
const PRINTS_UNTIL_IT_IS_LET_GO: &str = "\
while [ ! -e go ]; do
    count=$((count + 1)); echo \"line $count\"; echo $count >count.new; mv count.new count
    sleep 0.02
done
";

fn finishing(mut request: Value) -> Value {
    request["on_disconnect"] = json!("finish");
    request
}

fn under_finish(workspace: &Workspace) -> Value {
    finishing(workspace.apply())
}

/// The run was stopped gracefully because of the disconnect, and `result.json` and `attach` say so.
#[track_caller]
fn assert_attach_tells_of_a_disconnect(workspace: &Workspace) {
    let attached = Launch::on_run_dir(workspace, "attach", &[])
        .start()
        .end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = attached.result();
    attached.assert_outcome(&result, "cancelled");
    assert_stopped_in_order(workspace, &result, "disconnect");
    assert_eq!(
        read_json(&workspace.run_dir().join("result.json")),
        Some(result)
    );
}

/// `attach` replays the output so far, follows new output, and exits with the status of the run.
#[track_caller]
fn assert_attach_follows_to_the_end(workspace: &Workspace) {
    let mut attached = Launch::on_run_dir(workspace, "attach", &["--stream"]).start();
    attached.output_with(IN_FLIGHT_LINE);
    workspace.let_go();
    attached.output_with(LET_GO_LINE);
    let attached = attached.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = attached.streamed_result();
    attached.assert_outcome(&result, "succeeded");
    assert_eq!(result["stop_reason"], Value::Null, "{result:#}");
    workspace.assert_everything_was_applied();
    workspace.assert_lock_is_released();
}

#[track_caller]
fn assert_fake_prints_on_unsignalled(fake: &FakeTool) {
    let lines = || {
        fs::read_to_string(fake.workspace.work_dir().join("count"))
            .ok()
            .and_then(|count| count.trim().parse::<u32>().ok())
            .unwrap_or_default()
    };
    let before = lines();
    wait_for("twenty more lines of the tool", SOON, || {
        (lines() >= before + 20).then_some(())
    });
    fake.workspace.let_go();
    let attached = Launch::on_run_dir(&fake.workspace, "attach", &[]).run();
    attached.assert_outcome(&attached.result(), "succeeded");
    assert_eq!(fake.signals(), Vec::<String>::new());
}

/// A front process that was started at a terminal.
struct AtTerminal {
    front: Child,
}

impl AtTerminal {
    #[track_caller]
    fn assert_it_ends(mut self) {
        wait_for("the end of the front process", SOON, || {
            self.front.try_wait().expect("our own child")
        });
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        if let Ok(None) = self.front.try_wait() {
            let _ = self.front.kill();
            let _ = self.front.wait();
        }
    }
}

/// Runs a request at a separate terminal, as the leader of the terminal's session, until the middle of the apply; then
/// the terminal hangs up.
#[track_caller]
fn start_at_a_terminal_that_hangs_up(workspace: &Workspace, request: &Value) -> AtTerminal {
    let mut terminal = Terminal::open();
    let front = Command::new("setsid")
        .arg("--ctty")
        .arg(env!("CARGO_BIN_EXE_iac-runner"))
        .env_clear()
        .env("PATH", workspace.tool.path())
        .env("HOME", workspace.home())
        .stdin(Stdio::from(terminal.slave()))
        .stdout(Stdio::from(terminal.slave()))
        .stderr(Stdio::from(terminal.slave()))
        .spawn()
        .expect("`setsid` of util-linux starts");
    terminal.type_in(&format!("{request}\n"));
    workspace.wait_until_in_flight();
    terminal.hang_up();
    AtTerminal { front }
}
