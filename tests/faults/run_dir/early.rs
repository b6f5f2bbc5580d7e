//! `cancel` and `attach` a moment after the runner was started.

use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;

on_both_tools! {
    cancel_reaches_a_run_that_was_started_a_moment_ago,
    attach_waits_for_a_run_that_was_started_a_moment_ago,
}

/// Each starts at once after the runner, which has not even read its request by then.
const TRIES: usize = 40;

fn cancel_reaches_a_run_that_was_started_a_moment_ago(tool: Tool) {
    for attempt in 0..TRIES {
        let fake = FakeTool::new(tool, "while [ ! -e go ]; do sleep 0.01; done");
        let runner = Launch::request(&fake.workspace, &fake.apply()).start();
        let cancelled = Launch::on_run_dir(&fake.workspace, "cancel", &[]).run();
        let answer = cancelled.result();
        assert_eq!(answer["requested"], true, "try {attempt}: {answer:#}");
        assert_eq!(cancelled.status, Some(0), "try {attempt}");
        let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        let outcome = result["outcome"].as_str().expect("a word");
        // Before the tool is started, nothing is started any more.
        assert!(
            ["cancelled", "not_started"].contains(&outcome),
            "try {attempt}: {result:#}"
        );
        assert_eq!(result["stop_reason"], "cancel", "try {attempt}: {result:#}");
        ending.assert_outcome(&result, outcome);
    }
}

fn attach_waits_for_a_run_that_was_started_a_moment_ago(tool: Tool) {
    for attempt in 0..TRIES {
        let fake = FakeTool::new(tool, "echo done");
        let runner = Launch::request(&fake.workspace, &fake.apply()).start();
        let attached = Launch::on_run_dir(&fake.workspace, "attach", &["--stream"]).run();
        let result = runner.end().result();
        assert_eq!(result["outcome"], "succeeded", "try {attempt}");
        assert_eq!(attached.streamed_result(), result, "try {attempt}");
    }
}
