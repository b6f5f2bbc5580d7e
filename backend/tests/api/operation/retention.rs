//! Retention of ended deployments.

use serde_json::json;

use crate::access::gate::WITHIN_MINUTES;
use crate::test_env::{SMALL, TestEnv};
use crate::waiting::wait_for;

#[test]
fn a_working_directory_goes_and_what_is_known_of_the_deployment_stays() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--work-retention", "1s"]);
    let client = &running.client;
    let mut request = test_env.request("terraform", SMALL);
    request["auto_approve"] = json!(true);
    let id = client.deploy(&request);
    client.follow(&id, None).until_end();
    let sessions = test_env.root().join("data/sessions");
    let holds_one = || {
        let entries = std::fs::read_dir(&sessions).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .any(|path| path.join("journal.ndjson").exists())
    };
    wait_for("the removal", WITHIN_MINUTES, || {
        (!holds_one()).then_some(())
    });
    let status = client.status(&id);
    assert_eq!(status["reason"], "applied");
    let log = status["apply_log"].as_str().unwrap();
    assert!(log.contains("Apply complete"), "{log}");
    let (code, outputs) = client.get(&format!("/deploy/{id}/outputs"));
    assert_eq!(
        (code, &outputs["greeting"]["value"]),
        (200, &json!("Hello, world!"))
    );
}
