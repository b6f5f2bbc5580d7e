//! Deployments that are cancelled by force.

use serde_json::json;

use crate::test_env::{SMALL, TestEnv};

#[test]
fn a_running_apply_is_killed_by_force() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let id = client.deploy(&request);
    let mut events = client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    let path = format!("/deploy/{id}/force-cancel");
    let answer = json!({"message": "Cancellation by force requested"});
    assert_eq!(client.post(&path, &json!({})), (200, answer));
    let end = events.until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "killed");
    assert_eq!(client.status(&id)["status"], "cancelled");

    let (code, answer) = client.post(&path, &json!({}));
    assert_eq!((code, &answer["code"]), (409, &json!("conflict")));
    let (_, audit) = client.get(&format!("/audit?deployment={id}"));
    let entries = audit["entries"].as_array().unwrap();
    let actions: Vec<_> = entries.iter().map(|it| &it["action"]).collect();
    assert_eq!(actions, ["force-cancel", "approve", "start"]);
}

#[test]
fn what_waits_its_turn_is_ended_by_force_as_well() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--local-sources"]);
    let client = &running.client;
    let request = test_env.directory_request("terraform", SMALL);
    let first = client.deploy(&request);
    client
        .follow(&first, None)
        .until_status("awaiting_approval");
    let second = client.deploy(&request);
    let (code, answer) = client.post(&format!("/deploy/{second}/force-cancel"), &json!({}));
    assert_eq!(code, 200, "{answer}");
    let status = client.status(&second);
    assert_eq!(
        (&status["status"], &status["reason"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
}
