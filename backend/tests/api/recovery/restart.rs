//! Recovery after a restart.

use serde_json::{Value, json};

use crate::access::gate::WITHIN_MINUTES;
use crate::client::Client;
use crate::test_env::{Running, SMALL, TestEnv};
use crate::waiting::wait_for;

#[test]
fn a_plan_that_waits_is_approved_after_a_crash_with_its_secrets() {
    waits_through_a_crash(&TestEnv::new());
}

pub(crate) fn waits_through_a_crash(test_env: &TestEnv) {
    let running = test_env.serve();
    let mut request = test_env.request("terraform", SMALL);
    request["env_vars"]["TF_VAR_name"] = json!("of the environment");
    let id = running.client.deploy(&request);
    running
        .client
        .follow(&id, None)
        .until_status("awaiting_approval");
    running.kill();

    let running = test_env.serve();
    let client = &running.client;
    let mut events = client.follow(&id, None);
    events.until_status("awaiting_approval");
    client.decide_once_taken_up(&id, "approve");
    assert_eq!(
        events.until_end().last().unwrap().json()["reason"],
        "applied"
    );
}

#[test]
fn an_apply_goes_on_through_a_crash_and_is_made_once() {
    through(&TestEnv::new(), Running::kill);
}

#[test]
fn an_apply_goes_on_through_a_stop_and_is_made_once() {
    through(&TestEnv::new(), Running::stop);
}

/// Ends the service during an apply; the next service follows it.
pub(crate) fn through(test_env: &TestEnv, end: fn(Running)) {
    let running = test_env.serve();
    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    let before = events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    end(running);
    // A broken stream does not say that the deployment has ended.
    assert!(events.all(|event| event.kind != "end"));

    let running = test_env.serve();
    let last = before.iter().rev().find(|event| !event.id.is_empty());
    let mut events = running
        .client
        .follow(&id, last.map(|event| event.id.as_str()));
    test_env.let_go();
    let after = events.until_end();
    assert_eq!(after.last().unwrap().json()["reason"], "applied");
    let ids: Vec<u64> = [before, after]
        .concat()
        .iter()
        .filter(|event| event.kind == "log")
        .map(|event| event.id.parse().unwrap())
        .collect();
    assert!(ids.iter().copied().eq(0..ids.len() as u64), "{ids:?}");
    let made = std::fs::read_to_string(test_env.path().join("count")).unwrap();
    assert_eq!(made, "once\n");
}

#[test]
fn a_second_service_in_the_same_place_is_refused_and_disturbs_nothing() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let id = running.client.deploy(&test_env.request("terraform", SMALL));
    let mut events = running.client.follow(&id, None);
    events.until_status("awaiting_approval");
    let second = test_env.run(&["serve"]);
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr);
    assert!(
        told.contains("another service uses the data directory"),
        "{told}"
    );
    let (code, _) = running
        .client
        .post(&format!("/deploy/{id}/approve"), &json!({}));
    assert_eq!(code, 200);
    assert_eq!(
        events.until_end().last().unwrap().json()["reason"],
        "applied"
    );
}

/// As if the service had died between the approval and its audit entry.
#[test]
fn an_approval_that_did_not_come_into_the_audit_trail_is_written_down_after_a_crash() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let id = client.deploy(&test_env.slow());
    let mut events = client.follow(&id, None);
    events.until_status("awaiting_approval");
    let (code, _) = client.post(
        &format!("/deploy/{id}/approve"),
        &json!({"comment": "I saw it"}),
    );
    assert_eq!(code, 200);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    running.kill();
    forget_approvals(&test_env);
    let running = test_env.serve();
    let added = wait_for("the approval", WITHIN_MINUTES, || {
        let approvals = approvals(&running.client, &id);
        (!approvals.is_empty()).then_some(approvals)
    });
    assert_eq!(added[0]["detail"], "I saw it");
    running.kill();
    // The second time, there is nothing to add.
    let running = test_env.serve();
    test_env.let_go();
    let ended = running.client.follow(&id, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "applied");
    assert_eq!(approvals(&running.client, &id), added);
}

fn approvals(client: &Client, id: &str) -> Vec<Value> {
    let (_, audit) = client.get(&format!("/audit?deployment={id}"));
    let entries = audit["entries"].as_array().unwrap();
    let approvals = entries.iter().filter(|it| it["action"] == "approve");
    approvals.cloned().collect()
}

fn forget_approvals(test_env: &TestEnv) {
    use sqlx::Connection;
    let url = format!(
        "sqlite://{}",
        test_env.root().join("data/backend.db").display()
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let forgotten = sqlx::query("DELETE FROM audit WHERE action = 'approve'")
            .execute(&mut connection)
            .await
            .unwrap();
        assert_eq!(forgotten.rows_affected(), 1);
    });
}
