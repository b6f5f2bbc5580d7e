//! Checks the published examples against the runner's input and output.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use iac_runner::protocol::{Control, Event, Request, RunResult, Subject, schema};
use iac_runner::session;
use serde_json::Value;

/// Pages at the root; the others are below `docs`.
const PAGES_AT_ROOT: [&str; 6] = [
    "README.md",
    "ARCHITECTURE.md",
    "BENCHMARKS.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "backend/README.md",
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
fn first_published_request_is_accepted_unchanged() {
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

/// The example files show all fields but `tool_version`: they work with any version, and the docs show that field.
#[test]
fn the_examples_show_every_field_of_a_request() {
    let mut shown: BTreeSet<String> = examples("json")
        .iter()
        .flat_map(|(_, text)| fields_of(&serde_json::from_str(text).expect("JSON")))
        .collect();
    assert!(shown.insert("tool_version".to_owned()));
    let pages = json_blocks(&read(Path::new("docs/request.md")));
    assert!(pages.iter().any(|block| block.contains("\"tool_version\"")));
    assert_eq!(shown, fields_in_schema(Subject::Request));
}

#[test]
fn every_document_shown_on_a_page_is_what_it_seems_to_be() {
    let mut kinds = BTreeSet::new();
    for (page, text) in pages_of_runner() {
        for block in json_blocks(&text) {
            match kind_of(&block) {
                Ok(kind) => kinds.insert(kind),
                Err(fault) => panic!("{}: {fault}, in\n{block}", page.display()),
            };
        }
    }
    let all = ["control line", "event", "request", "result"];
    assert_eq!(kinds, all.into(), "the pages show each kind");
}

#[test]
fn docs_name_every_field_of_requests_and_results() {
    for (page, subject) in [
        ("docs/request.md", Subject::Request),
        ("docs/result.md", Subject::Result),
    ] {
        let text = read(Path::new(page));
        for field in fields_in_schema(subject) {
            assert!(text.contains(&format!("`{field}`")), "{page}: `{field}`");
        }
    }
}

#[test]
fn docs_name_every_status_and_reason_of_a_session() {
    let text = read(Path::new("docs/library.md"));
    for schema in [
        schemars::schema_for!(session::Status),
        schemars::schema_for!(session::Reason),
        schemars::schema_for!(session::Operation),
    ] {
        let words = words_in_schema(schema.as_value());
        assert!(words.len() > 4, "{schema:?}");
        for word in words {
            assert!(text.contains(&format!("`{word}`")), "`{word}`");
        }
    }
}

#[test]
fn links_between_pages_lead_to_files_and_headings() {
    let all = pages();
    for (page, text) in &all {
        for link in links(text) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => normalized(&page.parent().expect("a folder").join(path)),
            };
            let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(&target);
            assert!(full.exists(), "{}: `{link}`", page.display());
            if !heading.is_empty() {
                let found = headings(&read(&target));
                assert!(found.contains(heading), "{}: `{link}`", page.display());
            }
        }
    }
    assert!(all.len() > 15, "{}", all.len());
}

/// Returns the relative links of a page.
fn links(page: &str) -> impl Iterator<Item = &str> {
    page.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link)
        .filter(|link| !link.contains("://"))
}

/// Returns the names by which links refer to the headings of a page.
fn headings(page: &str) -> BTreeSet<String> {
    let lines = page.lines().filter(|line| line.starts_with('#'));
    lines
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|it| it.is_alphanumeric() || " -_".contains(*it));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

/// Resolves the `..` in a path.
fn normalized(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    whole
}

/// Returns every page with its text, by its path in this package.
fn pages() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> = PAGES_AT_ROOT.iter().map(PathBuf::from).collect();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder);
        for entry in fs::read_dir(full).expect("a folder of pages") {
            let path = folder.join(entry.expect("an entry").file_name());
            match path.extension() {
                Some(extension) if extension == "md" => paths.push(path),
                _ => folders.push(path),
            }
        }
    }
    let read = |path: PathBuf| (path.clone(), read(&path));
    paths.into_iter().map(read).collect()
}

/// Returns the pages that show documents of the runner; those of the service show other documents.
fn pages_of_runner() -> impl Iterator<Item = (PathBuf, String)> {
    let is_of_runner = |path: &Path| !path.starts_with("docs/service");
    pages()
        .into_iter()
        .filter(move |(path, _)| is_of_runner(path))
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
