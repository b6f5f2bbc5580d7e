//! A node is identified by its data directory: no two have the same name.

use std::process::Output;

use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use crate::access::gate::WITHIN_MINUTES;
use crate::test_env::{Running, SMALL, TestEnv, block_on};
use crate::waiting::wait_for;

/// Returns the flags of a node with this name and data directory.
fn flags(test_env: &TestEnv, name: &str, dir: &str) -> Vec<String> {
    let dir = test_env.root().join(dir);
    let dir = dir.to_str().unwrap();
    ["--node", name, "--data-dir", dir, "--lease", "2s"]
        .map(str::to_owned)
        .to_vec()
}

fn serve(test_env: &TestEnv, name: &str, dir: &str) -> Running {
    let flags = flags(test_env, name, dir);
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    test_env.serve_with(&flags)
}

/// Starts a service that must refuse to run, and returns the reason.
fn refused(test_env: &TestEnv, name: &str, dir: &str) -> String {
    let flags = flags(test_env, name, dir);
    let mut call = vec!["serve"];
    call.extend(flags.iter().map(String::as_str));
    let Output {
        status,
        stdout,
        stderr,
    } = test_env.run(&call);
    assert_eq!(status.code(), Some(1));
    assert!(stdout.is_empty(), "it has not served");
    String::from_utf8_lossy(&stderr).into_owned()
}

#[test]
fn a_name_whose_lease_is_alive_is_refused_at_start() {
    let test_env = TestEnv::on_postgres();
    let running = serve(&test_env, "first", "one");
    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    let text = refused(&test_env, "first", "two");
    for part in ["`first`", "in use by another data directory", "--node"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }

    // Its lease expires, and the name still belongs to the directory with the sessions.
    running.kill();
    let text = wait_for("the lease to end", WITHIN_MINUTES, || {
        let text = refused(&test_env, "first", "two");
        (!text.contains("in use")).then_some(text)
    });
    for part in ["`first`", "runs 1 deployment", "iac-backend abandon"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }

    // Its own directory gets the name at once, and the apply ran once.
    let running = serve(&test_env, "first", "one");
    test_env.let_go();
    let end = running.client.follow(&id, None).until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "applied");
    let count = std::fs::read_to_string(test_env.path().join("count")).unwrap();
    assert_eq!(count, "once\n");

    // A shutdown releases the name if no deployments are left.
    running.stop();
    let _running = serve(&test_env, "first", "two");
    let text = refused(&test_env, "first", "one");
    assert!(text.contains("in use"), "{text}");
}

#[test]
fn a_node_keeps_what_it_carries_under_a_new_name() {
    let test_env = TestEnv::on_postgres();
    let running = serve(&test_env, "first", "one");
    let request = test_env.request("terraform", SMALL);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until_status("awaiting_approval");
    running.kill();

    let running = serve(&test_env, "renamed", "one");
    // The previous name is free for others.
    let other = serve(&test_env, "first", "two");
    let mut events = other.client.follow(&id, None);
    assert_eq!(other.client.status(&id)["node"], "renamed");
    running.client.decide_once_taken_up(&id, "approve");
    let end = events.until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "applied");
}

#[test]
fn a_process_that_lost_its_name_ends() {
    let test_env = TestEnv::on_postgres();
    let running = serve(&test_env, "first", "one");
    // As a machine with a copy of the data directory would.
    block_on(async {
        let connection = PgConnection::connect(test_env.database()).await;
        let taken = "UPDATE nodes SET process = 'another'";
        connection.unwrap().execute(taken).await.unwrap();
    });
    running.failed();
}
