//! Deployments from a git server that requires a login: where the password is visible, and where not.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde_json::{Value, json};

use crate::client::{Client, lines};
use crate::http_server::{HttpServer, Manner};
use crate::repository::Repositories;
use crate::test_env::{Running, SMALL, TestEnv};

const USER: &str = "deployer";

/// The server's password. Each test has one of its own, since `git` has it in its environment.
struct Password(String);

impl Password {
    fn of(test: &str) -> Self {
        Self(format!("p4ss+word-of-{test}"))
    }

    /// The password as it is, in a URL, and with the user name in a header.
    fn forms(&self) -> [String; 3] {
        let login = BASE64_STANDARD_NO_PAD.encode(format!("{USER}:{}", self.0));
        // The last character depends on what follows.
        let login = login[..login.len() - 1].to_owned();
        [self.0.clone(), self.0.replace('+', "%2b"), login]
    }
}

#[test]
fn a_private_repository_is_deployed_with_terraform_and_its_password_is_nowhere() {
    deployed_with("terraform");
}

#[test]
fn a_private_repository_is_deployed_with_tofu_and_its_password_is_nowhere() {
    deployed_with("tofu");
}

fn deployed_with(tool: &str) {
    let (test_env, repositories) = (TestEnv::new(), Repositories::new());
    let commit = small_repository(&repositories);
    let password = Password::of(tool);
    let server = server(&repositories, &password);
    let (log, running) = serve(&test_env);
    let client = &running.client;
    let id = client.deploy(&request(&test_env, tool, &server, &password));

    server.wait_for_a_held_fetch();
    let fetching = processes_with(&format!("GIT_CEILING_DIRECTORIES={}", data(&test_env)));
    assert!(!fetching.is_empty(), "the test looks in the wrong place");
    assert_nowhere(&test_env, &log, &password);
    server.let_go();

    let mut events = client.follow(&id, None);
    let mut seen = events.until_status("awaiting_approval");
    assert_nowhere(&test_env, &log, &password);
    assert_eq!(client.status(&id)["commit"], commit);
    let (code, answer) = client.post(&format!("/deploy/{id}/approve"), &json!({}));
    assert_eq!(code, 200, "{answer}");
    seen.extend(events.until_end());
    assert_eq!(seen.last().unwrap().json()["reason"], "applied");
    assert_not_shown(client, &id, &lines(&seen).join("\n"), &password);
    assert_nowhere(&test_env, &log, &password);
    running.stop();
    assert_nowhere(&test_env, &log, &password);
    test_env.mark().assert_nothing_is_left_alive();
}

#[test]
fn wrong_password_fails_the_checkout_and_is_not_shown() {
    let (test_env, repositories) = (TestEnv::new(), Repositories::new());
    small_repository(&repositories);
    let password = Password::of("another-server");
    let server = HttpServer::with_login(repositories.path(), USER, "another-one");
    let (log, running) = serve(&test_env);
    let client = &running.client;
    let id = client.deploy(&request(&test_env, "terraform", &server, &password));
    let seen = client.follow(&id, None).until_end();
    let end = seen.last().unwrap().json();
    assert_eq!(
        (&end["status"], &end["reason"]),
        (&json!("failed"), &json!("checkout_failed"))
    );
    assert!(
        end["error"].as_str().unwrap().contains("credentials"),
        "{end}"
    );
    assert_not_shown(client, &id, &format!("{seen:?}"), &password);
    assert_nowhere(&test_env, &log, &password);
}

/// Creates a repository with [`SMALL`] in a directory, and returns its commit.
fn small_repository(repositories: &Repositories) -> String {
    let repository = repositories.create("a");
    repository.write("network/main.tf", SMALL);
    repository.commit("small")
}

/// Starts a server that holds each fetch until it is let go.
fn server(repositories: &Repositories, password: &Password) -> HttpServer {
    let manner = Manner {
        login: Some((USER.to_owned(), password.0.clone())),
        holds_fetches: true,
        ..Manner::default()
    };
    HttpServer::start(repositories.path(), manner)
}

fn request(test_env: &TestEnv, tool: &str, server: &HttpServer, password: &Password) -> Value {
    let mut request = test_env.git_request(tool, &server.url("a/.git"), "network");
    request["git_auth"] = json!({"type": "http", "username": USER, "password": password.0});
    request
}

/// Starts a service that writes its whole log to a file.
fn serve(test_env: &TestEnv) -> (PathBuf, Running) {
    let log = test_env.path().join("backend.log");
    let mut command = test_env.command(&["serve", "--allowed-git-hosts", "127.0.0.1"]);
    command.stderr(File::create(&log).unwrap());
    (log, test_env.start(&mut command))
}

fn data(test_env: &TestEnv) -> String {
    let path = test_env.root().join("data").canonicalize().unwrap();
    path.to_str().unwrap().to_owned()
}

/// Fails if a file of the test environment or any process of the machine shows the password.
fn assert_nowhere(test_env: &TestEnv, log: &Path, password: &Password) {
    assert!(log.starts_with(test_env.path()) && fs::metadata(log).unwrap().len() > 0);
    for form in password.forms() {
        assert_eq!(files_with(test_env.root(), &form), Vec::<String>::new());
        assert_eq!(processes_with(&form), Vec::<String>::new());
    }
}

/// Fails if a response about the deployment shows the password.
fn assert_not_shown(client: &Client, id: &str, seen: &str, password: &Password) {
    let paths =
        ["status", "plan", "outputs", "logs.txt"].map(|name| format!("/deploy/{id}/{name}"));
    let lists = ["/deploy".to_owned(), "/audit".to_owned()];
    let answers = paths
        .iter()
        .chain(&lists)
        .map(|path| client.get(path).1.to_string());
    for answer in answers.chain([seen.to_owned()]) {
        for form in password.forms() {
            assert!(!answer.contains(&form), "{answer}");
        }
    }
}

/// Returns the files below a folder that contain a text.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_symlink() {
            continue;
        } else if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if holds(&fs::read(&path).unwrap_or_default(), text) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Returns the command lines of processes that show a text in their arguments or variables.
fn processes_with(text: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let shown = processes.filter_map(|entry| {
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let arguments = read("cmdline");
        let shows = holds(&arguments, text) || holds(&read("environ"), text);
        shows.then(|| String::from_utf8_lossy(&arguments).replace('\0', " "))
    });
    shown.collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}
