//! Over http, with and without a login.

use iac_runner::checkout::{CheckoutError, Credentials, GitSource};

use crate::http_server::{HttpServer, Manner};
use crate::repository::Repositories;
use crate::test_env::{TestEnv, source};

fn login(username: &str, password: &str) -> Credentials {
    Credentials::Basic {
        username: username.to_owned(),
        password: password.into(),
    }
}

#[test]
fn user_name_and_password_may_have_any_characters() {
    let repositories = Repositories::new();
    let commit = repositories.create("a").git(&["rev-parse", "HEAD"]);
    for (username, password) in [
        ("me", "hunter2hunter2"),
        (
            "me@example.com",
            "p@ss:w/rd%41 'quoted' \"$(x)\" `x` \\n =& ä",
        ),
    ] {
        let server = HttpServer::with_login(repositories.path(), username, password);
        let source = GitSource {
            credentials: login(username, password),
            ..source(server.url("a/.git"), "main")
        };
        let found = TestEnv::new().check_out(&source).unwrap();
        assert_eq!(found.commit.to_string(), commit);
    }
}

#[test]
fn a_token_lets_in() {
    let repositories = Repositories::new();
    repositories.create("a");
    let server = HttpServer::with_login(repositories.path(), "x-access-token", "t0ken-t0ken");
    let source = GitSource {
        credentials: Credentials::token("t0ken-t0ken".into()),
        ..source(server.url("a/.git"), "main")
    };
    TestEnv::new().check_out(&source).unwrap();
}

#[test]
fn wrong_credentials_and_none_are_told_and_the_password_is_not() {
    let repositories = Repositories::new();
    repositories.create("a");
    let server = HttpServer::with_login(repositories.path(), "me", "right-right");
    for credentials in [login("me", "wrong-wrong"), Credentials::None] {
        let source = GitSource {
            credentials,
            ..source(server.url("a/.git"), "main")
        };
        let mut test_env = TestEnv::new();
        let fault = test_env.refused(&source);
        assert!(
            matches!(fault, CheckoutError::BadCredentials { .. }),
            "{fault:?}"
        );
        let told = format!("{fault} {fault:?} {:?}", test_env.lines);
        assert!(!told.contains("wrong-wrong"), "{told}");
    }
}

#[test]
fn what_the_server_sends_back_of_the_password_is_masked() {
    let repositories = Repositories::new();
    let manner = Manner {
        refusal: Some((
            500,
            "you sent hunter2hunter2 and bWU6aHVudGVyMmh1bnRlcjI=".to_owned(),
        )),
        ..Manner::default()
    };
    let server = HttpServer::start(repositories.path(), manner);
    let source = GitSource {
        credentials: login("me", "hunter2hunter2"),
        ..source(server.url("a"), "main")
    };
    let mut test_env = TestEnv::new();
    let fault = test_env.refused(&source);
    let told = format!("{fault} {fault:?} {:?}", test_env.lines);
    assert!(told.contains("you sent *** and ***"), "{told}");
    assert!(
        !told.contains("hunter2") && !told.contains("bWU6"),
        "{told}"
    );
}

#[test]
fn a_redirect_elsewhere_gets_no_password() {
    let repositories = Repositories::new();
    repositories.create("a");
    let elsewhere = HttpServer::with_login(repositories.path(), "me", "hunter2hunter2");
    let manner = Manner {
        leads_to: Some(elsewhere.url("").trim_end_matches('/').to_owned()),
        ..Manner::default()
    };
    let server = HttpServer::start(repositories.path(), manner);
    let source = GitSource {
        credentials: login("me", "hunter2hunter2"),
        ..source(server.url("a/.git"), "main")
    };
    let fault = TestEnv::new().refused(&source);
    assert!(
        matches!(fault, CheckoutError::BadCredentials { .. }),
        "{fault:?}"
    );
    let seen = elsewhere.seen();
    assert!(!seen.is_empty());
    assert!(
        seen.iter().all(|seen| seen.authorization.is_none()),
        "{seen:?}"
    );
}

#[test]
fn a_commit_that_is_no_tip_is_fetched_from_new_and_old_servers() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.commit("second");
    for is_old in [false, true] {
        let manner = Manner {
            is_old,
            ..Manner::default()
        };
        let server = HttpServer::start(repositories.path(), manner);
        for mut test_env in [TestEnv::new(), TestEnv::new().with_mirrors()] {
            let found = test_env
                .check_out(&source(server.url("a/.git"), &first))
                .unwrap();
            assert_eq!(found.commit.to_string(), first, "old: {is_old}");
            let absent = source(server.url("a/.git"), &"1".repeat(40));
            let fault = test_env.check_out_into("other", &absent).unwrap_err();
            assert!(
                matches!(fault, CheckoutError::NoSuchRef { .. }),
                "old: {is_old}: {fault:?}"
            );
        }
    }
}

#[test]
fn progress_comes_line_by_line() {
    let repositories = Repositories::new();
    repositories.create("a");
    let server = HttpServer::start(repositories.path(), Manner::default());
    let mut test_env = TestEnv::new();
    test_env
        .check_out(&source(server.url("a/.git"), "main"))
        .unwrap();
    let counted = test_env
        .lines
        .iter()
        .any(|line| line.starts_with("remote: Counting objects"));
    assert!(counted, "{:?}", test_env.lines);
    assert!(
        test_env
            .lines
            .iter()
            .all(|line| !line.contains(['\r', '\n', '\x1b']))
    );
}
