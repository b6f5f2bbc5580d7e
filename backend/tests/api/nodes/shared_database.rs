//! Two services on one database: a shared queue, and decisions about deployments of the other node.

use serde_json::{Value, json};

use crate::access::gate::WITHIN_MINUTES;
use crate::client::{Client, lines};
use crate::deployments::concurrency::{Crowd, MANY};
use crate::test_env::{Running, SMALL, TestEnv};
use crate::waiting::wait_for;

/// Starts a service with its own data directory.
fn node(test_env: &TestEnv, name: &str, more: &[&str]) -> Running {
    let data = test_env.root().join(name);
    let data = data.to_str().unwrap();
    let flags = ["--node", name, "--data-dir", data];
    test_env.serve_with(&[&flags[..], more].concat())
}

/// Starts a deployment while only the first node runs, so that this node runs it.
fn carried_by_the_first(test_env: &TestEnv, request: &Value) -> (Running, Running, String) {
    carried_by(node(test_env, "first", &[]), test_env, request)
}

fn carried_by(first: Running, test_env: &TestEnv, request: &Value) -> (Running, Running, String) {
    let id = first.client.deploy(request);
    wait_for("the first node to claim it", WITHIN_MINUTES, || {
        (first.client.status(&id)["node"] == "first").then_some(())
    });
    (first, node(test_env, "second", &["--local-sources"]), id)
}

fn decide(client: &Client, id: &str, what: &str, body: &Value) -> (u16, Value) {
    client.post(&format!("/deploy/{id}/{what}"), body)
}

#[test]
fn both_work_on_one_queue_and_nothing_is_applied_twice() {
    let crowd = Crowd::at(TestEnv::on_postgres(), false);
    let (first, second) = (
        node(
            &crowd.test_env,
            "first",
            &["--concurrency", "2", "--allowed-git-hosts", "127.0.0.1"],
        ),
        node(
            &crowd.test_env,
            "second",
            &["--concurrency", "2", "--allowed-git-hosts", "127.0.0.1"],
        ),
    );
    crowd.gate.hold("init");
    let ids = crowd.deploy(&first.client, true);
    crowd.gate.wait_for_calls("init", 4);
    // Deployments of that node are visible here.
    let nodes = || {
        ids.iter()
            .map(|id| second.client.status(id)["node"].to_string())
    };
    let by = |name: &str| nodes().filter(|node| node == name).count();
    assert_eq!((by("\"first\""), by("\"second\"")), (2, 2));
    assert_eq!(second.client.status(&ids[MANY - 1])["position"], MANY - 4);
    crowd.gate.let_go("init");
    crowd.assert_each_was_applied_once(&second.client, &ids);
}

#[test]
fn a_plan_is_approved_at_the_other_node_and_its_log_is_followed_there() {
    let test_env = TestEnv::on_postgres();
    let request = test_env.request("terraform", SMALL);
    let (first, second, id) = carried_by_the_first(&test_env, &request);
    let mut events = second.client.follow(&id, None);
    let mut seen = events.until_status("awaiting_approval");
    let status = second.client.status(&id);
    assert_eq!(
        (&status["node"], &status["node_silent_since"]),
        (&json!("first"), &json!(null))
    );

    let other = json!({"plan_digest": "0".repeat(64)});
    let (code, answer) = decide(&second.client, &id, "approve", &other);
    assert_eq!(
        (code, &answer["status"]),
        (409, &json!("awaiting_approval"))
    );
    assert!(
        answer["error"].as_str().unwrap().contains("another plan"),
        "{answer}"
    );

    let mine = json!({"plan_digest": status["plan_digest"], "comment": "from afar"});
    let (code, answer) = decide(&second.client, &id, "approve", &mine);
    assert_eq!(
        (code, answer),
        (200, json!({"message": "Deployment approved"}))
    );
    let (code, _) = decide(&second.client, &id, "approve", &mine);
    assert_eq!(code, 409);
    seen.extend(events.until_end());
    assert_eq!(seen.last().unwrap().json()["reason"], "applied");
    // The same lines as at the node that ran it: none missing, and none twice.
    let there = first.client.follow(&id, None).until_end();
    assert_eq!(lines(&seen), lines(&there));

    let (_, audit) = second.client.get(&format!("/audit?deployment={id}"));
    let entries = audit["entries"].as_array().unwrap();
    let approvals: Vec<_> = entries
        .iter()
        .filter(|it| it["action"] == "approve")
        .collect();
    assert_eq!(approvals.len(), 1, "{audit}");
    assert_eq!(approvals[0]["detail"], "from afar");
}

