//! A stop that waits for what is at work, as a container needs it.

use serde_json::json;

use crate::stand::{Running, Stand};

/// A service that has something in flight, and was asked to stop.
fn stopping(stand: &Stand, drain: &str) -> (Running, String) {
    let running = stand.serve_with(&["--drain", drain]);
    let mut request = stand.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    running.ask_to_stop();
    // The subscribers are told, as at any stop.
    assert!(events.all(|event| event.kind != "end"));
    (running, id)
}

fn reason(stand: &Stand, id: &str) -> serde_json::Value {
    let running = stand.serve();
    running.client.status(id)["reason"].clone()
}

#[test]
fn a_stop_waits_for_an_apply_and_goes_last() {
    let stand = Stand::new();
    let (mut running, id) = stopping(&stand, "1h");
    assert!(running.is_there());
    stand.let_go();
    running.ended();
    stand.mark().assert_nothing_is_left_alive();
    assert_eq!(reason(&stand, &id), "applied");
}

#[test]
fn an_apply_that_takes_too_long_is_cancelled_gracefully_before_the_service_goes() {
    let stand = Stand::new();
    let (running, id) = stopping(&stand, "1s");
    running.ended();
    stand.mark().assert_nothing_is_left_alive();
    assert_eq!(reason(&stand, &id), "cancelled");
}
