//! Who may approve: `auto_approve`, the starter, and keys with several roles.

use serde_json::{Value, json};

use crate::client::{Client, lines};
use crate::test_env::{SMALL, TestEnv};

const STRICT: &[&str] = &["--starter-may-approve=false"];

/// Returns a request that is accepted, and fails before any tool runs.
fn cheap(operation: &str, auto_approve: bool) -> Value {
    json!({
        "tool": "terraform",
        "git_url": "https://127.0.0.1:1/nothing.git",
        "git_ref": "main",
        "operation": operation,
        "auto_approve": auto_approve,
    })
}

fn audit(client: &Client, id: &str) -> Vec<Value> {
    let (code, audit) = client.get(&format!("/audit?deployment={id}"));
    assert_eq!(code, 200, "{audit}");
    audit["entries"].as_array().unwrap().clone()
}

fn approve(client: &Client, id: &str) -> (u16, Value) {
    client.post(&format!("/deploy/{id}/approve"), &json!({}))
}

fn waits_for_approval(test_env: &TestEnv, client: &Client) -> String {
    let id = client.deploy(&test_env.request("terraform", SMALL));
    client.follow(&id, None).until_status("awaiting_approval");
    id
}

#[test]
fn auto_approve_needs_the_right_and_the_rule() {
    let test_env = TestEnv::new().with_git_hosts("127.0.0.1");
    let roles = ["deployer", "deployer,approver", "admin"];
    let keys = roles.map(|roles| (roles, test_env.key(&format!("key of {roles}"), roles)));
    let mut started = 0;
    for (flags, expected) in [(&[][..], [403, 202, 202]), (STRICT, [403, 403, 403])] {
        let running = test_env.serve_with(flags);
        for ((roles, key), expected) in keys.iter().zip(expected) {
            let client = running.client.with_key(key);
            for operation in ["deploy", "destroy", "plan", "drift", "validate"] {
                let (code, answer) = client.post("/deploy", &cheap(operation, false));
                assert_eq!(code, 202, "{roles} {operation}: {answer}");
                // The others apply nothing, so there is nothing to approve.
                let is_approved = ["deploy", "destroy"].contains(&operation);
                let expected = if is_approved { expected } else { 202 };
                let (code, answer) = client.post("/deploy", &cheap(operation, true));
                assert_eq!(code, expected, "{flags:?} {roles} {operation}: {answer}");
                started += if code == 202 { 2 } else { 1 };
                if code == 403 {
                    assert_says_what_is_missing(&answer, roles, flags);
                }
            }
        }
        // The refused requests left nothing behind.
        let admin = running.client.with_key(&keys[2].1);
        let (_, list) = admin.get("/deploy?limit=500");
        let listed = list["deployments"].as_array().unwrap().len();
        assert_eq!(listed, started, "{list}");
        end_what_waits(&admin);
    }
}

/// Cancels the waiting deployments, so that the next service begins with an empty queue.
fn end_what_waits(admin: &Client) {
    let (_, list) = admin.get("/deploy?limit=500");
    for deployment in list["deployments"].as_array().unwrap() {
        let id = deployment["deployment_id"].as_str().unwrap();
        admin.post(&format!("/deploy/{id}/cancel"), &json!({}));
    }
}

fn assert_says_what_is_missing(answer: &Value, roles: &str, flags: &[&str]) {
    assert_eq!(answer["code"], "forbidden");
    let text = answer["error"].as_str().unwrap();
    let lacks_right = text.contains("without the approve right");
    assert_eq!(lacks_right, roles == "deployer", "{text}");
    let against_rule = text.contains("auth.starter_may_approve = false");
    assert_eq!(against_rule, flags == STRICT, "{text}");
    assert!(text.contains("leave `auto_approve` out"), "{text}");
}

