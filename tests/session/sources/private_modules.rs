//! Modules in private repositories on the same host as the deployed one.

use iac_runner::checkout::Credentials;
use iac_runner::protocol::SandboxMode;
use iac_runner::session::{DeployRequest, Reason, Sessions};

use crate::http_server::HttpServer;
use crate::repository::{Repositories, Repository};
use crate::sources::checkout_env::{carry, request, with_key, with_password};
use crate::ssh_server::SshServer;
use crate::support::tools::Tool;
use crate::test_env::{TestEnv, block_on, log};

const PASSWORD: &str = "p4ssw0rd-of-the-modules";

/// Creates a repository that uses a module in another one, by this URL.
fn that_uses(test_env: &TestEnv, repositories: &Repositories, module: &str) -> Repository {
    let repository = repositories.create("a");
    let hcl = format!(
        "module \"greeting\" {{\n  source = \"git::{module}\"\n}}\n\
         output \"greeting\" {{\n  value = module.greeting.text\n}}\n"
    );
    repository.write("main.tf", &test_env.configuration(&hcl));
    repository.commit("configuration");
    repository
}

fn with_module(repositories: &Repositories) -> Repository {
    let module = repositories.create("module");
    module.write("main.tf", "output \"text\" {\n  value = \"Hello!\"\n}\n");
    module.commit("module");
    module
}

/// Asserts that `init` can fetch the module, with and without a sandbox.
fn is_deployed(test_env: &TestEnv, request: &DeployRequest) {
    for (mode, reason) in [
        (SandboxMode::Off, Reason::Applied),
        (SandboxMode::Required, Reason::NoChanges),
    ] {
        let mut settings = test_env.settings();
        settings.sandbox.mode = mode;
        block_on(async {
            let sessions = Sessions::open(settings).expect("a runtime is there");
            let (session, ended) = carry(&sessions, request.clone()).await;
            let log = log(&session);
            assert_eq!(ended.reason, Some(reason), "{}\n{log}", ended.error);
            let outputs = session.outputs().expect("outputs");
            assert_eq!(outputs.get("greeting").expect("an output").value, "Hello!");
        });
        test_env.mark.assert_nothing_is_left_alive();
    }
}

fn a_module_over_http_gets_the_login_of_the_repository(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let repositories = Repositories::new();
    let server = HttpServer::with_login(repositories.path(), "deployer", PASSWORD);
    with_module(&repositories);
    that_uses(&test_env, &repositories, &server.url("module/.git"));
    let request = request(&test_env, &server.url("a/.git"), "main");
    is_deployed(&test_env, &with_password(request, PASSWORD));
}
on_both_tools!(a_module_over_http_gets_the_login_of_the_repository);

fn a_module_over_ssh_gets_the_key_of_the_repository(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let repositories = Repositories::new();
    let server = SshServer::start(false);
    let module = with_module(&repositories);
    let repository = that_uses(&test_env, &repositories, &server.url(&module.path));
    let Credentials::Ssh { known_hosts, .. } = server.credentials() else {
        panic!("these are for ssh");
    };
    let request = request(&test_env, &server.url(&repository.path), "main");
    let request = with_key(request, &server.read("user"), &known_hosts);
    is_deployed(&test_env, &request);
}
on_both_tools!(a_module_over_ssh_gets_the_key_of_the_repository);

fn a_module_on_another_host_gets_no_login(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let repositories = Repositories::new();
    let server = HttpServer::with_login(repositories.path(), "deployer", PASSWORD);
    let elsewhere = HttpServer::with_login(repositories.path(), "deployer", PASSWORD);
    with_module(&repositories);
    that_uses(&test_env, &repositories, &elsewhere.url("module/.git"));
    block_on(async {
        let request = request(&test_env, &server.url("a/.git"), "main");
        let request = with_password(request, PASSWORD);
        let (session, ended) = carry(&test_env.sessions(), request).await;
        assert_eq!(ended.reason, Some(Reason::InitFailed), "{}", log(&session));
    });
    let seen = elsewhere.seen();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|it| it.authorization.is_none()), "{seen:?}");
}
on_both_tools!(a_module_on_another_host_gets_no_login);
