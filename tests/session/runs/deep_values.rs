//! Values that are nested deeply.

use std::collections::BTreeMap;

use iac_runner::session::{DeployRequest, Reason, Session};

use crate::support::tools::Tool;
use crate::test_env::{TestEnv, block_on, end, log, waiting};

/// Returns a request whose resource and output have a value of this depth.
fn nested(test_env: &TestEnv, levels: usize) -> DeployRequest {
    let hcl = r#"
resource "terraform_data" "deep" {
  input = jsondecode(file("deep.json"))
}
output "deep" {
  value = terraform_data.deep.output
}
"#;
    let deep = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let files = BTreeMap::from([
        ("main.tf".to_owned(), hcl.to_owned()),
        ("deep.json".to_owned(), deep),
    ]);
    test_env.own(DeployRequest::files(test_env.wire_tool(), files))
}

async fn finished(test_env: &TestEnv, mut request: DeployRequest, auto_approve: bool) -> Session {
    request.auto_approve = auto_approve;
    if auto_approve {
        return test_env.sessions().start(request).expect("it starts");
    }
    let (session, digest) = waiting(&test_env.sessions(), request).await;
    session.approve("alice", "", &digest).await.expect("waits");
    session
}

fn a_deep_value_is_in_plan_and_outputs(tool: Tool) {
    for auto_approve in [false, true] {
        let test_env = TestEnv::new(tool);
        block_on(async {
            let session = finished(&test_env, nested(&test_env, 150), auto_approve).await;
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
            assert!(ended.warnings.is_empty(), "{:?}", ended.warnings);
            let plan = session.plan().expect("a plan");
            assert_eq!(plan.counts.add, 1, "{plan}");
            let outputs = session.outputs().expect("outputs");
            let text = outputs.get("deep").expect("an output").value.to_string();
            assert_eq!(text.matches(r#"{"a":"#).count(), 150, "{text}");
        });
    }
}
on_both_tools!(a_deep_value_is_in_plan_and_outputs);

fn outputs_that_are_too_deep_are_a_warning(tool: Tool) {
    let test_env = TestEnv::new(tool);
    block_on(async {
        let session = finished(&test_env, nested(&test_env, 505), true).await;
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let [warning] = &*ended.warnings else {
            panic!("{:?}: {}", ended.warnings, log(&session));
        };
        assert!(
            warning.starts_with("the outputs could not be read"),
            "{warning}"
        );
        assert!(log(&session).contains(warning));
        assert!(session.plan().is_some() && session.outputs().is_none());
    });
}
on_both_tools!(outputs_that_are_too_deep_are_a_warning);
