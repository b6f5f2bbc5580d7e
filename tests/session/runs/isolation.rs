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

use crate::support::bounded::end_of;
use crate::support::tools::Tool;
use crate::test_env::{Gate, SMALL, TestEnv, block_on, body_of, end, log, until, waiting};

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
fn shared_source(test_env: &TestEnv) -> PathBuf {
    let source = test_env.folder().join("infra");
    fs::create_dir_all(&source).expect("a folder");
    fs::write(source.join("main.tf"), WITH_WORKSPACES).expect("it is written");
    source
}

fn of_workspace(test_env: &TestEnv, source: &Path, workspace: Option<&str>) -> DeployRequest {
    let mut request = test_env.own(DeployRequest::directory(test_env.wire_tool(), source));
    request.auto_approve = true;
    if let Some(workspace) = workspace {
        request.workspace = Some(workspace.to_owned());
        let value = ("env".to_owned(), workspace.into());
        request.variables = [value].into();
    }
    request
}

fn a_session_never_works_in_the_workspace_of_another(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let source = shared_source(&test_env);
    let gate = Gate::new(&test_env);
    let state_of = |env: &str| {
        let file = format!("terraform.tfstate.d/{env}/terraform.tfstate");
        fs::read_to_string(source.join(file)).expect("a state")
    };
    block_on(async {
        let sessions = test_env.sessions();
        let mut prod = of_workspace(&test_env, &source, Some("prod"));
        gate.before(&mut prod, &test_env);
        gate.hold("plan");
        let prod = sessions.start(prod).expect("it starts");
        gate.wait_until_at("plan");
        // Another session selects a workspace while this one is about to plan.
        let dev = of_workspace(&test_env, &source, Some("dev"));
        let dev = sessions.start(dev).expect("it starts");
        assert_eq!(end(&dev).await.reason, Some(Reason::Applied));
        gate.let_go("plan");
        let ended = end(&prod).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&prod));
        let outputs = prod.outputs().expect("outputs");
        assert_eq!(outputs.get("workspace").unwrap().value, "prod");
        assert!(state_of("dev").contains("\"value\": \"dev\""));

        let mut destroy = of_workspace(&test_env, &source, None);
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
    let test_env = TestEnv::new(tool);
    let source = shared_source(&test_env);
    block_on(async {
        let sessions = test_env.sessions();
        let mut blue = of_workspace(&test_env, &source, Some("blue"));
        blue.auto_approve = false;
        let (blue, digest) = waiting(&sessions, blue).await;
        let green = of_workspace(&test_env, &source, Some("green"));
        let green = sessions.start(green).expect("it starts");
        assert_eq!(end(&green).await.reason, Some(Reason::Applied));
        blue.approve("alice", "", &digest).await.expect("it waits");
        let ended = end(&blue).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{ended:#?}");
    });
}
on_both_tools!(a_plan_waits_on_while_another_session_makes_a_workspace);

fn only_a_deployment_makes_a_workspace(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let source = shared_source(&test_env);
    block_on(async {
        let sessions = test_env.sessions();
        for operation in [Operation::Plan, Operation::Destroy, Operation::Drift] {
            let mut request = of_workspace(&test_env, &source, Some("prdo"));
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
        let mut request = of_workspace(&test_env, &source, Some("prdo"));
        request.operation = Operation::Validate;
        let session = sessions.start(request).expect("it starts");
        assert_eq!(end(&session).await.reason, Some(Reason::Validated));
        assert!(!source.join("terraform.tfstate.d").exists());
    });
}
on_both_tools!(only_a_deployment_makes_a_workspace);

#[test]
fn modules_that_changed_after_the_approval_are_not_applied() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let sessions = test_env.sessions();
        let hcl = format!("{SMALL}\nmodule \"m\" {{\n  source = \"./m\"\n}}\n");
        let files = BTreeMap::from([
            ("main.tf".to_owned(), test_env.configuration(&hcl)),
            ("m/main.tf".to_owned(), "locals {}\n".to_owned()),
        ]);
        let request = test_env.own(DeployRequest::files(test_env.wire_tool(), files));
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
    let test_env = TestEnv::new(tool);
    let request = test_env.request(SMALL);
    let shared = test_env.folder().join("data");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "runs::isolation::leaves_a_plan_waiting",
            "--ignored",
        ])
        .env(ORDER, order(&test_env, &request))
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
        let sessions = test_env.sessions();
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

fn order(test_env: &TestEnv, request: &DeployRequest) -> PathBuf {
    let order = test_env.folder().join("order.json");
    let document = json!({"body": body_of(request), "root": test_env.settings().root});
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
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let not_utf8 = OsString::from_vec(b"r\xff".to_vec());
        for (name, problem) in [("env=prod".into(), "holds `=`"), (not_utf8, "not UTF-8")] {
            let mut settings = test_env.settings();
            settings.root = test_env.folder().join(name);
            let fault = Sessions::open(settings).expect_err("it is refused");
            assert!(matches!(fault, StartError::Root { .. }), "{fault:?}");
            assert!(fault.to_string().contains(problem), "{fault}");
        }
    });
}

#[test]
fn a_grace_that_no_runner_takes_becomes_the_longest() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let mut settings = test_env.settings();
        settings.grace = Duration::MAX;
        let sessions = Sessions::open(settings).expect("a runtime");
        assert_eq!(sessions.settings().grace, MAX_GRACE);
    });
}

#[test]
fn a_source_that_holds_the_sessions_is_refused() {
    let test_env = TestEnv::new(Tool::Terraform);
    let source = shared_source(&test_env);
    let link = test_env.folder().join("link");
    std::os::unix::fs::symlink(&source, &link).expect("a link");
    block_on(async {
        let mut settings = test_env.settings();
        settings.root = source.join("kept/deployments");
        let sessions = Sessions::open(settings).expect("a runtime");
        for directory in [&source, &link] {
            let request = DeployRequest::directory(test_env.wire_tool(), directory);
            let fault = sessions.start(request).expect_err("it is refused");
            assert!(fault.to_string().contains("source.directory"), "{fault}");
        }
    });
}
