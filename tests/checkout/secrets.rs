//! Places where a secret could be visible and must not be.

use std::fs;
use std::path::Path;
use std::process::Command;

use iac_runner::checkout::{Credentials, GitSource, check_out};

use crate::bounded::output_of;
use crate::http_server::{HttpServer, Manner};
use crate::processes::of_checkout_in;
use crate::repository::Repositories;
use crate::ssh_server::SshServer;
use crate::test_env::{TestEnv, runtime, source};
use crate::waiting::{SOON, WITHIN_A_TEST, wait_for};

const PASSWORD: &str = "hunter2+hunter2";
/// The password, in a URL, and with the user name in a header.
const FORMS: [&str; 3] = [PASSWORD, "hunter2%2bhunter2", "bWU6aHVudGVyMitodW50ZXIy"];

/// Fails if a file below the folder contains one of the texts.
fn assert_no_file_holds(folder: &Path, texts: &[&str]) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.is_symlink() {
            assert_no_file_holds(&path, texts);
        } else if let Ok(bytes) = fs::read(&path) {
            let text = String::from_utf8_lossy(&bytes);
            for wanted in texts {
                assert!(!text.contains(wanted), "{} holds a secret", path.display());
            }
        }
    }
}

/// Other programs create files in the temporary folder too.
fn is_small_file(entry: &fs::DirEntry) -> bool {
    let found = entry.metadata();
    found.is_ok_and(|found| found.is_file() && found.len() < 1024 * 1024)
}

fn assert_no_process_shows(folder: &Path, texts: &[&str]) {
    let processes = of_checkout_in(folder);
    assert!(!processes.is_empty());
    for process in &processes {
        for wanted in texts {
            assert!(!process.command_line.contains(wanted), "{process:#?}");
            assert!(!process.environment.contains(wanted), "{process:#?}");
        }
    }
}

#[test]
fn a_password_is_in_no_argument_variable_or_file_and_with_no_other_child() {
    let repositories = Repositories::new();
    repositories.create("a");
    let manner = Manner {
        login: Some(("me".to_owned(), PASSWORD.to_owned())),
        holds_fetches: true,
        ..Manner::default()
    };
    let server = HttpServer::start(repositories.path(), manner);
    let source = GitSource {
        credentials: Credentials::Basic {
            username: "me".to_owned(),
            password: PASSWORD.into(),
        },
        ..source(server.url("a/.git"), "main")
    };
    let test_env = TestEnv::new().with_mirrors();
    let (into, options) = (test_env.path("into"), test_env.options.clone());
    let runtime = runtime();
    let running =
        runtime.spawn(async move { check_out(&source, &into, &options, &mut |_| ()).await });
    server.wait_for_a_held_fetch();

    assert_no_process_shows(&test_env.folder(), &FORMS);
    assert_no_file_holds(&test_env.folder(), &FORMS);
    let temporary = fs::read_dir(std::env::temp_dir()).expect("a folder");
    for entry in temporary.flatten().filter(is_small_file) {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        assert!(
            !String::from_utf8_lossy(&bytes).contains(PASSWORD),
            "{:?}",
            entry.path()
        );
    }
    let other_child = output_of(Command::new("ls").args(["-l", "/proc/self/fd"]));
    let descriptors = String::from_utf8_lossy(&other_child.stdout).into_owned();
    assert!(!descriptors.contains("git-login"), "{descriptors}");

    server.let_go();
    runtime
        .block_on(running)
        .expect("no panic")
        .expect("a checkout");
    assert_no_file_holds(&test_env.folder(), &FORMS);
    assert!(test_env.path("into/.git/config").exists());
}

#[test]
fn a_private_key_is_in_no_argument_variable_or_file() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let server = SshServer::start(false);
    server.hold_sessions();
    let key = server.read("user");
    let texts: Vec<&str> = key.lines().collect();
    let source = GitSource {
        credentials: server.credentials(),
        ..source(server.url(&repository.path), "main")
    };
    let test_env = TestEnv::new();
    let (into, options) = (test_env.path("into"), test_env.options.clone());
    let runtime = runtime();
    let running =
        runtime.spawn(async move { check_out(&source, &into, &options, &mut |_| ()).await });
    wait_for("a session to be held", WITHIN_A_TEST, || {
        server.holds_a_session().then_some(())
    });

    assert_no_process_shows(&test_env.folder(), &texts);
    assert_no_file_holds(&test_env.folder(), &texts);
    let processes = of_checkout_in(&test_env.folder());
    assert!(
        processes
            .iter()
            .any(|process| process.command_line.starts_with("ssh "))
    );

    running.abort();
    assert!(runtime.block_on(running).is_err());
    wait_for("all to be gone", SOON, || {
        of_checkout_in(&test_env.folder()).is_empty().then_some(())
    });
}

#[test]
fn debug_shows_no_credentials() {
    let server_key = Credentials::Ssh {
        private_key: "hunter2hunter2".into(),
        known_hosts: String::new(),
    };
    for credentials in [Credentials::token("hunter2hunter2".into()), server_key] {
        let shown = format!(
            "{:?}",
            GitSource {
                credentials,
                ..source("/a", "main")
            }
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
