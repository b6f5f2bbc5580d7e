//! What a configuration can access from within a sandbox.

mod attacks;
mod kernels;
mod usual;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::ending::Ending;
use crate::support::runner::Launch;
use crate::support::workspace::Workspace;

/// The text that must not be accessible.
const SECRET: &str = "top-secret-key-of-the-service";

/// Puts a file that no configuration may read next to the working directory; returns its directory.
fn secret_folder(workspace: &Workspace) -> PathBuf {
    let folder = workspace.home().join("service");
    fs::create_dir_all(&folder).expect("a new folder");
    fs::write(folder.join("key"), SECRET).expect("the secret is written");
    folder
}

/// Returns a request that requires a sandbox.
fn confined(workspace: &Workspace, command: &str, args: &[&str]) -> Value {
    let mut request = workspace.request(command, args);
    request["sandbox"] = json!({"mode": "required"});
    request
}

/// Runs a confined command that must succeed.
#[track_caller]
fn succeeds(workspace: &Workspace, request: &Value) -> Value {
    let ending = Launch::request(workspace, request).run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    assert_is_confined(&result);
    result
}

/// Runs a confined command that must fail without showing the secret.
#[track_caller]
fn fails(workspace: &Workspace, request: &Value) -> Value {
    let ending = Launch::request(workspace, request).run();
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    assert_is_confined(&result);
    assert_shows_no_secret(&ending);
    result
}

#[track_caller]
fn assert_is_confined(result: &Value) {
    let name = result["sandbox"].as_str().unwrap_or_default();
    assert!(name.starts_with("landlock-"), "{result:#}");
}

#[track_caller]
fn assert_shows_no_secret(ending: &Ending) {
    let text = ending.text();
    assert!(!text.contains(SECRET), "{text}");
}

/// Returns a resource whose creation runs the script `name` of the working directory.
fn runs_script(name: &str) -> String {
    format!(
        "resource \"terraform_data\" \"script\" {{\n  provisioner \"local-exec\" {{\n    \
         command = \"sh ./{name}\"\n  }}\n}}\n"
    )
}
