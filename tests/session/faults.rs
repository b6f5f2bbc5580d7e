//! Other failures around a session: its runner, its runtime, its disk, its registry.

use std::fs;
#[cfg(feature = "registry-token")]
use std::net::TcpListener;

use iac_runner::registry::{Registry, RegistryHost, TokenSource};
use iac_runner::session::{Reason, SessionError, Sessions};

use crate::recovery::holder::{killed_at, killed_in_mid_apply};
use crate::recovery::run_processes::{kill_now, parent, supervisor};
use crate::support::small_disk::SmallDisk;
use crate::support::tools::Tool;
use crate::test_env::{
    SLOW, SMALL, TestEnv, block_on, end, let_go, log, wait_until_in_flight, waiting,
};

fn a_runner_that_is_killed_in_mid_apply_is_no_end_of_the_apply(tool: Tool) {
    let test_env = TestEnv::new(tool);
    block_on(async {
        let mut request = test_env.request(SLOW);
        request.auto_approve = true;
        let session = test_env.sessions().start(request).expect("it starts");
        wait_until_in_flight(session.dir());
        kill_now(parent(supervisor(&session.dir().join("runs/03-apply"))));
        let_go(session.dir());
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let log = log(&session);
        let told = log.lines().filter(|line| line.ends_with("in flight"));
        assert_eq!(told.count(), 1, "{log}");
        assert!(log.contains("went on"), "{log}");
    });
    assert_eq!(test_env.resources().len(), 2);
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_runner_that_is_killed_in_mid_apply_is_no_end_of_the_apply);

#[test]
fn a_runtime_that_is_shut_down_in_mid_apply_is_no_end_of_the_apply() {
    let test_env = TestEnv::new(Tool::Terraform);
    let mut request = test_env.request(SLOW);
    request.auto_approve = true;
    let secrets = request.secrets();
    // The runtime ends with this block, as in a backend that shuts down.
    let dir = block_on(async {
        let session = test_env.sessions().start(request).expect("it starts");
        wait_until_in_flight(session.dir());
        session.dir().to_owned()
    });
    assert!(!test_env.mark.carriers().is_empty(), "the apply continues");
    block_on(async {
        let session = test_env
            .sessions()
            .recover(&dir, Some(&secrets))
            .expect("the session is free");
        let_go(&dir);
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
    test_env.mark.assert_nothing_is_left_alive();
}

#[test]
fn a_cancel_that_was_asked_for_before_a_kill_is_carried_out_after_it() {
    let test_env = TestEnv::new(Tool::Terraform);
    let request = test_env.request(SLOW);
    let dir = killed_in_mid_apply(&test_env, &request);
    let journal = dir.join("journal.ndjson");
    let mut text = fs::read_to_string(&journal).expect("a journal");
    text.push_str(
        "{\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"stop_requested\",\"stop\":\"cancel\",\"by\":\"bob\"}\n",
    );
    fs::write(journal, text).expect("it is written");
    block_on(async {
        let session = test_env
            .sessions()
            .recover(&dir, None)
            .expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&session));
        assert_eq!(ended.stop_requested_by.as_deref(), Some("bob"));
    });
    assert_eq!(test_env.resources().len(), 2, "nothing was lost");
    test_env.mark.assert_nothing_is_left_alive();
}

