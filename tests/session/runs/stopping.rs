//! Cancellation in each phase.

use iac_runner::protocol::{LockStatus, StateSafety};
use iac_runner::session::{DeployRequest, Phase, Reason, Status};

use crate::support::bounded::output_of;
use crate::support::tools::Tool;
use crate::test_env::{
    Gate, SLOW, SMALL, TestEnv, block_on, end, let_go, log, wait_until_in_flight, waiting,
};

fn a_cancel_ends_each_phase(tool: Tool) {
    let test_env = TestEnv::new(tool);
    for (command, phase) in [("init", Phase::Init), ("plan", Phase::Plan)] {
        let gate = Gate::new(&test_env);
        gate.hold(command);
        block_on(async {
            let sessions = test_env.sessions();
            let mut request = test_env.request(SMALL);
            gate.before(&mut request, &test_env);
            let session = sessions.start(request).expect("it starts");
            gate.wait_until_at(command);
            assert_eq!(session.status().phase, phase);
            session.cancel("bob").await.expect("it runs");
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&session));
            assert_eq!(ended.status, Status::Cancelled);
            assert_eq!(ended.stop_requested_by.as_deref(), Some("bob"));
        });
        gate.let_go(command);
        test_env.mark.assert_nothing_is_left_alive();
    }
    block_on(async {
        let (session, _) = waiting(&test_env.sessions(), test_env.request(SMALL)).await;
        session.cancel("bob").await.expect("it waits");
        assert_eq!(end(&session).await.reason, Some(Reason::Cancelled));
    });
    assert!(test_env.server.state().is_none());
}
on_both_tools!(a_cancel_ends_each_phase);

fn an_apply_that_is_cancelled_loses_nothing(tool: Tool) {
    let test_env = TestEnv::new(tool);
    block_on(async {
        let mut request = test_env.request(SLOW);
        request.auto_approve = true;
        let session = test_env.sessions().start(request).expect("it starts");
        wait_until_in_flight(session.dir());
        session.cancel("bob").await.expect("it runs");
        // A second request means the same: the tool gets one signal.
        session.cancel("bob").await.expect("it still stops");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&session));
        let state = ended.state.expect("an apply tells of its state");
        assert_eq!(
            (state.safety, state.lock),
            (StateSafety::Saved, LockStatus::Released)
        );
    });
    let names: Vec<_> = test_env.resources().into_iter().collect();
    assert_eq!(names.len(), 2, "quick and slow: {names:?}");
    assert_eq!(test_env.server.lock_holder(), None);
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(an_apply_that_is_cancelled_loses_nothing);

fn a_cancel_before_the_apply_has_begun_is_no_failure(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    // The runner asks the tool for its version, then applies.
    gate.hold("version");
    block_on(async {
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        let (session, digest) = waiting(&test_env.sessions(), request).await;
        let approved = session.approve("alice", "", &digest).await;
        approved.expect("it waits");
        gate.wait_until_at("version");
        assert_eq!(session.status().phase, Phase::Apply);
        session.cancel("bob").await.expect("it runs");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&session));
        assert!(ended.error.contains("nothing ran"), "{}", ended.error);
    });
    assert_eq!(gate.calls("apply"), 0);
    gate.let_go("version");
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_cancel_before_the_apply_has_begun_is_no_failure);

#[test]
fn a_cancel_while_the_approved_plan_is_checked_is_no_failure() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    let source = test_env.folder().join("source");
    std::fs::create_dir(&source).expect("a folder");
    std::fs::write(source.join("main.tf"), test_env.configuration(SMALL)).expect("it is written");
    let large = std::fs::File::create(source.join("large")).expect("a file");
    block_on(async {
        let mut request = test_env.own(DeployRequest::directory(test_env.wire_tool(), source));
        gate.before(&mut request, &test_env);
        let (session, digest) = waiting(&test_env.sessions(), request).await;
        // Comparing this with the approved file takes many seconds; it is sparse.
        large.set_len(7 << 30).expect("a size");
        let approved = session.approve("alice", "", &digest).await;
        approved.expect("it waits");
        session.cancel("bob").await.expect("it runs");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&session));
        // Threads that still read the file see its end.
        large.set_len(0).expect("a size");
    });
    assert_eq!(gate.calls("apply"), 0);
}

#[test]
fn force_ends_what_does_not_heed_a_cancel() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    gate.write_program(
        &test_env,
        "if [ \"$1\" = apply ]; then trap '' INT; : >\"$0-deaf\"; while :; do sleep 0.05; done; fi",
    );
    let deaf = test_env.folder().join("gate/terraform-deaf");
    block_on(async {
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        request.auto_approve = true;
        let session = test_env.sessions().start(request).expect("it starts");
        crate::support::waiting::wait_for(
            "the deaf tool",
            crate::support::waiting::WITHIN_A_TEST,
            || deaf.exists().then_some(()),
        );
        session.cancel("bob").await.expect("it runs");
        session.force_cancel("bob").await.expect("it still runs");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Killed), "{}", log(&session));
        assert_eq!(ended.status, Status::Cancelled);
        assert_ne!(ended.error, "");
    });
    test_env.mark.assert_nothing_is_left_alive();
}

#[test]
fn a_session_goes_on_when_every_handle_is_dropped() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = test_env.request(SLOW);
        request.auto_approve = true;
        let session = sessions.start(request).expect("it starts");
        let dir = session.dir().to_owned();
        let mut logs = session.logs(0);
        drop(session);
        wait_until_in_flight(&dir);
        let_go(&dir);
        while logs.next_line().await.is_some() {}
        let session = sessions.recover(&dir, None).expect("the session is free");
        assert_eq!(end(&session).await.reason, Some(Reason::Applied));
    });
}

#[test]
fn a_run_that_is_stopped_from_elsewhere_is_told_as_such() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = test_env.request(SLOW);
        request.auto_approve = true;
        let session = sessions.start(request).expect("it starts");
        wait_until_in_flight(session.dir());
        let run = session.dir().join("runs/03-apply");
        let cancelled = output_of(
            std::process::Command::new(env!("CARGO_BIN_EXE_iac-runner"))
                .arg("cancel")
                .arg(run),
        );
        assert!(cancelled.status.success(), "{cancelled:?}");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&session));
        let by = ended.stop_requested_by.expect("a user did");
        assert!(by.contains("another process"), "{by}");
    });
}
