//! Operations other than a deployment, and options of a request.

use std::fs;

use iac_runner::plan::Action;
use iac_runner::protocol;
use iac_runner::session::{DeployRequest, Operation, Reason, Sessions, Snapshot};

use crate::support::tools::Tool;
use crate::test_env::{SMALL, TestEnv, block_on, end, log};

/// Runs a session to its end without an approver.
async fn carry(sessions: &Sessions, mut request: DeployRequest, operation: Operation) -> Snapshot {
    request.operation = operation;
    request.auto_approve = true;
    let session = sessions.start(request).expect("it starts");
    let ended = end(&session).await;
    println!("{operation:?}: {:?}\n{}", ended.reason, log(&session));
    ended
}

fn each_operation_ends_in_its_own_word(tool: Tool) {
    let test_env = TestEnv::new(tool);
    block_on(async {
        let sessions = test_env.sessions();
        let request = || test_env.request(SMALL);
        let table = [
            (Operation::Validate, Reason::Validated),
            (Operation::Plan, Reason::Planned),
            (Operation::Destroy, Reason::NoChanges),
            (Operation::Deploy, Reason::Applied),
            (Operation::Deploy, Reason::NoChanges),
            (Operation::Plan, Reason::NoChanges),
            (Operation::Drift, Reason::NoDrift),
            (Operation::Destroy, Reason::Destroyed),
        ];
        for (operation, reason) in table {
            let ended = carry(&sessions, request(), operation).await;
            assert_eq!(ended.reason, Some(reason), "{operation:?}");
            assert_eq!(ended.error, "", "{operation:?}");
        }
        assert_eq!(test_env.server.lock_holder(), None);
    });
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(each_operation_ends_in_its_own_word);

fn a_plan_without_changes_ends_in_success_without_an_apply(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = crate::test_env::Gate::new(&test_env);
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        request.auto_approve = true;
        for (reason, applies) in [(Reason::Applied, 1), (Reason::NoChanges, 1)] {
            let session = sessions.start(request.clone()).expect("it starts");
            assert_eq!(
                end(&session).await.reason,
                Some(reason),
                "{}",
                log(&session)
            );
            assert_eq!(gate.calls("apply"), applies);
            let outputs = session.outputs().expect("outputs");
            assert_eq!(outputs.get("greeting").unwrap().value, "Hello, world!");
        }
    });
}
on_both_tools!(a_plan_without_changes_ends_in_success_without_an_apply);

fn everything_that_a_request_says_reaches_the_tool(tool: Tool) {
    const CONFIGURATION: &str = r#"
variable "from_flag" {}
variable "from_file" {}
variable "from_variables" {}
variable "from_env" {}
variable "contested" {}
resource "terraform_data" "wanted" {
  input = "${var.from_flag} ${var.from_file} ${var.from_variables} ${var.from_env} ${var.contested}"
}
resource "terraform_data" "not_wanted" {
  count = 2
}
output "all" {
  value = "${terraform_data.wanted.output} ${terraform.workspace}"
}
"#;
    let test_env = TestEnv::new(tool);
    let source = test_env.folder().join("source");
    fs::create_dir_all(source.join("net")).expect("a folder");
    // `http` has no workspaces, so the state is a file whose path is a backend setting.
    let configuration = format!("terraform {{\n  backend \"local\" {{}}\n}}\n{CONFIGURATION}");
    fs::write(source.join("net/main.tf"), configuration).expect("it is written");
    let values = "from_file = \"file\"\ncontested = \"file\"\n";
    fs::write(source.join("net/prod.tfvars"), values).expect("it is written");
    block_on(async {
        let sessions = test_env.sessions();
        let tool = test_env.wire_tool();
        let mut request = test_env.own(DeployRequest::directory(tool, &source));
        request.path = "net".to_owned();
        request.tfvars_files = vec!["prod.tfvars".to_owned()];
        request.plan_flags = "-var 'from_flag=a b' -var=contested=flag".to_owned();
        request.init_flags = "-upgrade".to_owned();
        let variables = [("from_variables", "variables"), ("contested", "variables")];
        request.variables = variables
            .map(|(name, value)| (name.to_owned(), value.into()))
            .into();
        request
            .env_vars
            .insert("TF_VAR_from_env".to_owned(), "env".into());
        request.targets = vec!["terraform_data.wanted".to_owned()];
        request.workspace = Some("blue".to_owned());
        let state = test_env.folder().join("kept.tfstate");
        let setting = ("path".to_owned(), state.to_string_lossy().into_owned());
        request.backend_config = [setting].into();
        request.auto_approve = true;
        let session = sessions.start(request.clone()).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let plan = session.plan().expect("a plan");
        assert_eq!(plan.counts.add, 1, "only the target");
        let outputs = session.outputs().expect("outputs");
        let all = &outputs.get("all").unwrap().value;
        assert_eq!(all, "a b file variables env variables blue");

        request.replace = vec!["terraform_data.wanted".to_owned()];
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let plan = session.plan().expect("a plan");
        assert_eq!(plan.counts.replace, 1);
        assert_eq!(plan.resources[0].action, Action::DeleteThenCreate);
    });
}
on_both_tools!(everything_that_a_request_says_reaches_the_tool);

