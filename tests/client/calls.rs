//! One request, one result, under tokio.

use std::path::Path;

use iac_runner::client::{ClientError, RunEvent, Runner};
use iac_runner::protocol::{Event, Outcome, Request};

use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};
use crate::test_env::{block_on, runner, text_of, typed, wait_until_reaped};

#[test]
fn the_version_of_both_tools_is_a_result() {
    for tool in [Tool::Terraform, Tool::Tofu] {
        let workspace = Workspace::not_initialised(tool, Backend::Local, "");
        let request = typed(&workspace, workspace.request("version", &[]));
        let result = block_on(async { runner().run(&request).await }).expect("a result");
        assert_eq!(result.outcome, Outcome::Succeeded, "{result:?}");
        assert!(result.output.contains(&tool.version()), "{result:?}");
    }
}

#[test]
fn an_apply_streams_typed_events_and_its_result_is_the_last_one() {
    let workspace = Workspace::new(Tool::Terraform, Backend::Local);
    workspace.let_go();
    let request = typed(&workspace, workspace.apply());
    let (events, result) = block_on(async {
        let mut run = runner().spawn(&request).expect("a run");
        let mut events = Vec::new();
        while let Some(event) = run.next_event().await {
            events.push(event);
        }
        (events, run.wait().await.expect("a result"))
    });
    assert!(result.success, "{result:?}");
    assert!(matches!(events[0], RunEvent::Known(Event::Started { .. })));
    let texts: String = events.iter().filter_map(text_of).collect();
    assert_eq!(texts, result.output);
    match events.last() {
        Some(RunEvent::Known(Event::Result { result: last, .. })) => assert_eq!(**last, result),
        other => panic!("not a result: {other:?}"),
    }
    workspace.assert_everything_was_applied();
}

#[test]
fn more_events_than_the_queue_holds_lose_nothing() {
    let fake = crate::support::fake_tool::FakeTool::new(
        Tool::Terraform,
        "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done",
    );
    let request = typed(&fake.workspace, fake.apply());
    let (texts, result) = block_on(async {
        let mut run = runner().spawn(&request).expect("a run");
        let mut texts = String::new();
        while let Some(event) = run.next_event().await {
            texts.extend(text_of(&event));
        }
        (texts, run.wait().await.expect("a result"))
    });
    assert_eq!(texts, result.output);
    assert!(texts.ends_with("line 19999\n"));
}

#[test]
fn a_tool_that_fails_and_a_request_that_is_refused_are_results() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    let table = [
        ("no-such-command", Outcome::Failed),
        ("Not A Command", Outcome::InvalidRequest),
    ];
    for (command, outcome) in table {
        let mut request: Request = typed(&workspace, workspace.request("version", &[]));
        request.command = command.to_owned();
        let result = block_on(async { runner().run(&request).await }).expect("a result");
        assert_eq!(result.outcome, outcome, "{result:?}");
    }
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_process() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    let request = typed(&workspace, workspace.apply());
    let fault = runner().spawn(&request).map(drop).unwrap_err();
    assert!(matches!(fault, ClientError::Spawn { .. }), "{fault}");
    assert!(!workspace.run_dir().exists());
}

#[test]
fn a_binary_that_is_not_there_is_named() {
    let fault = Runner::at(Path::new("/nowhere/iac-runner")).unwrap_err();
    match fault {
        ClientError::NotFound { looked_in } => {
            assert_eq!(looked_in, [Path::new("/nowhere/iac-runner")]);
        }
        other => panic!("{other}"),
    }
}

/// More than any queue or pool here holds; a scripted tool keeps the load bearable.
#[test]
fn two_hundred_runs_at_once_all_give_their_own_result_and_leave_no_zombie() {
    const RUNS: usize = 200;
    let fake = crate::support::fake_tool::FakeTool::new(Tool::Terraform, "echo \"run $2\"");
    let requests: Vec<Request> = (0..RUNS)
        .map(|number| {
            let mut request = fake.apply();
            request["run_dir"] = serde_json::Value::Null;
            request["args"] = serde_json::json!([number.to_string()]);
            typed(&fake.workspace, request)
        })
        .collect();
    let pids = block_on(async {
        let runs: Vec<_> = requests
            .iter()
            .map(|request| runner().spawn(request).expect("a run"))
            .collect();
        let pids: Vec<u32> = runs.iter().map(iac_runner::client::Run::pid).collect();
        let waiting: Vec<_> = runs
            .into_iter()
            .map(|run| tokio::spawn(run.wait()))
            .collect();
        for (number, run) in waiting.into_iter().enumerate() {
            let result = run.await.expect("no panic").expect("a result");
            assert_eq!(result.outcome, Outcome::Succeeded, "{number}: {result:?}");
            assert_eq!(result.output, format!("run {number}\n"));
        }
        pids
    });
    for pid in pids {
        wait_until_reaped(pid);
    }
}
