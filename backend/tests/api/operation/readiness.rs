//! Readiness of the service, and its responses while its store cannot be reached or written.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

use crate::access::gate::WITHIN_MINUTES;
use crate::client::Client;
use crate::test_env::{TestEnv, block_on};
use crate::waiting::wait_for;

fn request() -> Value {
    json!({"tool": "terraform", "git_url": "https://127.0.0.1:1/nothing.git", "git_ref": "main"})
}

fn wait_until_ready(client: &Client, expected: u16) {
    wait_for("another answer of /health/ready", WITHIN_MINUTES, || {
        (client.get("/health/ready").0 == expected).then_some(())
    });
}

#[track_caller]
fn assert_unavailable((code, answer): (u16, Value)) {
    let seen = (code, &answer["code"]);
    assert_eq!(seen, (503, &json!("unavailable")), "{answer}");
    assert!(answer["id"].is_string(), "{answer}");
}

#[test]
fn a_store_that_another_process_has_locked_is_not_ready() {
    let test_env = TestEnv::new().with_git_hosts("127.0.0.1");
    let running = test_env.serve();
    let client = &running.client;
    assert_eq!(client.get("/health/ready").0, 200);
    block_on(async {
        let file = test_env.root().join("data/backend.db");
        let connection = SqliteConnection::connect(file.to_str().unwrap()).await;
        let mut connection = connection.unwrap();
        connection.execute("BEGIN IMMEDIATE").await.unwrap();
        wait_until_ready(client, 503);
        assert_unavailable(client.post("/deploy", &request()));
        // The store can be read, and the service is alive.
        assert_eq!(client.get("/deploy").0, 200);
        assert_eq!(client.get("/health/live").0, 200);
        connection.execute("ROLLBACK").await.unwrap();
    });
    wait_until_ready(client, 200);
    assert_eq!(client.post("/deploy", &request()).0, 202);
}

#[test]
fn a_server_that_takes_no_writes_or_is_gone_is_not_ready() {
    let test_env = TestEnv::on_postgres().with_git_hosts("127.0.0.1");
    let running = test_env.serve();
    let client = &running.client;
    assert_eq!(client.get("/health/ready").0, 200);
    change(&test_env, "SET default_transaction_read_only = on");
    wait_until_ready(client, 503);
    assert_unavailable(client.post("/deploy", &request()));
    assert_eq!(client.get("/deploy").0, 200);
    change(&test_env, "RESET default_transaction_read_only");
    wait_until_ready(client, 200);

    change(&test_env, "ALLOW_CONNECTIONS false");
    wait_until_ready(client, 503);
    assert_unavailable(client.get("/deploy"));
    assert_eq!(client.get("/health/live").0, 200);
    change(&test_env, "ALLOW_CONNECTIONS true");
    wait_until_ready(client, 200);
    assert_eq!(client.post("/deploy", &request()).0, 202);
}

/// Changes the database of a service, and closes its connections, so that new ones see the change.
fn change(test_env: &TestEnv, what: &str) {
    let url = test_env.database();
    // postgres://iac@localhost/NAME?host=DIRECTORY
    let (name, _) = url.split_once('?').unwrap();
    let (_, name) = name.rsplit_once('/').unwrap();
    let alter = format!("ALTER DATABASE {name} {what}");
    let end =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    let server = url.replace(&format!("/{name}?"), "/postgres?");
    block_on(async {
        let mut connection = PgConnection::connect(&server).await.unwrap();
        connection.execute(AssertSqlSafe(alter)).await.unwrap();
        connection.execute(AssertSqlSafe(end)).await.unwrap();
    });
}
