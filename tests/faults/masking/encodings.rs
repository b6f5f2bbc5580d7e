//! A secret that a configuration or a provisioner encodes before it is printed.

use serde_json::json;

use super::shown::Shown;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    base64_of_a_long_secret_is_masked_at_any_width,
    hex_and_base64_of_base64_are_masked,
    credentials_of_a_registry_are_masked,
}

/// Returns a secret long enough for several lines of base64.
fn long() -> String {
    (0..9)
        .map(|n| format!("part{n}-of-a-long-s3cret;"))
        .collect()
}

/// Runs an apply whose provisioner runs a script on the secret in `$SHOWN`, and returns everything shown.
#[track_caller]
fn shown_by(tool: Tool, secret: &str, script: &str, extra: &[&str]) -> Shown {
    let script = serde_json::to_string(script).expect("a string is JSON");
    let hcl = format!(
        r#"
variable "shown" {{}}

output "registry" {{
  value = base64encode(jsonencode({{ auths = {{ "registry.example" = {{
    password = var.shown
    auth     = base64encode("deployer:${{var.shown}}")
  }} }} }}))
}}
output "twice" {{ value = base64encode("x${{base64encode("xy${{var.shown}}z")}}") }}

resource "terraform_data" "a" {{
  provisioner "local-exec" {{
    environment = {{ SHOWN = var.shown }}
    command     = {script}
  }}
}}
"#
    );
    let workspace = Workspace::with_configuration(tool, Backend::Local, &hcl);
    let mut request = workspace.request("apply", &["-auto-approve"]);
    for arg in extra {
        request["args"]
            .as_array_mut()
            .expect("a list")
            .push(json!(arg));
    }
    request["env_vars"]["TF_VAR_shown"] = json!(secret);
    request["secrets"] = json!([secret]);
    let shown = Shown::of(&workspace, &request);
    assert_eq!(shown.result["outcome"], "succeeded", "{:#}", shown.result);
    shown
}

/// Returns the pieces of the same text without line ends, as base64 of the whole.
fn base64_pieces(secret: &str) -> Vec<String> {
    use base64::Engine;
    let encoded = base64::prelude::BASE64_STANDARD.encode(secret);
    let bytes = encoded.trim_end_matches('=').as_bytes();
    let pieces = bytes.chunks(8).filter(|it| it.len() == 8);
    pieces
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect()
}

fn base64_of_a_long_secret_is_masked_at_any_width(tool: Tool) {
    let script = "printf %s \"$SHOWN\" | base64; printf %s \"$SHOWN\" | base64 -w 64; \
                  printf %s \"$SHOWN\" | base64 -w 0 | fold -w 40; echo";
    let pieces = base64_pieces(&long());
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    for extra in [&["-no-color"][..], &[]] {
        shown_by(tool, &long(), script, extra).assert_hides(pieces.iter().copied());
    }
    // Each line of output is a separate message in this form.
    let script = "printf %s \"$SHOWN\" | base64; printf %s \"$SHOWN\" | base64 -w 64";
    shown_by(tool, &long(), script, &["-json"]).assert_hides(pieces);
}

fn hex_and_base64_of_base64_are_masked(tool: Tool) {
    let secret = "hunter2-in-the-well";
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let script = "printf %s \"$SHOWN\" | od -An -v -tx1 | tr -d ' \\n'; echo; \
                  printf %s \"$SHOWN\" | od -An -v -tx1 | tr -d ' \\n' | tr a-f A-F; echo; \
                  printf %s \"$SHOWN\" | base64 | base64";
    let shown = shown_by(tool, secret, script, &["-no-color"]);
    let upper = hex.to_uppercase();
    shown.assert_hides([&hex[..12], &upper[..12], "aHVudGVyMi", "YUhWdWRHVnlN"]);
    let twice = shown
        .output()
        .lines()
        .find(|line| line.starts_with("twice"));
    assert!(twice.is_some_and(|line| line.contains("***")), "{twice:?}");
}

/// A password with characters that `jsonencode` escapes, within base64 of the document.
fn credentials_of_a_registry_are_masked(tool: Tool) {
    let secret = "hunter2<in>&the\"well-hunter2";
    let escaped = "hunter2\\u003cin\\u003e\\u0026the\\\"well-hunter2";
    for extra in [&["-no-color"][..], &["-json"]] {
        let shown = shown_by(tool, secret, "true", extra);
        // At any alignment, because the preceding text of the document is not part of this test.
        for padding in ["", "x", "xx"] {
            let pieces = base64_pieces(&format!("{padding}{escaped}"));
            shown.assert_hides(pieces[1..pieces.len() - 1].iter().map(String::as_str));
        }
        assert!(shown.output().contains("registry"), "{}", shown.output());
    }
}
