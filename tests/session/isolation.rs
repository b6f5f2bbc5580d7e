//! What a session must not get from another one, or from the process that holds it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use iac_runner::client::Runner;
use iac_runner::protocol::MAX_GRACE;
use iac_runner::session::{
    DeployRequest, Operation, Reason, Sessions, Settings, StartError, Status,
};
use serde_json::{Value, json};

use crate::stand::{Gate, SMALL, Stand, block_on, body_of, end, log, until, waiting};
use crate::support::bounded::end_of;
use crate::support::tools::Tool;

/// Variable with the path of the file that says what to leave waiting.
const ORDER: &str = "IAC_TEST_LEAVE";

/// A backend that supports workspaces; its state is in the source.
const WITH_WORKSPACES: &str = r#"
terraform {
  backend "local" {}
}
variable "env" {
  default = "default"
}
resource "terraform_data" "x" {
  input = var.env
}
output "workspace" {
  value = terraform.workspace
}
"#;

/// Creates a directory that several sessions use.
fn shared_source(stand: &Stand) -> PathBuf {
    let source = stand.folder().join("infra");
    fs::create_dir_all(&source).expect("a folder");
    fs::write(source.join("main.tf"), WITH_WORKSPACES).expect("it is written");
    source
}

fn of_workspace(stand: &Stand, source: &Path, workspace: Option<&str>) -> DeployRequest {
    let mut request = stand.own(DeployRequest::directory(stand.wire_tool(), source));
    request.auto_approve = true;
    if let Some(workspace) = workspace {
        request.workspace = Some(workspace.to_owned());
        let value = ("env".to_owned(), workspace.into());
        request.variables = [value].into();
    }
    request
}

fn a_session_never_works_in_the_workspace_of_another(tool: Tool) {
    let stand = Stand::new(tool);
    let source = shared_source(&stand);
    let gate = Gate::new(&stand);
    let state_of = |env: &str| {
        let file = format!("terraform.tfstate.d/{env}/terraform.tfstate");
        fs::read_to_string(source.join(file)).expect("a state")
    };
    block_on(async {
        let sessions = stand.sessions();
        let mut prod = of_workspace(&stand, &source, Some("prod"));
        gate.before(&mut prod, &stand);
        gate.hold("plan");
        let prod = sessions.start(prod).expect("it starts");
        gate.wait_until_at("plan");
        // Another session selects a workspace while this one is about to plan.
        let dev = of_workspace(&stand, &source, Some("dev"));
        let dev = sessions.start(dev).expect("it starts");
        assert_eq!(end(&dev).await.reason, Some(Reason::Applied));
        gate.let_go("plan");
        let ended = end(&prod).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&prod));
        let outputs = prod.outputs().expect("outputs");
        assert_eq!(outputs.get("workspace").unwrap().value, "prod");
        assert!(state_of("dev").contains("\"value\": \"dev\""));

        let mut destroy = of_workspace(&stand, &source, None);
        destroy.operation = Operation::Destroy;
        let session = sessions.start(destroy).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::NoChanges), "{}", log(&session));
        assert!(state_of("prod").contains("\"value\": \"prod\""));
        assert!(!source.join(".terraform/environment").exists());
    });
}
on_both_tools!(a_session_never_works_in_the_workspace_of_another);

fn a_plan_waits_on_while_another_session_makes_a_workspace(tool: Tool) {
    let stand = Stand::new(tool);
    let source = shared_source(&stand);
    block_on(async {
        let sessions = stand.sessions();
        let mut blue = of_workspace(&stand, &source, Some("blue"));
        blue.auto_approve = false;
        let (blue, digest) = waiting(&sessions, blue).await;
        let green = of_workspace(&stand, &source, Some("green"));
        let green = sessions.start(green).expect("it starts");
        assert_eq!(end(&green).await.reason, Some(Reason::Applied));
        blue.approve("alice", "", &digest).await.expect("it waits");
        let ended = end(&blue).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{ended:#?}");
    });
}
on_both_tools!(a_plan_waits_on_while_another_session_makes_a_workspace);

fn only_a_deployment_makes_a_workspace(tool: Tool) {
    let stand = Stand::new(tool);
    let source = shared_source(&stand);
    block_on(async {
        let sessions = stand.sessions();
        for operation in [Operation::Plan, Operation::Destroy, Operation::Drift] {
            let mut request = of_workspace(&stand, &source, Some("prdo"));
            request.operation = operation;
            let session = sessions.start(request).expect("it starts");
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(Reason::InitFailed), "{operation:?}");
            assert!(
                ended.error.contains("`prdo` does not exist"),
                "{}",
                ended.error
            );
        }
        let mut request = of_workspace(&stand, &source, Some("prdo"));
        request.operation = Operation::Validate;
        let session = sessions.start(request).expect("it starts");
        assert_eq!(end(&session).await.reason, Some(Reason::Validated));
        assert!(!source.join("terraform.tfstate.d").exists());
    });
}
on_both_tools!(only_a_deployment_makes_a_workspace);

