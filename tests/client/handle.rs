//! How a handle affects its run: cancel, force, and drop.

use std::fs;
use std::time::Duration;

use iac_runner::client::{ClientError, RunEvent};
use iac_runner::protocol::{Event, OnDisconnect, Outcome, StopReason};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::fake_tool::FakeTool;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, Workspace};
use crate::test_env::{
    block_on, blocking_runner, blocking_test, output_with, runner, runtime, typed,
    wait_until_reaped, within_a_test,
};

#[test]
fn cancel_stops_an_apply_gracefully_on_both_tools() {
    for tool in [Tool::Terraform, Tool::Tofu] {
        let workspace = Workspace::new(tool, Backend::Server);
        let request = typed(&workspace, workspace.apply());
        let (pid, result) = block_on(async {
            let mut run = runner().spawn(&request).expect("a run");
            output_with(&mut run, IN_FLIGHT_LINE).await;
            run.cancel();
            (run.pid(), run.wait().await.expect("a result"))
        });
        assert_eq!(result.outcome, Outcome::Cancelled, "{result:?}");
        assert_eq!(result.stop_reason, Some(StopReason::Cancel));
        workspace.assert_state_is_complete();
        workspace.assert_lock_is_released();
        wait_until_reaped(pid);
    }
}

#[test]
fn force_ends_a_tool_that_ignores_a_cancel() {
    let fake = FakeTool::noting_signals(Tool::Terraform, "while :; do sleep 0.05; done");
    let request = typed(&fake.workspace, fake.apply());
    let result = block_on(async {
        let run = runner().spawn(&request).expect("a run");
        let canceller = run.canceller();
        let waiting = tokio::spawn(run.wait());
        // Kept until the result arrives: dropping it kills all processes with its mark.
        let _fake = tokio::task::spawn_blocking(move || {
            fake.workspace.wait_until_in_flight();
            canceller.cancel();
            fake.wait_for_a_signal();
            canceller.force();
            fake
        })
        .await
        .expect("the tool is ready");
        waiting.await.expect("no panic").expect("a result")
    });
    assert_eq!(result.outcome, Outcome::Killed, "{result:?}");
}

#[test]
fn a_dropped_handle_cancels_gracefully_and_leaves_no_zombie() {
    let workspace = Workspace::new(Tool::Terraform, Backend::Server);
    let mut request = typed(&workspace, workspace.apply());
    // The handle requests a stop, regardless of what a disconnect means.
    request.on_disconnect = OnDisconnect::Finish;
    let runtime = runtime();
    let pid = runtime.block_on(async {
        let mut run = runner().spawn(&request).expect("a run");
        output_with(&mut run, IN_FLIGHT_LINE).await;
        run.pid()
    });
    workspace.wait_until_nothing_runs();
    wait_until_reaped(pid);
    workspace.assert_state_is_complete();
    workspace.assert_lock_is_released();
    let result = runtime
        .block_on(within_a_test(async {
            runner()
                .attach(workspace.run_dir())
                .expect("a run")
                .wait()
                .await
        }))
        .expect("a result");
    assert_eq!(result.outcome, Outcome::Cancelled, "{result:?}");
    assert_eq!(result.stop_reason, Some(StopReason::Cancel));
}

#[test]
fn a_wait_that_is_given_up_cancels() {
    let workspace = Workspace::new(Tool::Terraform, Backend::Local);
    let request = typed(&workspace, workspace.apply());
    let runtime = runtime();
    let pid = runtime.block_on(async {
        let run = runner().spawn(&request).expect("a run");
        let pid = run.pid();
        let ready = tokio::task::spawn_blocking(move || {
            workspace.wait_until_in_flight();
            workspace
        });
        tokio::select! {
            result = run.wait() => panic!("ended by itself: {result:?}"),
            workspace = ready => {
                let workspace = workspace.expect("in flight");
                // The other branch is dropped by now.
                tokio::task::spawn_blocking(move || {
                    workspace.wait_until_nothing_runs();
                    workspace.assert_state_is_complete();
                })
                .await
                .expect("a complete state");
            }
        }
        pid
    });
    wait_until_reaped(pid);
}

#[test]
fn a_runtime_that_is_dropped_leaves_the_run_to_finish_and_no_zombie() {
    blocking_test(|| {
        let workspace = Workspace::new(Tool::Terraform, Backend::Local);
        let mut request = typed(&workspace, workspace.apply());
        request.on_disconnect = OnDisconnect::Finish;
        let runtime = runtime();
        let mut run = {
            let _entered = runtime.enter();
            runner().spawn(&request).expect("a run")
        };
        runtime.block_on(output_with(&mut run, IN_FLIGHT_LINE));
        let pid = run.pid();
        drop(runtime);
        let fault = block_on(run.wait()).unwrap_err();
        assert!(
            matches!(fault, iac_runner::client::ClientError::RuntimeGone),
            "{fault}"
        );
        workspace.let_go();
        let result = blocking_runner()
            .attach(workspace.run_dir())
            .expect("a run")
            .wait()
            .expect("a result");
        assert_eq!(result.outcome, Outcome::Succeeded, "{result:?}");
        workspace.assert_everything_was_applied();
        wait_until_reaped(pid);
    });
}

#[test]
fn the_runner_has_no_secret_in_its_arguments() {
    let workspace = Workspace::new(Tool::Terraform, Backend::Local);
    let mut request = typed(&workspace, workspace.apply());
    request.secrets.push("hunter2-hunter2".into());
    block_on(async {
        let mut run = runner().spawn(&request).expect("a run");
        output_with(&mut run, IN_FLIGHT_LINE).await;
        let line = fs::read_to_string(format!("/proc/{}/cmdline", run.pid())).expect("alive");
        let arguments: Vec<_> = line.split_terminator('\0').skip(1).collect();
        assert_eq!(arguments, ["--stream"]);
        workspace.let_go();
        assert!(run.wait().await.expect("a result").success);
    });
}

/// A front that hangs does not block its caller; neither the front nor its run is killed.
#[test]
fn at_the_outer_deadline_the_error_says_so_and_the_run_can_be_attached() {
    let workspace = Workspace::new(Tool::Terraform, Backend::Local);
    let mut request = typed(&workspace, workspace.apply());
    // Longer than a busy machine needs to start a run, short enough to wait for.
    request.timeout_minutes = 10.0 / 60.0;
    request.grace_seconds = 4.0;
    request.on_disconnect = OnDisconnect::Finish;
    let (pid, fault) = block_on(async {
        let mut run = runner()
            .with_margin(Duration::ZERO)
            .spawn(&request)
            .expect("a run");
        let first = run.next_event().await;
        assert!(
            matches!(first, Some(RunEvent::Known(Event::Started { .. }))),
            "{first:?}"
        );
        let pid = run.pid();
        kill(process(pid), Signal::SIGSTOP).expect("our own child, not yet reaped");
        (pid, run.wait().await.unwrap_err())
    });
    match fault {
        ClientError::Deadline { waited, run_dir } => {
            assert_eq!(waited, Duration::from_secs(14));
            assert_eq!(run_dir, Some(workspace.run_dir()));
        }
        other => panic!("{other}"),
    }
    let result = block_on(async {
        let attached = runner().attach(workspace.run_dir()).expect("a run");
        attached.wait().await.expect("a result")
    });
    assert_eq!(result.stop_reason, Some(StopReason::Timeout), "{result:?}");
    kill(process(pid), Signal::SIGCONT).expect("the front was not killed");
    wait_until_reaped(pid);
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a pid"))
}
