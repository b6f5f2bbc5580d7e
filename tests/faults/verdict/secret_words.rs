//! Secrets that equal words from which the outcome is determined.

use serde_json::json;

use crate::support::runner::Launch;
use crate::support::state_server::Unlocks;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    secret_that_is_a_word_of_the_tool_hides_no_lock_that_is_held,
}

const WORDS: [&str; 6] = [
    "severity",
    "diagnostic",
    "summary",
    "releasing",
    "Error releasing the state lock",
    "Error: ",
];

fn secret_that_is_a_word_of_the_tool_hides_no_lock_that_is_held(tool: Tool) {
    let workspace = Workspace::with_configuration(
        tool,
        Backend::Server,
        "resource \"terraform_data\" \"a\" {}\n",
    );
    workspace.server().take_unlocks(Unlocks::Refused);
    for form in ["-json", "-no-color", "-compact-warnings"] {
        for word in WORDS {
            let args = ["-auto-approve", "-lock-timeout=0s", form];
            let mut request = workspace.request("apply", &args);
            request["secrets"] = json!([word]);
            request["run_dir"] = json!(workspace.run_dir());
            let ending = Launch::request(&workspace, &request).run();
            let result = ending.result();
            assert_eq!(result["state"]["lock"], "held", "{form} {word} {result:#}");
            assert_eq!(result["success"], false, "{form} {word} {result:#}");
            for text in [
                &result["error_msg"],
                &result["diagnosis"]["message"],
                &result["output"],
            ] {
                let text = text.as_str().expect("text");
                assert!(!text.contains(word), "{form} {word}: {text}");
            }
            for file in std::fs::read_dir(workspace.run_dir()).expect("a folder") {
                let path = file.expect("an entry").path();
                let text = std::fs::read(&path).unwrap_or_default();
                let text = String::from_utf8_lossy(&text).replace("\"severity\"", "");
                let is_word_of_ours = ["diagnostic", "summary"].contains(&word);
                assert!(
                    is_word_of_ours || !text.contains(word),
                    "{}",
                    path.display()
                );
            }
            std::fs::remove_dir_all(workspace.run_dir()).expect("a folder");
            workspace.server().release();
        }
    }
}
