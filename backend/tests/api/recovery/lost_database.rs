//! The files of the SQLite database are removed or replaced, while the service runs or before it starts.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::access::gate::WITHIN_MINUTES;
use crate::bounded::output_of;
use crate::client::Client;
use crate::test_env::{SMALL, TestEnv};
use crate::waiting::wait_for;

fn data(test_env: &TestEnv) -> PathBuf {
    test_env.root().join("data")
}

fn wait_until_ready(client: &Client, expected: u16) {
    wait_for("another answer of /health/ready", WITHIN_MINUTES, || {
        (client.get("/health/ready").0 == expected).then_some(())
    });
}

/// Runs a command that must fail, and returns its error text.
#[track_caller]
fn refused(test_env: &TestEnv, arguments: &[&str]) -> String {
    let output = test_env.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn remove_database(data: &Path) {
    for name in ["backend.db", "backend.db-wal", "backend.db-shm"] {
        let _ = fs::remove_file(data.join(name));
    }
}

#[test]
fn nothing_is_done_while_a_file_of_the_database_is_gone() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let client = &running.client;
    let request = test_env.request("terraform", SMALL);
    let id = client.deploy(&request);
    client.follow(&id, None).until_status("awaiting_approval");
    wait_until_ready(client, 200);
    for name in ["backend.db", "backend.db-wal", "backend.db-shm"] {
        let (file, aside) = (data(&test_env).join(name), test_env.root().join("aside"));
        for is_replaced in [false, true] {
            fs::rename(&file, &aside).unwrap();
            if is_replaced {
                fs::copy(&aside, &file).unwrap();
            }
            wait_until_ready(client, 503);
            let approve = format!("/deploy/{id}/approve");
            for (path, body) in [("/deploy", &request), (&approve, &json!({}))] {
                let (code, answer) = client.post(path, body);
                assert_eq!((code, &answer["code"]), (503, &json!("unavailable")));
                let error = answer["error"].as_str().unwrap();
                assert!(error.contains(&format!("`{name}`")), "{error}");
            }
            assert_eq!(client.status(&id)["status"], "awaiting_approval");
            fs::rename(&aside, &file).unwrap();
            wait_until_ready(client, 200);
        }
    }
    let (code, answer) = client.post(&format!("/deploy/{id}/approve"), &json!({}));
    assert_eq!(code, 200, "{answer}");
    let ended = client.follow(&id, None).until_end();
    assert_eq!(ended.last().unwrap().json()["reason"], "applied");
}

#[test]
fn a_service_that_lost_its_database_does_not_start() {
    let test_env = TestEnv::new();
    test_env.key("ann", "admin");
    let data = data(&test_env);
    let is_whole = || !data.join("backend.db-wal").exists();
    assert!(is_whole(), "after a command");
    let running = test_env.serve();
    running.stop();
    assert!(is_whole(), "after a stop");
    let copy = fs::read(data.join("backend.db")).unwrap();
    for is_empty in [false, true] {
        remove_database(&data);
        if is_empty {
            fs::write(data.join("backend.db"), "").unwrap();
        }
        for call in [
            &["serve"][..],
            &["keys", "list"],
            &["keys", "create", "bob", "--role", "admin"],
        ] {
            let told = refused(&test_env, call);
            for part in ["backend.db", "/data/node`", "restore", "begin anew"] {
                assert!(told.contains(part), "{part}: {told}");
            }
        }
        let length = fs::metadata(data.join("backend.db")).map(|file| file.len());
        assert_eq!(length.ok(), is_empty.then_some(0), "none is made");
    }
    remove_database(&data);
    fs::write(data.join("backend.db"), copy).unwrap();
    test_env.serve().stop();

    // A database that was created in its place, and never used.
    remove_database(&data);
    fs::rename(data.join("node"), test_env.root().join("node")).unwrap();
    let listed = test_env.run(&["keys", "list"]);
    assert!(listed.status.success(), "{listed:?}");
    fs::rename(test_env.root().join("node"), data.join("node")).unwrap();
    let told = refused(&test_env, &["serve"]);
    assert!(told.contains("backend.db"), "{told}");

    fs::remove_file(data.join("node")).unwrap();
    test_env.serve().stop();
}

#[test]
fn a_sealing_key_without_its_database_is_not_used_for_a_new_one() {
    let test_env = TestEnv::new();
    let key_file = data(&test_env).join("sealing.key");
    let serve = || {
        let mut command = test_env.command(&["serve"]);
        command.env_remove("IAC_BACKEND_SEALING_KEY_FILE");
        command
    };
    test_env.start(&mut serve()).stop();
    assert!(key_file.exists());
    remove_database(&data(&test_env));
    fs::remove_file(data(&test_env).join("node")).unwrap();
    let output = output_of(&mut serve());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(key_file.to_str().unwrap()), "{told}");
    fs::remove_file(key_file).unwrap();
    test_env.start(&mut serve()).stop();
}

#[test]
fn a_data_directory_moves_on_to_postgres_and_not_back_by_mistake() {
    let test_env = TestEnv::on_postgres();
    let on_sqlite = || {
        let mut command = test_env.command(&["serve"]);
        command.env_remove("DATABASE_URL");
        command
    };
    test_env.start(&mut on_sqlite()).stop();
    test_env.serve().stop();
    test_env.start(&mut on_sqlite()).stop();
    remove_database(&data(&test_env));
    test_env.serve().stop();
    let output = output_of(&mut on_sqlite());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("DATABASE_URL"), "{told}");
}
