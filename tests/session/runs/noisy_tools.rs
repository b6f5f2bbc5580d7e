//! Tools that print more than a session expects.

use iac_runner::session::{DeployRequest, Reason};

use crate::support::tools::Tool;
use crate::test_env::{SMALL, TestEnv, block_on, end, log, waiting};

/// Approves a plan made with these variables; it must be applied, and its outputs must be read.
fn is_applied(test_env: &TestEnv, variables: &[(&str, &str)]) {
    let mut request = test_env.request(SMALL);
    for (name, value) in variables {
        request
            .env_vars
            .insert((*name).to_owned(), (*value).to_owned().into());
    }
    approve(test_env, request, variables);
}

fn approve(test_env: &TestEnv, mut request: DeployRequest, variables: &[(&str, &str)]) {
    // Each has something to apply.
    let name = format!("{variables:?}");
    request.variables.insert("name".to_owned(), name.into());
    block_on(async {
        let (session, digest) = waiting(&test_env.sessions(), request).await;
        session.approve("alice", "", &digest).await.expect("waits");
        let ended = end(&session).await;
        let log = log(&session);
        assert_eq!(
            ended.reason,
            Some(Reason::Applied),
            "{variables:?}: {}\n{log}",
            ended.error
        );
        let outputs = session.outputs().expect("outputs");
        assert!(outputs.get("greeting").is_some(), "{variables:?}: {log}");
    });
}

/// Also with JSON logs, and with only the log of the core or of the providers.
fn an_approved_plan_is_applied_while_the_tool_logs(tool: Tool) {
    let test_env = TestEnv::new(tool);
    for variables in [
        &[("TF_LOG", "INFO")][..],
        &[("TF_LOG", "JSON")],
        &[("TF_LOG_CORE", "TRACE"), ("TF_LOG_PROVIDER", "TRACE")],
    ] {
        is_applied(&test_env, variables);
    }
}
on_both_tools!(an_approved_plan_is_applied_while_the_tool_logs);

/// The tools print a warning about it at every command.
fn a_missing_cli_configuration_file_changes_nothing(tool: Tool) {
    let test_env = TestEnv::new(tool);
    is_applied(
        &test_env,
        &[("TF_CLI_CONFIG_FILE", "/nonexistent/cli.tfrc")],
    );
}
on_both_tools!(a_missing_cli_configuration_file_changes_nothing);
