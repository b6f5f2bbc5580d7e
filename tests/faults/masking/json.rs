//! Masked output that is JSON stays JSON.

use serde_json::{Value, json};

use super::shown::Shown;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    masked_numbers_leave_json_valid,
}

const NUMBER: &str = "73519264";

fn masked_numbers_leave_json_valid(tool: Tool) {
    let hcl = format!(
        r#"
output "number" {{ value = {NUMBER} }}
output "longer" {{ value = {NUMBER}90 }}
output "list" {{ value = [1, {NUMBER}, true] }}
output "text" {{ value = "x{NUMBER}y" }}
output "escapes" {{ value = "line\nuick-brown \\ uick-brown" }}
resource "terraform_data" "a" {{ input = {{ number = {NUMBER} }} }}
"#
    );
    let workspace = Workspace::with_configuration(tool, Backend::Local, &hcl);
    for (command, args, env_vars) in [
        ("apply", &["-auto-approve", "-json"][..], json!({})),
        ("output", &["-json"], json!({})),
        ("output", &[], json!({"TF_CLI_ARGS_output": "-json"})),
        ("show", &["-json"], json!({})),
        ("state", &["pull"], json!({})),
        ("apply", &["-auto-approve", "-no-color"], json!({})),
    ] {
        let mut request = workspace.request(command, args);
        request["secrets"] = json!([NUMBER, "nuick-brown", "managed"]);
        for (name, value) in env_vars.as_object().expect("an object") {
            request["env_vars"][name] = value.clone();
        }
        let shown = Shown::of(&workspace, &request);
        assert_eq!(shown.result["outcome"], "succeeded", "{:#}", shown.result);
        shown.assert_hides([NUMBER]);
        let is_json = command != "apply" || args.contains(&"-json");
        let documents = match command {
            "apply" if is_json => shown.output().lines().collect(),
            _ if is_json => vec![shown.output()],
            _ => Vec::new(),
        };
        for document in documents {
            let parsed: Result<Value, _> = serde_json::from_str(document);
            assert!(parsed.is_ok(), "{command}: {parsed:?} in {document}");
        }
        if matches!(command, "output" | "state") {
            let mut outputs: Value = serde_json::from_str(shown.output()).expect("JSON");
            if command == "state" {
                assert_eq!(
                    outputs["resources"][0]["mode"], "managed",
                    "a word of the format"
                );
                outputs = outputs["outputs"].take();
            }
            assert_eq!(outputs["number"]["value"], "***");
            assert_eq!(outputs["longer"]["value"], "***");
            assert_eq!(outputs["list"]["value"], json!([1, "***", true]));
            assert_eq!(outputs["text"]["value"], "x***y");
        }
    }
}
