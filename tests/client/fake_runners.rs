//! Runners that print what the real one does not print, with both clients.

use std::path::PathBuf;
use std::time::Duration;

use iac_runner::client::{ClientError, ReadFault, RunEvent, Runner, blocking};
use iac_runner::protocol::{DiagnosisClass, Outcome, Request, RunResult, Tool};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::program::write_program;
use crate::test_env::{block_on, blocking_test};

/// A shell script in the runner's place.
pub(crate) struct FakeRunner {
    pub(crate) folder: TempDir,
}

impl FakeRunner {
    pub(crate) fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let fake = Self { folder };
        write_program(&fake.program(), &format!("#!/bin/sh\n{script}\n"));
        fake
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("iac-runner")
    }

    pub(crate) fn asynchronous(&self) -> Runner {
        Runner::at(self.program()).expect("it is there")
    }

    pub(crate) fn blocking(&self) -> blocking::Runner {
        blocking::Runner::at(self.program()).expect("it is there")
    }

    /// Returns the result of each client.
    fn both(&self, request: &Request) -> [Result<RunResult, ClientError>; 2] {
        [
            block_on(async { self.asynchronous().run(request).await }),
            self.blocking().run(request),
        ]
    }
}

pub(crate) fn request() -> Request {
    Request::new(Tool::Terraform, "/work", "plan")
}

pub(crate) fn result(outcome: &str) -> Value {
    json!({
        "success": outcome == "succeeded", "output": "", "exit_code": 0, "error_msg": "",
        "started_at": "2026-11-20T22:25:40.705Z", "ended_at": "2026-11-20T22:25:40.895Z",
        "outcome": outcome, "stop_reason": null, "signal": null, "duration_ms": 1,
        "output_bytes": 0, "output_truncated": false, "output_complete": true,
        "output_file": null, "diagnosis": null, "state": null, "protocol": 1,
    })
}

pub(crate) fn print(line: &Value) -> String {
    format!("printf '%s\\n' '{line}'\n")
}

pub(crate) fn print_result(result: &Value) -> String {
    print(&json!({
        "type": "result", "seq": 0, "at": "2026-11-20T22:25:40.895Z", "result": result,
    }))
}

#[test]
fn what_is_no_result_is_unreadable_and_comes_with_the_end_of_stderr() {
    blocking_test(|| {
        let table = [
            ("exit 1", "Empty"),
            ("echo garbage", "NotAnEvent"),
            ("echo '{\"type\":\"progress\"}'", "NoResult"),
            ("echo '{\"type\":\"result\",\"result\":{}}'", "Malformed"),
            ("kill -KILL $$", "Empty"),
            // Over 6 bytes for each of the 10 that the request allows, and the frame.
            ("head -c 2000000 /dev/zero | tr '\\0' x", "LineTooLong"),
        ];
        let mut request = request();
        request.output_limit_bytes = 10;
        for (script, expected) in table {
            let fake = FakeRunner::new(&format!("echo it went wrong >&2\n{script}"));
            for answer in fake.both(&request) {
                match answer.unwrap_err() {
                    ClientError::Unreadable {
                        stderr_tail,
                        source,
                        status,
                    } => {
                        assert!(stderr_tail.contains("it went wrong"), "{stderr_tail}");
                        assert!(format!("{source:?}").starts_with(expected), "{source:?}");
                        assert!(status.is_some());
                    }
                    other => panic!("{script}: {other}"),
                }
            }
        }
    });
}

#[test]
fn a_protocol_that_is_too_new_is_named() {
    blocking_test(|| {
        let mut later = result("succeeded");
        later["protocol"] = json!(2);
        for line in [
            json!({"protocol": 3}),
            json!({"type": "result", "result": later}),
        ] {
            let fake = FakeRunner::new(&print(&line));
            let expected = if line["protocol"] == 3 { 3 } else { 2 };
            for answer in fake.both(&request()) {
                let fault = answer.unwrap_err();
                assert!(
                    matches!(fault, ClientError::ProtocolTooNew { found } if found == expected),
                    "{fault}"
                );
            }
        }
    });
}

#[test]
fn a_result_that_the_exit_status_contradicts_is_a_mismatch_and_is_kept() {
    blocking_test(|| {
        for (outcome, ending) in [
            ("succeeded", "exit 1"),
            ("failed", "exit 0"),
            ("succeeded", "kill -KILL $$"),
        ] {
            let fake = FakeRunner::new(&(print_result(&result(outcome)) + ending));
            for answer in fake.both(&request()) {
                match answer.unwrap_err() {
                    ClientError::Mismatch { result, .. } => {
                        assert_eq!(result.success, outcome == "succeeded");
                    }
                    other => panic!("{outcome}, {ending}: {other}"),
                }
            }
        }
    });
}

