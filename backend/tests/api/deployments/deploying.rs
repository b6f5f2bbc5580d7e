//! A deployment, from its start to its outputs.

use serde_json::json;

use crate::client::lines;
use crate::test_env::{SMALL, TestEnv};

/// A value that is in the environment of a request, and nowhere else.
pub(crate) const SECRET: &str = "hunter2-of-env";

#[test]
fn a_deployment_is_planned_approved_and_applied_with_terraform() {
    let test_env = TestEnv::new();
    whole(&test_env, "terraform");
    nothing_in_clear(&test_env);
}

#[test]
fn a_deployment_is_planned_approved_and_applied_with_tofu() {
    let test_env = TestEnv::new();
    whole(&test_env, "tofu");
    nothing_in_clear(&test_env);
}

/// Runs a deployment of [`SMALL`] with [`SECRET`] in its environment.
pub(crate) fn whole(test_env: &TestEnv, tool: &str) {
    let running = test_env.serve();
    let client = &running.client;
    assert_eq!(client.get("/health"), (200, json!({"status": "healthy"})));
    let mut request = test_env.request(tool, SMALL);
    request["env_vars"]["TF_VAR_password"] = json!(SECRET);
    let id = client.deploy(&request);
    let mut events = client.follow(&id, None);
    let before = events.until_status("awaiting_approval");

    let status = client.status(&id);
    assert_eq!(status["deployment_id"], id);
    assert_eq!(
        (&status["status"], &status["phase"]),
        (&json!("awaiting_approval"), &json!("plan"))
    );
    assert_eq!(
        (&status["ended_at"], &status["error"]),
        (&json!(null), &json!(""))
    );
    assert!(status["plan_digest"].is_string() && status["started_at"].is_string());

    let path = format!("/deploy/{id}/approve");
    let other = json!({"plan_digest": "0".repeat(64)});
    let (code, answer) = client.post(&path, &other);
    assert_eq!(
        (code, &answer["status"]),
        (409, &json!("awaiting_approval"))
    );
    let mine = json!({"plan_digest": status["plan_digest"], "comment": "as discussed"});
    assert_eq!(
        client.post(&path, &mine),
        (200, json!({"message": "Deployment approved"}))
    );
    let after = events.until_end();
    assert_eq!(after.last().unwrap().json()["status"], "success");
    assert_eq!(after.last().unwrap().json()["reason"], "applied");
    assert!(events.next().is_none());

    let status = client.status(&id);
    assert_eq!(
        (&status["status"], &status["phase"]),
        (&json!("success"), &json!("completed"))
    );
    assert!(status["ended_at"].is_string());
    for (field, text) in [
        ("init_log", "initialized"),
        ("plan_log", "1 to add"),
        ("plan_output", "terraform_data.greeting"),
        ("apply_log", "1 added"),
        ("apply_output", "greeting"),
    ] {
        let shown = status[field].as_str().unwrap();
        assert!(shown.contains(text), "{field}: {shown}");
    }
    let (code, plan) = client.get(&format!("/deploy/{id}/plan"));
    assert!(code == 200 && plan.is_object(), "{plan}");
    let (code, outputs) = client.get(&format!("/deploy/{id}/outputs"));
    assert_eq!(
        (code, &outputs["password"]["value"]),
        (200, &json!("(sensitive value)"))
    );
    let (code, answer) = client.post(&path, &json!({}));
    assert_eq!((code, &answer["code"]), (409, &json!("conflict")));
    assert_eq!(answer["status"], "success");

    // A late subscriber gets the same lines; one that reconnects, the rest.
    let all: Vec<_> = [before, after].concat();
    let again = client.follow(&id, None).until_end();
    assert_eq!(lines(&again), lines(&all));
    let rest = client.follow(&id, Some("4")).until_end();
    assert_eq!(lines(&rest), lines(&all)[5..]);
    let end = client.open(&format!("/deploy/{id}/logs"), Some("end"));
    assert_eq!(end.status(), 204);
    let (code, text) = client.get(&format!("/deploy/{id}/logs.txt"));
    assert_eq!(
        (code, text.as_str().unwrap().lines().count()),
        (200, lines(&all).len())
    );

    let (code, audit) = client.get(&format!("/audit?deployment={id}"));
    let actions: Vec<_> = audit["entries"].as_array().unwrap().iter().collect();
    assert_eq!((code, actions.len()), (200, 2));
    assert_eq!(actions[0]["action"], "approve");
    assert_eq!(actions[0]["detail"], "as discussed");
    running.stop();
}

/// The database holds no secret of the request after its end.
fn nothing_in_clear(test_env: &TestEnv) {
    let data = test_env.root().join("data");
    for entry in std::fs::read_dir(data).unwrap().flatten() {
        if entry.path().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            let is_found = String::from_utf8_lossy(&bytes).contains(SECRET);
            assert!(!is_found, "{}", entry.path().display());
        }
    }
}

#[test]
fn a_rejected_plan_is_not_applied() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let id = client.deploy(&test_env.request("terraform", SMALL));
    let mut events = client.follow(&id, None);
    events.until_status("awaiting_approval");
    let (code, answer) = client.post_raw(&format!("/deploy/{id}/reject"), "text/plain", b"");
    assert_eq!(
        (code, answer),
        (200, json!({"message": "Deployment rejected"}))
    );
    let end = events.until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "rejected");
    let status = client.status(&id);
    assert_eq!(status["status"], "cancelled");
    assert_eq!(status["apply_log"], "");
}

#[test]
fn a_running_apply_is_cancelled() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let id = client.deploy(&request);
    let mut events = client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    let (code, answer) = client.post(&format!("/deploy/{id}/cancel"), &json!({}));
    assert_eq!(
        (code, answer),
        (200, json!({"message": "Cancellation requested"}))
    );
    let end = events.until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "cancelled");
    assert_eq!(client.status(&id)["status"], "cancelled");
}
