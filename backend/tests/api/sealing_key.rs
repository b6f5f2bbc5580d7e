//! A wrong or missing sealing key: the service does not start, and changes nothing.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::bounded::output_of;
use crate::stand::{SMALL, Stand};

const OTHER: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f\n";

fn key_file(stand: &Stand) -> PathBuf {
    stand.key_file()
}

fn write_key(stand: &Stand, text: &str) {
    use std::io::Write;
    let file = key_file(stand);
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
    refused_without_its_key(&Stand::new());
}

#[test]
fn a_service_with_another_key_or_none_does_not_start_with_postgres() {
    refused_without_its_key(&Stand::on_postgres());
}

fn refused_without_its_key(stand: &Stand) {
    let running = stand.serve();
    let mut request = stand.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    running.kill();
    let right = fs::read_to_string(key_file(stand)).unwrap();
    let path = key_file(stand).display().to_string();

    write_key(stand, OTHER);
    assert_refused(&mut stand.command(&["serve"]), &path);
    write_key(stand, &right[..40]);
    assert_refused(&mut stand.command(&["serve"]), &path);
    fs::remove_file(key_file(stand)).unwrap();
    assert_refused(&mut stand.command(&["serve"]), &path);
    assert!(!key_file(stand).exists(), "none is made in its place");
    let mut by_setting = stand.command(&["serve"]);
    by_setting.env("IAC_BACKEND_SEALING_KEY", OTHER.trim());
    assert_refused(&mut by_setting, "IAC_BACKEND_SEALING_KEY");

    write_key(stand, &right);
    let running = stand.serve();
    let client = &running.client;
    assert_eq!(client.status(&id)["status"], "running");
    stand.let_go();
    let ended = client.follow(&id, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "applied");
    let made = fs::read_to_string(stand.path().join("count")).unwrap();
    assert_eq!(made, "once\n");
}

#[test]
fn an_apply_is_followed_after_the_key_was_replaced() {
    let stand = Stand::new();
    let running = stand.serve_with(&["--concurrency", "1"]);
    let mut request = stand.slow();
    request["auto_approve"] = json!(true);
    let id = running.client.deploy(&request);
    let mut events = running.client.follow(&id, None);
    events.until(|event| event.kind == "log" && event.data.contains("(local-exec)"));
    let mut request = stand.request("terraform", SMALL);
    request["workspace"] = json!("other");
    let next = running.client.deploy(&request);
    running.kill();
    fs::remove_file(key_file(&stand)).unwrap();
    assert_refused(
        &mut stand.command(&["serve"]),
        "iac-backend replace-sealing-key",
    );
    let replaced = stand.run(&["replace-sealing-key"]);
    assert!(replaced.status.success(), "{replaced:?}");

    let running = stand.serve();
    let client = &running.client;
    stand.let_go();
    let ended = client.follow(&id, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "applied");
    let made = fs::read_to_string(stand.path().join("count")).unwrap();
    assert_eq!(made, "once\n");
    let ended = client.follow(&next, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "preparation_failed");
}
