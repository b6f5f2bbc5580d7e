//! Sessions that wait for an approval while the process that holds them changes.

use std::time::Duration;

use iac_runner::session::request::RequestSecrets;
use iac_runner::session::{Reason, SessionError, Sessions, Status};

use crate::recovery::journal::put_deadlines_into_the_past;
use crate::support::bounded::output_of;
use crate::support::tools::Tool;
use crate::test_env::{SMALL, TestEnv, block_on, end, log, until, waiting};

/// Runs a session until its plan waits, in a runtime that is then shut down, as in a backend.
fn left_waiting(test_env: &TestEnv) -> (std::path::PathBuf, RequestSecrets) {
    let request = test_env.request(SMALL);
    let secrets = request.secrets();
    let dir = block_on(async {
        let mut settings = test_env.settings();
        settings.approval_deadline = A_DAY;
        let sessions = Sessions::open(settings).expect("a runtime");
        let session = sessions.start(request).expect("it starts");
        until(&session, Status::AwaitingApproval).await;
        session.dir().to_owned()
    });
    (dir, secrets)
}

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn a_waiting_session_waits_on_with_its_plan_and_its_deadline_and_is_applied() {
    let test_env = TestEnv::new(Tool::Tofu);
    let (dir, secrets) = left_waiting(&test_env);
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&secrets))
            .expect("the session is free");
        let waiting = session.status();
        assert_eq!(waiting.status, Status::AwaitingApproval);
        assert_eq!(session.plan().expect("the plan is kept").counts.add, 1);
        let left = waiting.approval_deadline.expect("a deadline") - waiting.started_at;
        assert!(left.num_hours() == 24, "{left}");
        let digest = waiting.plan_digest.expect("a digest");
        session
            .approve("alice", "", &digest)
            .await
            .expect("it waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
}

#[test]
fn deadline_that_expired_unobserved_has_expired() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (dir, secrets) = left_waiting(&test_env);
    put_deadlines_into_the_past(&dir);
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&secrets))
            .expect("the session is free");
        assert_eq!(end(&session).await.reason, Some(Reason::Expired));
    });
    assert!(test_env.server.state().is_none());
}

#[test]
fn without_its_secrets_a_plan_waits_and_is_approved_once_they_are_given_back() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (dir, secrets) = left_waiting(&test_env);
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions.recover(&dir, None).expect("the session is free");
        let digest = session.status().plan_digest.expect("a digest");
        let refused = session.approve("alice", "", &digest).await;
        match refused {
            Err(SessionError::SecretsMissing { names }) => {
                assert!(names.contains(&"env_vars.HOME".to_owned()), "{names:?}");
            }
            other => panic!("{other:?}"),
        }
        let too_few = session.supply(RequestSecrets::default()).await;
        assert!(matches!(too_few, Err(SessionError::SecretsMissing { .. })));
        assert_eq!(session.status().status, Status::AwaitingApproval);
        session.supply(secrets).await.expect("all of them");
        session
            .approve("alice", "", &digest)
            .await
            .expect("it waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
}

#[test]
fn other_secrets_than_those_of_the_plan_do_not_apply_it() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (dir, _) = left_waiting(&test_env);
    let mut other = test_env.request(SMALL);
    other
        .env_vars
        .insert("HOME".to_owned(), "/nonexistent".into());
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&other.secrets()))
            .expect("the session is free");
        let digest = session.status().plan_digest.expect("a digest");
        session
            .approve("alice", "", &digest)
            .await
            .expect("it waits");
        let ended = end(&session).await;
        assert_eq!(
            ended.reason,
            Some(Reason::ApprovalVoid),
            "{}",
            log(&session)
        );
        assert!(ended.error.contains("the environment"), "{}", ended.error);
    });
    assert!(test_env.server.state().is_none());
}

#[test]
fn all_sessions_of_a_former_process_are_taken_up_at_once() {
    let test_env = TestEnv::new(Tool::Terraform);
    let finished = block_on(async {
        let sessions = test_env.sessions();
        let (session, _) = waiting(&sessions, test_env.request(SMALL)).await;
        session.reject("alice", "").await.expect("it waits");
        end(&session).await.id
    });
    let (dir, secrets) = left_waiting(&test_env);
    block_on(async {
        let sessions = test_env.sessions();
        let all = sessions
            .recover_all(|_| Some(secrets.clone()))
            .expect("the root is there");
        assert_eq!(all.len(), 2, "{all:?}");
        for one in all {
            let session = one.session.expect("the session is free");
            if session.id() == finished {
                assert_eq!(end(&session).await.reason, Some(Reason::Rejected));
                assert!(log(&session).contains("rejected by alice"));
            } else {
                assert_eq!(session.dir(), dir);
                assert_eq!(session.status().status, Status::AwaitingApproval);
                session.cancel("the test").await.expect("it waits");
                end(&session).await;
            }
        }
        assert!(
            sessions
                .recover_all(|_| None)
                .expect("the root is there")
                .len()
                == 2,
            "both are over now"
        );
    });
}

#[test]
fn nothing_secret_of_a_request_is_in_the_directory_of_its_session() {
    let test_env = TestEnv::new(Tool::Terraform);
    let secret = "s3cr3t-of-the-request";
    block_on(async {
        let mut request = test_env.request(SMALL);
        request
            .env_vars
            .insert("AWS_SECRET_ACCESS_KEY".to_owned(), secret.into());
        let (session, digest) = waiting(&test_env.sessions(), request).await;
        session
            .approve("alice", "", &digest)
            .await
            .expect("it waits");
        end(&session).await;
        let found = output_of(
            std::process::Command::new("grep")
                .args(["-rl", "-e", secret, "-e", "hunter2-hunter2"])
                .arg(session.dir()),
        );
        let found = String::from_utf8_lossy(&found.stdout);
        // The defaults of variables are in the configuration that the request contained.
        let left: Vec<_> = found
            .lines()
            .filter(|file| !file.ends_with("/source/main.tf") && !file.ends_with("journal.ndjson"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(!log(&session).contains(secret));
    });
}

#[test]
fn a_root_that_cannot_be_looked_through_is_told() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let sessions = test_env.sessions();
        assert!(sessions.recover_all(|_| None).expect("none yet").is_empty());
        std::fs::write(test_env.settings().root, "").expect("written");
        let fault = sessions.recover_all(|_| None).expect_err("it is a file");
        assert_eq!(fault.kind(), std::io::ErrorKind::NotADirectory);
    });
}
