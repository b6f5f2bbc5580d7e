//! Variables and flags, as the tools get them.

use std::collections::BTreeMap;
use std::fs;

use iac_runner::session::{DeployRequest, Reason};
use serde_json::json;

use crate::support::tools::Tool;
use crate::test_env::{Gate, SMALL, TestEnv, block_on, body_of, end, log, waiting};

/// Digits of an integer that does not fit into 64 bits.
const DIGITS: &str = "104567890123456789012";

fn a_number_beyond_64_bits_keeps_its_digits(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let hcl = r#"
variable "big" {
  type = number
}
variable "list" {}
resource "terraform_data" "big" {
  input = var.big
}
output "big" {
  value = terraform_data.big.output
}
output "text" {
  value = jsonencode([var.list, var.big])
}
"#;
    // The state is a file: the test server keeps only the digits that a `Value` can hold.
    let files = BTreeMap::from([("main.tf".to_owned(), hcl.to_owned())]);
    let request = test_env.own(DeployRequest::files(test_env.wire_tool(), files));
    let mut body = body_of(&request);
    body["variables"] = json!({"big": "BIG", "list": ["BIG", 1.5]});
    let body = body.to_string().replace("\"BIG\"", DIGITS);
    let request = DeployRequest::from_json(body.as_bytes()).expect("a request");
    // In the form that a service stores.
    let record = request.record();
    let request = DeployRequest::from_record(&record, &request.secrets()).expect("a record");
    block_on(async {
        let (session, digest) = waiting(&test_env.sessions(), request).await;
        let plan = session.plan().expect("a plan").to_string();
        assert!(plan.contains(DIGITS), "{plan}");
        session.approve("alice", "", &digest).await.expect("waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let outputs = session.outputs().expect("outputs");
        let value = |name| outputs.get(name).expect("an output").value.clone();
        assert_eq!(value("big"), DIGITS);
        assert_eq!(value("text"), format!("[[{DIGITS},1.5],{DIGITS}]"));
    });
}
on_both_tools!(a_number_beyond_64_bits_keeps_its_digits);

fn a_variable_with_a_dash_in_its_name_is_given(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let hcl = "variable \"my-var\" {}\noutput \"it\" {\n  value = var.my-var\n}\n";
    let mut body = body_of(&test_env.request(hcl));
    body["env_vars"]["TF_VAR_my-var"] = json!("given");
    body["auto_approve"] = json!(true);
    let request = DeployRequest::from_json(body.to_string().as_bytes()).expect("a request");
    block_on(async {
        let session = test_env.sessions().start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("it").expect("an output").value, "given");
    });
}
on_both_tools!(a_variable_with_a_dash_in_its_name_is_given);

/// The tested version of tofu does not support them.
#[test]
fn ephemeral_variables_are_given_again_at_the_apply() {
    let test_env = TestEnv::new(Tool::Terraform);
    let hcl = r#"
variable "by_variables" {
  ephemeral = true
}
variable "by_file" {
  ephemeral = true
}
variable "by_flag" {
  ephemeral = true
}
variable "lasting" {
  type = string
}
resource "terraform_data" "it" {
  input = var.lasting
  provisioner "local-exec" {
    command = "test \"$IT\" = 'one two three'"
    environment = {
      IT = "${var.by_variables} ${var.by_file} ${var.by_flag}"
    }
  }
}
"#;
    let mut body = body_of(&test_env.request(hcl));
    body["source"]["files"]["some.tfvars"] = json!("by_file = \"two\"\nlasting = 5\n");
    body["tfvars_files"] = json!(["some.tfvars"]);
    body["variables"] = json!({"by_variables": "one"});
    body["plan_flags"] = json!("-var by_flag=three");
    let request = DeployRequest::from_json(body.to_string().as_bytes()).expect("a request");
    block_on(async {
        let (session, digest) = waiting(&test_env.sessions(), request).await;
        session.approve("alice", "", &digest).await.expect("waits");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
}

fn an_apply_gets_its_flags_and_those_of_the_plan(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    let calls = test_env.folder().join("words");
    gate.write_program(&test_env, &format!("echo \"$@\" >>'{}'", calls.display()));
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, &test_env);
    request.plan_flags = "-parallelism 3 -no-color -refresh=true -lock-timeout=7s".to_owned();
    request.apply_flags = "-compact-warnings -parallelism=2".to_owned();
    request.auto_approve = true;
    block_on(async {
        let session = test_env.sessions().start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
    let calls = fs::read_to_string(calls).expect("calls");
    let apply = calls
        .lines()
        .find(|call| call.starts_with("apply "))
        .expect("an apply");
    let expected = "apply -input=false -parallelism=3 -no-color -lock-timeout=7s -compact-warnings -parallelism=2 ";
    assert!(apply.starts_with(expected), "{apply}");
}
on_both_tools!(an_apply_gets_its_flags_and_those_of_the_plan);
