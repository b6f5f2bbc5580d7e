//! A stdin that never ends and contains no document.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

/// Endless commands, and the error for each.
const ENDLESS: [(&str, &str); 4] = [
    ("cat /dev/zero", "expected a JSON object"),
    ("yes", "expected a JSON object"),
    ("yes ''", "longer than 1048576 bytes"),
    ("echo '{\"a\":'; yes ' '", "longer than 1048576 bytes"),
];

#[test]
fn dev_zero_as_stdin_is_an_invalid_request() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    for device in ["/dev/zero", "/dev/full", "/dev/urandom"] {
        for args in [&[][..], &["--stream"]] {
            let stdin = File::open(device).expect("a device");
            assert_is_invalid(Launch::new(&workspace, args).stdin(stdin), args, "");
        }
    }
}

#[test]
fn an_endless_stream_without_a_document_is_an_invalid_request() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    for (script, says) in ENDLESS {
        for args in [&[][..], &["--stream"]] {
            let mut source = Source::of(script);
            let stdin = source.0.stdout.take().expect("a pipe");
            assert_is_invalid(Launch::new(&workspace, args).stdin(stdin), args, says);
        }
    }
}

#[track_caller]
fn assert_is_invalid(launch: Launch, args: &[&str], says: &str) {
    let ending = launch.start().end();
    let result = match args {
        [] => ending.result(),
        _ => ending.streamed_result(),
    };
    ending.assert_outcome(&result, "invalid_request");
    let told = result["error_msg"].as_str().expect("text");
    assert!(told.contains(says), "{told}");
}

on_both_tools! {
    endless_bytes_after_the_document_do_not_hold_the_run_up,
}

fn endless_bytes_after_the_document_do_not_hold_the_run_up(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    for (n, endless) in ["cat /dev/zero", "yes ''", "yes '{\"type\":\"x\"}'"]
        .into_iter()
        .enumerate()
    {
        let document = workspace.work_dir().join(format!("{n}.json"));
        let request = workspace.request("version", &[]);
        std::fs::write(&document, request.to_string() + "\n").expect("a file");
        let mut source = Source::of(&format!("cat {}; {endless}", document.display()));
        let stdin = source.0.stdout.take().expect("a pipe");
        let ending = Launch::new(&workspace, &[]).stdin(stdin).start().end();
        let result: Value = ending.result();
        ending.assert_outcome(&result, "succeeded");
    }
}

/// A shell that prints until its reader is gone.
struct Source(Child);

impl Source {
    fn of(script: &str) -> Self {
        let child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("a shell starts"))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // Its reader is gone, so its child processes end by SIGPIPE.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
