//! A node is identified by its data directory: no two have the same name.

use std::process::Output;

use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use crate::gate::WITHIN_MINUTES;
use crate::stand::{Running, SMALL, Stand, block_on};
use crate::waiting::wait_for;

/// Returns the flags of a node with this name and data directory.
fn flags(stand: &Stand, name: &str, dir: &str) -> Vec<String> {
    let dir = stand.root().join(dir);
    let dir = dir.to_str().unwrap();
    ["--node", name, "--data-dir", dir, "--lease", "2s"]
        .map(str::to_owned)
        .to_vec()
}

fn serve(stand: &Stand, name: &str, dir: &str) -> Running {
    let flags = flags(stand, name, dir);
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    stand.serve_with(&flags)
}

/// Starts a service that must refuse to run, and returns the reason.
fn refused(stand: &Stand, name: &str, dir: &str) -> String {
    let flags = flags(stand, name, dir);
    let mut call = vec!["serve"];
    call.extend(flags.iter().map(String::as_str));
    let Output {
        status,
        stdout,
        stderr,
    } = stand.run(&call);
    assert_eq!(status.code(), Some(1));
    assert!(stdout.is_empty(), "it has not served");
    String::from_utf8_lossy(&stderr).into_owned()
}

#[test]
fn a_name_whose_lease_is_alive_is_refused_at_start() {
    let stand = Stand::on_postgres();
    let running = serve(&stand, "first", "one");
    let mut request = stand.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    let text = refused(&stand, "first", "two");
    for part in ["`first`", "in use by another data directory", "--node"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }

    // Its lease expires, and the name still belongs to the directory with the sessions.
    running.kill();
    let text = wait_for("the lease to end", WITHIN_MINUTES, || {
        let text = refused(&stand, "first", "two");
        (!text.contains("in use")).then_some(text)
    });
    for part in ["`first`", "runs 1 deployment", "iac-backend abandon"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }

    // Its own directory gets the name at once, and the apply ran once.
    let running = serve(&stand, "first", "one");
    stand.let_go();
    let end = running.client.follow(&id, None).until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "applied");
    let count = std::fs::read_to_string(stand.path().join("count")).unwrap();
    assert_eq!(count, "once\n");

    // A shutdown releases the name if no deployments are left.
    running.stop();
    let _running = serve(&stand, "first", "two");
    let text = refused(&stand, "first", "one");
    assert!(text.contains("in use"), "{text}");
}

#[test]
fn a_node_keeps_what_it_carries_under_a_new_name() {
    let stand = Stand::on_postgres();
    let running = serve(&stand, "first", "one");
    let request = stand.request("terraform", SMALL);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until_status("awaiting_approval");
    running.kill();

    let running = serve(&stand, "renamed", "one");
    // The previous name is free for others.
    let other = serve(&stand, "first", "two");
    let mut events = other.client.follow(&id, None);
    assert_eq!(other.client.status(&id)["node"], "renamed");
    running.client.decide_once_taken_up(&id, "approve");
    let end = events.until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "applied");
}

#[test]
fn a_process_that_lost_its_name_ends() {
    let stand = Stand::on_postgres();
    let running = serve(&stand, "first", "one");
    // As a machine with a copy of the data directory would.
    block_on(async {
        let connection = PgConnection::connect(stand.database()).await;
        let taken = "UPDATE nodes SET process = 'another'";
        connection.unwrap().execute(taken).await.unwrap();
    });
    running.failed();
}
