//! The git of a checkout.

use std::path::PathBuf;

use serde_json::json;

use super::Target;
use super::commands::of_nobody;
use super::variables::executable;
use crate::http_server::{HttpServer, Manner};
use crate::repository::Repositories;
use crate::test_env::{SMALL, TestEnv};

#[test]
fn the_git_of_a_checkout_reaches_nothing_of_the_service() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    repository.write("network/main.tf", SMALL);
    repository.commit("small");
    let server = HttpServer::start(repositories.path(), Manner::default());
    let search_path = std::env::var("PATH").unwrap();
    let mut folders = std::env::split_paths(&search_path);
    let git: PathBuf = folders
        .find_map(|it| Some(it.join("git")).filter(|it| it.is_file()))
        .unwrap();
    for (mode, is_reached) in [("off", true), ("auto", false)] {
        let test_env = TestEnv::new();
        let programs = test_env.path().join("git-of-service");
        std::fs::create_dir(&programs).unwrap();
        let root = test_env.root().display();
        let key = test_env.key_file();
        let key = key.display();
        // A compromised git.
        let script = format!(
            "#!/bin/sh\n(cat {key} >stolen; : >>{root}/data/forged) 2>/dev/null\nexec {} \"$@\"\n",
            git.display()
        );
        executable(&programs.join("git"), &script);
        let hosts = ["--allowed-git-hosts", "127.0.0.1"];
        let mut command = test_env.command(&[&["serve", "--sandbox", mode], &hosts[..]].concat());
        command
            .env_remove("IAC_BACKEND_SANDBOX_WRITE")
            .env("PATH", format!("{}:{search_path}", programs.display()));
        let running = test_env.start(&mut command);
        let target = Target::of(test_env, running, "terraform");
        let mut request =
            target
                .test_env
                .git_request("terraform", &server.url("a/.git"), "network");
        request["operation"] = json!("plan");
        let id = target.ended(&request);
        let status = target.client().status(&id);
        assert_eq!(status["status"], "success", "{status}");
        assert_eq!(target.has_key(&id), is_reached, "read with {mode}");
        let forged = target.data().join("forged");
        assert_eq!(forged.exists(), is_reached, "written with {mode}");
    }
}

#[test]
fn a_service_without_root_checks_out_with_a_password() {
    if !nix::unistd::getuid().is_root() {
        return;
    }
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    repository.write("network/main.tf", SMALL);
    repository.commit("small");
    let server = HttpServer::with_login(repositories.path(), "deployer", "p4ssword");
    let target = of_nobody("required");
    let mut request = target
        .test_env
        .git_request("terraform", &server.url("a/.git"), "network");
    request["git_auth"] = json!({"type": "http", "username": "deployer", "password": "p4ssword"});
    request["operation"] = json!("plan");
    let id = target.ended(&request);
    let status = target.client().status(&id);
    assert_eq!(status["status"], "success", "{status}");
}
