//! Ended sessions are removed after their retention, and nothing else is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use iac_runner::session::{DeployRequest, Reason, RecoverError, Session, Sessions};
use nix::fcntl::{Flock, FlockArg};

use crate::recovery::run_processes::Bystander;
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};
use crate::test_env::{SMALL, TestEnv, block_on, end, log, waiting};

#[test]
fn finished_sessions_are_removed_also_those_of_a_former_process_and_waiting_ones_are_not() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let former = test_env.sessions();
        let mut request = test_env.request(SMALL);
        request.auto_approve = true;
        let finished = former.start(request).expect("it starts");
        assert_eq!(end(&finished).await.reason, Some(Reason::Applied));
        let (waits, _) = waiting(
            &former,
            test_env.request("output \"a\" {\n  value = 1\n}\n"),
        )
        .await;
        assert_eq!(former.remove_old(), 0, "it is kept for a day");

        // As a later process with another setting does by itself.
        let mut settings = test_env.settings();
        settings.retention = Duration::ZERO;
        let _later = Sessions::open(settings).expect("a runtime");
        wait_for("the removal", WITHIN_A_TEST, || {
            (!finished.dir().exists()).then_some(())
        });
        assert!(waits.dir().exists());
        let gone = former.recover(finished.dir(), None);
        assert!(matches!(gone, Err(RecoverError::NoSession { .. })));
        waits.cancel("the test").await.expect("it waits");
        // A handle can still read.
        assert!(log(&finished).contains("Apply complete"));
    });
}

#[test]
fn state_that_is_nowhere_else_outlives_its_session() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let mut settings = test_env.settings();
        settings.retention = Duration::from_secs(3600);
        let sessions = Sessions::open(settings.clone()).expect("a runtime");
        let files = [(
            "main.tf".to_owned(),
            "resource \"terraform_data\" \"a\" {}\n".to_owned(),
        )];
        let request = iac_runner::session::DeployRequest::files(test_env.wire_tool(), files.into());
        let mut request = test_env.own(request);
        request.auto_approve = true;
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        assert!(log(&session).contains("no backend"), "{}", log(&session));
        settings.retention = Duration::ZERO;
        let later = Sessions::open(settings.clone()).expect("a runtime");
        wait_for("the removal", WITHIN_A_TEST, || {
            later.remove_old();
            (!session.dir().exists()).then_some(())
        });
        let kept = settings
            .root
            .join("left-states")
            .join(session.id().to_string())
            .join("terraform.tfstate");
        let state = fs::read_to_string(&kept).expect("the state is kept");
        assert!(state.contains("terraform_data"));
        let mode = |path: &Path| {
            let meta = fs::metadata(path).expect("it is there");
            meta.permissions().mode() & 0o777
        };
        assert_eq!(mode(&kept), 0o600);
        let folder = kept.parent().expect("a folder");
        assert_eq!(mode(folder), 0o700);
        assert_eq!(mode(folder.parent().expect("a folder")), 0o700);
    });
}

/// Returns settings under which every ended session is expired.
fn impatient(test_env: &TestEnv) -> Sessions {
    let mut settings = test_env.settings();
    settings.retention = Duration::ZERO;
    Sessions::open(settings).expect("a runtime")
}

/// Returns an ended session with its state in its own directory.
async fn ended(test_env: &TestEnv, hcl: &str) -> Session {
    let files = [("main.tf".to_owned(), hcl.to_owned())];
    let mut request = test_env.own(DeployRequest::files(test_env.wire_tool(), files.into()));
    request.auto_approve = true;
    let session = test_env.sessions().start(request).expect("it starts");
    let ended = end(&session).await;
    assert!(ended.reason.is_some(), "{}", log(&session));
    session
}

/// Waits until a session is removed.
fn wait_until_gone(sessions: &Sessions, session: &Session) {
    wait_for("the removal", WITHIN_A_TEST, || {
        sessions.remove_old();
        (!session.dir().exists()).then_some(())
    });
}

#[test]
fn a_session_is_kept_as_long_as_a_supervisor_or_a_tool_of_it_is_alive() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let session = ended(&test_env, SMALL).await;
        let claim = fs::File::open(session.dir().join("runs/03-apply/supervisor.pid"));
        let claim = claim.expect("the apply left it");
        // The supervisor may take a moment to end after its run.
        let mut claim = Some(claim);
        let lock = wait_for("the end of the supervisor", WITHIN_A_TEST, || {
            let attempt = Flock::lock(claim.take()?, FlockArg::LockExclusiveNonblock);
            attempt.map_err(|(file, _)| claim = Some(file)).ok()
        });
        let tool = Bystander::in_directory(&session.dir().join("source"));
        let later = impatient(&test_env);
        assert_eq!(later.remove_old(), 0, "its supervisor is alive");
        drop(lock);
        assert_eq!(later.remove_old(), 0, "its tool is alive");
        assert!(session.dir().join("source/terraform.tfstate").exists());
        drop(tool);
        wait_until_gone(&later, &session);
    });
}

