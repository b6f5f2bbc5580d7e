//! Sessions that share a cache of mirrors.

use iac_runner::session::Sessions;

use crate::http_server::HttpServer;
use crate::sources::checkout_env::{deployed, repository, request, with_password};
use crate::support::tools::Tool;
use crate::test_env::{SMALL, TestEnv, block_on};

#[test]
fn two_sessions_at_once_share_a_mirror_and_the_next_fetches_only_what_is_new() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (repositories, repository) = repository(&test_env);
    // Large content that does not change; random, so that it cannot be compressed.
    let much: String = (0..4000).map(|_| uuid()).collect();
    repository.write("much", &much);
    // The state is not shared, so that the two do not compete for its lock.
    let configuration = format!("terraform {{\n  backend \"local\" {{}}\n}}\n{SMALL}");
    repository.write("main.tf", &configuration);
    let first = repository.commit("much");
    let server = HttpServer::with_login(repositories.path(), "deployer", "hunter2-hunter2");
    let mut settings = test_env.settings();
    let cache = test_env.folder().join("mirrors");
    settings.mirror_cache = Some(cache.clone());
    let of = |state: &str| {
        let request = request(&test_env, &server.url("a/.git"), "main");
        let mut request = with_password(request, "hunter2-hunter2");
        let path = test_env.folder().join(state).to_string_lossy().into_owned();
        request.backend_config.insert("path".to_owned(), path);
        request
    };
    block_on(async {
        let sessions = Sessions::open(settings).expect("a runtime");
        let (one, other) = tokio::join!(
            deployed(&sessions, of("one")),
            deployed(&sessions, of("other"))
        );
        for (_, ended) in [&one, &other] {
            assert_eq!(ended.commit.as_ref().expect("a commit").as_str(), first);
        }
        assert!(cache.exists());
        let whole = server.fetched_bytes();
        assert!(whole > much.len() / 4, "{whole}");
        assert!(whole < much.len(), "it was fetched once: {whole}");
        repository.write("new", "new\n");
        let next = repository.commit("next");
        let (_, ended) = deployed(&sessions, of("one")).await;
        assert_eq!(ended.commit.expect("a commit").as_str(), next);
        let new = server.fetched_bytes() - whole;
        assert!(new < whole / 10, "{new} of {whole}");
    });
}

/// Returns thirty-two random digits.
fn uuid() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid").expect("it is there")
}

#[test]
fn a_repository_of_this_machine_is_fetched_without_a_mirror() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (_repositories, repository) = repository(&test_env);
    let mut settings = test_env.settings();
    let cache = test_env.folder().join("mirrors");
    settings.mirror_cache = Some(cache.clone());
    block_on(async {
        let sessions = Sessions::open(settings).expect("a runtime");
        deployed(&sessions, request(&test_env, &repository.url(), "main")).await;
    });
    assert!(!cache.exists());
}
