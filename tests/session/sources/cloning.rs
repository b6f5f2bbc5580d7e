//! Checkouts that are interrupted by a cancel, or by the death of the process that holds the session.

use std::fs;
use std::path::{Path, PathBuf};

use iac_runner::session::{DeployRequest, Phase, Reason, Status};

use crate::http_server::{HttpServer, Manner};
use crate::processes::of_checkout_in;
use crate::recovery::holder::Holder;
use crate::sources::checkout_env::{GREETING, carry, repository, request, with_password};
use crate::support::program::write_program;
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, WITHIN_A_TEST, wait_for};
use crate::test_env::{TestEnv, block_on, body_of, end, log};

/// A wrapper of git that waits before it fetches, as long as a file tells it to.
struct HeldGit {
    folder: PathBuf,
}

impl HeldGit {
    fn new(test_env: &TestEnv) -> Self {
        let folder = test_env.folder().join("held-git");
        fs::create_dir(&folder).expect("a new folder");
        let shown = folder.display();
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = fetch ] && [ -e '{shown}/hold' ]; then\n  : >'{shown}/at'\n  \
             while [ -e '{shown}/hold' ]; do sleep 0.02; done\nfi\n\
             PATH=\"${{PATH#*:}}\" exec git \"$@\"\n"
        );
        write_program(&folder.join("git"), &script);
        fs::write(folder.join("hold"), "").expect("a file");
        Self { folder }
    }

    /// Returns a `PATH` that begins with it.
    fn path(&self) -> String {
        let own = std::env::var("PATH").expect("a PATH");
        format!("{}:{own}", self.folder.display())
    }

    fn wait_until_held(&self) {
        wait_for("git to be held", WITHIN_A_TEST, || {
            self.folder.join("at").exists().then_some(())
        });
    }
}

/// Returns a session whose holder was killed while git was fetching; git has ended with it.
fn killed_while_cloning(test_env: &TestEnv, request: &DeployRequest) -> PathBuf {
    let git = HeldGit::new(test_env);
    let mut body = body_of(request);
    body["git_auth"]["password"] = PASSWORD.into();
    let holder = Holder::with_path(test_env, &body, false, Some(git.path()));
    let dir = holder.dir();
    git.wait_until_held();
    assert!(!of_checkout_in(&dir).is_empty());
    holder.kill();
    wait_for("git to end with its holder", SOON, || {
        let left = of_checkout_in(&dir);
        // The wrapper may still be in its last wait for the file.
        left.iter()
            .all(|process| process.command_line.starts_with("sleep "))
            .then_some(())
    });
    dir
}

const PASSWORD: &str = "p4ssw0rd-while-cloning";

/// Returns what is left of incomplete checkouts.
fn partial_checkouts(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .expect("the session's directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == "partial"))
        .collect()
}

fn a_session_whose_holder_is_killed_while_it_clones_goes_on_to_its_end(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let (repositories, repository) = repository(&test_env);
    let manner = Manner {
        login: Some(("deployer".to_owned(), PASSWORD.to_owned())),
        holds_fetches: true,
        ..Manner::default()
    };
    let server = HttpServer::start(repositories.path(), manner);
    let url = server.url("a/.git");
    let request = with_password(request(&test_env, &url, "main"), PASSWORD);
    let dir = killed_while_cloning(&test_env, &request);
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions
            .recover(&dir, Some(&request.secrets()))
            .expect("the session is free");
        server.wait_for_a_held_fetch();
        assert_eq!(session.status().phase, Phase::Cloning);
        server.let_go();
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let commit = repository.git(&["rev-parse", "HEAD"]);
        assert_eq!(ended.commit.expect("a commit").as_str(), commit);
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("greeting").unwrap().value, GREETING);
    });
    assert_eq!(partial_checkouts(&dir), Vec::<PathBuf>::new());
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_session_whose_holder_is_killed_while_it_clones_goes_on_to_its_end);

#[test]
fn without_its_secrets_a_checkout_that_was_cut_off_is_not_begun_again() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (repositories, _repository) = repository(&test_env);
    let server = HttpServer::with_login(repositories.path(), "deployer", PASSWORD);
    let url = server.url("a/.git");
    let request = with_password(request(&test_env, &url, "main"), PASSWORD);
    let dir = killed_while_cloning(&test_env, &request);
    block_on(async {
        let sessions = test_env.sessions();
        let session = sessions.recover(&dir, None).expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Interrupted), "{}", log(&session));
        let told = &ended.error;
        assert!(told.contains("nothing was applied"), "{told}");
    });
    assert!(test_env.server.state().is_none());
}

#[test]
fn a_checkout_that_is_cancelled_leaves_no_git() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (repositories, _repository) = repository(&test_env);
    let manner = Manner {
        holds_fetches: true,
        ..Manner::default()
    };
    let server = HttpServer::start(repositories.path(), manner);
    block_on(async {
        let sessions = test_env.sessions();
        let request = request(&test_env, &server.url("a/.git"), "main");
        let session = sessions.start(request.clone()).expect("it starts");
        server.wait_for_a_held_fetch();
        assert!(!of_checkout_in(session.dir()).is_empty());
        session.cancel("bob").await.expect("it runs");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&session));
        assert_eq!(ended.status, Status::Cancelled);
        let left = of_checkout_in(session.dir());
        assert!(left.is_empty(), "{left:#?}");
        assert_eq!(partial_checkouts(session.dir()), Vec::<PathBuf>::new());
        // The repository still works.
        server.let_go();
        let (session, ended) = carry(&sessions, request).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
}
