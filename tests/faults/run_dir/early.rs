//! `cancel` and `attach` shortly after the start of the runner.

use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;

on_both_tools! {
    cancel_reaches_a_run_that_was_started_a_moment_ago,
    attach_waits_for_a_run_that_was_started_a_moment_ago,
}

#[test]
fn a_run_of_another_user_is_not_called_none() {
    let fake = FakeTool::new(Tool::Terraform, "echo done");
    let ran = Launch::request(&fake.workspace, &fake.apply()).run();
    ran.assert_outcome(&ran.result(), "succeeded");
    let as_another_user = [
        "setpriv",
        "--reuid=1000001",
        "--regid=1000001",
        "--clear-groups",
    ];
    let run = |command: &str, args: &[&str]| {
        let ending = Launch::on_run_dir(&fake.workspace, command, args)
            .after(&as_another_user)
            .run();
        assert_eq!(ending.status, Some(70), "{command} {args:?}");
        ending
    };
    let document = run("attach", &[]).result();
    let streamed = run("attach", &["--stream"]).streamed_result();
    for result in [document, streamed] {
        assert_eq!(result["outcome"], "unknown");
        let sentence = result["error_msg"].as_str().expect("text");
        assert!(sentence.contains("permission denied"), "{sentence}");
    }
    let answer = run("cancel", &[]).result();
    assert_eq!(answer["requested"], false);
    let message = answer["message"].as_str().expect("text");
    assert!(message.contains("as the user of the run"), "{message}");
}

/// Each starts right after the runner, which has not even read its request yet.
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
        // A cancel before the start of the tool prevents the start.
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
