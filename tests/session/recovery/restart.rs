//! Kills the process that holds a session, in each phase; another process recovers the session.

use std::fs;
use std::path::Path;

use iac_runner::session::{DeployRequest, Phase, Reason, RecoverError, Snapshot, Status};

use crate::recovery::holder::{Holder, killed_at, killed_in_mid_apply};
use crate::recovery::run_processes::{boot_id, kill_now, supervisor};
use crate::support::bounded::in_time;
use crate::support::tools::Tool;
use crate::test_env::{Gate, SLOW, SMALL, TestEnv, block_on, body_of, end, let_go, log, until};

/// Returns a request whose tool can be held, and the gate that holds it.
fn gated(test_env: &TestEnv, configuration: &str) -> (Gate, DeployRequest) {
    let gate = Gate::new(test_env);
    let mut request = test_env.request(configuration);
    gate.before(&mut request, test_env);
    (gate, request)
}

/// Returns how often a text occurs in the log.
fn times(log: &str, text: &str) -> usize {
    log.matches(text).count()
}

fn a_session_whose_holder_is_killed_in_init_or_plan_goes_on_to_its_end(tool: Tool) {
    for (command, phase) in [("init", Phase::Init), ("plan", Phase::Plan)] {
        let test_env = TestEnv::new(tool);
        let (gate, request) = gated(&test_env, SMALL);
        let dir = killed_at(command, &test_env, &gate, &request, false);
        block_on(async {
            let sessions = test_env.sessions();
            let session = sessions
                .recover(&dir, Some(&request.secrets()))
                .expect("the session is free");
            assert_eq!(session.status().phase, phase);
            gate.let_go(command);
            let waiting = until(&session, Status::AwaitingApproval).await;
            let digest = waiting.plan_digest.expect("a digest");
            session
                .approve("alice", "", &digest)
                .await
                .expect("it waits");
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(Reason::Applied), "{ended:?}");
            let log = log(&session);
            assert_eq!(times(&log, "Initializing the backend"), 1, "{log}");
            assert_eq!(times(&log, "Apply complete"), 1, "{log}");
        });
        assert_eq!(gate.calls(command), 1, "it was followed, not repeated");
        test_env.mark.assert_nothing_is_left_alive();
    }
}
on_both_tools!(a_session_whose_holder_is_killed_in_init_or_plan_goes_on_to_its_end);

fn an_apply_whose_holder_is_killed_is_followed_to_its_end_and_never_run_again(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let (gate, request) = gated(&test_env, SLOW);
    let dir = killed_in_mid_apply(&test_env, &request);
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&request.secrets()))
            .expect("the session is free");
        assert_eq!(session.status().phase, Phase::Apply);
        let again = sessions.recover(&dir, None).err();
        assert!(
            matches!(again, Some(RecoverError::InUse { .. })),
            "{again:?}"
        );
        let_go(&dir);
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("quick").unwrap().value, "quick");
        let log = log(&session);
        for line in ["in flight", "went on", "Apply complete"] {
            assert!(log.contains(line), "{line} in: {log}");
        }
        let told = log.lines().filter(|line| line.ends_with("in flight"));
        assert_eq!(told.count(), 1, "{log}");
    });
    assert_eq!(gate.calls("apply"), 1);
    assert_eq!(test_env.resources().len(), 2);
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(an_apply_whose_holder_is_killed_is_followed_to_its_end_and_never_run_again);

#[test]
fn apply_that_ended_unobserved_is_reported_as_it_ended() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (gate, request) = gated(&test_env, SLOW);
    let dir = killed_in_mid_apply(&test_env, &request);
    let_go(&dir);
    crate::support::waiting::wait_for(
        "the result of the apply",
        crate::support::waiting::WITHIN_A_TEST,
        || dir.join("runs/03-apply/result.json").exists().then_some(()),
    );
    block_on(async {
        // Without the secrets of the request: completed steps remain completed.
        let session = test_env
            .sessions()
            .recover(&dir, None)
            .expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
    assert_eq!(gate.calls("apply"), 1);
}

#[test]
fn outputs_that_were_being_read_are_read_again() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (gate, request) = gated(&test_env, SMALL);
    let dir = killed_at("output", &test_env, &gate, &request, true);
    gate.let_go("output");
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&request.secrets()))
            .expect("the session is free");
        assert_eq!(end(&session).await.reason, Some(Reason::Applied));
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("greeting").unwrap().value, "Hello, world!");
    });
    assert_eq!(gate.calls("apply"), 1);
}

#[test]
fn apply_with_unknown_end_is_not_run_again() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (gate, request) = gated(&test_env, SLOW);
    let dir = killed_in_mid_apply(&test_env, &request);
    kill_now(supervisor(&dir.join("runs/03-apply")));
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&request.secrets()))
            .expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Unknown), "{}", log(&session));
        assert_eq!(ended.status, Status::Failed);
        assert_ne!(ended.error, "");
    });
    let_go(&dir);
    assert_eq!(gate.calls("apply"), 1);
}

