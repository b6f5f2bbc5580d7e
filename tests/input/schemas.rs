//! Checks the documents of this repository against the schemas that the binary prints.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use iac_runner::protocol::Request;
use jsonschema::Validator;
use serde_json::Value;

use crate::bounded::output_of;

pub(crate) static REQUEST: LazyLock<Validator> = LazyLock::new(|| printed("request"));
pub(crate) static RESULT: LazyLock<Validator> = LazyLock::new(|| printed("result"));
pub(crate) static EVENT: LazyLock<Validator> = LazyLock::new(|| printed("event"));

fn printed(subject: &str) -> Validator {
    let output =
        output_of(Command::new(env!("CARGO_BIN_EXE_iac-runner")).args(["schema", subject]));
    let schema = serde_json::from_slice(&output.stdout).expect("a schema is JSON");
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema")
}

#[track_caller]
pub(crate) fn assert_valid(validator: &Validator, document: &Value) {
    if let Err(fault) = validator.validate(document) {
        panic!("{fault} at `{}` of {document:#}", fault.instance_path());
    }
}

/// Every JSON file of the examples that names a tool and a command.
#[test]
fn the_examples_are_requests_by_schema_and_by_decoder() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "json") {
                check_example(&path);
            }
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

fn check_example(path: &Path) {
    let bytes = fs::read(path).expect("a file");
    let document: Value = serde_json::from_slice(&bytes).expect("an example is JSON");
    if document.get("tool").is_some() && document.get("command").is_some() {
        assert_valid(&REQUEST, &document);
        if let Err(error) = Request::parse(&bytes) {
            panic!("{}: {error}", path.display());
        }
    }
}

/// The first published request, and the one in the help.
#[test]
fn the_oldest_requests_are_valid() {
    let table = [
        r#"{"tool":"terraform","work_dir":"/tmp","command":"version"}"#,
        r#"{"tool":"tofu","work_dir":"/srv/infra","command":"apply","args":["-auto-approve"],
            "env_vars":{"TF_VAR_region":"eu-west-1"},"timeout":30}"#,
    ];
    for text in table {
        assert_valid(&REQUEST, &serde_json::from_str(text).expect("JSON"));
        Request::parse(text.as_bytes()).expect("a request");
    }
}
