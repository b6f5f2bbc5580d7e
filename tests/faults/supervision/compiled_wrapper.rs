//! A compiled program in the tool's place that starts the real tool, as version managers install it.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::assert_state_is_safe;
use super::wrapped::{ended, notices, started};
use crate::support::fake_tool::FakeTool;
use crate::support::mark::state_of;
use crate::support::runner::Runner;
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    tool_under_a_program_that_passes_signals_on_stops_in_order,
    tool_under_a_program_that_exits_at_a_signal_stops_in_order,
    tool_under_a_program_that_only_waits_stops_in_order,
    tool_that_a_program_becomes_stops_in_order,
    tool_finishes_behind_a_program_that_exited_with_0,
    tool_whose_program_was_killed_stops_in_order,
}

/// Starts the tool; HANDLER is called at SIGINT and SIGTERM, END waits for the tool.
const SOURCE: &str = r#"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile pid_t child;
static void handler(int number) { HANDLER }
int main(int count, char **args) {
    signal(SIGINT, handler);
    signal(SIGTERM, handler);
    child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        execv("TOOL", args);
        _exit(127);
    }
    END
    int status;
    while (waitpid(child, &status, 0) < 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
"#;

fn tool_under_a_program_that_passes_signals_on_stops_in_order(tool: Tool) {
    cancelled(tool, "usleep(5000); kill(child, number);", "");
}

fn tool_under_a_program_that_exits_at_a_signal_stops_in_order(tool: Tool) {
    cancelled(tool, "_exit(1);", "");
}

fn tool_under_a_program_that_only_waits_stops_in_order(tool: Tool) {
    cancelled(tool, "", "");
}

fn tool_that_a_program_becomes_stops_in_order(tool: Tool) {
    let source = "#include <unistd.h>\nint main(int count, char **args) { execv(\"TOOL\", args); return 127; }";
    cancelled_behind(tool, source);
}

fn tool_finishes_behind_a_program_that_exited_with_0(tool: Tool) {
    let end = "while (access(\"ready\", F_OK) != 0) usleep(20000); _exit(0);";
    let source = SOURCE.replace("HANDLER", "").replace("END", end);
    let (fake, mut runner) = in_flight(tool, &source);
    let leader = runner.tool_pid();
    wait_for("the end of the wrapper", WITHIN_A_TEST, || {
        (state_of(leader)? == 'Z').then_some(())
    });
    fake.workspace.let_go();
    let (ending, result) = ended(&fake, runner);
    ending.assert_outcome(&result, "succeeded");
    fake.workspace.assert_everything_was_applied();
    fake.workspace.assert_lock_is_released();
    assert_eq!(notices(&result), 0, "{result:#}");
}

fn tool_whose_program_was_killed_stops_in_order(tool: Tool) {
    let source = SOURCE.replace("HANDLER", "").replace("END", "");
    let (fake, mut runner) = in_flight(tool, &source);
    kill(Pid::from_raw(runner.tool_pid()), Signal::SIGKILL).expect("the wrapper runs");
    let (ending, result) = ended(&fake, runner);
    assert_state_is_safe(&fake.workspace, &ending, &result, "failed");
    assert_eq!(notices(&result), 1, "{result:#}");
}

fn cancelled(tool: Tool, handler: &str, end: &str) {
    let source = SOURCE.replace("HANDLER", handler).replace("END", end);
    cancelled_behind(tool, &source);
}

fn cancelled_behind(tool: Tool, source: &str) {
    let (fake, mut runner) = in_flight(tool, source);
    runner.control(r#"{"type":"cancel"}"#);
    let (ending, result) = ended(&fake, runner);
    assert_state_is_safe(&fake.workspace, &ending, &result, "cancelled");
    assert_eq!(result["exit_code"], 1, "{result:#}");
    assert_eq!(result["signal"], Value::Null, "{result:#}");
    assert_eq!(notices(&result), 1, "{result:#}");
}

fn in_flight(tool: Tool, source: &str) -> (FakeTool, Runner) {
    let program = tool.program().to_str().expect("a path that is text");
    let source = source.replace("TOOL", program);
    started(FakeTool::compiled(
        Workspace::new(tool, Backend::Server),
        &source,
    ))
}
