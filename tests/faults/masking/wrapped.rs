//! A value with spaces, or of several lines, that the tool wraps at 78 columns.

use serde_json::{Value, json};

use super::shown::Shown;
use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    a_phrase_in_a_wrapped_error_is_masked,
    a_phrase_in_a_failed_condition_is_masked,
    a_phrase_wrapped_by_a_provisioner_is_masked,
    a_key_of_several_lines_is_masked_in_every_layout,
    half_a_phrase_is_in_no_event,
}

const WORDS: [&str; 6] = [
    "quixotic",
    "zephyr",
    "marmalade",
    "obsidian",
    "tangerine",
    "juniper",
];

fn phrase() -> String {
    WORDS.join(" ")
}

/// Returns a request with the phrase as a variable and as a secret.
fn request(workspace: &Workspace, command: &str, args: &[&str]) -> Value {
    let mut request = workspace.request(command, args);
    request["secrets"] = json!([phrase()]);
    request["env_vars"]["TF_VAR_phrase"] = json!(phrase());
    request
}

/// Returns blocks that each print the phrase in an error after an increasing number of words, so that lines end at each
/// of its words.
fn wrapped_everywhere(kind: &str, condition: &str) -> String {
    (0..12)
        .map(|words| {
            format!(
                r#"
  {kind} {{
    condition     = {condition}
    error_message = "This is not allowed{}: ${{var.phrase}}, and that is all that there is to say."
  }}
"#,
                " today".repeat(words)
            )
        })
        .collect()
}

fn a_phrase_in_a_wrapped_error_is_masked(tool: Tool) {
    let validations = wrapped_everywhere("validation", "length(var.phrase) < 5");
    let hcl = format!("variable \"phrase\" {{\n{validations}\n}}\n");
    let workspace = Workspace::with_configuration(tool, Backend::Local, &hcl);
    for args in [&["-no-color"][..], &[], &["-json"]] {
        let shown = Shown::of(&workspace, &request(&workspace, "plan", args));
        assert_eq!(shown.result["outcome"], "failed", "{:#}", shown.result);
        shown.assert_hides(WORDS);
        for place in [
            &shown.result["error_msg"],
            &shown.result["diagnosis"]["message"],
        ] {
            assert!(
                place.as_str().is_some_and(|it| it.contains("***")),
                "{place}"
            );
        }
    }
}

fn a_phrase_in_a_failed_condition_is_masked(tool: Tool) {
    let preconditions = wrapped_everywhere("precondition", "length(var.phrase) < 5");
    let hcl = format!(
        r#"
variable "phrase" {{}}

check "phrase" {{
  assert {{
    condition     = length(var.phrase) < 5
    error_message = "A check that only warns says it too, in a line of its own: ${{var.phrase}}."
  }}
}}

resource "terraform_data" "a" {{
  lifecycle {{
{preconditions}
  }}
}}
"#
    );
    let workspace = Workspace::with_configuration(tool, Backend::Local, &hcl);
    for args in [&["-no-color"][..], &[]] {
        let shown = Shown::of(&workspace, &request(&workspace, "plan", args));
        assert_eq!(shown.result["outcome"], "failed", "{:#}", shown.result);
        shown.assert_hides(WORDS);
    }
}

fn a_phrase_wrapped_by_a_provisioner_is_masked(tool: Tool) {
    let hcl = r#"
variable "phrase" {}

resource "terraform_data" "a" {
  triggers_replace = timestamp()
  provisioner "local-exec" {
    environment = { SHOWN = var.phrase }
    command     = "echo $SHOWN; echo it is: $SHOWN | fold -s -w 20; echo $SHOWN | tr ' ' '\\n'; exit 1"
  }
}
"#;
    let workspace = Workspace::with_configuration(tool, Backend::Local, hcl);
    for args in [&["-auto-approve", "-no-color"][..], &["-auto-approve"]] {
        let shown = Shown::of(&workspace, &request(&workspace, "apply", args));
        assert_eq!(shown.result["outcome"], "failed", "{:#}", shown.result);
        shown.assert_hides(WORDS);
    }
}

fn a_key_of_several_lines_is_masked_in_every_layout(tool: Tool) {
    let body = [
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
        "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
        "ZmFrZQ==",
    ];
    let key = format!(
        "-----BEGIN KEY-----\n{}\n-----END KEY-----\n",
        body.join("\n")
    );
    let hcl = r#"
variable "key" {}

output "heredoc" {
  value = <<-EOT
    indented:
        ${indent(8, var.key)}
  EOT
}
output "json" { value = jsonencode({ key = var.key }) }
output "twice" { value = jsonencode(jsonencode({ key = var.key })) }
output "object" { value = { inner = { key = var.key } } }
output "one_line" { value = replace(var.key, "\n", " ") }

check "key" {
  assert {
    condition     = length(var.key) < 5
    error_message = "This key is too long: ${var.key}."
  }
}
"#;
    let workspace = Workspace::with_configuration(tool, Backend::Local, hcl);
    for (command, args) in [
        ("apply", &["-auto-approve"][..]),
        ("apply", &["-auto-approve", "-no-color"]),
        ("apply", &["-auto-approve", "-json"]),
        ("output", &["-json"]),
        ("output", &["-no-color"]),
        ("show", &["-json"]),
    ] {
        let mut request = workspace.request(command, args);
        request["env_vars"]["TF_VAR_key"] = json!(key);
        request["secrets"] = json!([key]);
        let shown = Shown::of(&workspace, &request);
        assert_eq!(shown.result["outcome"], "succeeded", "{:#}", shown.result);
        shown.assert_hides(body);
    }
}

/// The phrase is printed word by word, in a box, with a pause after each.
fn half_a_phrase_is_in_no_event(tool: Tool) {
    let words = WORDS.join(" ");
    let script = format!(
        "printf '\u{2502} It is '; for word in {words}; do printf '%s\\n\u{2502} ' $word; sleep 0.3; done; echo done"
    );
    let fake = FakeTool::new(tool, &script);
    let mut request = fake.apply();
    request["secrets"] = json!([phrase()]);
    let ending = Launch::stream(&fake.workspace, &request).run();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["output"], "\u{2502} It is ***\n\u{2502} done\n");
    for event in ending.events() {
        for word in WORDS {
            assert!(!event.to_string().contains(word), "{word} in {event}");
        }
    }
}
