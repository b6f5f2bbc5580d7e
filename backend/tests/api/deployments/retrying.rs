//! Retries of deployments.

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::test_env::{SMALL, TestEnv};

fn retry(client: &Client, id: &str, body: &Value) -> Answer {
    client.post(&format!("/deploy/{id}/retry"), body)
}

/// Starts a deployment, follows it to its end, and returns its id.
fn ended(client: &Client, request: &Value) -> String {
    let id = client.deploy(request);
    client.follow(&id, None).until_end();
    id
}

#[test]
fn a_plan_is_made_anew_when_its_secrets_are_sent_again() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let mut request = test_env.request("terraform", SMALL);
    request["operation"] = json!("plan");
    request["env_vars"]["TF_VAR_name"] = json!("hunter2-of-env");
    let id = ended(client, &request);

    let (code, answer) = client.post_raw(&format!("/deploy/{id}/retry"), "text/plain", b"");
    assert_eq!((code, &answer["code"]), (422, &json!("secrets_missing")));
    let named: Vec<_> = answer["fields"].as_array().unwrap().iter().collect();
    let variables = request["env_vars"].as_object().unwrap();
    let expected: Vec<_> = variables
        .keys()
        .map(|name| format!("env_vars.{name}"))
        .collect();
    assert!(
        named
            .iter()
            .map(|it| it["field"].as_str().unwrap())
            .eq(&expected)
    );

    let mut supplied = json!({"env_vars": variables});
    supplied["env_vars"]["OTHER"] = json!("hunter2");
    let (code, answer) = retry(client, &id, &supplied);
    assert_eq!(
        (code, &answer["fields"][0]["field"]),
        (400, &json!("env_vars.OTHER"))
    );
    for bad in [
        json!([]),
        json!({"env_vars": {"A": 1}}),
        json!({"nonsense": 1}),
    ] {
        assert_eq!(retry(client, &id, &bad).0, 400, "{bad}");
    }

    let (code, answer) = retry(client, &id, &json!({"env_vars": variables}));
    assert_eq!(
        (code, &answer["message"]),
        (202, &json!("Deployment started"))
    );
    let again = answer["deployment_id"].as_str().unwrap();
    assert_ne!(again, id);
    let end = client.follow(again, None).until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "planned");
    let status = client.status(again);
    assert_eq!(status["operation"], "plan");
    assert!(
        status["plan_log"].as_str().unwrap().contains("1 to add"),
        "{status}"
    );

    let (_, audit) = client.get(&format!("/audit?deployment={id}"));
    let entry = &audit["entries"][0];
    assert_eq!(
        (&entry["action"], &entry["detail"]),
        (&json!("retry"), &json!(format!("as {again}")))
    );
    let (_, audit) = client.get(&format!("/audit?deployment={again}"));
    assert_eq!(audit["entries"][0]["action"], "start");
}

#[test]
fn what_changes_something_or_is_not_over_is_not_started_anew() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let deploy = client.deploy(&test_env.request("terraform", SMALL));
    client
        .follow(&deploy, None)
        .until_status("awaiting_approval");
    let mut request = test_env.request("terraform", SMALL);
    request["operation"] = json!("validate");
    let waiting = client.deploy(&request);
    let (code, answer) = retry(client, &waiting, &json!({}));
    assert_eq!((code, &answer["code"]), (409, &json!("conflict")));
    let table = [("awaiting_approval", false), ("cancelled", true)];
    for (status, is_over) in table {
        if is_over {
            let mut events = client.follow(&deploy, None);
            assert_eq!(
                client
                    .post(&format!("/deploy/{deploy}/reject"), &json!({}))
                    .0,
                200
            );
            events.until_end();
        }
        let (code, answer) = retry(client, &deploy, &json!({}));
        assert_eq!((code, &answer["code"]), (409, &json!("not_retryable")));
        assert_eq!(answer["status"], status);
    }
}
