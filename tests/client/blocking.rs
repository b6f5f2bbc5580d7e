//! The client for callers without tokio.

use std::time::Duration;

use iac_runner::client::{ClientError, RunEvent};
use iac_runner::protocol::{Event, OnDisconnect, Outcome, StopReason};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::tools::Tool;
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, Workspace};
use crate::test_env::{blocking_runner, blocking_test, text_of, typed, wait_until_reaped};

#[test]
fn an_apply_streams_its_events_and_gives_its_result() {
    blocking_test(|| {
        for tool in [Tool::Terraform, Tool::Tofu] {
            let workspace = Workspace::new(tool, Backend::Local);
            workspace.let_go();
            let request = typed(&workspace, workspace.apply());
            let mut run = blocking_runner().spawn(&request).expect("a run");
            let events: Vec<_> = run.by_ref().collect();
            let pid = run.pid();
            let result = run.wait().expect("a result");
            assert_eq!(result.outcome, Outcome::Succeeded, "{result:?}");
            let texts: String = events.iter().filter_map(text_of).collect();
            assert_eq!(texts, result.output);
            workspace.assert_everything_was_applied();
            wait_until_reaped(pid);
        }
    });
}

#[test]
fn a_canceller_stops_a_run_that_another_thread_waits_for() {
    blocking_test(|| {
        let workspace = Workspace::new(Tool::Terraform, Backend::Server);
        let request = typed(&workspace, workspace.apply());
        let run = blocking_runner().spawn(&request).expect("a run");
        let canceller = run.canceller();
        let waiting = std::thread::spawn(move || run.wait());
        workspace.wait_until_in_flight();
        canceller.cancel();
        let result = waiting.join().expect("no panic").expect("a result");
        assert_eq!(result.outcome, Outcome::Cancelled, "{result:?}");
        workspace.assert_state_is_complete();
        workspace.assert_lock_is_released();
    });
}

#[test]
fn an_attached_handle_cancels_the_run() {
    blocking_test(|| {
        let workspace = Workspace::new(Tool::Terraform, Backend::Local);
        let request = typed(&workspace, workspace.apply());
        let run = blocking_runner().spawn(&request).expect("a run");
        workspace.wait_until_in_flight();
        let attached = blocking_runner()
            .attach(workspace.run_dir())
            .expect("a run");
        attached.cancel();
        let result = run.wait().expect("a result");
        assert_eq!(result.outcome, Outcome::Cancelled, "{result:?}");
        assert_eq!(attached.wait().expect("a result"), result);
    });
}

#[test]
fn a_dropped_handle_cancels_gracefully_and_leaves_no_zombie() {
    blocking_test(|| {
        let workspace = Workspace::new(Tool::Terraform, Backend::Server);
        let mut request = typed(&workspace, workspace.apply());
        request.on_disconnect = OnDisconnect::Finish;
        let mut run = blocking_runner().spawn(&request).expect("a run");
        let in_flight =
            run.find(|event| text_of(event).is_some_and(|t| t.contains(IN_FLIGHT_LINE)));
        assert!(in_flight.is_some());
        let pid = run.pid();
        drop(run);
        workspace.wait_until_nothing_runs();
        wait_until_reaped(pid);
        workspace.assert_state_is_complete();
        workspace.assert_lock_is_released();
    });
}

#[test]
fn an_attached_handle_that_is_dropped_leaves_the_run_alone_and_no_zombie() {
    blocking_test(|| {
        let workspace = Workspace::new(Tool::Terraform, Backend::Local);
        let request = typed(&workspace, workspace.apply());
        let run = blocking_runner().spawn(&request).expect("a run");
        workspace.wait_until_in_flight();
        let attached = blocking_runner()
            .attach(workspace.run_dir())
            .expect("a run");
        let pid = attached.pid();
        drop(attached);
        wait_until_reaped(pid);
        workspace.let_go();
        let result = run.wait().expect("a result");
        assert_eq!(result.outcome, Outcome::Succeeded, "{result:?}");
        assert_eq!(result.stop_reason, None);
    });
}

/// A front that hangs does not block its caller, and its run can be attached to.
#[test]
fn at_the_outer_deadline_the_error_says_so_and_the_run_can_be_attached() {
    blocking_test(|| {
        let workspace = Workspace::new(Tool::Terraform, Backend::Local);
        let mut request = typed(&workspace, workspace.apply());
        // Longer than a busy machine needs to start a run, short enough to wait for.
        request.timeout_minutes = 10.0 / 60.0;
        request.grace_seconds = 4.0;
        request.on_disconnect = OnDisconnect::Finish;
        let mut run = blocking_runner()
            .with_margin(Duration::ZERO)
            .spawn(&request)
            .expect("a run");
        let first = run.next();
        assert!(
            matches!(first, Some(RunEvent::Known(Event::Started { .. }))),
            "{first:?}"
        );
        let pid = run.pid();
        let front = Pid::from_raw(i32::try_from(pid).expect("a pid"));
        kill(front, Signal::SIGSTOP).expect("our own child, not yet reaped");
        match run.wait().unwrap_err() {
            ClientError::Deadline { waited, run_dir } => {
                assert_eq!(waited, Duration::from_secs(14));
                assert_eq!(run_dir, Some(workspace.run_dir()));
            }
            other => panic!("{other}"),
        }
        wait_until_reaped(pid);
        let result = blocking_runner()
            .attach(workspace.run_dir())
            .expect("a run")
            .wait()
            .expect("a result");
        assert_eq!(result.stop_reason, Some(StopReason::Timeout), "{result:?}");
    });
}
