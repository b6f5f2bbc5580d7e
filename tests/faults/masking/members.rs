//! A secret that is a JSON document, whose members a configuration shows.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::shown::Shown;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    members_of_a_secret_json_document_are_masked,
    members_of_credentials_in_base64_are_masked,
    members_of_an_object_variable_are_masked,
    values_of_a_secret_line_by_line_are_masked,
    secrets_that_are_assigned_by_arguments_are_masked,
    passwords_in_credentials_of_programs_are_masked,
}

const KEY_LINES: [&str; 3] = [
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
    "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "kWdNRTbYZm9vYmFyYmF6cXV4cXV1eA==",
];
const KEY_ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const CLIENT_SECRET: &str = "GOCSPX-a\"b<c>&d\\e";
const EMAIL: &str = "deployer@my-project-1.iam.gserviceaccount.com";

/// Returns credentials in Google's format, and a secret that JSON has to escape.
fn credentials() -> Value {
    let key = KEY_LINES.join("\n");
    json!({
        "type": "service_account",
        "project_id": "my-project-1",
        "private_key_id": KEY_ID,
        "private_key": format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n"),
        "client_email": EMAIL,
        "client_secret": CLIENT_SECRET,
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "nested": [{ "token": "nested-t0ken-value" }],
        "universe_domain": "googleapis.com",
        "port": 5432,
    })
}

/// Texts that must not be shown. Of the secret, the part that no writer escapes.
const HIDDEN: [&str; 7] = [
    KEY_LINES[0],
    KEY_LINES[1],
    KEY_LINES[2],
    KEY_ID,
    "GOCSPX",
    EMAIL,
    "nested-t0ken-value",
];

/// Shows members in every way that the language supports, from a local value `decoded`.
const SHOWS_MEMBERS: &str = r#"
output "decoded" { value = local.decoded }
output "encoded" { value = jsonencode(local.decoded) }
output "twice" { value = jsonencode({ inner = jsonencode(local.decoded) }) }
output "yaml" { value = yamlencode(local.decoded) }
output "key" { value = local.decoded.private_key }
output "id" { value = nonsensitive(sensitive(local.decoded.private_key_id)) }
output "base64" { value = base64encode(local.decoded.private_key_id) }
output "secret" { value = "client: ${local.decoded.client_secret}" }
output "project" { value = local.decoded.project_id }
output "token_uri" { value = local.decoded.token_uri }
output "type" { value = local.decoded.type }

resource "terraform_data" "a" {
  input = local.decoded
}
"#;

fn workspace(tool: Tool, decoded: &str) -> Workspace {
    let hcl = format!("variable \"shown\" {{}}\nlocals {{ decoded = {decoded} }}\n{SHOWS_MEMBERS}");
    Workspace::with_configuration(tool, Backend::Local, &hcl)
}

/// Applies and shows everything, in text and in JSON.
#[track_caller]
fn assert_members_are_hidden(workspace: &Workspace, value: &str, listed: bool, name: &str) {
    for (command, args) in [
        ("apply", &["-auto-approve"][..]),
        (
            "apply",
            &["-auto-approve", "-no-color", "-replace=terraform_data.a"],
        ),
        ("output", &["-json"]),
        ("output", &["-no-color"]),
        ("show", &["-json"]),
    ] {
        let mut request = workspace.request(command, args);
        request["env_vars"]["TF_VAR_shown"] = json!(value);
        request["env_vars"][name] = json!(value);
        if listed {
            request["secrets"] = json!([value]);
        }
        let shown = Shown::of(workspace, &request);
        assert_eq!(shown.result["outcome"], "succeeded", "{:#}", shown.result);
        shown.assert_hides(HIDDEN);
        for public in [
            "my-project-1",
            "service_account",
            "https://oauth2.googleapis.com/token",
            "private_key_id",
        ] {
            assert!(
                shown.output().contains(public),
                "no {public}: {}",
                shown.output()
            );
        }
        if args.contains(&"-json") {
            serde_json::from_str::<Value>(shown.output()).expect("the output stays JSON");
        }
    }
}

fn members_of_a_secret_json_document_are_masked(tool: Tool) {
    let workspace = workspace(tool, "jsondecode(var.shown)");
    let pretty = serde_json::to_string_pretty(&credentials()).expect("JSON");
    assert_members_are_hidden(&workspace, &pretty, true, "PLAIN");
    let compact = credentials().to_string();
    assert_members_are_hidden(&workspace, &compact, false, "GOOGLE_CREDENTIALS");
}

fn members_of_credentials_in_base64_are_masked(tool: Tool) {
    let workspace = workspace(tool, "jsondecode(base64decode(var.shown))");
    let encoded = BASE64_STANDARD.encode(credentials().to_string());
    assert_members_are_hidden(&workspace, &encoded, false, "GOOGLE_CREDENTIALS");
}

