//! A restart that does not find the session of a deployment that had begun: nothing is started again.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

use crate::access::gate::WITHIN_MINUTES;
use crate::client::Client;
use crate::test_env::{SMALL, TestEnv, block_on};
use crate::waiting::wait_for;

#[test]
fn an_apply_is_not_repeated_after_its_sessions_were_lost() {
    apply_is_not_repeated(&TestEnv::new());
}

#[test]
fn an_apply_is_not_repeated_after_its_sessions_were_lost_with_postgres() {
    apply_is_not_repeated(&TestEnv::on_postgres());
}

fn apply_is_not_repeated(test_env: &TestEnv) {
    let running = test_env.serve();
    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    running.kill();
    fs::remove_dir_all(test_env.root().join("data/sessions")).unwrap();

    for _ in 0..2 {
        let running = test_env.serve();
        assert_unknown(&running.client, &id);
        running.kill();
    }
    // The tool that was started continues; there was only one.
    test_env.let_go();
    assert_eq!(
        fs::read_to_string(test_env.path().join("count")).unwrap(),
        "once\n"
    );
}

#[test]
fn a_plan_is_not_made_again_after_its_session_was_lost() {
    // Everything of the deployment, only the directory of its session, or only the session's journal.
    for part in ["", "*", "*/journal.ndjson"] {
        let test_env = TestEnv::new();
        let running = test_env.serve();
        let client = &running.client;
        let id = client.deploy(&test_env.request("terraform", SMALL));
        client.follow(&id, None).until_status("awaiting_approval");
        running.kill();
        lose(&test_env, &id, part);
        let running = test_env.serve();
        assert_unknown(&running.client, &id);
        let (code, _) = running
            .client
            .post(&format!("/deploy/{id}/approve"), &json!({}));
        assert_eq!(code, 409, "{part}");
    }
}

/// As if the service had died after it recorded that it begins, and before it began.
#[test]
fn what_had_not_begun_is_begun_after_a_crash() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let first = client.deploy(&test_env.request("terraform", SMALL));
    client
        .follow(&first, None)
        .until_status("awaiting_approval");
    running.kill();
    lose(&test_env, &first, "*");
    fs::write(directory(&test_env, &first).join("not-begun"), "").unwrap();
    let running = test_env.serve();
    let client = &running.client;
    wait_for("the plan to be made and approved", WITHIN_MINUTES, || {
        let (code, _) = client.post(&format!("/deploy/{first}/approve"), &json!({}));
        (code == 200).then_some(())
    });
    let ended = client.follow(&first, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "applied");
}

/// The session exists but its secrets cannot be decrypted: it is followed to its end.
#[test]
fn an_apply_whose_secrets_do_not_open_is_followed() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    running.kill();
    block_on(async {
        let file = test_env.root().join("data/backend.db");
        let mut connection = SqliteConnection::connect(file.to_str().unwrap())
            .await
            .unwrap();
        let spoil = "UPDATE deployments SET sealed_secrets = x'01ff' WHERE queue_state = 'active'";
        connection.execute(AssertSqlSafe(spoil)).await.unwrap();
    });
    let running = test_env.serve();
    let client = &running.client;
    let next = client.deploy(&test_env.request("terraform", SMALL));
    assert_eq!(client.status(&id)["status"], "running");
    test_env.let_go();
    let ended = client.follow(&id, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "applied");
    client.follow(&next, None).until_status("awaiting_approval");
    assert_eq!(
        fs::read_to_string(test_env.path().join("count")).unwrap(),
        "once\n"
    );
}

fn directory(test_env: &TestEnv, id: &str) -> PathBuf {
    test_env.root().join("data/sessions").join(id)
}

/// Removes a part of a deployment's directory; `*` is the directory of its session.
fn lose(test_env: &TestEnv, id: &str, part: &str) {
    let dir = directory(test_env, id);
    let entries = fs::read_dir(&dir).unwrap();
    let sessions = entries.map(|entry| entry.unwrap().path());
    let session = sessions.into_iter().find(|path| path.is_dir()).unwrap();
    match part {
        "" => fs::remove_dir_all(dir).unwrap(),
        "*" => fs::remove_dir_all(session).unwrap(),
        file => fs::remove_file(session.join(&file[2..])).unwrap(),
    }
}

#[track_caller]
fn assert_unknown(client: &Client, id: &str) {
    let status: Value = wait_for("the deployment to end", WITHIN_MINUTES, || {
        let status = client.status(id);
        (status["status"] != "running" && status["status"] != "awaiting_approval").then_some(status)
    });
    let seen = (&status["status"], &status["reason"]);
    assert_eq!(seen, (&json!("failed"), &json!("unknown")), "{status}");
    let error = status["error"].as_str().unwrap();
    assert!(
        error.contains(id) && error.contains("is missing"),
        "{error}"
    );
}
