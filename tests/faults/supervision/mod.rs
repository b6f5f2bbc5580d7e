//! Signals, wrappers, frozen machines and processes that survive.

mod compiled_wrapper;
mod frozen;
mod nested_run;
mod outlived_wrapper;
mod second_signal;
mod signal_to_all;
mod stopped_supervisor;
mod survivors;
mod wrapped;

use serde_json::Value;

use crate::support::ending::Ending;
use crate::support::workspace::Workspace;

/// Both tools print this after their first signal.
const FIRST_SIGNAL_SEEN: &str = "Interrupt received";

/// Asserts that the tool stopped gracefully, after one signal, and that its state is complete.
#[track_caller]
fn assert_state_is_safe(workspace: &Workspace, ending: &Ending, result: &Value, outcome: &str) {
    ending.assert_outcome(result, outcome);
    workspace.assert_state_is_complete();
    workspace.assert_lock_is_released();
    let output = result["output"].as_str().expect("text");
    assert!(!output.contains("Two interrupts"), "{output}");
}
