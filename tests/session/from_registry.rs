//! Sessions whose modules come from a private registry.

use std::process::Command;

use iac_runner::registry::{Registry, RegistryHost, TokenSource};
use iac_runner::session::{DeployRequest, Reason, Sessions, Settings};

use crate::checkout_stand::carry;
use crate::holder::Holder;
use crate::registry_server::{Answer, RegistryServer};
use crate::stand::{Gate, Stand, block_on, body_of, end, log};
use crate::support::bounded::output_of;
use crate::support::tools::Tool;

/// With all characters that quoting could change.
const TOKEN: &str = r#"tok-5f1c"${quoted}\%{value}'"#;

fn registry(server: &RegistryServer, source: TokenSource) -> Registry {
    let host = RegistryHost::parse(&server.url()).expect("an address");
    Registry::new(host, source)
}

fn settings(stand: &Stand, registry: Registry) -> Settings {
    let mut settings = stand.settings();
    settings.registry = Some(registry);
    settings
}

/// Returns a request for a configuration whose module is in the registry.
fn request(stand: &Stand, server: &RegistryServer) -> DeployRequest {
    let host = RegistryHost::parse(&server.url()).expect("an address");
    let configuration = format!(
        "module \"greeting\" {{\n  source  = \"{}/acme/greeting/local\"\n  version = \"1.0.0\"\n}}\n\
         resource \"terraform_data\" \"a\" {{\n  input = module.greeting.greeting\n}}\n\
         output \"greeting\" {{\n  value = terraform_data.a.output\n}}\n",
        host.module_host()
    );
    let mut request = stand.request(&configuration);
    request.auto_approve = true;
    request
}

/// Asserts that every request to the registry had the token, and that no file on disk contains it.
#[track_caller]
fn token_was_shown_to_the_registry_alone(stand: &Stand, server: &RegistryServer, token: &str) {
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
            .arg(stand.settings().root),
    );
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

fn a_module_of_a_private_registry_is_deployed_and_the_token_is_nowhere_on_disk(tool: Tool) {
    let stand = Stand::new(tool);
    let server = RegistryServer::start(TOKEN, Answer::Token);
    let registry = registry(&server, TokenSource::Given(TOKEN.into()));
    block_on(async {
        let sessions = Sessions::open(settings(&stand, registry)).expect("a runtime");
        let (session, ended) = carry(&sessions, request(&stand, &server)).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("greeting").unwrap().value, "from the registry");
        assert!(!log(&session).contains(TOKEN));
    });
    token_was_shown_to_the_registry_alone(&stand, &server, TOKEN);
    stand.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_module_of_a_private_registry_is_deployed_and_the_token_is_nowhere_on_disk);

#[test]
fn a_token_that_opens_nothing_fails_init_and_is_shown_nowhere() {
    const WRONG: &str = "tok-of-another-day";
    let stand = Stand::new(Tool::Terraform);
    let server = RegistryServer::start(TOKEN, Answer::Token);
    let registry = registry(&server, TokenSource::Given(WRONG.into()));
    block_on(async {
        let sessions = Sessions::open(settings(&stand, registry)).expect("a runtime");
        let (session, ended) = carry(&sessions, request(&stand, &server)).await;
        let shown = format!("{}{ended:?}", log(&session));
        assert_eq!(ended.reason, Some(Reason::InitFailed), "{shown}");
        assert!(!shown.contains(WRONG), "{shown}");
    });
    token_was_shown_to_the_registry_alone(&stand, &server, WRONG);
}

#[cfg(feature = "registry-token")]
#[test]
fn a_backend_is_asked_for_the_token_once_a_session() {
    let stand = Stand::new(Tool::Terraform);
    let server = RegistryServer::start(TOKEN, Answer::Token);
    let registry = registry(&server, TokenSource::Backend);
    block_on(async {
        let sessions = Sessions::open(settings(&stand, registry)).expect("a runtime");
        let (session, ended) = carry(&sessions, request(&stand, &server)).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
    let arrivals = server.arrivals();
    let of_token = arrivals
        .iter()
        .filter(|arrival| arrival.path == crate::registry_server::TOKEN_PATH);
    assert_eq!(of_token.count(), 1);
    token_was_shown_to_the_registry_alone(&stand, &server, TOKEN);
}

fn a_session_with_a_registry_whose_holder_is_killed_goes_on_to_its_end(tool: Tool) {
    for command in ["init", "plan"] {
        let stand = Stand::new(tool);
        let server = RegistryServer::start(TOKEN, Answer::Token);
        let gate = Gate::new(&stand);
        gate.hold(command);
        let mut request = request(&stand, &server);
        gate.before(&mut request, &stand);
        let holder = Holder::with_registry(&stand, &body_of(&request), &server.url(), TOKEN);
        let dir = holder.dir();
        gate.wait_until_at(command);
        holder.kill();
        block_on(async {
            let registry = registry(&server, TokenSource::Given(TOKEN.into()));
            let sessions = Sessions::open(settings(&stand, registry)).expect("a runtime");
            let session = sessions
                .recover(&dir, Some(&request.secrets()))
                .expect("nobody carries it");
            gate.let_go(command);
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
            let outputs = session.outputs().expect("outputs");
            assert_eq!(outputs.get("greeting").unwrap().value, "from the registry");
        });
        assert_eq!(gate.calls(command), 1, "it was followed, not repeated");
        token_was_shown_to_the_registry_alone(&stand, &server, TOKEN);
        stand.mark.assert_nothing_is_left_alive();
    }
}
on_both_tools!(a_session_with_a_registry_whose_holder_is_killed_goes_on_to_its_end);