#[test]
fn a_key_with_both_roles_applies_and_the_audit_trail_says_so() {
    let test_env = TestEnv::new();
    let both = ["--role", "deployer", "--role", "approver"];
    let made = test_env.run(&[&["keys", "create", "ci"][..], &both].concat());
    assert!(made.status.success(), "{made:?}");
    let key = String::from_utf8(made.stdout).unwrap();
    let list = String::from_utf8(test_env.run(&["keys", "list"]).stdout).unwrap();
    assert!(list.contains("  deployer,approver  "), "{list}");
    let admin = test_env.key("root", "admin");
    let running = test_env.serve();
    let client = running.client.with_key(key.trim());
    let mut request = test_env.request("terraform", SMALL);
    request["auto_approve"] = json!(true);
    let id = client.deploy(&request);
    let end = client.follow(&id, None).until_end();
    let reason = end.last().unwrap().json()["reason"].clone();
    assert_eq!(reason, "applied", "{:?}", lines(&end));
    let entries = audit(&running.client.with_key(&admin), &id);
    let seen: Vec<_> = entries
        .iter()
        .map(|it| [&it["actor"], &it["action"], &it["by_starter"]].map(Value::clone))
        .collect();
    let expected = [
        [json!("ci"), json!("approve"), json!(true)],
        [json!("ci"), json!("start"), json!(false)],
    ];
    assert_eq!(seen, expected);
    // But it is not an admin.
    assert_eq!(client.get("/audit").0, 403);
    let force = format!("/deploy/{id}/force-cancel");
    assert_eq!(client.post(&force, &json!({})).0, 403);
}

#[test]
fn people_are_compared_and_not_keys() {
    let test_env = TestEnv::new();
    let starter = test_env.key("Ren\u{e9}", "admin");
    let same = [
        test_env.key("Ren\u{e9}", "admin"),
        test_env.key("REN\u{c9}", "approver"),
        test_env.key(" rene\u{301} ", "deployer,approver"),
        test_env.key("\u{ff32}en\u{e9}\u{200b}", "approver"),
    ];
    let bob = test_env.key("rene", "approver");
    let viewer = test_env.key("eve", "viewer,deployer");
    let running = test_env.serve_with(STRICT);
    let client = |key: &str| running.client.with_key(key);
    let id = waits_for_approval(&test_env, &client(&starter));
    for key in [&starter].into_iter().chain(&same) {
        let (code, answer) = approve(&client(key), &id);
        assert_eq!(code, 403, "{answer}");
        let text = answer["error"].as_str().unwrap();
        assert!(text.contains("another person"), "{text}");
    }
    assert_eq!(approve(&client(&viewer), &id).0, 403);
    let mut events = client(&bob).follow(&id, None);
    assert_eq!(approve(&client(&bob), &id).0, 200);
    let end = events.until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "applied");
    let entries = audit(&client(&starter), &id);
    let seen = (&entries[0]["actor"], &entries[0]["by_starter"]);
    assert_eq!(seen, (&json!("rene"), &json!(false)));
}

#[test]
fn an_approval_by_the_starter_is_recorded_as_one() {
    let test_env = TestEnv::new();
    let (ann, other) = (
        test_env.key("ann", "admin"),
        test_env.key("ANN", "approver"),
    );
    let running = test_env.serve();
    let ann = running.client.with_key(&ann);
    let id = waits_for_approval(&test_env, &ann);
    let (code, answer) = approve(&running.client.with_key(&other), &id);
    assert_eq!(code, 200, "{answer}");
    ann.follow(&id, None).until_end();
    let entries = audit(&ann, &id);
    let first = &entries[0];
    let seen = (&first["actor"], &first["action"], &first["by_starter"]);
    assert_eq!(seen, (&json!("ANN"), &json!("approve"), &json!(true)));
}

#[test]
fn a_retry_passes_through_the_same_rule() {
    let test_env = TestEnv::new().with_git_hosts("127.0.0.1");
    let (admin, dan) = (
        test_env.key("ann", "admin"),
        test_env.key("dan", "deployer"),
    );
    let approver = test_env.key("pat", "approver");
    let running = test_env.serve();
    let admin = running.client.with_key(&admin);
    let ended = |request: &Value| {
        let id = admin.deploy(request);
        admin.follow(&id, None).until_end();
        format!("/deploy/{id}/retry")
    };
    let plan = ended(&cheap("plan", true));
    let (code, answer) = running.client.with_key(&approver).post(&plan, &json!({}));
    assert_eq!(code, 403, "{answer}");
    let text = answer["error"].as_str().unwrap();
    assert!(text.contains("`deployer` or `admin`"), "{text}");
    // Nothing is applied, so `auto_approve` of the earlier request has no effect.
    let dan = running.client.with_key(&dan);
    assert_eq!(dan.post(&plan, &json!({})).0, 202);
    // A retry never repeats an approval, for any caller.
    let deploy = ended(&cheap("deploy", true));
    for client in [&admin, &dan] {
        let (code, answer) = client.post(&deploy, &json!({}));
        assert_eq!((code, &answer["code"]), (409, &json!("not_retryable")));
    }
}

