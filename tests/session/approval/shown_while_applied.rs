//! With `auto_approve`, the plan is read as JSON while it is applied.

use iac_runner::session::{Operation, Reason, Status};

use crate::recovery::holder::killed_at;
use crate::support::tools::Tool;
use crate::test_env::{Gate, SMALL, TestEnv, block_on, end, log, until};

/// Makes `show` fail.
const SHOWS_NO_PLAN: &str = "if [ \"$1\" = show ]; then echo 'no plan today' >&2; exit 1; fi";

fn an_apply_does_not_wait_for_the_plan_as_json(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    let mut request = test_env.request(SMALL);
    request.auto_approve = true;
    gate.before(&mut request, &test_env);
    gate.hold("show");
    gate.hold("output");
    block_on(async {
        let session = test_env.sessions().start(request).expect("it starts");
        gate.wait_until_at("show");
        assert!(session.plan().is_none());
        let mut logs = session.logs(0);
        while let Some(line) = logs.next_line().await {
            if line.text.contains("Apply complete!") {
                break;
            }
        }
        assert!(session.plan().is_none(), "{}", log(&session));
        gate.let_go("show");
        gate.wait_until_at("output");
        let plan = session.plan().expect("a plan");
        assert_eq!(plan.counts.add, 1, "{plan}");
        gate.let_go("output");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
    assert_eq!((gate.calls("show"), gate.calls("version")), (1, 0));
}
on_both_tools!(an_apply_does_not_wait_for_the_plan_as_json);

fn a_plan_that_cannot_be_shown_is_applied_without_an_approver(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    gate.write_program(&test_env, SHOWS_NO_PLAN);
    for auto_approve in [false, true] {
        let mut request = test_env.request(SMALL);
        request.auto_approve = auto_approve;
        gate.before(&mut request, &test_env);
        block_on(async {
            let session = test_env.sessions().start(request).expect("it starts");
            let ended = end(&session).await;
            assert!(session.plan().is_none());
            let log = log(&session);
            let says = log.contains("[the plan could not be shown while it was applied: ");
            if auto_approve {
                assert_eq!(ended.reason, Some(Reason::Applied), "{log}");
                assert!(says && log.contains("no plan today"), "{log}");
                let [warning] = &*ended.warnings else {
                    panic!("{:?}", ended.warnings);
                };
                assert!(
                    warning.starts_with("the plan could not be shown"),
                    "{warning}"
                );
            } else {
                assert_eq!(ended.reason, Some(Reason::PlanFailed), "{log}");
                assert!(!says, "{log}");
            }
        });
    }
    assert_eq!(gate.calls("apply"), 1);
}
on_both_tools!(a_plan_that_cannot_be_shown_is_applied_without_an_approver);

fn a_plan_without_changes_is_shown_before_the_end(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    block_on(async {
        let sessions = test_env.sessions();
        for reason in [Reason::Applied, Reason::NoChanges] {
            let mut request = test_env.request(SMALL);
            request.auto_approve = true;
            gate.before(&mut request, &test_env);
            let session = sessions.start(request).expect("it starts");
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(reason), "{}", log(&session));
            let plan = session.plan().expect("a plan");
            assert_eq!(plan.no_changes(), reason == Reason::NoChanges, "{plan}");
        }
        let mut request = test_env.request(SMALL);
        request.auto_approve = true;
        request.operation = Operation::Destroy;
        gate.before(&mut request, &test_env);
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Destroyed), "{}", log(&session));
        assert_eq!(session.plan().expect("a plan").counts.destroy, 1);
    });
    assert_eq!((gate.calls("apply"), gate.calls("show")), (2, 3));
}
on_both_tools!(a_plan_without_changes_is_shown_before_the_end);

/// An approver sees the plan before the status asks for a decision.
fn a_plan_for_an_approver_is_shown_first(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, &test_env);
    gate.hold("show");
    block_on(async {
        let session = test_env.sessions().start(request).expect("it starts");
        gate.wait_until_at("show");
        assert_eq!(session.status().status, Status::Running);
        gate.let_go("show");
        until(&session, Status::AwaitingApproval).await;
        assert!(session.plan().is_some());
        session.cancel("bob").await.expect("it waits");
        end(&session).await;
    });
}
on_both_tools!(a_plan_for_an_approver_is_shown_first);

/// The session that recovers a running apply reads the plan.
fn a_recovered_session_shows_the_plan(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    gate.write_program(&test_env, SHOWS_NO_PLAN);
    let mut request = test_env.request(SMALL);
    request.auto_approve = true;
    gate.before(&mut request, &test_env);
    let dir = killed_at("apply", &test_env, &gate, &request, false);
    gate.write_program(&test_env, "");
    gate.let_go("apply");
    block_on(async {
        let taken_up = test_env.sessions().recover(&dir, Some(&request.secrets()));
        let session = taken_up.expect("its process was killed");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        assert_eq!(session.plan().expect("a plan").counts.add, 1);
    });
    assert_eq!(gate.calls("apply"), 1);
}
on_both_tools!(a_recovered_session_shows_the_plan);