#[test]
fn a_plan_is_rejected_and_an_apply_is_cancelled_at_the_other_node() {
    let test_env = TestEnv::on_postgres();
    let request = test_env.request("tofu", SMALL);
    let (first, second, id) = carried_by_the_first(&test_env, &request);
    let mut events = second.client.follow(&id, None);
    events.until_status("awaiting_approval");
    let (code, answer) = decide(&second.client, &id, "reject", &json!({"comment": "no"}));
    assert_eq!(
        (code, answer),
        (200, json!({"message": "Deployment rejected"}))
    );
    assert_eq!(
        events.until_end().last().unwrap().json()["reason"],
        "rejected"
    );
    drop((first, second));

    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let (_first, second, id) = carried_by_the_first(&test_env, &request);
    let mut events = second.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    let (code, answer) = decide(&second.client, &id, "cancel", &json!({}));
    assert_eq!(
        (code, answer),
        (200, json!({"message": "Cancellation requested"}))
    );
    assert_eq!(
        events.until_end().last().unwrap().json()["reason"],
        "cancelled"
    );
}

#[test]
fn deployment_of_a_lost_node_waits_for_its_return() {
    let test_env = TestEnv::on_postgres();
    let request = test_env.request("terraform", SMALL);
    let (first, second, id) = carried_by_the_first(&test_env, &request);
    second
        .client
        .follow(&id, None)
        .until_status("awaiting_approval");
    first.kill();
    let refused = test_env.run(&["abandon", &id]);
    assert_eq!(refused.status.code(), Some(1), "its lease has not run out");
    for what in ["approve", "reject", "cancel"] {
        let (code, answer) = decide(&second.client, &id, what, &json!({}));
        assert_eq!(
            (code, &answer["status"]),
            (409, &json!("awaiting_approval"))
        );
        let problem = answer["error"].as_str().unwrap();
        assert!(
            problem.contains("`first`") && problem.contains("nothing was done"),
            "{answer}"
        );
    }

    // A withdrawn decision is not executed later either.
    let first = node(&test_env, "first", &[]);
    let mut events = second.client.follow(&id, None);
    events.until_status("awaiting_approval");
    let (code, answer) = decide(&second.client, &id, "approve", &json!({}));
    assert_eq!(code, 200, "{answer}");
    assert_eq!(
        events.until_end().last().unwrap().json()["reason"],
        "applied"
    );
    let (_, audit) = first.client.get(&format!("/audit?deployment={id}"));
    let actions: Vec<_> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["action"])
        .collect();
    assert_eq!(actions, ["approve", "start"]);
}

#[test]
fn a_deployment_of_a_node_that_will_not_come_back_is_given_up_and_its_workspace_is_free() {
    let test_env = TestEnv::on_postgres();
    let request = test_env.directory_request("terraform", SMALL);
    // Short enough to wait for, long enough for a busy machine to renew it.
    let first = node(&test_env, "first", &["--lease", "15s", "--local-sources"]);
    let (first, second, id) = carried_by(first, &test_env, &request);
    second
        .client
        .follow(&id, None)
        .until_status("awaiting_approval");
    let next = second.client.deploy(&request);
    first.kill();
    wait_for("the node to be missed", WITHIN_MINUTES, || {
        second.client.status(&id)["node_silent_since"]
            .is_string()
            .then_some(())
    });
    assert_eq!(second.client.status(&next)["position"], 1);

    let done = test_env.run(&["abandon", &id]);
    assert!(done.status.success(), "{done:?}");
    let status = second.client.status(&id);
    assert_eq!(
        (&status["status"], &status["reason"]),
        (&json!("failed"), &json!("unknown"))
    );
    assert!(
        status["error"].as_str().unwrap().contains("`first`"),
        "{status}"
    );
    second
        .client
        .follow(&next, None)
        .until_status("awaiting_approval");

    // It comes back all the same, and disturbs nothing.
    let first = node(&test_env, "first", &["--local-sources"]);
    let (code, _) = decide(&first.client, &id, "approve", &json!({}));
    assert_eq!(code, 409);
    let (code, answer) = decide(&first.client, &next, "approve", &json!({}));
    assert_eq!(code, 200, "{answer}");
    let end = first.client.follow(&next, None).until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "applied");
}
