//! A URL or a connection string contains a secret in the middle of a value, and the tool shows it in its own way.

use serde_json::json;

use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    no_form_in_which_a_tool_shows_the_address_of_its_state_gives_a_secret_away,
    no_part_of_a_connection_string_that_a_tool_stumbles_over_is_shown,
    a_plan_stays_readable_when_a_password_is_a_common_word,
}

/// Addresses of a server that does not exist, and the parts of them that must not be visible.
const ADDRESSES: [(&str, &[&str]); 7] = [
    (
        "http://user:p%40ss%2Bw0rd-s3cr3t@127.0.0.1:1/state",
        &["w0rd-s3cr3t"],
    ),
    (
        "http://user:p@ss+w0rd-s3cr3t@127.0.0.1:1/state",
        &["w0rd-s3cr3t"],
    ),
    (
        "http://user:hunter2s3/cr3tpart@127.0.0.1:1/state",
        &["hunter2s3", "cr3tpart"],
    ),
    (
        "http://user:hunter2s3#cr3tpart@127.0.0.1:1/state",
        &["hunter2s3", "cr3tpart"],
    ),
    (
        "http://user:qjxkwzvb?cr3tpart@127.0.0.1:1/state",
        &["qjxkwzvb", "cr3tpart"],
    ),
    ("http://t0kenvalue@127.0.0.1:1/state", &["t0kenvalue"]),
    (
        "http://127.0.0.1:1/state?private_token=s3cr3tvalue&x=1",
        &["s3cr3tvalue"],
    ),
];

fn no_form_in_which_a_tool_shows_the_address_of_its_state_gives_a_secret_away(tool: Tool) {
    for (address, hidden) in ADDRESSES {
        assert_init_hides(tool, "http", ("TF_HTTP_ADDRESS", address), hidden);
    }
}

fn no_part_of_a_connection_string_that_a_tool_stumbles_over_is_shown(tool: Tool) {
    let table: [(&str, &[&str]); 3] = [
        (
            "postgres://admin:hunter2s3/cr3tpart@127.0.0.1:1/db",
            &["hunter2s3", "cr3tpart"],
        ),
        ("postgres://admin:h:unter2s3cr3t", &["unter2s3cr3t"]),
        (
            "host=127.0.0.1 port=1 user=admin password=hunt er2s3cr3t",
            &["er2s3cr3t"],
        ),
    ];
    for (text, hidden) in table {
        assert_init_hides(tool, "pg", ("PG_CONN_STR", text), hidden);
    }
}

/// Runs `init` with a backend that fails at the value of its variable.
#[track_caller]
fn assert_init_hides(tool: Tool, backend: &str, (name, value): (&str, &str), hidden: &[&str]) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    let main = workspace.work_dir().join("main.tf");
    let hcl = format!("terraform {{\n  backend \"{backend}\" {{}}\n}}\n");
    std::fs::write(main, hcl).expect("the configuration is written");
    let mut request = workspace.request("init", &["-no-color"]);
    request["run_dir"] = json!(workspace.run_dir());
    request["env_vars"][name] = json!(value);
    request["env_vars"]["TF_HTTP_RETRY_MAX"] = json!("0");
    let ending = Launch::stream(&workspace, &request).run();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "failed");
    let output = result["output"].as_str().expect("a text");
    assert!(output.contains("***"), "{value}: {output}");
    let mut shown = ending.text() + &ending.stderr;
    for file in ["request.json", "output.log", "events.ndjson", "result.json"] {
        let text = std::fs::read_to_string(workspace.run_dir().join(file));
        shown += &text.unwrap_or_else(|fault| panic!("{file}: {fault}"));
    }
    for part in hidden {
        assert!(!shown.contains(part), "{part} of {value}: {shown}");
    }
}

/// One equals the user name, one a word of the plan's format, one a name in the plan.
fn a_plan_stays_readable_when_a_password_is_a_common_word(tool: Tool) {
    let hcl = r#"
variable "address" {}

resource "terraform_data" "a" {
  input = { keeper = "postgresql", address = var.address }
}
"#;
    let workspace = Workspace::with_configuration(tool, Backend::Local, hcl);
    for credentials in [
        "terraform:terraform",
        "admin:resource",
        "admin:values",
        "admin:keeper",
        "postgres:postgres",
    ] {
        let address = format!("postgres://{credentials}@localhost/app");
        for (command, args) in [
            ("plan", &["-no-color", "-out=tfplan"][..]),
            ("show", &["-json", "tfplan"]),
        ] {
            let mut request = workspace.request(command, args);
            request["env_vars"]["TF_VAR_address"] = json!(address);
            let ending = Launch::request(&workspace, &request).run();
            let result = ending.result();
            ending.assert_outcome(&result, "succeeded");
            let output = result["output"].as_str().expect("a text");
            assert!(!output.contains(credentials), "{output}");
            if command == "show" {
                assert_is_readable(output, credentials);
            }
        }
    }
}

#[track_caller]
fn assert_is_readable(shown: &str, credentials: &str) {
    let plan: serde_json::Value = serde_json::from_str(shown).expect("JSON");
    let change = &plan["resource_changes"][0];
    assert_eq!(change["address"], "terraform_data.a", "{shown}");
    assert_eq!(change["type"], "terraform_data", "{shown}");
    assert_eq!(change["change"]["actions"], json!(["create"]), "{shown}");
    let input = &change["change"]["after"]["input"];
    assert_eq!(input["keeper"], "postgresql", "{shown}");
    let user = credentials.split(':').next().expect("a user");
    let masked = format!("postgres://{user}:***@localhost/app");
    assert_eq!(input["address"], json!(masked), "{shown}");
}
