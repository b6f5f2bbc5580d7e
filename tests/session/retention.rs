//! Finished sessions go when their time has come, and nothing else does.

use std::fs;
use std::time::Duration;

use iac_runner::session::{Reason, RecoverError, Sessions};

use crate::stand::{SMALL, Stand, block_on, end, log, waiting};
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};

#[test]
fn finished_sessions_are_removed_also_those_of_a_former_process_and_waiting_ones_are_not() {
    let stand = Stand::new(Tool::Terraform);
    block_on(async {
        let former = stand.sessions();
        let mut request = stand.request(SMALL);
        request.auto_approve = true;
        let finished = former.start(request).expect("it starts");
        assert_eq!(end(&finished).await.reason, Some(Reason::Applied));
        let (waits, _) = waiting(&former, stand.request("output \"a\" {\n  value = 1\n}\n")).await;
        assert_eq!(former.remove_old(), 0, "it is kept for a day");

        // As a later process with another setting does it, by itself.
        let mut settings = stand.settings();
        settings.retention = Duration::ZERO;
        let _later = Sessions::open(settings).expect("a runtime");
        wait_for("the removal", WITHIN_A_TEST, || {
            (!finished.dir().exists()).then_some(())
        });
        assert!(waits.dir().exists());
        let gone = former.recover(finished.dir(), None);
        assert!(matches!(gone, Err(RecoverError::NoSession { .. })));
        waits.cancel("the test").await.expect("it waits");
        // Whoever still holds a handle reads on.
        assert!(log(&finished).contains("Apply complete"));
    });
}

#[test]
fn state_that_is_nowhere_else_outlives_its_session() {
    let stand = Stand::new(Tool::Terraform);
    block_on(async {
        let mut settings = stand.settings();
        settings.retention = Duration::from_secs(3600);
        let sessions = Sessions::open(settings.clone()).expect("a runtime");
        let files = [(
            "main.tf".to_owned(),
            "resource \"terraform_data\" \"a\" {}\n".to_owned(),
        )];
        let request = iac_runner::session::DeployRequest::files(stand.wire_tool(), files.into());
        let mut request = stand.own(request);
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
        let state = fs::read_to_string(kept).expect("the state is kept");
        assert!(state.contains("terraform_data"));
    });
}