#[test]
fn a_plan_whose_supervisor_is_lost_with_its_holder_is_made_again() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (gate, request) = gated(&test_env, SMALL);
    let dir = killed_at("plan", &test_env, &gate, &request, false);
    kill_now(supervisor(&dir.join("runs/02-plan")));
    gate.let_go("plan");
    // A tool whose supervisor is lost is not killed: while it runs, it may hold the state lock.
    crate::support::waiting::wait_for(
        "the end of the first plan",
        crate::support::waiting::WITHIN_A_TEST,
        || test_env.mark.carriers().is_empty().then_some(()),
    );
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&request.secrets()))
            .expect("the session is free");
        until(&session, Status::AwaitingApproval).await;
        session.cancel("the test").await.expect("it waits");
    });
    assert_eq!(gate.calls("plan"), 2);
}

/// Adds events to the journal of a session that no process holds.
fn add_to_journal(dir: &Path, events: &[serde_json::Value]) {
    let journal = dir.join("journal.ndjson");
    let mut text = fs::read_to_string(&journal).expect("a journal");
    for event in events {
        let mut event = event.clone();
        event["at"] = "2026-01-01T00:00:00Z".into();
        text.push_str(&format!("{event}\n"));
    }
    fs::write(journal, text).expect("it is written");
}

/// Returns a session that waits for approval, and whose holder was killed.
fn killed_while_waiting(
    test_env: &TestEnv,
    request: &DeployRequest,
) -> (std::path::PathBuf, Snapshot) {
    let holder = Holder::start(test_env, &body_of(request), false);
    let dir = holder.dir();
    crate::support::waiting::wait_for(
        "the plan to wait",
        crate::support::waiting::WITHIN_A_TEST,
        || {
            let journal = fs::read_to_string(dir.join("journal.ndjson")).unwrap_or_default();
            journal.contains("\"event\":\"planned\"").then_some(())
        },
    );
    holder.kill();
    let snapshot = block_on(async {
        let session = test_env
            .sessions()
            .recover(&dir, None)
            .expect("the session is free");
        until(&session, Status::AwaitingApproval).await
    });
    (dir, snapshot)
}

#[test]
fn an_apply_that_was_announced_and_not_begun_is_not_begun_by_a_recovery() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (gate, request) = gated(&test_env, SMALL);
    let (dir, waiting) = killed_while_waiting(&test_env, &request);
    add_to_journal(
        &dir,
        &[
            serde_json::json!({
                "event": "approved", "by": "alice", "comment": "", "digest": waiting.plan_digest,
            }),
            serde_json::json!({"event": "run_started", "run": "03-apply", "boot": boot_id()}),
        ],
    );
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&request.secrets()))
            .expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Interrupted), "{}", log(&session));
        assert!(
            ended.error.contains("nothing was applied"),
            "{}",
            ended.error
        );
    });
    // Not even by a runner that may be late.
    let late = serde_json::json!({
        "tool": "terraform", "work_dir": dir.join("source"), "command": "version",
        "run_dir": dir.join("runs/03-apply"),
    });
    let mut runner = std::process::Command::new(env!("CARGO_BIN_EXE_iac-runner"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the runner starts");
    let stdin = runner.stdin.take().expect("a pipe");
    serde_json::to_writer(stdin, &late).expect("it reads");
    let output = in_time("the end of the runner", || runner.wait_with_output());
    let output = output.expect("it is ours");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("\"not_started\""), "{text}");
    assert_eq!(gate.calls("apply"), 0);
}

#[test]
fn an_apply_that_was_announced_before_the_machine_was_started_anew_may_have_begun() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (gate, request) = gated(&test_env, SMALL);
    let (dir, waiting) = killed_while_waiting(&test_env, &request);
    add_to_journal(
        &dir,
        &[
            serde_json::json!({
                "event": "approved", "by": "alice", "comment": "", "digest": waiting.plan_digest,
            }),
            serde_json::json!({"event": "run_started", "run": "03-apply", "boot": "another"}),
        ],
    );
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&request.secrets()))
            .expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Unknown), "{}", log(&session));
        assert!(ended.error.contains("started anew"), "{}", ended.error);
    });
    assert_eq!(gate.calls("apply"), 0);
}

#[test]
fn an_approval_that_was_recorded_and_an_apply_that_was_not_goes_on_to_the_apply() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (gate, request) = gated(&test_env, SMALL);
    let (dir, waiting) = killed_while_waiting(&test_env, &request);
    add_to_journal(
        &dir,
        &[serde_json::json!({
            "event": "approved", "by": "alice", "comment": "", "digest": waiting.plan_digest,
        })],
    );
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&request.secrets()))
            .expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
    assert_eq!(gate.calls("apply"), 1);
}
