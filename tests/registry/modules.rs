//! Both tools get modules from a registry that requires a token on every request.

use iac_runner::protocol::{Outcome, RunResult};
use iac_runner::registry::{Access, Registry, RegistryHost, TokenSource};

use crate::registry_server::{Answer, RegistryServer};
use crate::support::tools::Tool;
use crate::test_env::{TestEnv, block_on};

/// With all characters that quoting could change.
const TOKEN: &str = r#"tok-5f1c"${quoted}\%{value}'"#;

/// Makes each row a test for each tool.
macro_rules! on_both_tools {
    ($($row:ident),+ $(,)?) => {
        mod terraform {
            use crate::support::tools::Tool;
            $(#[test] fn $row() { super::$row(Tool::Terraform); })+
        }
        mod tofu {
            use crate::support::tools::Tool;
            $(#[test] fn $row() { super::$row(Tool::Tofu); })+
        }
    };
}

on_both_tools! {
    a_module_comes_from_a_registry_on_a_port,
    a_module_comes_from_a_registry_with_a_name,
    a_registry_on_port_443_is_named_without_it,
    a_provider_is_asked_of_the_registry_with_the_token,
    a_wrong_token_opens_nothing_and_is_shown_nowhere,
}

fn access(address: &str, token: &str) -> Access {
    let host = RegistryHost::parse(address).expect("an address");
    let source = TokenSource::Given(token.to_owned().into());
    block_on(Registry::new(host, source).access()).expect("access")
}

fn with_module(host: &str) -> String {
    format!(
        "module \"greeting\" {{\n  source  = \"{host}/acme/greeting/local\"\n  version = \"1.0.0\"\n}}\n\
         output \"greeting\" {{\n  value = module.greeting.greeting\n}}\n"
    )
}

fn init(test_env: &TestEnv, access: &Access, proxy: Option<&str>) -> RunResult {
    test_env.run("init", &["-input=false", "-no-color"], access, proxy)
}

/// Initialises, applies, and checks all requests and all files left.
#[track_caller]
fn module_is_had(tool: Tool, server: &RegistryServer, access: &Access, proxy: Option<&str>) {
    let host = access.host().module_host();
    let test_env = TestEnv::new(tool, &with_module(&host));
    let result = init(&test_env, access, proxy);
    assert_eq!(result.outcome, Outcome::Succeeded, "{result:?}");
    let result = test_env.run("apply", &["-auto-approve", "-no-color"], access, proxy);
    assert_eq!(result.outcome, Outcome::Succeeded, "{result:?}");
    assert!(result.output.contains("from the registry"), "{result:?}");

    let asked = server.asked_of_registry();
    assert!(asked.len() >= 2, "{asked:?}");
    for arrival in server.arrivals() {
        assert_eq!(arrival.host, host, "{arrival:?}");
    }
    for arrival in asked {
        let expected = format!("Bearer {TOKEN}");
        assert_eq!(arrival.authorization, Some(expected), "{arrival:?}");
    }
    test_env.assert_nowhere_on_disk(TOKEN);
}

fn a_module_comes_from_a_registry_on_a_port(tool: Tool) {
    let server = RegistryServer::start(TOKEN, Answer::Token);
    module_is_had(tool, &server, &access(&server.url(), TOKEN), None);
}

fn a_module_comes_from_a_registry_with_a_name(tool: Tool) {
    let server = RegistryServer::start(TOKEN, Answer::Token);
    // Not known to any name server, only to the proxy.
    let access = access("http://my-registry.example.test:9080", TOKEN);
    module_is_had(tool, &server, &access, Some(&server.url()));
}

fn a_registry_on_port_443_is_named_without_it(tool: Tool) {
    let server = RegistryServer::start(TOKEN, Answer::Token);
    let access = access("http://registry.example.test:443", TOKEN);
    let test_env = TestEnv::new(tool, &with_module("registry.example.test:443"));
    let result = init(&test_env, &access, Some(&server.url()));
    assert_eq!(result.outcome, Outcome::Succeeded, "{result:?}");
    assert!(server.asked_of_registry().len() >= 2);
}

fn a_provider_is_asked_of_the_registry_with_the_token(tool: Tool) {
    let server = RegistryServer::start(TOKEN, Answer::Token);
    let access = access(&server.url(), TOKEN);
    let configuration = format!(
        "terraform {{\n  required_providers {{\n    greeting = {{\n      source = \
         \"{}/acme/greeting\"\n    }}\n  }}\n}}\n",
        access.host().module_host()
    );
    let result = init(&TestEnv::new(tool, &configuration), &access, None);
    assert_eq!(result.outcome, Outcome::Failed, "there is no version of it");
    let asked = server.asked_of_registry();
    assert_eq!(asked[0].path, "/v1/providers/acme/greeting/versions");
    let expected = format!("Bearer {TOKEN}");
    assert_eq!(asked[0].authorization, Some(expected));
}

fn a_wrong_token_opens_nothing_and_is_shown_nowhere(tool: Tool) {
    const WRONG: &str = "tok-of-another-day";
    let server = RegistryServer::start(TOKEN, Answer::Token);
    let access = access(&server.url(), WRONG);
    let test_env = TestEnv::new(tool, &with_module(&access.host().module_host()));
    let result = init(&test_env, &access, None);
    assert_eq!(result.outcome, Outcome::Failed, "{result:?}");
    assert!(!format!("{result:?}").contains(WRONG));
    let asked = server.asked_of_registry();
    let expected = format!("Bearer {WRONG}");
    assert_eq!(asked[0].authorization, Some(expected));
    test_env.assert_nowhere_on_disk(WRONG);
}
