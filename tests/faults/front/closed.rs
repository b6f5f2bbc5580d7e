//! A stdin, stdout or stderr that the parent has closed (`<&-`, `>&-`, `2>&-`).

use serde_json::{Value, json};

use crate::support::record::recorded_events;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    closed_stdout_ends_a_run_with_70,
    closed_stdout_and_stderr_end_a_run_with_70,
}

fn closed_stdout_ends_a_run_with_70(tool: Tool) {
    applied_with(tool, ">&-");
}

fn closed_stdout_and_stderr_end_a_run_with_70(tool: Tool) {
    applied_with(tool, ">&- 2>&-");
}

/// The run continues; its effects are in the run directory, and nothing else is written there.
fn applied_with(tool: Tool, redirections: &str) {
    for args in [&[][..], &["--stream"]] {
        let workspace = Workspace::new(tool, Backend::Server);
        workspace.let_go();
        let request = workspace.apply();
        let run = Launch::new(&workspace, args)
            .input(request.to_string())
            .redirected(redirections)
            .run();
        assert_eq!(run.status, Some(70), "{redirections}: {}", run.stderr);
        assert_eq!(run.text(), "", "{redirections}");
        if !redirections.contains("2>") {
            assert!(run.stderr.contains("stdout"), "{}", run.stderr);
        }
        workspace.assert_everything_was_applied();
        let attached = Launch::on_run_dir(&workspace, "attach", &[]).run();
        let result = attached.result();
        attached.assert_outcome(&result, "succeeded");
        let log = std::fs::read_to_string(workspace.run_dir().join("output.log"));
        assert_eq!(result["output"], log.expect("a log").as_str());
        assert!(!recorded_events(&workspace.run_dir()).is_empty());
    }
}

#[test]
fn closed_stdin_is_an_invalid_request() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    for redirections in ["<&-", "<&- 2>&-"] {
        let ending = Launch::new(&workspace, &[]).redirected(redirections).run();
        let result: Value = ending.result();
        assert_eq!(ending.status, Some(2), "{result:#}");
        assert_eq!(result["outcome"], "invalid_request", "{result:#}");
        let message = result["error_msg"].as_str().expect("a sentence");
        assert!(message.contains("stdin is closed"), "{message}");
    }
    let all = Launch::new(&workspace, &[])
        .redirected("<&- >&- 2>&-")
        .run();
    assert_eq!(all.status, Some(70));
}

#[test]
fn closed_stdout_ends_what_only_prints_with_70() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    for args in [
        &["schema", "request"][..],
        &["doctor"],
        &["--version"],
        &["--help"],
    ] {
        for redirections in [">&-", "<&- >&-", ">&- 2>&-"] {
            let ending = Launch::new(&workspace, args).redirected(redirections).run();
            assert_eq!(ending.status, Some(70), "{args:?}: {}", ending.stderr);
        }
    }
}

/// An unreadable stdin and a closed stderr do not affect the run's own descriptors.
#[test]
fn closed_stderr_changes_nothing_in_the_answer() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    let request = json!({
        "tool": "terraform", "work_dir": workspace.work_dir(), "command": "version",
        "env_vars": {"PATH": workspace.tool.path()}, "run_dir": workspace.run_dir(),
    });
    let ending = Launch::request(&workspace, &request)
        .redirected("2>&-")
        .run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["output_complete"], true, "{result:#}");
}
