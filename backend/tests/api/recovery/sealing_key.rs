//! A wrong or missing sealing key: the service does not start, and changes nothing.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::bounded::output_of;
use crate::test_env::{SMALL, TestEnv};

const OTHER: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f\n";

fn key_file(test_env: &TestEnv) -> PathBuf {
    test_env.key_file()
}

fn write_key(test_env: &TestEnv, text: &str) {
    use std::io::Write;
    let file = key_file(test_env);
    let _ = fs::remove_file(&file);
    let mut options = fs::OpenOptions::new();
    let written = options.write(true).create_new(true).mode(0o600).open(file);
    written.unwrap().write_all(text.as_bytes()).unwrap();
}

#[track_caller]
fn assert_refused(serve: &mut Command, told: &str) {
    let refused = output_of(serve);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains(told), "{said}");
}

#[test]
fn a_service_with_another_key_or_none_does_not_start() {
    refused_without_its_key(&TestEnv::new());
}

#[test]
fn a_service_with_another_key_or_none_does_not_start_with_postgres() {
    refused_without_its_key(&TestEnv::on_postgres());
}

fn refused_without_its_key(test_env: &TestEnv) {
    let running = test_env.serve();
    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    running.kill();
    let right = fs::read_to_string(key_file(test_env)).unwrap();
    let path = key_file(test_env).display().to_string();

    write_key(test_env, OTHER);
    assert_refused(&mut test_env.command(&["serve"]), &path);
    write_key(test_env, &right[..40]);
    assert_refused(&mut test_env.command(&["serve"]), &path);
    fs::remove_file(key_file(test_env)).unwrap();
    assert_refused(&mut test_env.command(&["serve"]), &path);
    assert!(!key_file(test_env).exists(), "none is made in its place");
    let mut by_setting = test_env.command(&["serve"]);
    by_setting.env("IAC_BACKEND_SEALING_KEY", OTHER.trim());
    assert_refused(&mut by_setting, "IAC_BACKEND_SEALING_KEY");

    write_key(test_env, &right);
    let running = test_env.serve();
    let client = &running.client;
    assert_eq!(client.status(&id)["status"], "running");
    test_env.let_go();
    let ended = client.follow(&id, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "applied");
    let made = fs::read_to_string(test_env.path().join("count")).unwrap();
    assert_eq!(made, "once\n");
}

#[test]
fn an_apply_is_followed_after_the_key_was_replaced() {
    let test_env = TestEnv::new();
    let running = test_env.serve_with(&["--concurrency", "1"]);
    let mut request = test_env.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    let mut request = test_env.request("terraform", SMALL);
    request["workspace"] = json!("other");
    let next = running.client.deploy(&request);
    running.kill();
    fs::remove_file(key_file(&test_env)).unwrap();
    assert_refused(
        &mut test_env.command(&["serve"]),
        "iac-backend replace-sealing-key",
    );
    let replaced = test_env.run(&["replace-sealing-key"]);
    assert!(replaced.status.success(), "{replaced:?}");

    let running = test_env.serve();
    let client = &running.client;
    test_env.let_go();
    let ended = client.follow(&id, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "applied");
    let made = fs::read_to_string(test_env.path().join("count")).unwrap();
    assert_eq!(made, "once\n");
    let ended = client.follow(&next, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "preparation_failed");
}
