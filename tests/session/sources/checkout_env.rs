//! Repositories with a configuration whose state is on the test server, and requests for them.

use iac_runner::session::request::{Git, GitAuth, Source, SshCredentials};
use iac_runner::session::{DeployRequest, Reason, Session, Sessions, Snapshot};

use crate::repository::{Repositories, Repository};
use crate::test_env::{SMALL, TestEnv, end, log};

/// The output of a deployed [`SMALL`].
pub(crate) const GREETING: &str = "Hello, world!";

/// Creates a repository with [`SMALL`] at its root; returns it with its folder.
pub(crate) fn repository(test_env: &TestEnv) -> (Repositories, Repository) {
    let repositories = Repositories::new();
    let repository = repositories.create("a");
    repository.write("main.tf", &test_env.configuration(SMALL));
    repository.commit("configuration");
    (repositories, repository)
}

/// Returns a request for a repository whose plan needs no approval.
pub(crate) fn request(test_env: &TestEnv, url: &str, git_ref: &str) -> DeployRequest {
    let request = DeployRequest::git(test_env.wire_tool(), url, git_ref);
    let mut request = test_env.own(request);
    request.auto_approve = true;
    request
}

/// Returns the git part of such a request.
pub(crate) fn git(request: &mut DeployRequest) -> &mut Git {
    match &mut request.source {
        Source::Git(git) => git,
        other => panic!("not of git: {other:?}"),
    }
}

pub(crate) fn with_password(mut request: DeployRequest, password: &str) -> DeployRequest {
    git(&mut request).auth = Some(GitAuth {
        username: "deployer".to_owned(),
        password: password.into(),
    });
    request
}

pub(crate) fn with_key(
    mut request: DeployRequest,
    private_key: &str,
    known_hosts: &str,
) -> DeployRequest {
    git(&mut request).ssh = Some(SshCredentials {
        private_key: private_key.into(),
        known_hosts: known_hosts.to_owned(),
    });
    request
}

/// Runs a session to its end.
pub(crate) async fn carry(sessions: &Sessions, request: DeployRequest) -> (Session, Snapshot) {
    let session = sessions.start(request).expect("it starts");
    let ended = end(&session).await;
    (session, ended)
}

/// Runs a session that must succeed.
pub(crate) async fn deployed(sessions: &Sessions, request: DeployRequest) -> (Session, Snapshot) {
    let (session, ended) = carry(sessions, request).await;
    let is_good = matches!(ended.reason, Some(Reason::Applied | Reason::NoChanges));
    assert!(is_good, "{ended:#?}\n{}", log(&session));
    let outputs = session.outputs().expect("outputs");
    assert_eq!(outputs.get("greeting").unwrap().value, GREETING);
    (session, ended)
}

/// Runs a session that must fail for this reason; returns the error.
pub(crate) async fn failed(sessions: &Sessions, request: DeployRequest, reason: Reason) -> String {
    let (session, ended) = carry(sessions, request).await;
    assert_eq!(ended.reason, Some(reason), "{ended:#?}\n{}", log(&session));
    ended.error
}
