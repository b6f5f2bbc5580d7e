//! A blocked or closed stdout, for calls that only print.

use std::fs::File;
use std::io;
use std::process::Stdio;

use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

const PRINTING: [&[&str]; 7] = [
    &["schema", "request"],
    &["schema", "result"],
    &["schema", "event"],
    &["doctor"],
    &["doctor", "--json"],
    &["--help"],
    &["--version"],
];

#[test]
fn what_only_prints_ends_with_70_when_it_cannot() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    for args in PRINTING {
        for stdout in [full_device, pipe_without_reader] {
            let ending = Launch::new(&workspace, args).stdout(stdout()).run();
            assert_eq!(ending.status, Some(70), "{args:?}: {}", ending.stderr);
            assert!(!ending.stderr.contains("panicked"), "{}", ending.stderr);
        }
    }
}

/// The exit status reports the result of the call, and `attach` returns that of the run only if it printed it.
#[test]
fn what_does_something_tells_it_by_its_status_when_it_cannot_print() {
    let workspace = Workspace::new(Tool::Terraform, Backend::Local);
    let run = Launch::request(&workspace, &workspace.apply());
    workspace.let_go();
    assert_eq!(run.run().status, Some(0));
    let run_dir = workspace.run_dir();
    let run_dir = run_dir.to_str().expect("a path that is text");
    let table: [(&[&str], i32); 5] = [
        (&["--no-such-option"], 2),
        (&["cancel", run_dir], 1),
        (&["cancel", "/nowhere"], 2),
        (&["attach", run_dir], 70),
        (&["attach", run_dir, "--stream"], 70),
    ];
    for (args, status) in table {
        for stdout in [full_device, pipe_without_reader] {
            let ending = Launch::new(&workspace, args).stdout(stdout()).run();
            assert_eq!(ending.status, Some(status), "{args:?}: {}", ending.stderr);
            assert!(!ending.stderr.contains("panicked"), "{}", ending.stderr);
        }
    }
}

fn full_device() -> Stdio {
    let device = File::options().write(true).open("/dev/full");
    device.expect("a device").into()
}

fn pipe_without_reader() -> Stdio {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}
