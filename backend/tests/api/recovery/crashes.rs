//! Kills the service in each phase with twenty deployments in it; the next service runs them to their ends.

use crate::client::Client;
use crate::deployments::concurrency::{Crowd, MANY};
use crate::test_env::Running;

/// Room for all of them.
const ROOM: [&str; 4] = ["--concurrency", "20", "--allowed-git-hosts", "127.0.0.1"];

fn serve(crowd: &Crowd) -> Running {
    crowd.test_env.serve_with(&ROOM)
}

#[test]
fn those_that_wait_their_turn_are_carried_out_after_a_crash() {
    let crowd = Crowd::new(false);
    crowd.gate.hold("init");
    let running =
        crowd
            .test_env
            .serve_with(&["--concurrency", "1", "--allowed-git-hosts", "127.0.0.1"]);
    let ids = crowd.deploy(&running.client, true);
    crowd.gate.wait_for_calls("init", 1);
    assert_eq!(running.client.status(&ids[MANY - 1])["position"], MANY - 1);
    running.kill();

    let running = serve(&crowd);
    crowd.gate.let_go("init");
    crowd.assert_each_was_applied_once(&running.client, &ids);
}

#[test]
fn those_that_are_fetched_are_fetched_again_after_a_crash() {
    let crowd = Crowd::new(true);
    let running = serve(&crowd);
    let ids = crowd.deploy(&running.client, true);
    Crowd::wait_until_all(&running.client, &ids, "phase", "cloning");
    crowd.server.wait_for_a_held_fetch();
    running.kill();

    let running = serve(&crowd);
    crowd.server.let_go();
    crowd.assert_each_was_applied_once(&running.client, &ids);
}

#[test]
fn those_that_are_initialised_go_on_after_a_crash() {
    held_at("init");
}

#[test]
fn those_that_are_planned_go_on_after_a_crash() {
    held_at("plan");
}

#[test]
fn those_whose_plans_are_read_go_on_after_a_crash() {
    held_at("show");
}

#[test]
fn those_whose_outputs_are_read_go_on_after_a_crash() {
    held_at("output");
}

/// Kills the service while the tools of all deployments wait at a command.
fn held_at(command: &str) {
    let crowd = Crowd::new(false);
    crowd.gate.hold(command);
    let running = serve(&crowd);
    let ids = crowd.deploy(&running.client, true);
    crowd.gate.wait_for_calls(command, MANY);
    running.kill();

    let running = serve(&crowd);
    crowd.gate.let_go(command);
    crowd.assert_each_was_applied_once(&running.client, &ids);
}

#[test]
fn those_that_wait_for_an_approval_are_approved_after_a_crash() {
    let crowd = Crowd::new(false);
    let (running, ids) = all_wait_for_an_approval(&crowd);
    let digests = digests_of(&running.client, &ids);
    running.kill();

    let running = serve(&crowd);
    let client = &running.client;
    Crowd::wait_until_all(client, &ids, "status", "awaiting_approval");
    // The plans are the same as before.
    assert_eq!(digests_of(client, &ids), digests);
    for id in &ids {
        client.decide_once_taken_up(id, "approve");
    }
    crowd.assert_each_was_applied_once(client, &ids);
}

#[test]
fn those_that_were_approved_and_are_checked_go_on_after_a_crash() {
    let crowd = Crowd::new(false);
    let (running, ids) = all_wait_for_an_approval(&crowd);
    // After an approval, the session checks the version of the tool before it applies anything.
    crowd.gate.hold("version");
    let before = crowd.gate.calls("version");
    Crowd::approve(&running.client, &ids);
    crowd.gate.wait_for_calls("version", before + MANY);
    assert_eq!(crowd.gate.calls("apply"), 0);
    running.kill();

    let running = serve(&crowd);
    crowd.gate.let_go("version");
    crowd.assert_each_was_applied_once(&running.client, &ids);
}

#[test]
fn those_that_are_applied_are_followed_after_a_crash_and_never_applied_again() {
    let crowd = Crowd::new(false);
    crowd.hold_making();
    let running = serve(&crowd);
    let ids = crowd.deploy(&running.client, true);
    crowd.wait_until_being_made();
    running.kill();

    // Once more, with the recovered deployments.
    let running = serve(&crowd);
    Crowd::wait_until_all(&running.client, &ids, "phase", "apply");
    running.kill();

    let running = serve(&crowd);
    crowd.let_making_go();
    crowd.assert_each_was_applied_once(&running.client, &ids);
}

fn all_wait_for_an_approval(crowd: &Crowd) -> (Running, Vec<String>) {
    let running = serve(crowd);
    let ids = crowd.deploy(&running.client, false);
    Crowd::wait_until_all(&running.client, &ids, "status", "awaiting_approval");
    (running, ids)
}

fn digests_of(client: &Client, ids: &[String]) -> Vec<String> {
    let digest = |id: &String| client.status(id)["plan_digest"].to_string();
    ids.iter().map(digest).collect()
}
