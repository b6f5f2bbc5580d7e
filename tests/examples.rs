//! Checks the published examples against the runner's input and output.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use iac_runner::protocol::{Control, Event, Request, RunResult, Subject, schema};
use iac_runner::session;
use serde_json::Value;

/// Files at the root that contain examples.
const PAGES: [&str; 4] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];

/// The first published request, word for word.
const FIRST_PUBLISHED: &str = r#"{
  "tool": "terraform",
  "work_dir": "/tmp/iac-deployments/run-123",
  "command": "plan",
  "args": ["-out=tfplan"],
  "env_vars": {
    "TF_VAR_region": "us-east-1"
  },
  "timeout": 30
}
"#;

#[test]
fn the_first_published_request_is_accepted_as_it_stands() {
    let request = Request::parse(FIRST_PUBLISHED.as_bytes()).expect("it is a request");
    assert_eq!(request.args, ["-out=tfplan"]);
    assert_eq!(request.timeout().as_secs(), 30 * 60);
}

#[test]
fn every_example_is_a_request_that_is_accepted() {
    for (path, text) in examples("json") {
        if let Err(fault) = Request::parse(text.as_bytes()) {
            panic!("{}: {fault}", path.display());
        }
    }
}

#[test]
fn every_example_with_control_lines_is_accepted() {
    for (path, text) in examples("ndjson") {
        let (request, controls) = text.split_once('\n').expect("control lines follow");
        if let Err(fault) = Request::parse(request.as_bytes()) {
            panic!("{}: {fault}", path.display());
        }
        for line in controls.lines() {
            if let Err(sentence) = Control::parse(line.as_bytes()) {
                panic!("{}: {sentence}", path.display());
            }
        }
    }
}

/// The example files show all fields but `tool_version`: they work with any version, and the README shows that field.
#[test]
fn the_examples_show_every_field_of_a_request() {
    let mut shown: BTreeSet<String> = examples("json")
        .iter()
        .flat_map(|(_, text)| fields_of(&serde_json::from_str(text).expect("JSON")))
        .collect();
    assert!(shown.insert("tool_version".to_owned()));
    let pages = json_blocks(&read(Path::new("README.md")));
    assert!(pages.iter().any(|block| block.contains("\"tool_version\"")));
    assert_eq!(shown, fields_in_schema(Subject::Request));
}

#[test]
fn every_document_shown_on_a_page_is_what_it_seems_to_be() {
    let mut kinds = BTreeSet::new();
    for page in PAGES {
        for block in json_blocks(&read(Path::new(page))) {
            match kind_of(&block) {
                Ok(kind) => kinds.insert(kind),
                Err(fault) => panic!("{page}: {fault}, in\n{block}"),
            };
        }
    }
    let all = ["control line", "event", "request", "result"];
    assert_eq!(kinds, all.into(), "the pages show each kind");
}

#[test]
fn the_readme_names_every_field_of_both_documents() {
    let readme = read(Path::new("README.md"));
    for subject in [Subject::Request, Subject::Result] {
        for field in fields_in_schema(subject) {
            assert!(readme.contains(&format!("`{field}`")), "`{field}`");
        }
    }
}

#[test]
fn the_readme_names_every_status_and_reason_of_a_session() {
    let readme = read(Path::new("README.md"));
    for schema in [
        schemars::schema_for!(session::Status),
        schemars::schema_for!(session::Reason),
        schemars::schema_for!(session::Operation),
    ] {
        let words = words_in_schema(schema.as_value());
        assert!(words.len() > 4, "{schema:?}");
        for word in words {
            assert!(readme.contains(&format!("`{word}`")), "`{word}`");
        }
    }
}

/// Returns the kind of a JSON block, by its fields; it must be a valid one of its kind.
fn kind_of(block: &str) -> Result<&'static str, String> {
    let mut kind = Err("no document".to_owned());
    for document in serde_json::Deserializer::from_str(block).into_iter::<Value>() {
        let document = document.map_err(|fault| fault.to_string())?;
        let text = document.to_string();
        kind = Ok(if document.get("work_dir").is_some() {
            Request::parse(text.as_bytes()).map_err(|fault| fault.to_string())?;
            "request"
        } else if document.get("success").is_some() {
            read_as::<RunResult>(&text)?;
            "result"
        } else if document.get("seq").is_some() {
            read_as::<Event>(&text)?;
            "event"
        } else {
            Control::parse(text.as_bytes())?;
            "control line"
        });
    }
    kind
}

fn read_as<T: serde::de::DeserializeOwned>(text: &str) -> Result<(), String> {
    serde_json::from_str::<T>(text)
        .map(drop)
        .map_err(|fault| fault.to_string())
}

/// Returns the text between "```json" and "```" on a page.
fn json_blocks(page: &str) -> Vec<String> {
    page.split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block.to_owned())
        .collect()
}

fn fields_in_schema(subject: Subject) -> BTreeSet<String> {
    fields_of(&schema(subject)["properties"])
}

/// Returns the words that a schema allows, alone or in a list.
fn words_in_schema(schema: &Value) -> Vec<String> {
    let each = schema["oneOf"].as_array().into_iter().flatten();
    let alone = each.clone().map(|it| &it["const"]);
    let listed = each.chain([schema]).filter_map(|it| it["enum"].as_array());
    let words = alone.chain(listed.flatten()).filter_map(Value::as_str);
    words.map(str::to_owned).collect()
}

fn fields_of(object: &Value) -> BTreeSet<String> {
    let object = object.as_object().expect("an object");
    object.keys().cloned().collect()
}

/// Returns the examples with an extension, with their text; at least one.
fn examples(extension: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/requests");
    let found: Vec<(PathBuf, String)> = fs::read_dir(folder)
        .expect("the examples are there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.clone(), read(&path)))
        .collect();
    assert!(!found.is_empty(), "no example ends in .{extension}");
    found
}

/// Reads a file of this package.
fn read(path: &Path) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}