#[test]
fn what_ended_as_unknown_or_left_an_errored_state_waits_for_a_person() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let errored = ended(&test_env, SMALL).await;
        fs::write(errored.dir().join("source/errored.tfstate"), "{}").expect("it is written");
        let unknown = ended(&test_env, SMALL).await;
        let journal = unknown.dir().join("journal.ndjson");
        let text = fs::read_to_string(&journal).expect("a journal");
        let kept: Vec<_> = text
            .lines()
            .take_while(|line| !line.contains("\"event\":\"applied\""))
            .collect();
        let lost = r#"{"at":"2026-01-01T00:00:00Z","event":"failed","kind":"lost","error":"lost"}"#;
        fs::write(&journal, format!("{}\n{lost}\n", kept.join("\n"))).expect("it is written");
        let other = ended(&test_env, SMALL).await;
        let later = impatient(&test_env);
        wait_until_gone(&later, &other);
        assert_eq!(later.remove_old(), 0);
        assert!(errored.dir().exists());
        assert!(unknown.dir().exists());
        let recovered = later.recover(unknown.dir(), None).expect("it reads");
        assert_eq!(end(&recovered).await.reason, Some(Reason::Unknown));
    });
}

#[test]
fn a_link_that_is_named_like_a_session_is_not_followed() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let archived = ended(&test_env, SMALL).await;
        let archive = test_env.folder().join("archive");
        fs::rename(archived.dir(), &archive).expect("it is moved");
        std::os::unix::fs::symlink(&archive, archived.dir()).expect("it is linked");
        let later = impatient(&test_env);
        let other = ended(&test_env, SMALL).await;
        wait_until_gone(&later, &other);
        assert!(archived.dir().is_symlink());
        assert!(archive.join("source/terraform.tfstate").exists());
    });
}

#[test]
fn a_state_without_resources_and_a_start_that_failed_leave_nothing() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let session = ended(&test_env, "output \"a\" {\n  value = 1\n}\n").await;
        assert!(session.dir().join("source/terraform.tfstate").exists());
        let root = test_env.settings().root;
        let failed = root.join("6f1c2a52-7d55-4f2e-9d2b-3a1f0f1f7a11");
        let cut_off = root.join("6f1c2a52-7d55-4f2e-9d2b-3a1f0f1f7a12");
        fs::create_dir_all(failed.join("runs")).expect("it is made");
        fs::create_dir_all(cut_off.join("runs")).expect("it is made");
        fs::write(cut_off.join("journal.ndjson"), "{\"vers").expect("it is written");
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        let of_others = [
            "6f1c2a52-7d55-4f2e-9d2b-3a1f0f1f7a13",
            "6f1c2a527d554f2e9d2b3a1f0f1f7a14",
        ];
        let of_others = of_others.map(|name| root.join(name));
        for dir in &of_others {
            fs::create_dir(dir).expect("it is made");
        }
        fs::write(of_others[0].join("precious"), "").expect("it is written");
        for dir in [&failed, &cut_off].into_iter().chain(&of_others) {
            let opened = fs::File::open(dir).expect("it opens");
            opened.set_modified(long_ago).expect("it is set");
        }
        let later = impatient(&test_env);
        wait_until_gone(&later, &session);
        wait_for("the removal", WITHIN_A_TEST, || {
            later.remove_old();
            (!failed.exists() && !cut_off.exists()).then_some(())
        });
        assert!(of_others.iter().all(|dir| dir.exists()));
        assert!(!root.join("left-states").exists());
    });
}

#[test]
fn a_state_of_any_name_outlives_its_session() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        for (path, kept) in [("prod.state", "prod.state"), ("../outside.x", "outside.x")] {
            let backend =
                format!("terraform {{\n backend \"local\" {{\n path = \"{path}\"\n }}\n}}\n");
            let session = ended(&test_env, &format!("{backend}{SMALL}")).await;
            assert!(
                log(&session).contains("keeps its state"),
                "{}",
                log(&session)
            );
            let later = impatient(&test_env);
            wait_until_gone(&later, &session);
            let states = test_env.settings().root.join("left-states");
            let kept = states.join(session.id().to_string()).join(kept);
            let state = fs::read_to_string(kept).expect("the state is kept");
            assert!(state.contains("terraform_data"));
        }
    });
}
