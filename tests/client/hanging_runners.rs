//! Runners that hang, and runs that cannot be stopped through an attached handle.

use std::time::Duration;

use iac_runner::client::{ClientError, RunEvent};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::fake_runners::{FakeRunner, print, print_result, request, result};
use crate::test_env::{block_on, blocking_test, wait_until_reaped};

/// It may hold a run: it is not killed, and a thread reaps it when it ends.
#[test]
fn an_async_handle_lets_go_of_a_runner_that_hangs_at_the_outer_deadline() {
    let fake = FakeRunner::new("exec sleep 1000");
    let mut request = request();
    (request.timeout_minutes, request.grace_seconds) = (0.001, 0.0);
    let runner = fake.asynchronous().with_margin(Duration::from_millis(100));
    let pid = block_on(async {
        let mut run = runner.spawn(&request).expect("a run");
        assert_eq!(run.next_event().await, None);
        let pid = run.pid();
        let fault = run.wait().await.unwrap_err();
        assert!(
            matches!(fault, ClientError::Deadline { run_dir: None, .. }),
            "{fault}"
        );
        pid
    });
    kill(own(pid), Signal::SIGKILL).expect("it is still there");
    wait_until_reaped(pid);
}

#[test]
fn an_attached_process_that_hangs_is_ended_at_the_deadline_of_the_run_it_follows() {
    let fake = FakeRunner::new("exec sleep 1000");
    let recorded =
        r#"{"tool":"tofu","work_dir":"/w","command":"plan","timeout":0.001,"grace_seconds":0}"#;
    let run_dir = fake.folder.path();
    std::fs::write(run_dir.join("request.json"), recorded).expect("written");
    let runner = fake.asynchronous().with_margin(Duration::from_millis(100));
    let (pid, fault) = block_on(async {
        let run = runner.attach(run_dir).expect("a process");
        (run.pid(), run.wait().await.unwrap_err())
    });
    match fault {
        ClientError::Deadline {
            run_dir: Some(named),
            ..
        } => assert_eq!(named, run_dir),
        other => panic!("{other}"),
    }
    wait_until_reaped(pid);
}

/// Follows until it is released; cannot cancel.
const CANNOT_CANCEL: &str = "\
[ \"$1\" != cancel ] || { echo '{\"requested\":false,\"message\":\"not yours\"}'; exit 2; }
while [ ! -e \"${0%/*}/go\" ]; do sleep 0.02; done
";

#[test]
fn a_stop_that_does_not_reach_the_followed_run_is_told() {
    blocking_test(|| {
        let fake =
            FakeRunner::new(&(CANNOT_CANCEL.to_owned() + &print_result(&result("succeeded"))));
        let failed = |message: &str| {
            Some(RunEvent::StopFailed {
                message: message.to_owned(),
            })
        };
        let go = fake.folder.path().join("go");
        let let_go = || std::fs::write(&go, "").expect("written");
        block_on(async {
            let mut run = fake.asynchronous().attach("/run").expect("a process");
            run.cancel();
            assert_eq!(run.next_event().await, failed("not yours"));
            let_go();
            assert!(run.wait().await.expect("a result").success);
        });
        std::fs::remove_file(&go).expect("it was written");
        let mut run = fake.blocking().attach("/run").expect("a process");
        run.force();
        assert_eq!(run.next(), failed("not yours"));
        let_go();
        assert!(run.wait().expect("a result").success);
    });
}

#[test]
fn a_cancel_that_cannot_be_started_is_told() {
    blocking_test(|| {
        let told = |event: Option<RunEvent>| match event {
            Some(RunEvent::StopFailed { message }) => {
                assert!(message.contains("could not be started"), "{message}");
            }
            other => panic!("{other:?}"),
        };
        let waits = "while [ ! -e \"${0%/*}/go\" ]; do sleep 0.02; done";
        // Reports that its script has been read.
        let fake = FakeRunner::new(&(print(&json!({"type": "ready"})) + waits));
        let go = fake.folder.path().join("go");
        let (asynchronous, blocking) = (fake.asynchronous(), fake.blocking());
        block_on(async {
            let mut run = asynchronous.attach("/run").expect("a process");
            run.next_event().await.expect("it is ready");
            std::fs::rename(fake.program(), fake.folder.path().join("away")).expect("moved");
            run.cancel();
            told(run.next_event().await);
        });
        std::fs::rename(fake.folder.path().join("away"), fake.program()).expect("moved");
        let mut run = blocking.attach("/run").expect("a process");
        run.next().expect("it is ready");
        std::fs::rename(fake.program(), fake.folder.path().join("away")).expect("moved");
        run.cancel();
        told(run.next());
        std::fs::write(&go, "").expect("written");
    });
}

fn own(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a pid"))
}
