//! A journal that cannot be written for a while, and events that are too long or too late for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use iac_runner::session::{MAX_DECISION_BYTES, Reason, Session, SessionError, Status};

use crate::recovery::holder::killed_at;
use crate::support::bounded::output_of;
use crate::support::tools::Tool;
use crate::test_env::{Gate, SMALL, TestEnv, block_on, end, log, until, waiting, within_a_test};

/// Blocks writes to the journal of a session until dropped.
struct Stuck(PathBuf);

impl Stuck {
    fn of(session: &Session) -> Self {
        let journal = session.dir().join("journal.ndjson");
        // Before it writes, a session truncates its journal to the last complete line, which this attribute forbids.
        change("+a", &journal);
        Self(journal)
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        change("-a", &self.0);
    }
}

fn change(attribute: &str, file: &Path) {
    let changed = output_of(Command::new("chattr").arg(attribute).arg(file));
    assert!(
        changed.status.success(),
        "run the tests as root: {changed:?}"
    );
}

#[test]
fn what_could_not_be_written_is_written_before_anything_follows_from_it() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    gate.hold("plan");
    let (dir, secrets) = block_on(async {
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        let secrets = request.secrets();
        let session = test_env.sessions().start(request).expect("it starts");
        gate.wait_until_at("plan");
        let stuck = Stuck::of(&session);
        gate.let_go("plan");
        let snapshot = until(&session, Status::AwaitingApproval).await;
        let digest = snapshot.plan_digest.expect("a digest");
        let refused = session.approve("alice", "", &digest).await;
        assert!(
            matches!(refused, Err(SessionError::Journal(_))),
            "{refused:?}"
        );
        assert_eq!(session.status().status, Status::AwaitingApproval);
        drop(stuck);
        session
            .approve("alice", "", &digest)
            .await
            .expect("it waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        (session.dir().to_owned(), secrets)
    });
    block_on(async {
        let again = test_env.sessions().recover(&dir, Some(&secrets));
        let again = again.expect("the journal says how it went");
        assert_eq!(end(&again).await.reason, Some(Reason::Applied));
    });
    assert_eq!(gate.calls("apply"), 1);
}

#[test]
fn what_runs_is_stopped_though_the_journal_cannot_be_written_and_the_end_is_written_later() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    gate.hold("apply");
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        request.auto_approve = true;
        let session = sessions.start(request).expect("it starts");
        gate.wait_until_at("apply");
        let stuck = Stuck::of(&session);
        session.cancel("bob").await.expect("it runs");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&session));
        drop(stuck);
        let recovered = within_a_test(async {
            loop {
                // The session is held until its end is written.
                match sessions.recover(session.dir(), None) {
                    Ok(session) => return session,
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                }
            }
        })
        .await;
        let ended = end(&recovered).await;
        assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&recovered));
        assert_eq!(ended.stop_requested_by.as_deref(), Some("bob"));
    });
}

#[test]
fn waiting_caller_gets_an_error_when_the_runtime_is_gone() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (session, mut logs, mut watch) = block_on(async {
        let (session, _) = waiting(&test_env.sessions(), test_env.request(SMALL)).await;
        let (logs, watch) = (session.logs(0), session.watch());
        (session, logs, watch)
    });
    block_on(async {
        while logs.next_line().await.is_some() {}
        let ended = watch.wait_for(|now| now.reason.is_some()).await;
        assert!(ended.is_err());
        let waited = session.wait().await;
        assert!(
            matches!(waited, Err(SessionError::Gone { .. })),
            "{waited:?}"
        );
        let asked = session.cancel("bob").await;
        assert!(matches!(asked, Err(SessionError::Gone { .. })), "{asked:?}");
    });
}

#[test]
fn who_decides_says_so_in_few_words() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let (session, digest) = waiting(&test_env.sessions(), test_env.request(SMALL)).await;
        let long = "x".repeat(MAX_DECISION_BYTES + 1);
        for refused in [
            session.approve("alice", &long, &digest).await,
            session.approve(&long, "", &digest).await,
            session.reject(&long, "").await,
            session.cancel(&long).await,
        ] {
            assert!(
                matches!(refused, Err(SessionError::TooLong { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(session.status().status, Status::AwaitingApproval);
        session.cancel("the test").await.expect("it waits");
    });
}

#[test]
fn secrets_that_are_given_back_while_a_plan_runs_carry_the_session_on() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, &test_env);
    let dir = killed_at("plan", &test_env, &gate, &request, false);
    block_on(async {
        let session = test_env
            .sessions()
            .recover(&dir, None)
            .expect("the session is free");
        session
            .supply(request.secrets())
            .await
            .expect("all of them");
        gate.let_go("plan");
        until(&session, Status::AwaitingApproval).await;
        session.cancel("the test").await.expect("it waits");
    });
    assert_eq!(gate.calls("plan"), 1);
}

/// Sets every deadline in the journal of a session to a long past day.
pub(crate) fn put_deadlines_into_the_past(dir: &Path) {
    let journal = dir.join("journal.ndjson");
    let text = std::fs::read_to_string(&journal).expect("a journal");
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            if line.get("deadline").is_some() {
                line["deadline"] = "2020-01-01T00:00:00Z".into();
            }
            format!("{line}\n")
        })
        .collect();
    std::fs::write(journal, lines.concat()).expect("it is written");
}

#[test]
fn an_approval_and_a_request_that_approves_itself_hold_until_the_deadline_and_no_longer() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, &test_env);
    let left_waiting = |approved: bool| {
        let dir = block_on(async {
            let (session, digest) = waiting(&test_env.sessions(), request.clone()).await;
            (session.dir().to_owned(), digest)
        });
        put_deadlines_into_the_past(&dir.0);
        if approved {
            let line = serde_json::json!({
                "at": "2020-01-01T00:00:00Z", "event": "approved", "by": "alice", "comment": "",
                "digest": dir.1,
            });
            let journal = dir.0.join("journal.ndjson");
            let mut text = std::fs::read_to_string(&journal).expect("a journal");
            text.push_str(&format!("{line}\n"));
            std::fs::write(journal, text).expect("it is written");
        }
        dir.0
    };
    let approved = left_waiting(true);
    let of_itself = left_waiting(false);
    let journal = of_itself.join("journal.ndjson");
    let text = std::fs::read_to_string(&journal).expect("a journal");
    let text = text.replace("\"auto_approve\":false", "\"auto_approve\":true");
    std::fs::write(journal, text).expect("it is written");
    block_on(async {
        for (dir, reason) in [
            (approved, Reason::ApprovalVoid),
            (of_itself, Reason::Expired),
        ] {
            let session = test_env
                .sessions()
                .recover(&dir, Some(&request.secrets()))
                .expect("the session is free");
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(reason), "{}", log(&session));
        }
    });
    assert_eq!(gate.calls("apply"), 0);
}
