//! Deployments from a real repository, from disk, over http and over ssh.

use std::os::unix::fs::symlink;
use std::process::Command;

use iac_runner::checkout::Credentials;
use iac_runner::session::Reason;

use crate::http_server::HttpServer;
use crate::recovery::holder::killed_at;
use crate::repository::Repositories;
use crate::sources::checkout_env::{
    GREETING, carry, deployed, failed, git, repository, request, with_key, with_password,
};
use crate::ssh_server::SshServer;
use crate::support::bounded::output_of;
use crate::support::tools::Tool;
use crate::test_env::{Gate, SMALL, TestEnv, block_on, end, log, waiting};

/// The server's password; it is in no other place of a test.
const PASSWORD: &str = "p4ssw0rd-of-the-repository";

fn a_branch_a_tag_and_a_commit_are_deployed_and_the_commit_is_told(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let (_repositories, repository) = repository(&test_env);
    let tagged = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "--annotate", "--message=one", "v1"]);
    repository.git(&["checkout", "--quiet", "-b", "feature/x"]);
    repository.write("more.tf", "output \"more\" {\n  value = 1\n}\n");
    let branch = repository.commit("more");
    block_on(async {
        let sessions = test_env.sessions();
        for (git_ref, commit, has_more) in [
            ("v1", &tagged, false),
            ("feature/x", &branch, true),
            (tagged.as_str(), &tagged, false),
        ] {
            let request = request(&test_env, &repository.url(), git_ref);
            let (session, ended) = deployed(&sessions, request).await;
            let told = ended.commit.expect("a commit").to_string();
            assert_eq!(&told, commit, "{git_ref}");
            assert!(log(&session).contains(commit.as_str()), "{git_ref}");
            let outputs = session.outputs().expect("outputs");
            assert_eq!(outputs.get("more").is_some(), has_more, "{git_ref}");
        }
        let unknown = request(&test_env, &repository.url(), "absent");
        let error = failed(&sessions, unknown, Reason::CheckoutFailed).await;
        assert!(error.contains("absent"), "{error}");
    });
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_branch_a_tag_and_a_commit_are_deployed_and_the_commit_is_told);

/// Without the state, everything would be created once more.
#[test]
fn a_state_in_the_repository_that_was_lost_before_the_plan_is_missed() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (_repositories, repository) = repository(&test_env);
    let state = r#"{"version": 4, "terraform_version": "1.0.0", "serial": 1, "lineage": "a", "resources": []}"#;
    repository.write("terraform.tfstate", state);
    repository.commit("a state");
    let gate = Gate::new(&test_env);
    let mut request = request(&test_env, &repository.url(), "main");
    gate.before(&mut request, &test_env);
    let dir = killed_at("init", &test_env, &gate, &request, false);
    std::fs::write(dir.join("source/terraform.tfstate"), "").expect("written");
    gate.let_go("init");
    block_on(async {
        let taken_up = test_env.sessions().recover(&dir, Some(&request.secrets()));
        let session = taken_up.expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::PlanFailed), "{ended:#?}");
    });
    assert_eq!(gate.calls("plan"), 0);
}

#[test]
fn another_commit_than_the_one_that_was_approved_is_not_applied() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (_repositories, repository) = repository(&test_env);
    block_on(async {
        let mut request = request(&test_env, &repository.url(), "main");
        request.auto_approve = false;
        let (session, digest) = waiting(&test_env.sessions(), request).await;
        let head = session.dir().join("source/.git/HEAD");
        std::fs::write(head, format!("{}\n", "1".repeat(40))).expect("written");
        let approved = session.approve("alice", "", &digest).await;
        approved.expect("it waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::ApprovalVoid), "{ended:#?}");
        assert!(ended.error.contains("the commit"), "{}", ended.error);
    });
}

/// Returns the files below the environment's folder that contain a text.
fn files_with(test_env: &TestEnv, text: &str) -> String {
    let found = output_of(
        Command::new("grep")
            .args(["-rlF", "-e", text])
            .arg(test_env.folder()),
    );
    String::from_utf8_lossy(&found.stdout).into_owned()
}

#[test]
fn a_repository_that_wants_a_password_is_deployed_with_it_and_it_is_nowhere_on_disk() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (repositories, repository) = repository(&test_env);
    let server = HttpServer::with_login(repositories.path(), "deployer", PASSWORD);
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let url = server.url("a/.git");
    block_on(async {
        let sessions = test_env.sessions();
        let request = with_password(request(&test_env, &url, "main"), PASSWORD);
        let (session, ended) = deployed(&sessions, request).await;
        assert_eq!(ended.commit.expect("a commit").to_string(), commit);
        assert!(!log(&session).contains(PASSWORD));
    });
    assert_eq!(files_with(&test_env, PASSWORD), "");
}

