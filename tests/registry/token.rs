//! Requests to a backend for the token.

use std::error::Error;

use iac_runner::registry::{Access, Registry, RegistryError, RegistryHost, TokenSource};
use secrecy::ExposeSecret;

use crate::registry_server::{Answer, RegistryServer, TOKEN_PATH};
use crate::test_env::block_on;

const TOKEN: &str = r#"tok-5f1c"${quoted}\%{value}'"#;

fn ask(address: &str) -> Result<Access, RegistryError> {
    let host = RegistryHost::parse(address).expect("an address");
    block_on(Registry::new(host, TokenSource::Backend).access())
}

fn fault(answer: Answer) -> RegistryError {
    let server = RegistryServer::start(TOKEN, answer);
    let error = ask(&server.url()).expect_err("no token");
    let mut shown = format!("{error:?}");
    let mut cause: Option<&dyn Error> = Some(&error);
    while let Some(error) = cause {
        shown.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!shown.contains("tok-5f1c"), "{shown}");
    error
}

#[test]
fn the_backend_gives_the_token() {
    let server = RegistryServer::start(TOKEN, Answer::Token);
    let access = ask(&server.url()).expect("a token");
    assert_eq!(access.env_vars()[0].1.expose_secret(), TOKEN);
    let arrivals = server.arrivals();
    assert_eq!(arrivals.len(), 1, "{arrivals:?}");
    assert_eq!(arrivals[0].path, TOKEN_PATH);
}

#[test]
fn a_status_is_told() {
    for wanted in [204, 401, 404, 500] {
        match fault(Answer::Status(wanted)) {
            RegistryError::Status { status, .. } => assert_eq!(status, wanted),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_redirection_is_not_followed() {
    let other = RegistryServer::start(TOKEN, Answer::Token);
    let error = fault(Answer::RedirectTo(format!("{}{TOKEN_PATH}", other.url())));
    assert!(matches!(error, RegistryError::Status { status: 302, .. }));
    assert!(other.arrivals().is_empty());
}

#[test]
fn what_is_no_token_is_told() {
    let bodies = [
        "",
        "tok-5f1c",
        "\"tok-5f1c\"",
        r#"{"tokn": "tok-5f1c"}"#,
        r#"{"token": ["tok-5f1c"]}"#,
        r#"{"token": null}"#,
        r#"{"token": 1}"#,
    ];
    let endless = format!(r#"{{"token": "tok-5f1c{}"}}"#, "x".repeat(64 * 1024));
    for body in bodies.into_iter().chain([endless.as_str()]) {
        let error = fault(Answer::Body(body.to_owned()));
        assert!(
            matches!(error, RegistryError::NotAToken { .. }),
            "{error:?}"
        );
    }
    let error = fault(Answer::Body(r#"{"token": ""}"#.to_owned()));
    assert!(matches!(error, RegistryError::TokenEmpty), "{error:?}");
    let error = fault(Answer::Body(r#"{"token": "tok-5f1c\r\nX: y"}"#.to_owned()));
    assert!(matches!(error, RegistryError::TokenMalformed), "{error:?}");
}

#[test]
fn a_backend_that_is_not_there_is_told() {
    // No service uses port 1 any more.
    let error = ask("http://127.0.0.1:1").expect_err("no server");
    assert!(
        matches!(error, RegistryError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(error.source().is_some());
}
