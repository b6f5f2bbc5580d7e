//! Allowed hosts of repositories.

use serde_json::json;

use crate::client::lines;
use crate::http_server::{HttpServer, Manner};
use crate::repository::Repositories;
use crate::test_env::{SMALL, TestEnv};

#[test]
fn a_host_that_is_not_public_is_refused_at_once() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    for url in [
        "http://127.0.0.1:1/a.git",
        "http://localhost/a.git",
        "https://[::1]/a.git",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.git",
    ] {
        let request = test_env.git_request("terraform", url, ".");
        let (code, answer) = running.client.post("/deploy", &request);
        assert_eq!(code, 400, "{url}: {answer}");
        let fault = &answer["fields"][0];
        assert_eq!(fault["field"], "git_url", "{answer}");
        let problem = fault["problem"].as_str().unwrap();
        assert!(problem.contains("allowed_git_hosts"), "{problem}");
    }
}

#[test]
fn a_name_of_such_a_host_fails_the_checkout() {
    let test_env = TestEnv::new();
    let running = test_env.serve();
    // Not recognizable as local before it is resolved.
    let request = test_env.git_request("terraform", "http://127.1/a.git", ".");
    let id = running.client.deploy(&request);
    running.client.follow(&id, None).until_end();
    let status = running.client.status(&id);
    assert_eq!(status["reason"], "checkout_failed");
    let error = status["error"].as_str().unwrap();
    assert!(error.contains("allowed_git_hosts"), "{error}");
}

#[test]
fn a_listed_host_is_fetched_from_and_its_words_are_not_repeated() {
    let (test_env, repositories) = (TestEnv::new(), Repositories::new());
    let repository = repositories.create("a");
    repository.write("network/main.tf", SMALL);
    repository.commit("small");
    let running = test_env.serve_with(&["--allowed-git-hosts", "public,127.0.0.*"]);
    let client = &running.client;
    let server = HttpServer::start(repositories.path(), Manner::default());
    let mut request = test_env.git_request("terraform", &server.url("a/.git"), "network");
    request["operation"] = json!("validate");
    let id = client.deploy(&request);
    client.follow(&id, None).until_end();
    assert_eq!(client.status(&id)["status"], "success");

    let manner = Manner {
        refusal: Some((500, "words-of-the-server".to_owned())),
        ..Manner::default()
    };
    let server = HttpServer::start(repositories.path(), manner);
    let request = test_env.git_request("terraform", &server.url("a/.git"), "network");
    let id = client.deploy(&request);
    let seen = client.follow(&id, None).until_end();
    let told = format!("{} {}", client.status(&id), lines(&seen).join("\n"));
    assert!(told.contains("error: 500"), "{told}");
    assert!(!told.contains("words-of-the-server"), "{told}");
}
