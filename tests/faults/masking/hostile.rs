//! Secrets and output that are built to keep the search busy.

use serde_json::json;

use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;

on_both_tools! {
    repetitive_output_does_not_delay_the_timeout,
    escaped_line_ends_do_not_delay_the_timeout,
}

/// Two megabytes of the secret's words, but never the whole secret; then the tool sleeps beyond the timeout.
fn repetitive_output_does_not_delay_the_timeout(tool: Tool) {
    let script = "i=0; line=$(printf 'a %.0s' $(seq 5000)); while [ $i -lt 200 ]; do echo \"$line\"; i=$((i+1)); done; \
                  exec sleep 60";
    assert_timeout_is_heard(tool, script, &("a ".repeat(5000) + "z"));
}

/// Only escaped line ends, each of which begins a gap.
fn escaped_line_ends_do_not_delay_the_timeout(tool: Tool) {
    let script = "yes '\\n' | tr -d '\\n' | head -c 200000; exec sleep 60";
    assert_timeout_is_heard(tool, script, "correct horse battery");
}

#[track_caller]
fn assert_timeout_is_heard(tool: Tool, script: &str, secret: &str) {
    let fake = FakeTool::new(tool, script);
    let mut request = fake.apply();
    request["secrets"] = json!([secret]);
    request["timeout"] = json!(0.1);
    request["grace_seconds"] = json!(2);
    let ending = Launch::new(&fake.workspace, &[])
        .input(format!("{request}\n"))
        .run();
    let result = ending.result();
    ending.assert_outcome(&result, "timed_out");
    assert!(
        result["duration_ms"].as_u64().is_some_and(|it| it < 50_000),
        "{result:#}"
    );
}
