//! Runs the programs in `docs/languages` against the real runner and a real tool.

#[allow(
    dead_code,
    reason = "the rig of all test binaries; this one needs a part of it"
)]
#[path = "support/bounded.rs"]
mod bounded;

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use bounded::output_of;

/// Returns the programs on a page, in order.
fn programs(page: &str, language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/languages")
        .join(page);
    let text = fs::read_to_string(path).expect("the page is there");
    let found: Vec<_> = text
        .split(&format!("```{language}\n"))
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(program, _)| program.to_owned())
        .collect();
    assert!(!found.is_empty(), "{page} has no program");
    found
}

/// Returns a `PATH` that begins with the directory of the runner.
fn path() -> OsString {
    let runner = Path::new(env!("CARGO_BIN_EXE_iac-runner"));
    let own = runner.parent().expect("a folder").to_owned();
    let rest = std::env::var_os("PATH").expect("a PATH");
    std::env::join_paths([own].into_iter().chain(std::env::split_paths(&rest))).expect("a PATH")
}

/// Runs each program of a page from a file, and expects the version of the tool in its output.
#[track_caller]
fn run_all(page: &str, language: &str, file: &str, interpreter: &[&str]) {
    for program in programs(page, language) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(file), &program).expect("the program is written");
        let mut command = Command::new(interpreter[0]);
        command
            .args(&interpreter[1..])
            .arg(file)
            .current_dir(folder.path())
            .env("PATH", path())
            .env(
                "GOCACHE",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache"),
            )
            .env("GO111MODULE", "off");
        let output = output_of(&mut command);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{program}\n{output:?}");
        assert!(text.contains("Terraform v"), "{program}\n{output:?}");
    }
}

#[test]
fn shell_programs_run() {
    run_all("shell.md", "sh", "program.sh", &["sh"]);
}

#[test]
fn python_programs_run() {
    run_all("python.md", "python", "program.py", &["python3"]);
}

#[test]
fn node_programs_run() {
    run_all("node.md", "javascript", "program.js", &["node"]);
}

#[test]
fn go_programs_run() {
    run_all("go.md", "go", "main.go", &["go", "run"]);
}
