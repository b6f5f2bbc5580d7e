//! The state cannot be written, or another process holds its lock.

use serde_json::{Value, json};

use crate::support::bounded::end_of;
use crate::support::runner::Launch;
use crate::support::state::{read_json, resources};
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

mod on_tools_and_backends {
    use super::*;

    on_both_tools_and_backends! {
        a_plan_under_the_lock_of_another_may_be_sent_again,
        an_apply_under_the_lock_of_another_may_not_be_sent_again,
    }

    fn a_plan_under_the_lock_of_another_may_be_sent_again(tool: Tool, backend: Backend) {
        let result = locked_out(tool, backend, "plan", &["-no-color"]);
        assert_eq!(result["diagnosis"]["retryable"], true, "{result:#}");
    }

    fn an_apply_under_the_lock_of_another_may_not_be_sent_again(tool: Tool, backend: Backend) {
        let result = locked_out(tool, backend, "apply", &["-auto-approve", "-no-color"]);
        assert_eq!(result["diagnosis"]["retryable"], false, "{result:#}");
    }
}

mod on_tools {
    use super::*;

    on_both_tools! {
        a_server_that_refuses_writes_leaves_the_path_of_the_errored_state,
        a_server_that_refuses_writes_after_a_cancel_leaves_the_path_of_the_errored_state,
    }

    fn a_server_that_refuses_writes_leaves_the_path_of_the_errored_state(tool: Tool) {
        let workspace = Workspace::new(tool, Backend::Server);
        let runner = Launch::request(&workspace, &workspace.apply()).start();
        workspace.wait_until_in_flight();
        workspace.server().take_writes(Writes::Refused);
        workspace.let_go();
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        assert_eq!(
            result["diagnosis"]["class"], "state_write_failed",
            "{result:#}"
        );
        assert_errored_state_is_told(&workspace, &result);
    }

    fn a_server_that_refuses_writes_after_a_cancel_leaves_the_path_of_the_errored_state(
        tool: Tool,
    ) {
        let workspace = Workspace::new(tool, Backend::Server);
        let mut runner = Launch::request(&workspace, &workspace.apply()).start();
        workspace.wait_until_in_flight();
        workspace.server().take_writes(Writes::Refused);
        runner.control(r#"{"type":"cancel"}"#);
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        ending.assert_outcome(&result, "cancelled");
        assert_errored_state_is_told(&workspace, &result);
    }
}

#[track_caller]
fn assert_errored_state_is_told(workspace: &Workspace, result: &Value) {
    let told = &result["state"];
    assert_eq!(told["safety"], "errored_file", "{result:#}");
    assert_eq!(told["lock"], "released", "{result:#}");
    workspace.assert_lock_is_released();
    let path = workspace.work_dir().join("errored.tfstate");
    assert_eq!(told["errored_state_file"], json!(path), "{result:#}");
    let errored = read_json(&path).expect("an errored state file");
    assert_eq!(resources(&errored).len(), 4);
}

/// Runs a command while another process holds the lock, and checks what the result says about it.
fn locked_out(tool: Tool, backend: Backend, command: &str, args: &[&str]) -> Value {
    let workspace = Workspace::new(tool, backend);
    let other = match backend {
        // Another apply, of the same workspace.
        Backend::Local => {
            let other = workspace.start_apply_bare();
            workspace.wait_until_in_flight();
            Some(other)
        }
        Backend::Server => {
            workspace.server().lock_for_another(json!({
                "ID": "6f2d53a9-0c35-7a1e-0f8d-3e0b1b0a9c11",
                "Operation": "OperationTypeApply",
                "Info": "",
                "Who": "somebody@elsewhere",
                "Version": "1.11.4",
                "Created": "2026-01-02T03:04:05.678901234Z",
                "Path": "",
            }));
            None
        }
    };
    let holder = workspace.lock_holder().expect("a held lock");
    let ending = Launch::request(&workspace, &workspace.request(command, args)).run();
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    assert_eq!(result["diagnosis"]["class"], "state_locked", "{result:#}");
    let message = result["diagnosis"]["message"].as_str().expect("text");
    let told: &[&str] = match backend {
        Backend::Local => &["ID", "Who", "Operation"],
        // Both tools print the holder's id and then the lock info of their own request.
        Backend::Server => &["ID"],
    };
    for part in told {
        let part = holder[part].as_str().expect("text");
        assert!(message.contains(part), "`{part}` is not in `{message}`");
    }
    if backend == Backend::Server {
        assert!(!message.contains('@'), "`{message}` names a holder");
        assert!(message.contains("look at the state server"), "{message}");
        assert_eq!(
            result["state"]["lock_id"],
            state_lock_id(command, &holder),
            "{result:#}"
        );
    }
    assert_eq!(workspace.lock_holder(), Some(holder), "the lock is theirs");
    if let Some(mut other) = other {
        workspace.let_go();
        assert!(end_of(&mut other).success());
    }
    result
}

/// A plan writes no state, so its result says nothing about one.
fn state_lock_id(command: &str, holder: &Value) -> Value {
    match command {
        "apply" => holder["ID"].clone(),
        _ => Value::Null,
    }
}
