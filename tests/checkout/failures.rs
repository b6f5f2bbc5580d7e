//! Each failure has its own error.

use iac_runner::checkout::{CheckoutError, Credentials, GitSource};

use crate::http_server::{HttpServer, Manner};
use crate::repository::Repositories;
use crate::test_env::{TestEnv, source};

#[test]
fn a_repository_that_is_not_there_is_told_with_the_doubt_about_access() {
    let repositories = Repositories::new();
    let server = HttpServer::start(repositories.path(), Manner::default());
    let local = format!("file://{}/absent", repositories.path().display());
    for url in [server.url("absent"), local] {
        let fault = TestEnv::new().refused(&source(url.as_str(), "main"));
        assert!(
            matches!(fault, CheckoutError::NoSuchRepository { .. }),
            "{url}: {fault:?}"
        );
        let text = fault.to_string();
        assert!(text.contains("may not see it"), "{text}");
    }
}

#[test]
fn a_host_that_is_not_there_is_unreachable() {
    for url in ["http://127.0.0.1:1/a", "https://host.invalid/a"] {
        let fault = TestEnv::new().refused(&source(url, "main"));
        assert!(
            matches!(fault, CheckoutError::Unreachable { .. }),
            "{url}: {fault:?}"
        );
    }
}

#[test]
fn a_server_that_forbids_says_bad_credentials() {
    let fault = answered_with(403, "no");
    assert!(
        matches!(fault, CheckoutError::BadCredentials { .. }),
        "{fault:?}"
    );
}

#[test]
fn a_page_to_log_in_at_is_no_repository() {
    let fault = answered_with(200, "<html>\nlog in\n</html>\n");
    assert!(
        matches!(fault, CheckoutError::NoSuchRepository { .. }),
        "{fault:?}"
    );
}

#[test]
fn a_server_that_is_broken_is_told_in_the_words_of_git() {
    let fault = answered_with(500, "broken");
    let CheckoutError::Git { step, said } = &fault else {
        panic!("{fault:?}");
    };
    assert_eq!(step, "fetch");
    assert!(said.contains("error: 500"), "{said}");
}

fn answered_with(status: u16, text: &str) -> CheckoutError {
    let repositories = Repositories::new();
    let manner = Manner {
        refusal: Some((status, text.to_owned())),
        ..Manner::default()
    };
    let server = HttpServer::start(repositories.path(), manner);
    TestEnv::new().refused(&source(server.url("a"), "main"))
}

#[test]
fn what_is_malformed_is_refused_before_anything_runs() {
    let fault = TestEnv::new().refused(&source("ext::sh -c x", "main"));
    assert!(matches!(fault, CheckoutError::Url(_)), "{fault:?}");
    let fault = TestEnv::new().refused(&source("https://example.com/a", "--x"));
    assert!(matches!(fault, CheckoutError::Ref { .. }), "{fault:?}");
    let unfit = GitSource {
        credentials: Credentials::token("t0ken-t0ken".into()),
        ..source("git@example.com:a", "main")
    };
    let fault = TestEnv::new().refused(&unfit);
    assert!(
        matches!(fault, CheckoutError::UnfitCredentials { .. }),
        "{fault:?}"
    );
}
