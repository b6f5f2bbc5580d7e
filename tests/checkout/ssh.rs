//! Over ssh, with a real server.

use iac_runner::checkout::{CheckoutError, Credentials, GitSource};

use crate::repository::Repositories;
use crate::ssh_server::SshServer;
use crate::test_env::{TestEnv, source};

#[test]
fn a_key_lets_in_at_new_and_old_servers() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let first = repository.git(&["rev-parse", "HEAD"]);
    let second = repository.commit("second");
    for is_old in [false, true] {
        let server = SshServer::start(is_old);
        for (git_ref, expected) in [("main", &second), (first.as_str(), &first)] {
            let source = GitSource {
                credentials: server.credentials(),
                ..source(server.url(&repository.path), git_ref)
            };
            let found = TestEnv::new().check_out(&source).unwrap();
            assert_eq!(&found.commit.to_string(), expected, "old: {is_old}");
        }
    }
}

#[test]
fn a_key_without_a_line_end_or_with_those_of_windows_is_taken() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let server = SshServer::start(false);
    let Credentials::Ssh { known_hosts, .. } = server.credentials() else {
        panic!("these are for ssh");
    };
    let key = server.read("user");
    for private_key in [key.trim_end().to_owned(), key.replace('\n', "\r\n")] {
        let source = GitSource {
            credentials: Credentials::Ssh {
                private_key: private_key.into(),
                known_hosts: known_hosts.clone(),
            },
            ..source(server.url(&repository.path), "main")
        };
        TestEnv::new().check_out(&source).unwrap();
    }
}

#[test]
fn each_thing_that_goes_wrong_has_its_own_error() {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    let server = SshServer::start(false);
    let fault_with = |credentials, url: String| {
        TestEnv::new().refused(&GitSource {
            credentials,
            ..source(url, "main")
        })
    };
    let url = server.url(&repository.path);

    let fault = fault_with(server.credentials_with("other", "host"), url.clone());
    assert!(
        matches!(fault, CheckoutError::BadCredentials { .. }),
        "{fault:?}"
    );

    let Credentials::Ssh { known_hosts, .. } = server.credentials() else {
        panic!("these are for ssh");
    };
    let garbled = Credentials::Ssh {
        private_key: "no key".into(),
        known_hosts,
    };
    let fault = fault_with(garbled, url.clone());
    assert!(
        matches!(fault, CheckoutError::BadCredentials { .. }),
        "{fault:?}"
    );

    let fault = fault_with(server.credentials_with("user", "other"), url.clone());
    assert!(
        matches!(fault, CheckoutError::HostKeyMismatch { .. }),
        "{fault:?}"
    );

    let unknown = Credentials::Ssh {
        private_key: server.read("user").into(),
        known_hosts: String::new(),
    };
    let fault = fault_with(unknown, url.clone());
    assert!(
        matches!(fault, CheckoutError::HostKeyMismatch { .. }),
        "{fault:?}"
    );

    let absent = server.url(&repositories.path().join("absent"));
    let fault = fault_with(server.credentials(), absent);
    assert!(
        matches!(fault, CheckoutError::NoSuchRepository { .. }),
        "{fault:?}"
    );

    let fault = fault_with(server.credentials(), "ssh://127.0.0.1:1/a".to_owned());
    assert!(
        matches!(fault, CheckoutError::Unreachable { .. }),
        "{fault:?}"
    );
}