#[test]
fn without_keys_all_callers_are_one_person() {
    let test_env = TestEnv::new().with_git_hosts("127.0.0.1");
    let running = test_env.serve();
    let id = waits_for_approval(&test_env, &running.client);
    let mut events = running.client.follow(&id, None);
    assert_eq!(approve(&running.client, &id).0, 200);
    events.until_end();
    assert_eq!(audit(&running.client, &id)[0]["by_starter"], true);
    let automatic = cheap("deploy", true);
    assert_eq!(running.client.post("/deploy", &automatic).0, 202);
    running.stop();

    let running = test_env.serve_with(STRICT);
    let (code, answer) = running.client.post("/deploy", &automatic);
    assert_eq!(code, 403, "{answer}");
    let id = waits_for_approval(&test_env, &running.client);
    assert_eq!(approve(&running.client, &id).0, 403);
    // It was started without a key, so its starter is unknown, and no approver is provably another person.
    let ann = running.client.with_key(&test_env.key("ann", "admin"));
    let (code, answer) = approve(&ann, &id);
    assert_eq!(code, 403, "{answer}");
    let text = answer["error"].as_str().unwrap();
    assert!(text.contains("without a key"), "{text}");
    assert_eq!(ann.post(&format!("/deploy/{id}/reject"), &json!({})).0, 200);
}

#[test]
fn what_was_queued_with_auto_approve_obeys_a_stricter_rule() {
    let test_env = TestEnv::new();
    let (ann, bob) = (
        test_env.key("ann", "admin"),
        test_env.key("bob", "approver"),
    );
    let running = test_env.serve_with(&["--local-sources"]);
    let client = running.client.with_key(&ann);
    // Both use one workspace, so the second waits for the first.
    let mut request = test_env.directory_request("terraform", SMALL);
    let first = client.deploy(&request);
    client
        .follow(&first, None)
        .until_status("awaiting_approval");
    request["auto_approve"] = json!(true);
    let second = client.deploy(&request);
    running.stop();

    let running = test_env.serve_with(&[STRICT, &["--local-sources"][..]].concat());
    let bob = running.client.with_key(&bob);
    bob.follow(&first, None).until_status("awaiting_approval");
    bob.decide_once_taken_up(&first, "reject");
    let end = bob.follow(&second, None).until_end();
    let end = end.last().unwrap().json();
    assert_eq!(end["reason"], "preparation_failed");
    let text = end["error"].as_str().unwrap();
    assert!(text.contains("starter_may_approve"), "{text}");
}

#[test]
fn what_was_queued_with_auto_approve_does_not_begin_after_the_key_is_revoked() {
    let test_env = TestEnv::new();
    let ann = test_env.key("ann", "admin");
    let leaked = test_env.key("ci", "deployer,approver");
    let running = test_env.serve_with(&["--local-sources"]);
    let ann = running.client.with_key(&ann);
    // Both use one workspace, so the second waits for the first.
    let mut request = test_env.directory_request("terraform", SMALL);
    let first = ann.deploy(&request);
    ann.follow(&first, None).until_status("awaiting_approval");
    request["auto_approve"] = json!(true);
    let second = running.client.with_key(&leaked).deploy(&request);
    let id = leaked.split('_').nth(1).unwrap();
    assert!(test_env.run(&["keys", "revoke", id]).status.success());

    let path = format!("/deploy/{first}/reject");
    assert_eq!(ann.post(&path, &json!({})).0, 200);
    let end = ann.follow(&second, None).until_end();
    let end = end.last().unwrap().json();
    assert_eq!(end["reason"], "preparation_failed");
    let text = end["error"].as_str().unwrap();
    assert!(text.contains("has no key any more"), "{text}");
}

#[test]
fn names_of_the_service_are_no_names_of_keys() {
    let test_env = TestEnv::new();
    let names = [
        "anonymous",
        "Command Line",
        "\u{200b}",
        "the stop of the service",
    ];
    for name in names {
        let made = test_env.run(&["keys", "create", name, "--role", "admin"]);
        assert_eq!(made.status.code(), Some(2), "{name}");
    }
    let made = test_env.run(&["keys", "create", "ann"]);
    assert_eq!(made.status.code(), Some(2), "a key has a role");
}
