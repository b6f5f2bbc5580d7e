//! Starts iac-runner, and the bare tool.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// The measured program.
pub const BINARY: &str = env!("CARGO_BIN_EXE_iac-runner");

/// Returns a request for a command of a tool in `directory`.
pub fn request(directory: &Path, variables: &[(&str, String)]) -> Value {
    let mut env_vars = json!({"PATH": directory});
    for (name, value) in variables {
        env_vars[name] = json!(value);
    }
    json!({"tool": "terraform", "work_dir": std::env::temp_dir(), "command": "version", "env_vars": env_vars})
}

/// Starts iac-runner with a request.
pub fn start(request: &Value, args: &[&str]) -> Child {
    let mut child = Command::new(BINARY)
        .args(args)
        .env_remove("TF_CLI_CONFIG_FILE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("iac-runner starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    stdin
        .write_all(request.to_string().as_bytes())
        .expect("iac-runner reads its request");
    child
}

/// Returns the variables that iac-runner sets for short commands, for a comparison with the bare tool.
pub fn collector() -> [(&'static str, String); 1] {
    [("GOGC", "400".to_owned())]
}

/// Starts the tool without iac-runner.
pub fn start_bare(program: &Path, variables: &[(&str, String)]) -> Child {
    Command::new(program)
        .arg("version")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .env("CHECKPOINT_DISABLE", "1")
        .env_remove("TF_CLI_CONFIG_FILE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tool starts")
}

/// Waits for iac-runner and checks that its run succeeded.
pub fn finish(child: Child) -> Value {
    let output = child.wait_with_output().expect("iac-runner ends");
    let result: Value = serde_json::from_slice(&output.stdout).expect("stdout is one document");
    assert_eq!(result["outcome"], "succeeded", "{}", result["error_msg"]);
    result
}

/// Returns the real terraform on PATH.
pub fn terraform() -> PathBuf {
    let path = std::env::var_os("PATH").expect("PATH is set");
    std::env::split_paths(&path)
        .map(|directory| directory.join("terraform"))
        .find(|program| program.is_file())
        .expect("terraform is on PATH: two figures are taken with the real tool")
}
