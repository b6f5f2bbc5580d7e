//! An approval is for one plan, counts once, and is binding.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use iac_runner::session::{
    IllegalTransition, PlanDigest, Reason, Session, SessionError, Sessions, Snapshot, Verdict,
};

use crate::support::tools::Tool;
use crate::test_env::{Gate, SMALL, TestEnv, block_on, end, log, until, waiting};

fn illegal(refused: Result<(), SessionError>) -> IllegalTransition {
    match refused {
        Err(SessionError::Illegal(illegal)) => illegal,
        other => panic!("not refused for the state: {other:?}"),
    }
}

#[test]
fn an_approval_before_the_plan_twice_or_of_another_plan_does_nothing() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    gate.hold("plan");
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        let session = sessions.start(request).expect("it starts");
        gate.wait_until_at("plan");
        let other: PlanDigest = "0".repeat(64).parse().expect("a digest");
        let early = illegal(session.approve("alice", "", &other).await);
        assert_eq!(early, IllegalTransition::NoPlanYet);
        let early = illegal(session.reject("alice", "").await);
        assert_eq!(early, IllegalTransition::NoPlanYet);
        gate.let_go("plan");
        let snapshot = until(&session, iac_runner::session::Status::AwaitingApproval).await;
        let digest = snapshot.plan_digest.expect("a digest");
        let wrong = illegal(session.approve("alice", "", &other).await);
        let waiting = digest.clone();
        assert_eq!(wrong, IllegalTransition::OtherDigest { waiting });
        gate.hold("apply");
        session
            .approve("alice", "yes", &digest)
            .await
            .expect("it is right");
        gate.wait_until_at("apply");
        let again = illegal(session.approve("bob", "", &digest).await);
        assert_eq!(again, IllegalTransition::AlreadyDecided);
        let late = illegal(session.reject("bob", "").await);
        assert_eq!(late, IllegalTransition::AlreadyDecided);
        gate.let_go("apply");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let decision = ended.decision.expect("it was decided");
        assert_eq!(
            (decision.verdict, &*decision.by),
            (Verdict::Approved, "alice")
        );
        for over in [
            session.approve("bob", "", &digest).await,
            session.reject("bob", "").await,
            session.cancel("bob").await,
            session.force_cancel("bob").await,
        ] {
            let reason = Reason::Applied;
            assert_eq!(illegal(over), IllegalTransition::Finished { reason });
        }
    });
    assert_eq!(gate.calls("apply"), 1);
}

#[test]
fn rejected_and_undecided_plans_are_not_applied() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        let (session, _) = waiting(&sessions, request.clone()).await;
        session
            .reject("alice", "too large")
            .await
            .expect("it waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Rejected));
        let decision = ended.decision.expect("it was decided");
        assert_eq!(
            (decision.verdict, &*decision.comment),
            (Verdict::Rejected, "too large")
        );

        let mut settings = test_env.settings();
        settings.approval_deadline = Duration::from_millis(300);
        let hasty = Sessions::open(settings).expect("a runtime");
        let session = hasty.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Expired), "{}", log(&session));
        assert!(ended.approval_deadline.is_none());
    });
    assert_eq!(gate.calls("apply"), 0);
    assert!(test_env.server.state().is_none());
}

/// Plans, lets `change` change something, approves, and checks that nothing is applied.
async fn changed_after_the_plan(
    sessions: &Sessions,
    test_env: &TestEnv,
    gate: &Gate,
    what: &str,
    change: impl FnOnce(&Session, &Path),
) {
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, test_env);
    let (session, digest) = waiting(sessions, request).await;
    change(&session, session.dir());
    session
        .approve("alice", "", &digest)
        .await
        .expect("the digest is right");
    let ended = end(&session).await;
    assert_eq!(
        ended.reason,
        Some(Reason::ApprovalVoid),
        "{what}: {ended:#?}"
    );
    assert!(ended.error.contains(what), "{what} in: {}", ended.error);
    assert!(ended.error.contains("nothing was applied"));
}