#[test]
fn a_wrong_password_fails_the_checkout_and_is_shown_nowhere() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (repositories, _repository) = repository(&test_env);
    let server = HttpServer::with_login(repositories.path(), "deployer", PASSWORD);
    let wrong = "wr0ng-of-the-repository";
    block_on(async {
        let sessions = test_env.sessions();
        let request = with_password(request(&test_env, &server.url("a/.git"), "main"), wrong);
        let (session, ended) = carry(&sessions, request).await;
        let log = log(&session);
        assert_eq!(ended.reason, Some(Reason::CheckoutFailed), "{log}");
        assert!(ended.commit.is_none());
        for text in ["credentials", "127.0.0.1"] {
            assert!(ended.error.contains(text), "{}", ended.error);
        }
        let shown = format!("{log}{ended:?}");
        assert!(!shown.contains(wrong), "{shown}");
    });
    assert_eq!(files_with(&test_env, wrong), "");
    assert!(test_env.server.state().is_none());
}

#[test]
fn a_key_opens_a_repository_over_ssh_and_another_one_does_not() {
    let test_env = TestEnv::new(Tool::Tofu);
    let (_repositories, repository) = repository(&test_env);
    let server = SshServer::start(false);
    let Credentials::Ssh { known_hosts, .. } = server.credentials() else {
        panic!("a server for ssh has keys");
    };
    let url = server.url(&repository.path.join(".git"));
    let (key, other) = (server.read("user"), server.read("other"));
    block_on(async {
        let sessions = test_env.sessions();
        let good = with_key(request(&test_env, &url, "main"), &key, &known_hosts);
        let (session, ended) = deployed(&sessions, good).await;
        assert!(ended.commit.is_some());
        assert!(!log(&session).contains("PRIVATE KEY"));
        let refused = with_key(request(&test_env, &url, "main"), &other, &known_hosts);
        failed(&sessions, refused, Reason::CheckoutFailed).await;
    });
    for line in key.lines().chain(other.lines()).filter(|it| it.len() > 40) {
        assert_eq!(files_with(&test_env, line), "");
    }
}

#[test]
fn a_path_or_a_file_of_variables_that_leads_out_of_the_checkout_is_refused() {
    let test_env = TestEnv::new(Tool::Terraform);
    let (_repositories, repository) = repository(&test_env);
    let outside = test_env.folder().join("outside.tfvars");
    std::fs::write(&outside, "name = \"outside\"\n").expect("a file");
    symlink(test_env.folder(), repository.path.join("leads-out")).expect("a link");
    symlink(&outside, repository.path.join("out.tfvars")).expect("a link");
    symlink("network", repository.path.join("stays")).expect("a link");
    repository.write("network/main.tf", &test_env.configuration(SMALL));
    repository.write("in.tfvars", "name = \"world\"\n");
    repository.commit("links");
    block_on(async {
        let sessions = test_env.sessions();
        let of = || request(&test_env, &repository.url(), "main");
        let mut by_path = of();
        by_path.path = "leads-out".to_owned();
        let error = failed(&sessions, by_path, Reason::CheckoutFailed).await;
        assert!(error.contains("leads-out"), "{error}");
        let mut by_file = of();
        by_file.tfvars_files = vec!["out.tfvars".to_owned()];
        let error = failed(&sessions, by_file, Reason::PlanFailed).await;
        assert!(error.contains("out.tfvars"), "{error}");
        assert!(test_env.server.state().is_none());
        // Links that stay inside are followed.
        let mut inside = of();
        inside.path = "stays".to_owned();
        inside.tfvars_files = vec!["../in.tfvars".to_owned()];
        deployed(&sessions, inside).await;
    });
}

#[test]
fn a_module_in_a_submodule_is_deployed_if_submodules_are_asked_for() {
    let test_env = TestEnv::new(Tool::Terraform);
    let repositories = Repositories::new();
    let module = repositories.create("module");
    module.write(
        "main.tf",
        &format!("output \"greeting\" {{\n  value = \"{GREETING}\"\n}}\n"),
    );
    module.commit("module");
    let outer = repositories.create("outer");
    let configuration = "module \"greeting\" {\n  source = \"./module\"\n}\noutput \"greeting\" {\n  \
                         value = module.greeting.greeting\n}\n";
    outer.write("main.tf", &test_env.configuration(configuration));
    outer.git(&["submodule", "--quiet", "add", &module.url(), "module"]);
    outer.commit("submodule");
    block_on(async {
        let sessions = test_env.sessions();
        let without = request(&test_env, &outer.url(), "main");
        // The directory exists but is empty: a module without an output.
        failed(&sessions, without.clone(), Reason::PlanFailed).await;
        let mut with = without;
        git(&mut with).submodules = true;
        deployed(&sessions, with).await;
    });
}
