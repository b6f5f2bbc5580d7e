//! `events.ndjson` and `output.log` together, as `attach --stream` prints them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// Returns the events of a run directory, with their texts.
#[track_caller]
pub(crate) fn recorded_events(run_dir: &Path) -> Vec<Value> {
    let read = |name: &str| fs::read_to_string(run_dir.join(name)).expect("a file of the record");
    let (events, log) = (read("events.ndjson"), read("output.log"));
    assert!(events.ends_with('\n'), "no newline at the end of {events}");
    events
        .lines()
        .map(|line| serde_json::from_str(line).expect("an event is a line of JSON"))
        .map(|event| expanded(event, &log))
        .collect()
}

/// Returns an event with its text in place of the reference to it.
#[track_caller]
fn expanded(mut event: Value, log: &str) -> Value {
    let members = event.as_object_mut().expect("an event is an object");
    match members["type"].as_str().expect("a word") {
        "started" => {
            let start_time = members.remove("start_time");
            assert!(start_time.is_some_and(|ticks| ticks.is_u64()));
        }
        "output" => {
            let mut number = |name: &str| place(members.remove(name).as_ref());
            let (offset, length) = (number("offset"), number("length"));
            members.insert("text".into(), json!(log[offset..offset + length]));
        }
        "result" if members["result"]["output"].is_object() => {
            let output = &members["result"]["output"];
            let number = |name: &str| place(output.get(name));
            assert_eq!(number("length"), log.len());
            let (head, tail) = (number("head_length"), number("tail_offset"));
            let gap = match tail - head {
                0 => String::new(),
                left_out => format!("[... {left_out} bytes left out ...]\n"),
            };
            members["result"]["output"] = json!(format!("{}{gap}{}", &log[..head], &log[tail..]));
        }
        _ => {}
    }
    event
}

fn place(value: Option<&Value>) -> usize {
    let number = value.and_then(Value::as_u64).expect("a number");
    usize::try_from(number).expect("a place in a text")
}