#[test]
fn a_request_with_faults_starts_nothing_and_names_each() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = test_env.request(SMALL);
        request.path = "../..".to_owned();
        request.plan_flags = "-out=elsewhere -lock=false".to_owned();
        request.timeout_minutes = -1.0;
        let fault = sessions
            .start(request)
            .expect_err("it is refused")
            .to_string();
        for field in ["`path`", "`plan_flags`", "-out", "-lock", "`timeout`"] {
            assert!(fault.contains(field), "{field} in: {fault}");
        }
        let left = fs::read_dir(test_env.settings().root).map_or(0, Iterator::count);
        assert_eq!(left, 0, "no directory was made");
    });
}

fn what_fails_is_told_by_its_phase(tool: Tool) {
    let test_env = TestEnv::new(tool);
    block_on(async {
        let sessions = test_env.sessions();
        let table = [
            ("resource \"terraform_data\" \"a\" {", Reason::InitFailed),
            (
                "resource \"terraform_data\" \"a\" {\n  input = var.missing\n}\n",
                Reason::PlanFailed,
            ),
            (
                "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    \
                 command = \"exit 7\"\n  }\n}\n",
                Reason::ApplyFailed,
            ),
        ];
        for (configuration, reason) in table {
            let mut request = test_env.request(configuration);
            request.auto_approve = true;
            let session = sessions.start(request).expect("it starts");
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(reason), "{}", log(&session));
            assert_ne!(ended.error, "", "{reason:?}");
            assert!(ended.diagnosis.is_some(), "{ended:?}");
        }
        let request = test_env.request("variable \"needed\" {}\n");
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        let class = ended.diagnosis.map(|diagnosis| diagnosis.class);
        assert_eq!(class, Some(protocol::DiagnosisClass::MissingVariable));
        let mut request = test_env.request("output \"a\" {\n  value = local.missing\n}\n");
        request.operation = Operation::Validate;
        let session = sessions.start(request).expect("it starts");
        assert_eq!(end(&session).await.reason, Some(Reason::ValidateFailed));
    });
}
on_both_tools!(what_fails_is_told_by_its_phase);

#[test]
fn a_command_that_takes_too_long_is_timed_out() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = crate::test_env::Gate::new(&test_env);
    gate.hold("plan");
    block_on(async {
        let sessions = test_env.sessions();
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        request.timeout_minutes = 1.0 / 60.0;
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::TimedOut), "{}", log(&session));
    });
    test_env.mark.assert_nothing_is_left_alive();
}

/// A configuration with a secret number, and one with the same digits.
const NUMBERS: &str = r#"
variable "pin_password" {
  type = number
}
resource "terraform_data" "a" {
  input = 1234567890
}
output "size" {
  value = terraform_data.a.output
}
output "pin" {
  value     = var.pin_password
  sensitive = true
}
"#;

fn a_secret_of_digits_leaves_plan_and_outputs_readable(tool: Tool) {
    let test_env = TestEnv::new(tool);
    block_on(async {
        let mut request = test_env.request(NUMBERS);
        request.auto_approve = true;
        let pin = "345678".to_owned().into();
        request
            .env_vars
            .insert("TF_VAR_pin_password".to_owned(), pin);
        let session = test_env.sessions().start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("size").unwrap().value, "***");
        assert_eq!(outputs.expose_sensitive("pin").unwrap(), "***");
    });
}
on_both_tools!(a_secret_of_digits_leaves_plan_and_outputs_readable);
