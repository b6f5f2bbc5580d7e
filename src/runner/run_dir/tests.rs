//! Tests a record from its claim to its result, written by one thread and read by another.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;

use super::claim::RunDirError;
use super::*;
use crate::output::Matcher;
use crate::protocol::{Outcome, RunResult};
use crate::runner::result::document::of_no_tool;

fn recorder(path: &Path) -> Recorder {
    let matcher = Arc::new(Matcher::new([]));
    Recorder::start(path, Durability::Record, "{}".to_owned(), matcher).unwrap()
}

fn claimed(path: &Path) -> Recorder {
    let recorder = recorder(path);
    recorder.claim().unwrap();
    recorder
}

fn result(recorder: &Recorder, text: &str) -> Result<(), String> {
    let frame = of_no_tool(Outcome::Failed, "a sentence".to_owned(), Utc::now());
    let output = ResultOutput::Text(text.to_owned());
    recorder.result(frame, output, text.to_owned())
}

fn end(recorder: &Recorder) {
    recorder.close();
    recorder.linger(Duration::from_secs(60));
}

fn text_of(record: &Record, name: &str) -> Option<String> {
    let mut text = String::new();
    record
        .read(name)
        .unwrap()?
        .read_to_string(&mut text)
        .unwrap();
    Some(text)
}

#[test]
fn a_directory_holds_one_run_only() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a/b");
    let first = recorder(&path);
    let listener = first.claim().unwrap();
    let is_refused = || {
        let refused = recorder(&path).claim();
        matches!(refused, Err(RunDirError::InUse { .. }))
    };
    assert!(is_refused());
    let record = Record::open(&path).unwrap();
    assert_eq!(record.state().unwrap(), RecordState::Running);
    let own = std::process::id().cast_signed();
    assert_eq!(record.supervisor_pid().unwrap(), Some(own));
    assert!(matches!(
        record.introduction().unwrap(),
        Introduction::Of(supervisor, true) if supervisor.pid == own
    ));
    assert!(record.connect().is_ok());
    drop(listener);

    first.output("text\n");
    first.event(b"{}\n");
    first.finish_output();
    assert_eq!(first.output_file(), Some(record.path_of(OUTPUT)));
    first.stop_listening();
    assert_eq!(result(&first, "text\n"), Ok(()));
    assert_eq!(first.faults(), Vec::<String>::new());
    end(&first);
    // The writer drops the lock as its last step.
    let deadline = Instant::now() + Duration::from_secs(60);
    while record.state().unwrap() == RecordState::Running {
        assert!(Instant::now() < deadline, "the lock is held on");
        std::thread::yield_now();
    }
    assert!(is_refused());
    assert_eq!(text_of(&record, OUTPUT).unwrap(), "text\n");
    assert_eq!(text_of(&record, EVENTS).unwrap(), "{}\n");
    let result: RunResult = serde_json::from_str(&text_of(&record, RESULT).unwrap()).unwrap();
    assert_eq!(result.output, "text\n");
    assert_eq!(text_of(&record, RESULT_PART), None);
    assert!(record.connect().is_err());
    let names = fs::read_dir(&path).unwrap().count();
    assert_eq!(names, 6, "and nothing that was only needed meanwhile");
}

#[test]
fn a_replaced_directory_is_noticed_and_the_new_one_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("run");
    let first = claimed(&path);
    first.output("of the first\n");
    fs::rename(&path, root.path().join("moved")).unwrap();
    let second = claimed(&path);
    second.output("of the second\n");
    assert_eq!(result(&first, "first"), Ok(()));
    assert_eq!(first.output_file(), None);
    let faults = first.faults();
    assert!(
        faults.len() == 1 && faults[0].contains("replaced"),
        "{faults:?}"
    );
    end(&first);

    let record = Record::open(&path).unwrap();
    assert_eq!(text_of(&record, RESULT), None);
    let moved = Record::open(&root.path().join("moved")).unwrap();
    assert!(text_of(&moved, RESULT).unwrap().contains("\"first\""));
    assert_eq!(result(&second, "second"), Ok(()));
    end(&second);
    assert_eq!(text_of(&record, OUTPUT).unwrap(), "of the second\n");
}

#[test]
fn entry_in_the_place_of_a_file_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    for name in [REQUEST, EVENTS, OUTPUT, SUPERVISOR, CONTROL] {
        let path = root.path().join(name);
        fs::create_dir(&path).unwrap();
        nix::unistd::mkfifo(&path.join(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let recorder = claimed(&path);
        recorder.output("text\n");
        recorder.event(b"{}\n");
        recorder.finish_output();
        assert_eq!(recorder.output_file().is_some(), name != OUTPUT, "{name}");
        let expected = usize::from(name != CONTROL);
        assert_eq!(recorder.faults().len(), expected, "{name}");
        assert_eq!(result(&recorder, ""), Ok(()), "{name}");
        end(&recorder);
    }
}

#[test]
fn only_the_record_of_what_can_be_done_again_may_be_lost_but_for_its_result() {
    let table: [(&str, &[&str], Durability); 8] = [
        ("init", &[], Durability::Result),
        ("plan", &["-out=p"], Durability::Result),
        ("output", &["-json"], Durability::Result),
        ("init", &["-migrate-state"], Durability::Record),
        ("apply", &["p"], Durability::Record),
        ("destroy", &[], Durability::Record),
        ("state", &["rm", "a"], Durability::Record),
        ("workspace", &["new", "a"], Durability::Record),
    ];
    for (command, args, durability) in table {
        let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
        assert_eq!(
            Durability::of(command, &args),
            durability,
            "{command} {args:?}"
        );
    }
}
