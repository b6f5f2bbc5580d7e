//! Files in Git LFS, with the real `git-lfs`.

use iac_runner::checkout::{AllowedHosts, CheckoutError, HostFault};
use sha2::{Digest, Sha256};

use crate::http_server::{HttpServer, LFS_CONTENTS, Manner};
use crate::repository::{Repositories, Repository};
use crate::test_env::{TestEnv, source};

/// Creates a repository with a file in LFS, and these files.
fn with_large_file(repositories: &Repositories, files: &[(&str, &str)]) -> Repository {
    let repository = repositories.create("a");
    let digest = Sha256::digest(LFS_CONTENTS.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let size = LFS_CONTENTS.len();
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n");
    let attributes = "*.bin filter=lfs diff=lfs merge=lfs -text\n";
    let own = [(".gitattributes", attributes), ("large.bin", &*pointer)];
    for (name, text) in own.iter().chain(files) {
        std::fs::write(repository.path.join(name), text).expect("a file");
    }
    repository.commit("a large file");
    repository
}

fn lfs_at(server: &str) -> Manner {
    Manner {
        lfs: Some(server.trim_end_matches('/').to_owned()),
        ..Manner::default()
    }
}

fn allowing(host: &str) -> TestEnv {
    let mut test_env = TestEnv::new();
    test_env.options.allowed_hosts = AllowedHosts::new([host.to_owned()]);
    test_env
}

#[test]
fn a_large_file_is_fetched_from_an_allowed_host() {
    let repositories = Repositories::new();
    with_large_file(&repositories, &[]);
    let files = HttpServer::start(repositories.path(), lfs_at("http://unused"));
    // At the server itself, and at another one.
    let hrefs = [
        String::new(),
        files.url("").replace("127.0.0.1", "127.0.0.1."),
    ];
    for href in &hrefs {
        let server = HttpServer::start(repositories.path(), lfs_at(href));
        let mut test_env = allowing("127.0.0.1");
        let found = test_env.check_out(&source(server.url("a/.git"), "main"));
        let root = found.unwrap_or_else(|fault| panic!("{href}: {fault}")).root;
        let text = std::fs::read_to_string(root.join("large.bin")).expect("a file");
        assert_eq!(text, LFS_CONTENTS, "{href}");
    }
}

#[test]
fn a_large_file_on_a_host_that_is_not_allowed_is_not_asked_for() {
    let repositories = Repositories::new();
    let elsewhere = HttpServer::start(repositories.path(), lfs_at("http://unused"));
    let other = elsewhere.url("").replace("127.0.0.1", "localhost.");
    with_large_file(&repositories, &[]);
    let server = HttpServer::start(repositories.path(), lfs_at(&other));
    let fault = allowing("127.0.0.1").refused(&source(server.url("a/.git"), "main"));
    assert!(
        matches!(fault, CheckoutError::Host(HostFault::NotListed { .. })),
        "{fault:?}"
    );
    // Git-lfs uses no proxy for it; the sandbox denies the connection.
    let direct = elsewhere.url("").replace("127.0.0.1", "127.0.0.2");
    let server = HttpServer::start(repositories.path(), lfs_at(&direct));
    let fault = allowing("127.0.0.1").refused(&source(server.url("a/.git"), "main"));
    assert!(fault.to_string().contains("permission denied"), "{fault}");
    assert!(elsewhere.seen().is_empty());
}

#[test]
fn settings_of_a_repository_lead_lfs_to_no_other_host() {
    let elsewhere = "http://localhost:9/lfs";
    let url = format!("[lfs]\n\turl = {elsewhere}\n");
    let tables: [&[(&str, &str)]; 3] = [
        &[(".lfsconfig", &url)],
        &[(".lfsconfig", "[include]\n\tpath = inc\n"), ("inc", &url)],
        &[(
            ".lfsconfig",
            "[remote \"origin\"]\n\tlfsurl = http://localhost:9/lfs\n",
        )],
    ];
    for files in tables {
        let repositories = Repositories::new();
        with_large_file(&repositories, files);
        let server = HttpServer::start(repositories.path(), lfs_at("http://unused"));
        let fault = allowing("127.0.0.1").refused(&source(server.url("a/.git"), "main"));
        assert!(
            matches!(fault, CheckoutError::Host(HostFault::NotListed { .. })),
            "{files:?}: {fault:?}"
        );
    }
}