#[test]
fn an_approval_that_cannot_be_written_down_is_none_and_can_be_given_again() {
    let test_env = TestEnv::new(Tool::Terraform);
    let disk = SmallDisk::mount(2048);
    block_on(async {
        let mut settings = test_env.settings();
        settings.root = disk.path().join("sessions");
        let sessions = Sessions::open(settings).expect("a runtime");
        let (session, digest) = waiting(&sessions, test_env.request(SMALL)).await;
        let filling = disk.path().join("filling");
        // As much as fits; the error says that the disk is full now.
        let _ = fs::write(&filling, vec![0; 4 << 20]);
        // At least as long as the rest of the journal's last page.
        let comment = "x".repeat(iac_runner::session::MAX_DECISION_BYTES);
        let refused = session.approve("alice", &comment, &digest).await;
        assert!(
            matches!(refused, Err(SessionError::Journal(_))),
            "{refused:?}"
        );
        assert!(session.status().decision.is_none());
        fs::remove_file(filling).expect("it was there");
        disk.wait_for_room(1 << 20);
        session
            .approve("alice", &comment, &digest)
            .await
            .expect("it waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
}

#[test]
fn a_registry_that_does_not_answer_keeps_no_apply_from_being_followed() {
    let test_env = TestEnv::new(Tool::Terraform);
    let request = test_env.request(SLOW);
    let dir = killed_in_mid_apply(&test_env, &request);
    block_on(async {
        let mut settings = test_env.settings();
        // No service listens on the discard port.
        let host = RegistryHost::parse("http://127.0.0.1:9").expect("a host");
        settings.registry = Some(Registry::new(host, TokenSource::Backend));
        let sessions = Sessions::open(settings).expect("a runtime");
        let session = sessions
            .recover(&dir, Some(&request.secrets()))
            .expect("the session is free");
        let_go(&dir);
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        // A new session reports the obstacle.
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(
            ended.reason,
            Some(Reason::PreparationFailed),
            "{}",
            log(&session)
        );
        assert!(ended.error.contains("registry"), "{}", ended.error);
    });
}

#[test]
#[cfg(feature = "registry-token")]
fn a_session_whose_holder_is_killed_while_it_prepares_goes_on_to_its_end() {
    let test_env = TestEnv::new(Tool::Terraform);
    let mut request = test_env.request(SMALL);
    request.auto_approve = true;
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    silent.set_nonblocking(true).expect("it is set");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let holder = crate::recovery::holder::Holder::asking_registry(
        &test_env,
        &crate::test_env::body_of(&request),
        &url,
    );
    let dir = holder.dir();
    let limit = crate::support::waiting::WITHIN_A_TEST;
    let asked = crate::support::waiting::wait_for("the registry to be asked", limit, || {
        silent.accept().ok()
    });
    holder.kill();
    drop(asked);
    let journal = fs::read_to_string(dir.join("journal.ndjson")).expect("a journal");
    assert!(!journal.contains("\"prepared\""), "{journal}");
    block_on(async {
        let taken_up = test_env.sessions().recover(&dir, Some(&request.secrets()));
        let session = taken_up.expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
}

#[test]
fn a_plan_that_went_on_without_its_holder_is_not_summarised_without_its_secrets() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = crate::test_env::Gate::new(&test_env);
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, &test_env);
    let dir = killed_at("plan", &test_env, &gate, &request, false);
    gate.let_go("plan");
    block_on(async {
        let session = test_env
            .sessions()
            .recover(&dir, None)
            .expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Interrupted), "{}", log(&session));
        assert!(
            ended.error.contains("nothing was applied"),
            "{}",
            ended.error
        );
    });
}

#[test]
fn a_cancel_that_meets_the_beginning_of_a_run_is_a_cancel() {
    let test_env = TestEnv::new(Tool::Terraform);
    // At any moment: some of these hit a step that is about to start a run.
    for changes in (0..8).chain(0..8) {
        block_on(async {
            let mut request = test_env.request(SMALL);
            request.auto_approve = true;
            let session = test_env.sessions().start(request).expect("it starts");
            let mut watch = session.watch();
            for _ in 0..changes {
                if watch.borrow_and_update().reason.is_some() {
                    break;
                }
                watch.changed().await.expect("it is there");
            }
            // The session may have ended already.
            let _ = session.cancel("bob").await;
            let ended = end(&session).await;
            let expected = [Reason::Cancelled, Reason::Applied, Reason::NoChanges];
            let reason = ended.reason.expect("it ended");
            assert!(expected.contains(&reason), "{reason:?}: {}", log(&session));
        });
    }
    assert_eq!(test_env.server.lock_holder(), None);
    test_env.mark.assert_nothing_is_left_alive();
}
