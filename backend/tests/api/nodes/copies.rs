//! A copy of a data directory is another node: it does not run what the original runs.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::access::gate::WITHIN_MINUTES;
use crate::bounded::output_of;
use crate::test_env::{Running, TestEnv};
use crate::waiting::wait_for;

fn serve(test_env: &TestEnv, dir: &str, lease: &str) -> Running {
    let dir = test_env.root().join(dir);
    test_env.serve_with(&["--data-dir", dir.to_str().unwrap(), "--lease", lease])
}

fn copy(test_env: &TestEnv, from: &str, to: &str) {
    let at = |name: &str| test_env.root().join(name);
    let copied = output_of(Command::new("cp").arg("-a").arg(at(from)).arg(at(to)));
    assert!(copied.status.success(), "{copied:?}");
}

#[test]
fn a_plan_is_not_applied_again_by_a_copy_of_the_data_directory() {
    let test_env = TestEnv::on_postgres();
    let original = serve(&test_env, "one", "2s");
    let id = original.client.deploy(&test_env.slow());
    let mut events = original.client.follow(&id, None);
    events.until_status("awaiting_approval");
    copy(&test_env, "one", "two");
    let approve = format!("/deploy/{id}/approve");
    assert_eq!(original.client.post(&approve, &json!({})).0, 200);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));

    // The original is alive.
    let two = test_env.root().join("two");
    let two = two.to_str().unwrap();
    let refused = test_env.run(&["serve", "--data-dir", two, "--lease", "2s"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(
        told.contains("with a copy of this data directory"),
        "{told}"
    );
    assert!(told.contains("two/node`"), "{told}");
    assert_eq!(original.client.get("/health/ready").0, 200);

    // It was killed, and its apply continues: the copy gets its name, and nothing that runs in the original.
    original.kill();
    let copied = serve(&test_env, "two", "2s");
    let status = copied.client.status(&id);
    assert_eq!(
        (&status["status"], &status["phase"]),
        (&json!("running"), &json!("apply"))
    );
    for what in ["approve", "cancel"] {
        let path = format!("/deploy/{id}/{what}");
        let (code, answer) = copied.client.post(&path, &json!({}));
        let error = answer["error"].as_str().unwrap();
        assert_eq!(code, 409, "{answer}");
        assert!(
            error.contains("nothing was done") && error.contains("/one/"),
            "{error}"
        );
    }
    copied.stop();

    let original = serve(&test_env, "one", "2s");
    test_env.let_go();
    let end = original.client.follow(&id, None).until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "applied");
    let count = fs::read_to_string(test_env.path().join("count")).unwrap();
    assert_eq!(count, "once\n");
}

#[test]
fn a_plan_is_not_applied_again_after_its_directory_was_replaced_by_a_backup() {
    let test_env = TestEnv::on_postgres();
    let running = serve(&test_env, "one", "2s");
    let id = running.client.deploy(&test_env.slow());
    let mut events = running.client.follow(&id, None);
    events.until_status("awaiting_approval");
    copy(&test_env, "one", "backup");
    let approve = format!("/deploy/{id}/approve");
    assert_eq!(running.client.post(&approve, &json!({})).0, 200);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    running.kill();
    let at = |name: &str| test_env.root().join(name);
    fs::rename(at("one"), at("lost")).unwrap();
    fs::rename(at("backup"), at("one")).unwrap();

    let running = serve(&test_env, "one", "2s");
    let end = running.client.follow(&id, None).until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "unknown");
    assert_eq!(running.client.post(&approve, &json!({})).0, 409);
    test_env.let_go();
    let count = fs::read_to_string(test_env.path().join("count")).unwrap();
    assert_eq!(count, "once\n");
}

#[test]
fn a_copy_without_its_identity_is_a_node_of_its_own() {
    let test_env = TestEnv::on_postgres();
    let original = serve(&test_env, "one", "60s");
    let id = original.client.deploy(&test_env.slow());
    original
        .client
        .follow(&id, None)
        .until_status("awaiting_approval");
    copy(&test_env, "one", "two");
    fs::remove_file(test_env.root().join("two/node")).unwrap();
    let other = serve(&test_env, "two", "60s");
    assert_eq!(original.client.get("/health/ready").0, 200);
    test_env.let_go();
    let approve = format!("/deploy/{id}/approve");
    assert_eq!(other.client.post(&approve, &json!({})).0, 200);
    let end = other.client.follow(&id, None).until_end();
    assert_eq!(end.last().unwrap().json()["reason"], "applied");
    let count = fs::read_to_string(test_env.path().join("count")).unwrap();
    assert_eq!(count, "once\n");
}

#[test]
fn a_killed_service_starts_again_while_its_lease_is_alive() {
    let test_env = TestEnv::on_postgres();
    // Longer than any test may take.
    serve(&test_env, "one", "1h").kill();
    let again = serve(&test_env, "one", "1h");
    wait_for("the service to be ready", WITHIN_MINUTES, || {
        (again.client.get("/health/ready").0 == 200).then_some(())
    });
}
