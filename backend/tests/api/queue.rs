//! Deployments that wait.

use serde_json::{Value, json};

use crate::stand::{SMALL, Stand};

#[test]
fn a_second_deployment_of_a_workspace_waits_and_can_be_cancelled() {
    one_after_the_other(&Stand::new());
}

pub(crate) fn one_after_the_other(stand: &Stand) {
    let running = stand.serve();
    let client = &running.client;
    let first = client.deploy(&stand.request("terraform", SMALL));
    client
        .follow(&first, None)
        .until_status("awaiting_approval");
    let second = client.deploy(&stand.request("terraform", SMALL));
    let third = client.deploy(&stand.request("terraform", SMALL));
    let waiting = client.status(&third);
    assert_eq!(
        (&waiting["status"], &waiting["position"]),
        (&json!("running"), &json!(2))
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
fn who_waits_for_an_approval_does_not_take_the_place_of_another() {
    let stand = Stand::new();
    let running = stand.serve_with(&["--concurrency", "1"]);
    let client = &running.client;
    for workspace in ["one", "two", "three"] {
        let mut request = stand.request("terraform", SMALL);
        request["workspace"] = json!(workspace);
        let id = client.deploy(&request);
        client.follow(&id, None).until_status("awaiting_approval");
    }
}
