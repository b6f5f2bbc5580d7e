//! Tools that print more than a session expects.

use iac_runner::session::{DeployRequest, Reason};

use crate::stand::{SMALL, Stand, block_on, end, log, waiting};
use crate::support::tools::Tool;

/// Approves a plan made with these variables; it must be applied, and its outputs must be read.
fn is_applied(stand: &Stand, variables: &[(&str, &str)]) {
    let mut request = stand.request(SMALL);
    for (name, value) in variables {
        request
            .env_vars
            .insert((*name).to_owned(), (*value).to_owned().into());
    }
    approve(stand, request, variables);
}

fn approve(stand: &Stand, mut request: DeployRequest, variables: &[(&str, &str)]) {
    // Each has something to apply.
    let name = format!("{variables:?}");
    request.variables.insert("name".to_owned(), name.into());
    block_on(async {
        let (session, digest) = waiting(&stand.sessions(), request).await;
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
    let stand = Stand::new(tool);
    for variables in [
        &[("TF_LOG", "INFO")][..],
        &[("TF_LOG", "JSON")],
        &[("TF_LOG_CORE", "TRACE"), ("TF_LOG_PROVIDER", "TRACE")],
    ] {
        is_applied(&stand, variables);
    }
}
on_both_tools!(an_approved_plan_is_applied_while_the_tool_logs);

/// The tools print a warning about it at every command.
fn a_missing_cli_configuration_file_changes_nothing(tool: Tool) {
    let stand = Stand::new(tool);
    is_applied(&stand, &[("TF_CLI_CONFIG_FILE", "/nonexistent/cli.tfrc")]);
}
on_both_tools!(a_missing_cli_configuration_file_changes_nothing);
