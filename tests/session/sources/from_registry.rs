//! Sessions whose modules come from a private registry.

use std::process::Command;

use iac_runner::registry::{Registry, RegistryHost, TokenSource};
use iac_runner::session::{DeployRequest, Reason, Sessions, Settings};

use crate::recovery::holder::Holder;
use crate::registry_server::{Answer, RegistryServer};
use crate::sources::checkout_env::carry;
use crate::support::bounded::output_of;
use crate::support::tools::Tool;
use crate::test_env::{Gate, TestEnv, block_on, body_of, end, log};

/// With all characters that quoting could change.
const TOKEN: &str = r#"tok-5f1c"${quoted}\%{value}'"#;

fn registry(server: &RegistryServer, source: TokenSource) -> Registry {
    let host = RegistryHost::parse(&server.url()).expect("an address");
    Registry::new(host, source)
}

fn settings(test_env: &TestEnv, registry: Registry) -> Settings {
    let mut settings = test_env.settings();
    settings.registry = Some(registry);
    settings
}

/// Returns a request for a configuration whose module is in the registry.
fn request(test_env: &TestEnv, server: &RegistryServer) -> DeployRequest {
    let host = RegistryHost::parse(&server.url()).expect("an address");
    let configuration = format!(
        "module \"greeting\" {{\n  source  = \"{}/acme/greeting/local\"\n  version = \"1.0.0\"\n}}\n\
         resource \"terraform_data\" \"a\" {{\n  input = module.greeting.greeting\n}}\n\
         output \"greeting\" {{\n  value = terraform_data.a.output\n}}\n",
        host.module_host()
    );
    let mut request = test_env.request(&configuration);
    request.auto_approve = true;
    request
}

/// Asserts that every request to the registry had the token, and that no file on disk contains it.
#[track_caller]
fn token_was_shown_to_the_registry_alone(test_env: &TestEnv, server: &RegistryServer, token: &str) {
    let asked = server.asked_of_registry();
    assert!(!asked.is_empty());
    for arrival in asked {
        let expected = format!("Bearer {token}");
        assert_eq!(arrival.authorization, Some(expected), "{arrival:?}");
    }
    let json = serde_json::Value::from(token).to_string();
    let found = output_of(
        Command::new("grep")
            .args(["-rlF", "-e", token, "-e", json.trim_matches('"')])
            .arg(test_env.settings().root),
    );
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

fn a_module_of_a_private_registry_is_deployed_and_the_token_is_nowhere_on_disk(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let server = RegistryServer::start(TOKEN, Answer::Token);
    let registry = registry(&server, TokenSource::Given(TOKEN.into()));
    block_on(async {
        let sessions = Sessions::open(settings(&test_env, registry)).expect("a runtime");
        let (session, ended) = carry(&sessions, request(&test_env, &server)).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("greeting").unwrap().value, "from the registry");
        assert!(!log(&session).contains(TOKEN));
    });
    token_was_shown_to_the_registry_alone(&test_env, &server, TOKEN);
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_module_of_a_private_registry_is_deployed_and_the_token_is_nowhere_on_disk);

#[test]
fn a_token_that_opens_nothing_fails_init_and_is_shown_nowhere() {
    const WRONG: &str = "tok-of-another-day";
    let test_env = TestEnv::new(Tool::Terraform);
    let server = RegistryServer::start(TOKEN, Answer::Token);
    let registry = registry(&server, TokenSource::Given(WRONG.into()));
    block_on(async {
        let sessions = Sessions::open(settings(&test_env, registry)).expect("a runtime");
        let (session, ended) = carry(&sessions, request(&test_env, &server)).await;
        let shown = format!("{}{ended:?}", log(&session));
        assert_eq!(ended.reason, Some(Reason::InitFailed), "{shown}");
        assert!(!shown.contains(WRONG), "{shown}");
    });
    token_was_shown_to_the_registry_alone(&test_env, &server, WRONG);
}

#[cfg(feature = "registry-token")]
#[test]
fn a_backend_is_asked_for_the_token_once_a_session() {
    let test_env = TestEnv::new(Tool::Terraform);
    let server = RegistryServer::start(TOKEN, Answer::Token);
    let registry = registry(&server, TokenSource::Backend);
    block_on(async {
        let sessions = Sessions::open(settings(&test_env, registry)).expect("a runtime");
        let (session, ended) = carry(&sessions, request(&test_env, &server)).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
    let arrivals = server.arrivals();
    let of_token = arrivals
        .iter()
        .filter(|arrival| arrival.path == crate::registry_server::TOKEN_PATH);
    assert_eq!(of_token.count(), 1);
    token_was_shown_to_the_registry_alone(&test_env, &server, TOKEN);
}

fn a_session_with_a_registry_whose_holder_is_killed_goes_on_to_its_end(tool: Tool) {
    for command in ["init", "plan"] {
        let test_env = TestEnv::new(tool);
        let server = RegistryServer::start(TOKEN, Answer::Token);
        let gate = Gate::new(&test_env);
        gate.hold(command);
        let mut request = request(&test_env, &server);
        gate.before(&mut request, &test_env);
        let holder = Holder::with_registry(&test_env, &body_of(&request), &server.url(), TOKEN);
        let dir = holder.dir();
        gate.wait_until_at(command);
        holder.kill();
        block_on(async {
            let registry = registry(&server, TokenSource::Given(TOKEN.into()));
            let sessions = Sessions::open(settings(&test_env, registry)).expect("a runtime");
            let session = sessions
                .recover(&dir, Some(&request.secrets()))
                .expect("the session is free");
            gate.let_go(command);
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
            let outputs = session.outputs().expect("outputs");
            assert_eq!(outputs.get("greeting").unwrap().value, "from the registry");
        });
        assert_eq!(gate.calls(command), 1, "it was followed, not repeated");
        token_was_shown_to_the_registry_alone(&test_env, &server, TOKEN);
        test_env.mark.assert_nothing_is_left_alive();
    }
}
on_both_tools!(a_session_with_a_registry_whose_holder_is_killed_goes_on_to_its_end);
