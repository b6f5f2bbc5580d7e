//! Tickets: their rights, and the rate limit that they count towards.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

use crate::client::Client;
use crate::test_env::{SMALL, TestEnv, block_on};

fn ticket(client: &Client, id: &str) -> String {
    let (code, answer) = client.post(&format!("/deploy/{id}/ticket"), &json!({}));
    assert_eq!(code, 200, "{answer}");
    answer["ticket"].as_str().unwrap().to_owned()
}

fn opened(client: &Client, id: &str, ticket: &str) -> u16 {
    let path = format!("/deploy/{id}/logs?ticket={ticket}");
    client.open(&path, None).status().as_u16()
}

fn validation(test_env: &TestEnv, client: &Client) -> String {
    let mut request = test_env.request("terraform", SMALL);
    request["operation"] = json!("validate");
    let id = client.deploy(&request);
    client.follow(&id, None).until_end();
    id
}

fn key_id(key: &str) -> &str {
    key.split('_').nth(1).unwrap()
}

#[test]
fn a_ticket_dies_with_the_key_that_bought_it() {
    let test_env = TestEnv::new();
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|name| test_env.key(name, "admin"));
    let running = test_env.serve();
    let client = |key: &str| running.client.with_key(key);
    let id = validation(&test_env, &client(&ann));
    let [of_ann, of_bob, of_eve] = [&ann, &bob, &eve].map(|key| ticket(&client(key), &id));
    for ticket in [&of_ann, &of_bob, &of_eve] {
        assert_eq!(opened(&running.client, &id, ticket), 200);
    }
    let revoked = test_env.run(&["keys", "revoke", key_id(&ann)]);
    assert!(revoked.status.success(), "{revoked:?}");
    let delete = format!("DELETE FROM api_keys WHERE id = '{}'", key_id(&bob));
    block_on(async {
        let file = test_env.root().join("data/backend.db");
        let connection = SqliteConnection::connect(file.to_str().unwrap()).await;
        let mut connection = connection.unwrap();
        connection.execute(AssertSqlSafe(delete)).await.unwrap();
    });
    assert_eq!(opened(&running.client, &id, &of_ann), 401, "revoked");
    assert_eq!(opened(&running.client, &id, &of_bob), 401, "deleted");
    assert_eq!(opened(&running.client, &id, &of_eve), 200);
}

#[test]
fn a_stream_ends_with_the_key_that_opened_it() {
    let test_env = TestEnv::new();
    let (ann, bob) = (test_env.key("ann", "admin"), test_env.key("bob", "viewer"));
    let running = test_env.serve();
    let ann = running.client.with_key(&ann);
    let id = ann.deploy(&test_env.request("terraform", SMALL));
    let mut events = running.client.with_key(&bob).follow(&id, None);
    events.until_status("awaiting_approval");
    let revoked = test_env.run(&["keys", "revoke", key_id(&bob)]);
    assert!(revoked.status.success(), "{revoked:?}");
    // The deployment has not ended, so only the key ends the stream.
    assert!(events.all(|event| event.kind != "end"));
    assert_eq!(ann.status(&id)["status"], "awaiting_approval");
}

#[test]
fn a_ticket_from_before_there_were_keys_dies_with_the_first_one() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let id = validation(&test_env, &running.client);
    let ticket = ticket(&running.client, &id);
    assert_eq!(opened(&running.client, &id, &ticket), 200);
    test_env.key("ann", "admin");
    assert_eq!(opened(&running.client, &id, &ticket), 401);
}

#[test]
fn a_good_ticket_is_not_counted_against_the_address() {
    let test_env = TestEnv::new();
    let key = test_env.key("ann", "admin");
    let running = test_env.serve_with(&["--rate-limit", "5"]);
    let client = running.client.with_key(&key);
    // The request, its log, the ticket: two requests are left for the ticket.
    let id = validation(&test_env, &client);
    let ticket = ticket(&client, &id);
    for expected in [401, 401, 401, 401, 401, 429] {
        assert_eq!(opened(&running.client, &id, "other"), expected);
    }
    // The address has no requests left, but the ticket still opens the log.
    assert_eq!(opened(&running.client, &id, &ticket), 200);
}
