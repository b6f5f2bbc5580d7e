//! Something other than a regular file in the place of a file of the record.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::support::ending::Ending;
use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;

on_both_tools! {
    readers_refuse_what_is_no_regular_file,
}

type Put = fn(&Path);

/// The kinds of files, and their names in messages.
const ODD: [(&str, Put); 5] = [
    ("FIFO", |path| make(Command::new("mkfifo").arg(path))),
    ("device", |path| {
        // The device that never ends.
        make(Command::new("mknod").arg(path).args(["c", "1", "5"]));
    }),
    ("directory", |path| fs::create_dir(path).expect("a folder")),
    ("symbolic link", |path| {
        symlink("/dev/zero", path).expect("a link");
    }),
    ("socket", |path| {
        drop(UnixListener::bind(path).expect("a socket"));
    }),
];

#[track_caller]
fn make(command: &mut Command) {
    assert!(command.status().expect("it starts").success());
}

/// Calls that need the file.
const READ_BY: [(&str, &[&str]); 5] = [
    ("events.ndjson", &["attach", "--stream"]),
    ("output.log", &["attach", "--stream"]),
    ("result.json", &["attach"]),
    ("supervisor.pid", &["attach"]),
    ("supervisor.pid", &["cancel"]),
];

/// Calls that do not need the file, and succeed with anything in its place.
const NOT_READ_BY: [(&str, &[&str]); 3] = [
    ("events.ndjson", &["attach"]),
    ("output.log", &["attach"]),
    ("request.json", &["attach", "--stream"]),
];

fn readers_refuse_what_is_no_regular_file(tool: Tool) {
    for (kind, put) in ODD {
        for (file, call) in READ_BY {
            let ending = read(tool, file, put, call);
            let text = ending.text();
            let context = format!("{kind} for {file}, {call:?}: {text}");
            assert!(
                text.contains(&format!("is a {kind}, not a regular file")),
                "{context}"
            );
            assert!(text.contains(file), "{context}");
            assert!([Some(2), Some(70)].contains(&ending.status), "{context}");
        }
        for (file, call) in NOT_READ_BY {
            let ending = read(tool, file, put, call);
            assert_eq!(
                ending.status,
                Some(0),
                "{kind} for {file}, {call:?}: {}",
                ending.text()
            );
        }
    }
}

/// Replaces a file of an ended run, and reads the record.
fn read(tool: Tool, file: &str, put: Put, call: &[&str]) -> Ending {
    let fake = FakeTool::new(tool, "echo done");
    let ran = Launch::request(&fake.workspace, &fake.apply()).run();
    ran.assert_outcome(&ran.result(), "succeeded");
    let path = fake.workspace.run_dir().join(file);
    fs::remove_file(&path).expect("it was there");
    put(&path);
    Launch::on_run_dir(&fake.workspace, call[0], &call[1..]).run()
}