#[test]
fn modules_that_changed_after_the_approval_are_not_applied() {
    let stand = Stand::new(Tool::Terraform);
    block_on(async {
        let sessions = stand.sessions();
        let hcl = format!("{SMALL}\nmodule \"m\" {{\n  source = \"./m\"\n}}\n");
        let files = BTreeMap::from([
            ("main.tf".to_owned(), stand.configuration(&hcl)),
            ("m/main.tf".to_owned(), "locals {}\n".to_owned()),
        ]);
        let request = stand.own(DeployRequest::files(stand.wire_tool(), files));
        let (session, digest) = waiting(&sessions, request).await;
        let modules = session.dir().join("data/modules");
        assert!(modules.join("modules.json").exists());
        fs::write(modules.join("new.tf"), "").expect("it is written");
        session
            .approve("alice", "", &digest)
            .await
            .expect("it waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::ApprovalVoid), "{ended:?}");
    });
}

fn what_the_host_says_to_the_tools_changes_no_plan_and_voids_an_approval(tool: Tool) {
    let stand = Stand::new(tool);
    let request = stand.request(SMALL);
    let shared = stand.folder().join("data");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "isolation::leaves_a_plan_waiting", "--ignored"])
        .env(ORDER, order(&stand, &request))
        .env("AWS_PROFILE", "staging")
        .env("TF_CLI_ARGS_plan", "-destroy -lock=false")
        .env("TF_DATA_DIR", &shared)
        .env("TF_WORKSPACE", "other")
        .stdin(Stdio::null())
        .spawn()
        .expect("this program starts");
    assert!(end_of(&mut child).success());
    assert!(!shared.exists());
    block_on(async {
        // This process has no `AWS_PROFILE`: it would apply in another account.
        let sessions = stand.sessions();
        let mut recovered = sessions
            .recover_all(|_| Some(request.secrets()))
            .expect("the root is there");
        let session = recovered.pop().expect("one").session.expect("it is there");
        let digest = session.status().plan_digest.expect("a digest");
        session
            .approve("alice", "", &digest)
            .await
            .expect("it waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::ApprovalVoid), "{ended:?}");
        assert!(ended.error.contains("the environment"), "{}", ended.error);
    });
}
on_both_tools!(what_the_host_says_to_the_tools_changes_no_plan_and_voids_an_approval);

fn order(stand: &Stand, request: &DeployRequest) -> PathBuf {
    let order = stand.folder().join("order.json");
    let document = json!({"body": body_of(request), "root": stand.settings().root});
    fs::write(&order, document.to_string()).expect("it is written");
    order
}

#[test]
#[ignore = "is started by other tests, as a process with another environment"]
fn leaves_a_plan_waiting() {
    let order = std::env::var_os(ORDER).expect("who starts this says what to leave");
    let order: Value =
        serde_json::from_slice(&fs::read(order).expect("it is there")).expect("it is JSON");
    let request = DeployRequest::from_json(order["body"].to_string().as_bytes()).expect("valid");
    let runner = Runner::at(env!("CARGO_BIN_EXE_iac-runner")).expect("the binary is built");
    let settings = Settings::new(runner, order["root"].as_str().expect("a text"));
    block_on(async {
        let sessions = Sessions::open(settings).expect("a runtime");
        let session = sessions.start(request).expect("it starts");
        until(&session, Status::AwaitingApproval).await;
        assert_eq!(session.plan().expect("a plan").counts.add, 1);
    });
}

#[test]
fn a_root_that_the_tools_cannot_be_told_is_refused() {
    let stand = Stand::new(Tool::Terraform);
    block_on(async {
        let not_utf8 = OsString::from_vec(b"r\xff".to_vec());
        for (name, problem) in [("env=prod".into(), "holds `=`"), (not_utf8, "not UTF-8")] {
            let mut settings = stand.settings();
            settings.root = stand.folder().join(name);
            let fault = Sessions::open(settings).expect_err("it is refused");
            assert!(matches!(fault, StartError::Root { .. }), "{fault:?}");
            assert!(fault.to_string().contains(problem), "{fault}");
        }
    });
}

#[test]
fn a_grace_that_no_runner_takes_becomes_the_longest() {
    let stand = Stand::new(Tool::Terraform);
    block_on(async {
        let mut settings = stand.settings();
        settings.grace = Duration::MAX;
        let sessions = Sessions::open(settings).expect("a runtime");
        assert_eq!(sessions.settings().grace, MAX_GRACE);
    });
}

#[test]
fn a_source_that_holds_the_sessions_is_refused() {
    let stand = Stand::new(Tool::Terraform);
    let source = shared_source(&stand);
    let link = stand.folder().join("link");
    std::os::unix::fs::symlink(&source, &link).expect("a link");
    block_on(async {
        let mut settings = stand.settings();
        settings.root = source.join("kept/deployments");
        let sessions = Sessions::open(settings).expect("a runtime");
        for directory in [&source, &link] {
            let request = DeployRequest::directory(stand.wire_tool(), directory);
            let fault = sessions.start(request).expect_err("it is refused");
            assert!(fault.to_string().contains("source.directory"), "{fault}");
        }
    });
}
