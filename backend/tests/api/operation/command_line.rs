//! The command line of the real binary.

use std::process::{Output, Stdio};

use crate::bounded::output_of;
use crate::test_env::TestEnv;

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_configuration_is_checked_and_shown_without_secrets() {
    let test_env = TestEnv::new();
    let file = test_env.path().join("backend.toml");
    std::fs::write(
        &file,
        "[store]\ndatabase_url = \"postgres://u:hunter2@h/d\"\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let check = test_env.run(&["config", "check", "--config", file]);
    assert!(check.status.success(), "{check:?}");
    let shown = output_of(
        test_env
            .command(&["config", "show", "--config", file, "--concurrency=3"])
            .env("IAC_BACKEND_SEALING_KEY", "hunter2"),
    );
    let (stdout, stderr) = text(&shown);
    assert!(stdout.contains("work.concurrency = 3  # flag"), "{stdout}");
    assert!(stdout.contains("store.database_url = (set, not shown)  # file"));
    assert!(!stdout.contains("hunter2") && !stderr.contains("hunter2"));

    let bad = test_env.run(&["config", "check", "--concurrency", "none"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(
        text(&bad).1.contains("`work.concurrency` (flag)"),
        "{bad:?}"
    );
    let unknown = test_env.run(&["config", "check", "--nonsense"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn keys_are_made_listed_and_revoked_and_shown_once() {
    let test_env = TestEnv::new();
    let key = test_env.key("ann of the team", "deployer");
    let mut parts = key.splitn(3, '_').skip(1);
    let (id, secret) = (parts.next().unwrap(), parts.next().unwrap());
    let (list, _) = text(&test_env.run(&["keys", "list"]));
    let line = list.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(
        line.contains("deployer") && line.ends_with("ann of the team"),
        "{line}"
    );
    assert!(!list.contains(secret));
    let bytes = std::fs::read(test_env.root().join("data/backend.db")).unwrap();
    assert!(
        !bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes())
    );
    let bad = test_env.run(&["keys", "create", "bob", "--role", "root"]);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn keys_are_created_while_the_first_start_creates_the_database() {
    for _ in 0..4 {
        let test_env = TestEnv::new();
        let owners = ["ann", "bob", "cid"];
        let creating = owners.map(|owner| {
            test_env
                .command(&["keys", "create", owner, "--role", "admin"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        });
        let _running = test_env.serve();
        for child in creating {
            let created = child.wait_with_output().unwrap();
            assert!(created.status.success(), "{created:?}");
        }
        let (list, _) = text(&test_env.run(&["keys", "list"]));
        assert!(owners.iter().all(|owner| list.contains(owner)), "{list}");
    }
}

#[test]
fn a_service_without_keys_serves_loopback_alone() {
    let test_env = TestEnv::new();
    let refused = test_env.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused).1.contains("there are no keys"),
        "{refused:?}"
    );
}

#[test]
fn health_asks_the_configured_address() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let address = running.client.address().to_owned();
    let health = || test_env.run(&["health", "--listen", &address]);
    let ready = health();
    assert!(ready.status.success(), "{ready:?}");
    assert!(text(&ready).0.contains("is ready"), "{ready:?}");
    running.stop();
    let gone = health();
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    assert!(text(&gone).1.contains("did not answer"), "{gone:?}");
    // The system chose the port.
    let unknown = test_env.run(&["health"]);
    assert!(text(&unknown).1.contains("server.listen"), "{unknown:?}");
}

#[test]
fn a_start_that_fails_names_what_is_in_the_way() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    let address = running.client.address();
    let file = test_env.root().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("data");
    let other = test_env.root().join("other");
    let (below, other) = (below.to_str().unwrap(), other.to_str().unwrap());
    let table = [
        (
            ["--listen", address, "--data-dir", other],
            address,
            "--listen",
        ),
        (
            ["--listen", "127.0.0.1:0", "--data-dir", below],
            below,
            "--data-dir",
        ),
        (
            ["--listen", "192.0.2.1:1", "--data-dir", other],
            "192.0.2.1:1",
            "--insecure",
        ),
        (
            ["--sandbox-read", "/", "--data-dir", other],
            "`sandbox.read` lists `/`",
            "list only the paths that configurations need",
        ),
    ];
    for (flags, named, remedy) in table {
        let refused = test_env.run(&[&["serve"][..], &flags].concat());
        let said = text(&refused).1;
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(named) && said.contains(remedy), "{said}");
    }
}
