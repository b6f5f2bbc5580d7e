//! Attaching to a run with the client.

use iac_runner::client::RunEvent;
use iac_runner::protocol::{Event, Outcome, StopReason};

use crate::support::tools::Tool;
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, Workspace};
use crate::test_env::{block_on, output_with, runner, typed, wait_until_reaped};

#[test]
fn an_attached_handle_sees_all_events_and_cancels_the_run() {
    let workspace = Workspace::new(Tool::Terraform, Backend::Local);
    let request = typed(&workspace, workspace.apply());
    let (result, attached) = block_on(async {
        let mut run = runner().spawn(&request).expect("a run");
        output_with(&mut run, IN_FLIGHT_LINE).await;
        let mut attached = runner().attach(workspace.run_dir()).expect("a run");
        let first = attached.next_event().await;
        assert!(
            matches!(first, Some(RunEvent::Known(Event::Started { seq: 0, .. }))),
            "{first:?}"
        );
        output_with(&mut attached, IN_FLIGHT_LINE).await;
        attached.cancel();
        (run.wait().await, attached.wait().await)
    });
    let result = result.expect("a result");
    assert_eq!(result.outcome, Outcome::Cancelled, "{result:?}");
    assert_eq!(result.stop_reason, Some(StopReason::Cancel));
    assert_eq!(attached.expect("the same result"), result);
    workspace.assert_state_is_complete();
}

#[test]
fn an_attached_handle_that_is_dropped_leaves_the_run_alone_and_no_zombie() {
    let workspace = Workspace::new(Tool::Terraform, Backend::Local);
    let request = typed(&workspace, workspace.apply());
    let result = block_on(async {
        let mut run = runner().spawn(&request).expect("a run");
        output_with(&mut run, IN_FLIGHT_LINE).await;
        let mut attached = runner().attach(workspace.run_dir()).expect("a run");
        output_with(&mut attached, IN_FLIGHT_LINE).await;
        let pid = attached.pid();
        drop(attached);
        tokio::task::spawn_blocking(move || wait_until_reaped(pid))
            .await
            .expect("reaped");
        workspace.let_go();
        run.wait().await.expect("a result")
    });
    assert_eq!(result.outcome, Outcome::Succeeded, "{result:?}");
    assert_eq!(result.stop_reason, None);
}

#[test]
fn a_directory_without_a_run_is_told_by_the_result() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    let result = block_on(async {
        runner()
            .attach(workspace.run_dir())
            .expect("a process")
            .wait()
            .await
    });
    assert_eq!(result.expect("a result").outcome, Outcome::InvalidRequest);
}
