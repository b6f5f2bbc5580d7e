//! A shutdown that waits for running deployments, as a container needs it.

use serde_json::json;

use crate::access::gate::Gate;
use crate::test_env::{Running, SMALL, TestEnv};

/// Returns a service with a running deployment that was asked to stop.
fn stopping(test_env: &TestEnv, drain: &str) -> (Running, String) {
    let running = test_env.serve_with(&["--drain", drain]);
    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    running.ask_to_stop();
    // The stream ends, as at any shutdown.
    assert!(events.all(|event| event.kind != "end"));
    (running, id)
}

fn reason(test_env: &TestEnv, id: &str) -> serde_json::Value {
    let running = test_env.serve();
    running.client.status(id)["reason"].clone()
}

#[test]
fn a_stop_waits_for_an_apply_and_goes_last() {
    let test_env = TestEnv::new();
    let (mut running, id) = stopping(&test_env, "1h");
    assert!(running.is_there());
    test_env.let_go();
    running.ended();
    test_env.mark().assert_nothing_is_left_alive();
    assert_eq!(reason(&test_env, &id), "applied");
}

#[test]
fn an_apply_that_takes_too_long_is_cancelled_gracefully_before_the_service_goes() {
    let test_env = TestEnv::new();
    let (running, id) = stopping(&test_env, "1s");
    running.ended();
    test_env.mark().assert_nothing_is_left_alive();
    assert_eq!(reason(&test_env, &id), "cancelled");
}

/// The plan and its status are in the database before the service ends: other nodes see them there.
#[test]
fn a_plan_that_is_ready_while_the_service_stops_is_seen_at_another_node() {
    let test_env = TestEnv::on_postgres();
    let gate = Gate::new(test_env.path());
    let start = |name: &str| {
        let data = test_env.root().join(name);
        let data = data.to_str().unwrap();
        test_env.serve_with(&["--node", name, "--data-dir", data, "--drain", "1h"])
    };
    let first = start("first");
    let mut request = test_env.request("terraform", SMALL);
    let path = request["env_vars"]["PATH"].as_str().unwrap();
    request["env_vars"]["PATH"] = json!(gate.before(path));
    gate.hold("plan");
    let id = first.client.deploy(&request);
    gate.wait_for_calls("plan", 1);
    let second = start("second");
    first.ask_to_stop();
    gate.let_go("plan");
    first.ended();
    let status = second.client.status(&id);
    assert_eq!(status["status"], "awaiting_approval");
    let (code, plan) = second.client.get(&format!("/deploy/{id}/plan"));
    assert_eq!(code, 200, "{plan}");
}
