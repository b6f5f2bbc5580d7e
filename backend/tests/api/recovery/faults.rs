//! Faults of the service itself.

use std::fs::{self, File};

use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::test_env::{TestEnv, block_on};

#[test]
fn an_internal_error_is_told_by_an_id_and_logged_as_json_with_its_cause() {
    let test_env = TestEnv::new();
    let log = test_env.path().join("backend.log");
    let mut command = test_env.command(&["serve", "--log-format", "json"]);
    let running = test_env.start(command.stderr(File::create(&log).unwrap()));
    block_on(execute(&test_env, "DROP TABLE audit"));
    let (code, answer) = running.client.get("/audit");
    assert_eq!((code, &answer["code"]), (500, &json!("internal")));
    let id = answer["id"].as_str().unwrap();
    assert!(!answer.to_string().contains("no such table"), "{answer}");
    running.stop();

    let log = fs::read_to_string(log).unwrap();
    let mut lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let told: Value = lines
        .find(|line: &Value| line["fields"]["id"] == id)
        .unwrap_or_else(|| panic!("{id} is not in:\n{log}"));
    assert_eq!(told["level"], "ERROR");
    let cause = told["fields"]["error"].as_str().unwrap();
    assert!(cause.contains("no such table"), "{told}");
}

#[test]
fn a_service_whose_store_does_not_answer_is_alive_and_not_ready() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let ready = "/health/ready";
    assert_eq!(client.get(ready), (200, json!({"status": "ready"})));
    block_on(execute(&test_env, "DROP TABLE deployments"));
    assert_eq!(client.get(ready), (503, json!({"status": "unready"})));
    assert_eq!(client.get("/health/live").0, 200);
}

/// Executes a statement on the database without the service.
async fn execute(test_env: &TestEnv, statement: &'static str) {
    let file = test_env.root().join("data/backend.db");
    let mut connection = SqliteConnection::connect(file.to_str().unwrap())
        .await
        .unwrap();
    connection.execute(statement).await.unwrap();
}
