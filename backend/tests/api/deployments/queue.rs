//! Queued deployments.

use serde_json::{Value, json};

use crate::test_env::{SMALL, TestEnv};

#[test]
fn a_second_deployment_of_a_workspace_waits_and_can_be_cancelled() {
    one_after_the_other(&TestEnv::new());
}

pub(crate) fn one_after_the_other(test_env: &TestEnv) {
    let running = test_env.serve_with(&["--local-sources"]);
    let client = &running.client;
    let request = test_env.directory_request("terraform", SMALL);
    let first = client.deploy(&request);
    client
        .follow(&first, None)
        .until_status("awaiting_approval");
    let second = client.deploy(&request);
    let third = client.deploy(&request);
    let waiting = client.status(&third);
    assert_eq!(
        (&waiting["status"], &waiting["position"]),
        (&json!("running"), &json!(2))
    );
    assert_eq!(waiting["waiting_for"], first);
    assert_eq!(client.status(&first)["waiting_for"], Value::Null);
    let (_, text) = client.get(&format!("/deploy/{third}/logs.txt"));
    assert!(text.as_str().unwrap().contains(&first), "{text}");
    let remarks = client
        .follow(&third, None)
        .until(|event| event.kind == "log");
    let remark = remarks.last().unwrap();
    assert!(remark.data.contains(&first) && remark.id.is_empty());
    // An operation that only reads waits for no other.
    let mut look = request.clone();
    look["operation"] = json!("validate");
    let looks = client.deploy(&look);
    assert_eq!(
        client
            .follow(&looks, None)
            .until_end()
            .last()
            .unwrap()
            .json()["reason"],
        "validated"
    );
    look["operation"] = json!("plan");
    look["plan_flags"] = json!("-lock=false");
    let looks = client.deploy(&look);
    assert_eq!(
        client
            .follow(&looks, None)
            .until_end()
            .last()
            .unwrap()
            .json()["reason"],
        "planned"
    );
    let (code, _) = client.post(&format!("/deploy/{second}/approve"), &json!({}));
    assert_eq!(code, 409);

    let mut events = client.follow(&second, None);
    let (code, _) = client.post(&format!("/deploy/{second}/cancel"), &json!({}));
    assert_eq!(code, 200);
    assert_eq!(
        events.until_end().last().unwrap().json()["reason"],
        "cancelled"
    );
    assert_eq!(client.status(&third)["position"], 1);
    let (code, _) = client.post(&format!("/deploy/{second}/cancel"), &json!({}));
    assert_eq!(code, 409);

    let mut events = client.follow(&third, None);
    let (code, _) = client.post(&format!("/deploy/{first}/reject"), &json!({}));
    assert_eq!(code, 200);
    events.until_status("awaiting_approval");
    assert_eq!(client.status(&third)["position"], Value::Null);

    let (code, list) = client.get("/deploy?status=cancelled&limit=1");
    assert_eq!(
        (code, list["deployments"].as_array().unwrap().len()),
        (200, 1)
    );
    assert_eq!(list["deployments"][0]["deployment_id"], second);
    let next = list["next"].as_u64().unwrap();
    let (_, list) = client.get(&format!("/deploy?status=cancelled&limit=1&cursor={next}"));
    assert_eq!(list["deployments"][0]["deployment_id"], first);
}

#[test]
fn files_that_requests_bring_along_do_not_wait_for_each_other() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    for tool in ["terraform", "terraform", "tofu"] {
        let id = client.deploy(&test_env.request(tool, SMALL));
        client.follow(&id, None).until_status("awaiting_approval");
    }
}

#[test]
fn who_waits_for_an_approval_does_not_take_the_place_of_another() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--concurrency", "1"]);
    let client = &running.client;
    for workspace in ["one", "two", "three"] {
        let mut request = test_env.request("terraform", SMALL);
        request["workspace"] = json!(workspace);
        let id = client.deploy(&request);
        client.follow(&id, None).until_status("awaiting_approval");
    }
}
