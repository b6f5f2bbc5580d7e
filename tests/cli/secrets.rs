//! No secret is shown: not on stdout, not on stderr, not in the run directory.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    secrets_are_masked_in_the_stream_and_in_every_file_of_the_run,
    secrets_are_masked_in_one_result,
    of_a_variable_the_record_keeps_the_name_alone,
    a_secret_printed_in_two_halves_with_a_pause_between_is_masked,
    a_secret_is_on_no_command_line_and_in_no_environment_of_ours,
}

/// In `env_vars`, under a name that marks it as secret.
const NAMED: &str = "tok-5f1c\"quoted\\value";
/// In `secrets`, and in an argument of the tool.
const LISTED: &str = "correct horse battery";
/// In the runner's own environment, under a name that marks it as secret.
const INHERITED: &str = "inherited/pass+word";

/// Prints all of them, and fails with them in its error.
const TELLS_ALL: &str = "printf '%s\\n' \"$DEPLOY_TOKEN\" \"$TF_VAR_phrase\" \"$AWS_SECRET_ACCESS_KEY\"; \
     printf %s \"$DEPLOY_TOKEN\" | base64 -w0; echo; \
     printf '%s' \"x$DEPLOY_TOKEN\" | base64 -w0; echo; \
     touch ready; while [ ! -e go ]; do sleep 0.05; done; exit 1";

fn tells_all(tool: Tool) -> Workspace {
    Workspace::with_in_flight(tool, Backend::Local, TELLS_ALL)
}

fn launch(workspace: &Workspace, args: &[&str]) -> Launch {
    let mut request = workspace.apply();
    request["args"] = json!([
        "-auto-approve",
        "-no-color",
        "-parallelism=4",
        "-lock-timeout=0s"
    ]);
    request["env_vars"]["DEPLOY_TOKEN"] = json!(NAMED);
    request["env_vars"]["TF_VAR_phrase"] = json!(LISTED);
    request["secrets"] = json!([LISTED]);
    Launch::new(workspace, args)
        .input(format!("{request}\n"))
        .env("AWS_SECRET_ACCESS_KEY", INHERITED)
}

fn secrets_are_masked_in_the_stream_and_in_every_file_of_the_run(tool: Tool) {
    let workspace = tells_all(tool);
    workspace.let_go();
    let ending = launch(&workspace, &["--stream"]).run();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "failed");
    assert!(
        result["output"]
            .as_str()
            .is_some_and(|text| text.contains("***"))
    );
    assert_holds_no_secret("stdout", &ending.stdout);
    assert_holds_no_secret("stderr", ending.stderr.as_bytes());
    let files = files_under(&workspace.run_dir());
    for expected in ["request.json", "output.log", "events.ndjson", "result.json"] {
        assert!(
            files.iter().any(|file| file == expected),
            "no `{expected}` in {files:?}"
        );
    }
    for file in files {
        let bytes = fs::read(workspace.run_dir().join(&file)).expect("a readable file");
        assert_holds_no_secret(&file, &bytes);
    }
    let log = fs::read_to_string(workspace.run_dir().join("output.log")).expect("a text");
    assert_eq!(result["output"], log);
}

fn secrets_are_masked_in_one_result(tool: Tool) {
    let workspace = tells_all(tool);
    workspace.let_go();
    let ending = launch(&workspace, &[]).run();
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    assert_holds_no_secret("stdout", &ending.stdout);
    let attached = Launch::on_run_dir(&workspace, "attach", &["--stream"]).run();
    assert_holds_no_secret("stdout of attach", &attached.stdout);
}

fn a_secret_printed_in_two_halves_with_a_pause_between_is_masked(tool: Tool) {
    let fake = FakeTool::new(
        tool,
        "printf 'before correct horse'; sleep 0.7; printf ' battery after'; sleep 0.7; echo .",
    );
    let mut request = fake.apply();
    request["secrets"] = json!([LISTED]);
    let ending = Launch::stream(&fake.workspace, &request).run();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["output"], "before *** after.\n");
    for event in ending.events() {
        let text = event["text"].as_str().unwrap_or_default();
        assert!(!text.contains("horse"), "half a secret in {event}");
    }
}

/// The tool must get them; the front and the supervisor must not show them.
fn a_secret_is_on_no_command_line_and_in_no_environment_of_ours(tool: Tool) {
    let workspace = tells_all(tool);
    let runner = launch(&workspace, &[]).start();
    workspace.wait_until_in_flight();
    for pid in [runner.pid(), runner.supervisor()] {
        for file in ["cmdline", "environ"] {
            let bytes = fs::read(format!("/proc/{pid}/{file}")).expect("a process of ours");
            for secret in [NAMED, LISTED] {
                assert!(!contains(&bytes, secret.as_bytes()), "{secret} in {file}");
            }
        }
    }
    workspace.let_go();
    let ending = runner.end();
    ending.assert_outcome(&ending.result(), "failed");
}

/// No name marks these as passwords.
fn of_a_variable_the_record_keeps_the_name_alone(tool: Tool) {
    let fake = FakeTool::new(tool, "exit 0");
    let mut request = fake.apply();
    let names = ["PG_CONN_STR", "DATABASE_URL", "TF_VAR_db_pass"];
    for name in names {
        request["env_vars"][name] = json!("postgres://u:plain-looking@db/x");
    }
    let ending = Launch::stream(&fake.workspace, &request).run();
    ending.assert_outcome(&ending.streamed_result(), "succeeded");
    let record = fake.workspace.run_dir().join("request.json");
    let text = fs::read_to_string(record).expect("a text");
    assert!(!text.contains("plain-looking"), "{text}");
    let kept: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for name in names {
        assert_eq!(kept["env_vars"][name], "***", "{text}");
    }
}

#[track_caller]
fn assert_holds_no_secret(place: &str, bytes: &[u8]) {
    let json_escaped = json!(NAMED).to_string();
    let encoded = BASE64_STANDARD.encode(NAMED);
    // Shifted by a byte, without the groups at the ends that include other bytes.
    let shifted = BASE64_STANDARD.encode(format!("x{NAMED}"));
    let forms = [
        NAMED,
        json_escaped.trim_matches('"'),
        encoded.trim_end_matches('='),
        &shifted[4..shifted.len() - 4],
        LISTED,
        INHERITED,
    ];
    for form in forms {
        assert!(
            !contains(bytes, form.as_bytes()),
            "`{form}` is in {place}: {}",
            String::from_utf8_lossy(bytes)
        );
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Returns the names of all files below a folder.
fn files_under(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("under the folder");
                found.push(name.to_string_lossy().into_owned());
            }
        }
    }
    found
}
