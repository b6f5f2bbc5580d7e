//! Secrets that equal words in the documents that a session reads.

use iac_runner::session::{DeployRequest, Operation, Reason, Status};
use serde_json::json;

use crate::support::tools::Tool;
use crate::test_env::{SMALL, TestEnv, block_on, end, log, until, waiting};

/// Words that occur in every plan, each long enough to be a secret.
const WORDS: [&str; 12] = [
    "delete",
    "create",
    "string",
    "terraform_data",
    "managed",
    "resource_changes",
    "actions",
    "planned_values",
    "format_version",
    "terraform_version",
    "greeting",
    "no-op-",
];

fn with_secrets(mut request: DeployRequest) -> DeployRequest {
    for (at, word) in WORDS.into_iter().enumerate() {
        request
            .env_vars
            .insert(format!("TF_VAR_{at}_password"), word.into());
    }
    request
}

fn destroy_plan_says_so_with_any_secrets(tool: Tool) {
    let test_env = TestEnv::new(tool);
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = test_env.request(SMALL);
        request.auto_approve = true;
        let session = sessions.start(request).expect("it starts");
        assert_eq!(end(&session).await.reason, Some(Reason::Applied));

        let mut request = with_secrets(test_env.request(SMALL));
        request.operation = Operation::Destroy;
        let (session, digest) = waiting(&sessions, request).await;
        let plan = session.plan().expect("a plan");
        assert_eq!((plan.counts.destroy, plan.counts.add), (1, 0), "{plan}");
        let text = plan.to_string();
        assert!(text.contains("terraform_data.greeting"), "{text}");
        session.approve("alice", "", &digest).await.expect("waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Destroyed), "{}", log(&session));
    });
}
on_both_tools!(destroy_plan_says_so_with_any_secrets);

/// The session asks for the version before an apply that a person approved.
fn values_are_masked_and_words_of_the_format_are_not(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let hcl = r#"
resource "terraform_data" "greeting" {
  input = { string = "delete", other = "a create" }
}
output "string" {
  value = terraform_data.greeting.output.string
}
"#;
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = with_secrets(test_env.request(hcl));
        request.operation = Operation::Deploy;
        let session = sessions.start(request).expect("it starts");
        let snapshot = until(&session, Status::AwaitingApproval).await;
        let digest = snapshot.plan_digest.expect("a digest");
        let plan = session.plan().expect("a plan");
        assert_eq!(plan.counts.add, 1, "{plan}");
        let shown = json!(*plan).to_string();
        assert!(!shown.contains("a create"), "{shown}");
        session.approve("alice", "", &digest).await.expect("waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let outputs = session.outputs().expect("outputs");
        let output = outputs.get("string").expect("an output");
        assert_eq!(output.value, "***");
    });
}
on_both_tools!(values_are_masked_and_words_of_the_format_are_not);
