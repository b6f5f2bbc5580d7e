//! Callers that send too many requests, or take too long.

use serde_json::json;

use crate::client::Client;
use crate::test_env::{SMALL, TestEnv};

#[test]
fn who_calls_too_often_is_told_when_to_come_again() {
    let test_env = TestEnv::new();
    let (ann, bob) = (test_env.key("ann", "viewer"), test_env.key("bob", "viewer"));
    let running = test_env.serve_with(&["--rate-limit", "3"]);
    let anonymous = &running.client;
    let (ann, bob) = (anonymous.with_key(&ann), anonymous.with_key(&bob));
    for _ in 0..3 {
        assert_eq!(ann.get("/deploy").0, 200);
    }
    let refused = ann.open("/deploy", None);
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    let (code, answer) = ann.get("/deploy");
    assert_eq!((code, &answer["code"]), (429, &json!("too_many_requests")));
    // Other keys and clients without a key are not affected.
    assert_eq!(bob.get("/deploy").0, 200);
    let guess = anonymous.with_key("iac_000000000000_x");
    for expected in [401, 401, 401, 429] {
        assert_eq!(guess.get("/deploy").0, expected);
    }
    assert_eq!(anonymous.get("/deploy/x/logs?ticket=x").0, 429);
    assert_eq!(bob.get("/deploy").0, 200);
    assert_eq!(anonymous.get("/health").0, 200);
}

#[test]
fn without_keys_callers_are_counted_by_their_address() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--rate-limit", "2"]);
    for expected in [200, 200, 429] {
        assert_eq!(running.client.get("/deploy").0, expected);
    }
}

#[test]
fn a_body_that_comes_too_slowly_is_given_up() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--request-timeout", "5s"]);
    let answer = late_body(&running.client);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"code\":\"timeout\""), "{answer}");
}

/// Sends the beginning of a body, and returns the response.
fn late_body(client: &Client) -> String {
    let head = "POST /deploy HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Content-Length: 100\r\n\r\n{\"tool\":";
    client.send_bytes(head.as_bytes())
}

#[test]
fn events_come_for_longer_than_a_call_may_take() {
    let test_env = TestEnv::new();
    // Long enough for the other requests on a busy machine.
    let running = test_env.serve_with(&["--request-timeout", "5s"]);
    let client = &running.client;
    let id = client.deploy(&test_env.request("terraform", SMALL));
    let mut events = client.follow(&id, None);
    events.until_status("awaiting_approval");
    // Requests that began later have had three times their time.
    for _ in 0..3 {
        late_body(client);
    }
    assert_eq!(
        client.post(&format!("/deploy/{id}/reject"), &json!({})).0,
        200
    );
    events.until_end();
}
