//! Checkouts that are stopped by a timeout, by their owner, or because git is missing.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use iac_runner::checkout::{CheckoutError, check_out};

use crate::bounded::{end_of, output_of};
use crate::http_server::{HttpServer, Manner};
use crate::processes::of_checkout_in;
use crate::repository::Repositories;
use crate::test_env::{TestEnv, block_on, runtime, source};
use crate::waiting::{SOON, wait_for};

fn holding(repositories: &Repositories) -> HttpServer {
    let manner = Manner {
        holds_fetches: true,
        ..Manner::default()
    };
    HttpServer::start(repositories.path(), manner)
}

#[test]
fn a_timeout_leaves_no_process_and_no_file_and_a_retry_succeeds() {
    let repositories = Repositories::new();
    repositories.create("a");
    for mut test_env in [TestEnv::new(), TestEnv::new().with_mirrors()] {
        let server = holding(&repositories);
        let whole = test_env.options.timeout;
        test_env = test_env.with_timeout(Duration::from_secs(1));
        let began = Instant::now();
        let fault = test_env.refused(&source(server.url("a/.git"), "main"));
        assert!(matches!(fault, CheckoutError::TimedOut { .. }), "{fault:?}");
        assert!(began.elapsed() < whole, "it waited for another timeout");
        assert!(of_checkout_in(&test_env.folder()).is_empty());
        server.let_go();
        test_env = test_env.with_timeout(whole);
        test_env
            .check_out(&source(server.url("a/.git"), "main"))
            .unwrap();
    }
}

#[test]
fn a_dropped_future_leaves_no_process_and_no_file() {
    let repositories = Repositories::new();
    repositories.create("a");
    let server = holding(&repositories);
    let test_env = TestEnv::new().with_mirrors();
    let (into, options) = (test_env.path("into"), test_env.options.clone());
    let source = source(server.url("a/.git"), "main");
    let runtime = runtime();
    let running =
        runtime.spawn(async move { check_out(&source, &into, &options, &mut |_| ()).await });
    server.wait_for_a_held_fetch();
    let processes = of_checkout_in(&test_env.folder());
    assert!(processes.len() > 1, "{processes:#?}");
    running.abort();
    assert!(runtime.block_on(running).is_err());
    wait_for("all processes to be reaped", SOON, || {
        let left = processes
            .iter()
            .any(|process| is_child_of_ours(process.pid));
        (!left && of_checkout_in(&test_env.folder()).is_empty()).then_some(())
    });
    wait_for("what they made to be removed", SOON, || {
        let mut entries = std::fs::read_dir(test_env.folder())
            .expect("a folder")
            .flatten();
        entries
            .all(|entry| entry.file_name() == "mirrors")
            .then_some(())
    });
}

/// Returns whether a process is our child, including zombies.
fn is_child_of_ours(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1));
        parent == Some(std::process::id().to_string().as_str())
    })
}

#[test]
fn other_children_of_this_process_are_left_alone() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let mut other = Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
    TestEnv::new()
        .check_out(&source(repository.url(), "main"))
        .unwrap();
    assert_eq!(end_of(&mut other).code(), Some(7));
}

/// Returns a command that runs a test of this binary again, in a separate process.
fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--exact", test]).env(INNER, "1");
    command
}

/// Set in that process.
const INNER: &str = "IAC_TEST_INNER";
const URL: &str = "IAC_TEST_URL";
const FOLDER: &str = "IAC_TEST_FOLDER";

fn is_inner() -> bool {
    std::env::var_os(INNER).is_some()
}

#[test]
fn a_machine_without_git_is_told() {
    if is_inner() {
        let fault = TestEnv::new().refused(&source("/a", "main"));
        assert!(matches!(fault, CheckoutError::GitMissing), "{fault:?}");
        return;
    }
    let mut inner = again("stops::a_machine_without_git_is_told");
    assert_passed(&output_of(inner.env("PATH", "/nowhere")));
}

#[test]
fn git_ends_with_the_process_that_wanted_the_checkout() {
    if is_inner() {
        let (url, folder) = (std::env::var(URL).unwrap(), std::env::var(FOLDER).unwrap());
        let into = Path::new(&folder).join("into");
        let _ = block_on(check_out(
            &source(url, "main"),
            &into,
            &TestEnv::new().options,
            &mut |_| (),
        ));
        return;
    }
    let repositories = Repositories::new();
    repositories.create("a");
    let server = holding(&repositories);
    let test_env = TestEnv::new();
    let mut inner = again("stops::git_ends_with_the_process_that_wanted_the_checkout")
        .env(URL, server.url("a/.git"))
        .env(FOLDER, test_env.folder())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    server.wait_for_a_held_fetch();
    assert!(!of_checkout_in(&test_env.folder()).is_empty());
    inner.kill().unwrap();
    inner.wait().unwrap();
    server.let_go();
    wait_for("git to end", SOON, || {
        of_checkout_in(&test_env.folder()).is_empty().then_some(())
    });
    // The leftovers do not interfere.
    let mut test_env = test_env;
    test_env
        .check_out(&source(server.url("a/.git"), "main"))
        .unwrap();
}

/// For the first process of a container, or a subreaper: processes that a killed git leaves behind become its children.
#[test]
fn parent_that_inherits_children_of_git_gets_no_zombies() {
    if is_inner() {
        nix::sys::prctl::set_child_subreaper(true).unwrap();
        let mut test_env = TestEnv::new().with_timeout(Duration::from_secs(1));
        let url = std::env::var(URL).unwrap();
        let fault = test_env.refused(&source(url, "main"));
        assert!(matches!(fault, CheckoutError::TimedOut { .. }), "{fault:?}");
        let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let children: String = threads
            .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
            .collect();
        assert_eq!(children, "");
        return;
    }
    let repositories = Repositories::new();
    repositories.create("a");
    let server = holding(&repositories);
    let mut inner = again("stops::parent_that_inherits_children_of_git_gets_no_zombies");
    assert_passed(&output_of(inner.env(URL, server.url("a/.git"))));
}

#[track_caller]
fn assert_passed(output: &Output) {
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let passed = output.status.success() && printed.contains("1 passed");
    assert!(passed, "{printed}");
}
