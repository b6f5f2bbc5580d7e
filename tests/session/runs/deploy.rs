//! A successful deployment.

use iac_runner::session::{Reason, Status};

use crate::support::tools::Tool;
use crate::test_env::{SMALL, TestEnv, block_on, end, log, until};

fn a_deployment_goes_from_plan_through_approval_to_outputs(tool: Tool) {
    let test_env = TestEnv::new(tool);
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions.start(test_env.request(SMALL)).expect("it starts");
        let waiting = until(&session, Status::AwaitingApproval).await;
        let plan = session.plan().expect("a plan");
        assert_eq!(plan.counts.add, 1);
        assert!(test_env.server.state().is_none(), "nothing is applied yet");
        let digest = waiting.plan_digest.expect("a digest");
        session
            .approve("alice", "as discussed", &digest)
            .await
            .expect("it is approved");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("greeting").unwrap().value, "Hello, world!");
        assert_eq!(
            outputs.expose_sensitive("password").unwrap(),
            "hunter2-hunter2"
        );
    });
    test_env.mark.assert_nothing_is_left_alive();
}

on_both_tools!(a_deployment_goes_from_plan_through_approval_to_outputs);