/// The object is written in HCL or JSON; no variable name shows that it is secret, but the names of its members do.
fn members_of_an_object_variable_are_masked(tool: Tool) {
    let hcl = r#"
variable "database" {
  type = object({ host = string, password = string })
}
output "database" { value = var.database }
"#;
    let workspace = Workspace::with_configuration(tool, Backend::Local, hcl);
    for value in [
        r#"{ host = "db-1.example.org", password = "pl4in-\"looking" }"#,
        r#"{"host":"db-1.example.org","password":"pl4in-\"looking"}"#,
    ] {
        let mut request = workspace.request("plan", &["-no-color"]);
        request["env_vars"]["TF_VAR_database"] = json!(value);
        let shown = Shown::of(&workspace, &request);
        assert_eq!(shown.result["outcome"], "succeeded", "{:#}", shown.result);
        shown.assert_hides(["pl4in", "looking"]);
        assert!(
            shown.output().contains("db-1.example.org"),
            "{}",
            shown.output()
        );
    }
}

/// YAML and an environment file, of which a configuration shows single values.
fn values_of_a_secret_line_by_line_are_masked(tool: Tool) {
    let hcl = r#"
variable "yaml" {}
variable "dotenv" {}
output "yaml" { value = yamldecode(var.yaml) }
output "dotenv" { value = { for pair in regexall("([A-Z_]+)='?([^'\n]*)'?", var.dotenv) : pair[0] => pair[1] } }
"#;
    let workspace = Workspace::with_configuration(tool, Backend::Local, hcl);
    let yaml = "kind: Config\nusers:\n- name: deployer-7\n  user:\n    token: y4ml-t0ken-value\n";
    let dotenv = "DB_USER='deployer-7'\nDB_PASSWORD='d0tenv=password'\nDB_HOST=db-1.example.org\n";
    for args in [
        &["-auto-approve", "-no-color"][..],
        &["-auto-approve", "-json"],
    ] {
        let mut request = workspace.request("apply", args);
        request["env_vars"]["TF_VAR_yaml"] = json!(yaml);
        request["env_vars"]["TF_VAR_dotenv"] = json!(dotenv);
        request["secrets"] = json!([yaml, dotenv]);
        let shown = Shown::of(&workspace, &request);
        assert_eq!(shown.result["outcome"], "succeeded", "{:#}", shown.result);
        shown.assert_hides(["deployer-7", "y4ml", "d0tenv", "db-1.example.org"]);
        assert!(shown.output().contains("Config"), "{}", shown.output());
    }
}

/// An argument and a variable with arguments assign values to names that mark them as secret.
fn secrets_that_are_assigned_by_arguments_are_masked(tool: Tool) {
    let hcl = "variable \"db_password\" {}\nvariable \"api_token\" {}\n\
               output \"shown\" { value = \"${var.db_password} ${var.api_token}\" }\n";
    let workspace = Workspace::with_configuration(tool, Backend::Local, hcl);
    let args = [
        "-auto-approve",
        "-no-color",
        "-var",
        "db_password=hunter2-in-args",
    ];
    let mut request = workspace.request("apply", &args);
    request["env_vars"]["TF_CLI_ARGS_apply"] = json!("-var=api_token=t0ken-in-variable");
    let shown = Shown::of(&workspace, &request);
    assert_eq!(shown.result["outcome"], "succeeded", "{:#}", shown.result);
    shown.assert_hides(["hunter2-in-args", "t0ken-in-variable"]);
}

/// Variables with neutral names, which contain the formats in which other programs keep their passwords.
fn passwords_in_credentials_of_programs_are_masked(tool: Tool) {
    let hcl = r#"
variable "odbc" {}
variable "ado" {}
variable "netrc" {}
variable "npmrc" {}
variable "docker" {}
variable "steps" {}
output "odbc" { value = regex("PWD={([^}]*)}", var.odbc)[0] }
output "ado" { value = regex("Password='([^']*)'", var.ado)[0] }
output "netrc" { value = split(" ", var.netrc)[5] }
output "npmrc" { value = regex("_authToken=(.*)", var.npmrc)[0] }
output "docker" { value = split(":", base64decode(jsondecode(var.docker).auths["a.example"].auth)) }
output "steps" { value = yamldecode(var.steps)[0] }
"#;
    let workspace = Workspace::with_configuration(tool, Backend::Local, hcl);
    let auth = BASE64_STANDARD.encode("deployer:d0cker-password");
    let mut request = workspace.request("apply", &["-auto-approve", "-no-color"]);
    for (name, value) in [
        ("odbc", "Driver={A B};UID=sa;PWD={0dbc;password};Database=d"),
        ("ado", "\"Server=h;Password='ad0;password';Database=d\""),
        (
            "netrc",
            "machine a.example login deployer password netrc-passw0rd",
        ),
        ("npmrc", "//a.example/npm/:_authToken=npmrc-t0ken-value"),
        (
            "docker",
            &json!({"auths": {"a.example": {"auth": auth}}}).to_string(),
        ),
        ("steps", "- - first-secret-step\n  - second-secret-step\n"),
    ] {
        request["env_vars"][format!("TF_VAR_{name}")] = json!(value);
    }
    request["secrets"] = json!([request["env_vars"]["TF_VAR_steps"]]);
    let shown = Shown::of(&workspace, &request);
    assert_eq!(shown.result["outcome"], "succeeded", "{:#}", shown.result);
    shown.assert_hides([
        "0dbc;password",
        "ad0;password",
        "netrc-passw0rd",
        "npmrc-t0ken",
        "d0cker-password",
        &auth,
        "first-secret",
        "second-secret",
    ]);
    assert!(shown.output().contains("deployer"), "{}", shown.output());
}