#[test]
fn a_result_that_is_no_event_and_one_with_more_fields_are_results() {
    blocking_test(|| {
        let mut more = result("succeeded");
        more["later"] = json!({"a": 1});
        for script in [print(&result("succeeded")), print_result(&more)] {
            for answer in FakeRunner::new(&script).both(&request()) {
                assert_eq!(answer.expect("a result").outcome, Outcome::Succeeded);
            }
        }
    });
}

#[test]
fn events_of_a_later_runner_are_passed_on() {
    blocking_test(|| {
        let progress = json!({"type": "progress", "done": 3});
        let fake = FakeRunner::new(&(print(&progress) + &print_result(&result("succeeded"))));
        let expected = Some(RunEvent::Other {
            kind: "progress".to_owned(),
            document: progress,
        });
        block_on(async {
            let mut run = fake.asynchronous().spawn(&request()).expect("a run");
            assert_eq!(run.next_event().await, expected);
            assert!(run.wait().await.expect("a result").success);
        });
        let mut run = fake.blocking().spawn(&request()).expect("a run");
        assert_eq!(run.next(), expected);
        assert!(run.wait().expect("a result").success);
    });
}

#[test]
fn runner_that_never_reads_stdin_blocks_no_caller() {
    blocking_test(|| {
        let mut large = request();
        large.args = vec!["x".repeat(512 * 1024)];
        let fake = FakeRunner::new(&print_result(&result("succeeded")));
        for answer in fake.both(&large) {
            assert!(answer.expect("a result").success);
        }
    });
}

#[test]
fn a_runner_that_hangs_is_ended_at_the_outer_deadline() {
    blocking_test(|| {
        let fake = FakeRunner::new("exec sleep 1000");
        let mut request = request();
        (request.timeout_minutes, request.grace_seconds) = (0.001, 0.0);
        let runner = fake.blocking().with_margin(Duration::from_millis(100));
        let run = runner.spawn(&request).expect("a run");
        let pid = run.pid();
        let fault = run.wait().unwrap_err();
        assert!(
            matches!(fault, ClientError::Deadline { run_dir: None, .. }),
            "{fault}"
        );
        crate::test_env::wait_until_reaped(pid);
        // The iterator ends at the deadline too.
        let mut run = runner.spawn(&request).expect("a run");
        assert_eq!(run.next(), None);
        assert!(run.wait().is_err());
    });
}

#[test]
fn a_missing_event_is_a_fault_that_keeps_the_result() {
    blocking_test(|| {
        let warning = |seq: u64| {
            print(&json!({
                "type": "warning", "seq": seq, "at": "2026-11-20T22:25:40.895Z", "message": "m",
            }))
        };
        // The result is number 0.
        let fake = FakeRunner::new(&(warning(0) + &print_result(&result("succeeded"))));
        for answer in fake.both(&request()) {
            match answer.unwrap_err() {
                ClientError::Unreadable {
                    source: ReadFault::Misplaced { due, found, result },
                    ..
                } => {
                    assert_eq!((due, found), (1, 0));
                    assert!(result.success);
                }
                other => panic!("{other}"),
            }
        }
    });
}

#[test]
fn words_of_a_later_runner_do_not_spoil_its_result() {
    blocking_test(|| {
        let mut later = result("failed");
        later["diagnosis"] = json!({"class": "new", "message": "m", "retryable": false});
        let mut new_outcome = result("new");
        new_outcome["diagnosis"] = later["diagnosis"].clone();
        let table = [
            (later, "exit 1", Outcome::Failed),
            (new_outcome, "exit 9", Outcome::Unknown),
        ];
        for (result, ending, outcome) in table {
            let fake = FakeRunner::new(&(print_result(&result) + ending));
            for answer in fake.both(&request()) {
                let answer = answer.expect("a result");
                assert_eq!(answer.outcome, outcome);
                let class = answer.diagnosis.expect("a diagnosis").class;
                assert_eq!(class, DiagnosisClass::Other);
            }
        }
    });
}

#[test]
fn what_cannot_be_executed_could_not_be_spawned() {
    blocking_test(|| {
        let fake = FakeRunner::new("");
        std::fs::write(fake.program(), "#!/nowhere/interpreter\n").expect("written");
        for answer in fake.both(&request()) {
            let fault = answer.unwrap_err();
            assert!(matches!(fault, ClientError::Spawn { .. }), "{fault}");
        }
    });
}

#[test]
fn a_stdout_that_outlives_its_runner_does_not_hold_the_blocking_client() {
    blocking_test(|| {
        let fake = FakeRunner::new(
            // Runs as long as the folder of this test exists.
            "while [ -e \"$0\" ]; do sleep 0.1; done & exit 0",
        );
        match fake.blocking().run(&request()).unwrap_err() {
            ClientError::Unreadable { source, .. } => {
                assert!(matches!(source, ReadFault::HeldOpen), "{source:?}");
            }
            other => panic!("{other}"),
        }
    });
}
