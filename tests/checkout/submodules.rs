//! Submodules: relative, nested, and on other hosts.

use iac_runner::checkout::{CheckoutError, Credentials, GitSource};

use crate::http_server::{HttpServer, Manner};
use crate::repository::{Repositories, Repository};
use crate::ssh_server::SshServer;
use crate::test_env::{TestEnv, source};

fn add(to: &Repository, url: &str, path: &str) {
    to.git(&["submodule", "--quiet", "add", "--name", path, url, path]);
}

/// Creates `outer` with the submodule `middle`, which has the submodule `inner`, all with relative URLs.
fn nested(repositories: &Repositories) -> Repository {
    repositories.create("inner");
    let middle = repositories.create("middle");
    let outer = repositories.create("outer");
    for (repository, name) in [(&middle, "inner"), (&outer, "middle")] {
        let url = format!("file://{}", repositories.path().join(name).display());
        add(repository, &url, name);
        repository.git(&[
            "config",
            "--file=.gitmodules",
            &format!("submodule.{name}.url"),
            // Relative to `NAME/.git`, which is the URL to fetch from.
            &format!("../../{name}/.git"),
        ]);
        repository.commit("submodule");
    }
    outer
}

fn with_submodules(url: String, credentials: Credentials) -> GitSource {
    GitSource {
        submodules: true,
        credentials,
        ..source(url, "main")
    }
}

#[test]
fn relative_and_nested_ones_are_checked_out_without_history_if_asked_for() {
    let repositories = Repositories::new();
    let outer = nested(&repositories);
    let token = Credentials::token("t0ken-t0ken".into());
    let http = HttpServer::with_login(repositories.path(), "x-access-token", "t0ken-t0ken");
    let ssh = SshServer::start(false);
    for source in [
        with_submodules(http.url("outer/.git"), token.clone()),
        with_submodules(ssh.url(&outer.path.join(".git")), ssh.credentials()),
        with_submodules(format!("{}/.git", outer.url()), Credentials::None),
    ] {
        let mut test_env = TestEnv::new();
        // Submodules on this machine are outside of the source.
        let beside = repositories.path().to_owned();
        test_env.options.sandbox.read.push(beside);
        let found = test_env
            .check_out(&source)
            .unwrap_or_else(|fault| panic!("{}: {fault}", source.url));
        assert!(
            found.root.join("middle/inner/main.tf").exists(),
            "{}",
            source.url
        );
        let middle = Repository {
            path: found.root.join("middle"),
        };
        assert_eq!(middle.git(&["rev-list", "--count", "HEAD"]), "1");
    }
    let mut test_env = TestEnv::new();
    let without = GitSource {
        credentials: token,
        ..source(http.url("outer/.git"), "main")
    };
    let found = test_env.check_out(&without).unwrap();
    assert!(!found.root.join("middle/main.tf").exists());
}

#[test]
fn one_elsewhere_gets_no_password() {
    let repositories = Repositories::new();
    let elsewhere = HttpServer::with_login(repositories.path(), "me", "hunter2hunter2");
    let inner = repositories.create("inner");
    let outer = repositories.create("outer");
    add(&outer, &inner.url(), "inner");
    let url = elsewhere.url("inner/.git");
    outer.git(&["config", "--file=.gitmodules", "submodule.inner.url", &url]);
    outer.commit("submodule");
    let server = HttpServer::with_login(repositories.path(), "me", "hunter2hunter2");
    let credentials = Credentials::Basic {
        username: "me".to_owned(),
        password: "hunter2hunter2".into(),
    };
    let fault = TestEnv::new().refused(&with_submodules(server.url("outer/.git"), credentials));
    assert!(matches!(fault, CheckoutError::Git { .. }), "{fault:?}");
    let seen = elsewhere.seen();
    assert!(!seen.is_empty(), "{fault}");
    assert!(
        seen.iter().all(|seen| seen.authorization.is_none()),
        "{seen:?}"
    );
}

#[test]
fn a_remote_repository_gets_no_file_of_this_machine_by_a_submodule() {
    let repositories = Repositories::new();
    let inner = repositories.create("inner");
    let outer = repositories.create("outer");
    add(&outer, &inner.url(), "inner");
    outer.commit("submodule");
    let server = HttpServer::start(repositories.path(), Manner::default());
    let fault = TestEnv::new().refused(&with_submodules(
        server.url("outer/.git"),
        Credentials::None,
    ));
    let text = fault.to_string();
    assert!(text.contains("'file' not allowed"), "{text}");
}