fn difference_from_the_approved_plan_prevents_the_apply(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    block_on(async {
        let sessions = test_env.sessions();
        let all = (&sessions, &test_env, &gate);
        changed_after_the_plan(all.0, all.1, all.2, "the plan file", |_, dir| {
            let plan = dir.join("plan/tfplan");
            let mut bytes = fs::read(&plan).expect("a plan");
            bytes.push(0);
            fs::write(plan, bytes).expect("it is written");
        })
        .await;
        // A plan of another session, which is valid there.
        let mut request = test_env.request(&SMALL.replace("world", "moon"));
        gate.before(&mut request, &test_env);
        let (other, _) = waiting(&sessions, request).await;
        changed_after_the_plan(all.0, all.1, all.2, "the plan file", |_, dir| {
            fs::copy(other.dir().join("plan/tfplan"), dir.join("plan/tfplan")).expect("copied");
        })
        .await;
        changed_after_the_plan(all.0, all.1, all.2, "the plan file", |_, dir| {
            fs::remove_file(dir.join("plan/tfplan")).expect("removed");
        })
        .await;
        changed_after_the_plan(all.0, all.1, all.2, "the dependency lock file", |_, dir| {
            fs::write(dir.join("source/.terraform.lock.hcl"), "# changed\n").expect("written");
        })
        .await;
        changed_after_the_plan(
            all.0,
            all.1,
            all.2,
            "the files of the configuration",
            |_, dir| {
                fs::write(dir.join("source/more.tf"), "").expect("written");
            },
        )
        .await;
        changed_after_the_plan(all.0, all.1, all.2, "the tool's program", |_, _| {
            gate.write_program(&test_env, "# another one");
        })
        .await;
        other.cancel("the test").await.expect("it waits");
    });
    assert_eq!(gate.calls("apply"), 0);
    assert!(test_env.server.state().is_none());
}
on_both_tools!(difference_from_the_approved_plan_prevents_the_apply);

/// Returns a tool whose version changes without the program, as with a version manager, once a file exists.
fn with_another_version(test_env: &TestEnv) -> (Gate, PathBuf) {
    let gate = Gate::new(test_env);
    let other = test_env.folder().join("other-version");
    let lines = format!(
        "if [ -e '{}' ] && [ \"$1\" = version ]; then\n  \
         echo '{{\"terraform_version\": \"1.0.0\"}}'; exit 0\nfi",
        other.display()
    );
    gate.write_program(test_env, &lines);
    (gate, other)
}

fn assert_other_version_was_refused(ended: &Snapshot, gate: &Gate) {
    assert_eq!(ended.reason, Some(Reason::ApplyFailed), "{ended:#?}");
    for text in ["1.0.0", "nothing was applied"] {
        assert!(ended.error.contains(text), "{}", ended.error);
    }
    assert_eq!(gate.calls("apply"), 0);
}

#[test]
fn another_version_behind_the_same_program_is_not_run() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (gate, other) = with_another_version(&test_env);
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        let (session, digest) = waiting(&sessions, request).await;
        fs::write(other, "").expect("written");
        session
            .approve("alice", "", &digest)
            .await
            .expect("it waits");
        assert_other_version_was_refused(&end(&session).await, &gate);
    });
}

#[test]
fn a_plan_of_another_version_is_not_applied() {
    // Without an approver, the session does not check the version: the tools themselves must refuse.
    for command in ["plan", "apply"] {
        let test_env = TestEnv::new(Tool::Terraform);
        let gate = Gate::new(&test_env);
        let other = Tool::Tofu.program().display();
        let lines = format!("[ \"$1\" != {command} ] || exec '{other}' \"$@\"");
        gate.write_program(&test_env, &lines);
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        request.auto_approve = true;
        block_on(async {
            let session = test_env.sessions().start(request).expect("it starts");
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(Reason::ApplyFailed), "{ended:#?}");
        });
        assert_eq!(gate.calls("version"), 0);
        assert!(test_env.server.state().is_none());
    }
}

fn the_tool_is_asked_for_its_version_where_a_person_has_decided(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, &test_env);
    block_on(async {
        let sessions = test_env.sessions();
        let (session, digest) = waiting(&sessions, request.clone()).await;
        assert_eq!(gate.calls("version"), 0);
        session
            .approve("alice", "", &digest)
            .await
            .expect("it waits");
        assert_eq!(end(&session).await.reason, Some(Reason::Applied));
        assert_eq!(gate.calls("version"), 1);
        request.auto_approve = true;
        request.replace = vec!["terraform_data.greeting".to_owned()];
        let session = sessions.start(request).expect("it starts");
        assert_eq!(end(&session).await.reason, Some(Reason::Applied));
        assert_eq!((gate.calls("version"), gate.calls("apply")), (1, 2));
    });
}
on_both_tools!(the_tool_is_asked_for_its_version_where_a_person_has_decided);

#[test]
fn a_state_that_moved_on_since_the_plan_is_not_written_over() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let sessions = test_env.sessions();
        let (first, digest) = waiting(&sessions, test_env.request(SMALL)).await;
        let (second, other) = waiting(&sessions, test_env.request(SMALL)).await;
        first.approve("alice", "", &digest).await.expect("it waits");
        assert_eq!(end(&first).await.reason, Some(Reason::Applied));
        second.approve("bob", "", &other).await.expect("it waits");
        let ended = end(&second).await;
        assert_eq!(ended.reason, Some(Reason::ApplyFailed), "{}", log(&second));
        assert!(
            ended.error.contains("nothing was applied"),
            "{}",
            ended.error
        );
    });
}
