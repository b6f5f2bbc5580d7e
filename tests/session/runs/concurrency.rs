//! Many concurrent sessions.

use std::collections::BTreeSet;

use iac_runner::session::{Reason, Session, Status};

use crate::support::tools::Tool;
use crate::test_env::{TestEnv, log};

/// More than a busy team starts at once.
const MANY: usize = 200;

#[test]
fn two_hundred_sessions_at_once_all_end_right_and_leave_nothing_behind() {
    let test_env = TestEnv::new(Tool::Terraform);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let limit = std::time::Duration::from_secs(1800);
    runtime.block_on(async {
        let all = async {
            let sessions = test_env.sessions();
            let mut started: Vec<Session> = Vec::new();
            for n in 0..MANY {
                let configuration = format!(
                    "terraform {{\n  backend \"local\" {{\n    path = \"{}/{n}.tfstate\"\n  }}\n}}\n\
                     resource \"terraform_data\" \"a\" {{\n  input = {n}\n}}\n\
                     output \"n\" {{\n  value = terraform_data.a.output\n}}\n",
                    test_env.folder().display()
                );
                let files = [("main.tf".to_owned(), configuration)].into();
                let request =
                    iac_runner::session::DeployRequest::files(test_env.wire_tool(), files);
                started.push(sessions.start(test_env.own(request)).expect("it starts"));
            }
            for session in &started {
                let mut watch = session.watch();
                let waiting = watch.wait_for(|now| now.status != Status::Running).await;
                let digest = waiting.expect("it is there").plan_digest.clone();
                let digest = digest.unwrap_or_else(|| panic!("no plan: {}", log(session)));
                session.approve("alice", "", &digest).await.expect("it waits");
            }
            let mut ids = BTreeSet::new();
            for (n, session) in started.iter().enumerate() {
                let ended = session.wait().await.expect("it ends");
                assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(session));
                let outputs = session.outputs().expect("outputs");
                assert_eq!(outputs.get("n").unwrap().value, n);
                ids.insert(session.id());
            }
            assert_eq!(ids.len(), MANY);
        };
        tokio::time::timeout(limit, all).await.expect("it ends in time");
    });
    test_env.mark.assert_nothing_is_left_alive();
}
