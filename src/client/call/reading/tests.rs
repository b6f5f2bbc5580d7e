//! Tests of what the reader returns for each stdout.

use super::*;
use crate::protocol::{DiagnosisClass, LockStatus, Outcome, StateSafety, StopReason};

const RESULT: &str = r#"{"success":true,"output":"","exit_code":0,"error_msg":"","started_at":"2026-11-20T22:25:40.705Z","ended_at":"2026-11-20T22:25:40.895Z","outcome":"succeeded","stop_reason":null,"signal":null,"duration_ms":189,"output_bytes":0,"output_truncated":false,"output_complete":true,"output_file":null,"diagnosis":null,"state":null,"protocol":1}"#;

fn result_event() -> String {
    format!(r#"{{"type":"result","seq":1,"at":"2026-11-20T22:25:40.895Z","result":{RESULT}}}"#)
}

/// Returns the kinds of the events, and the final reading.
fn read(text: &str) -> (Vec<String>, Reading) {
    let mut reader = StdoutParser::new(4096);
    reader.push(text.as_bytes());
    let mut kinds = Vec::new();
    loop {
        match reader.step().unwrap_or_else(|| reader.finish()) {
            ReadStep::End(reading) => return (kinds, reading),
            ReadStep::Event(RunEvent::Known(event)) => kinds.push(format!("#{}", event.seq())),
            ReadStep::Event(RunEvent::Other { kind, .. }) => kinds.push(kind),
            ReadStep::Event(RunEvent::StopFailed { message }) => panic!("{message}"),
        }
    }
}

#[test]
fn events_come_first_and_the_result_last() {
    let warning = r#"{"type":"warning","seq":0,"at":"2026-11-20T22:25:40.705Z","message":"m"}"#;
    let (kinds, reading) = read(&format!("{warning}\n{}\nnever read\n", result_event()));
    assert_eq!(kinds, ["#0", "#1"]);
    assert_eq!(reading.unwrap().outcome, Outcome::Succeeded);
}

#[test]
fn a_bare_document_is_a_result_too_with_or_without_a_newline() {
    for end in ["", "\n"] {
        let (kinds, reading) = read(&format!("{RESULT}{end}"));
        assert!(kinds.is_empty());
        assert!(reading.unwrap().success);
    }
}

#[test]
fn unknown_fields_are_passed_over_and_unknown_events_passed_on() {
    let later = result_event()
        .replacen('{', r#"{"later":[1],"#, 1)
        .replace(r#""success""#, r#""newer":{},"success""#);
    let (kinds, reading) = read(&format!("{{\"type\":\"progress\",\"seq\":0}}\n{later}\n"));
    assert_eq!(kinds, ["progress", "#1"]);
    assert!(reading.is_ok(), "{reading:?}");
}

#[test]
fn words_of_a_later_runner_spoil_neither_event_nor_result() {
    let stopping = r#"{"type":"stopping","seq":0,"at":"2026-11-20T22:25:40.705Z","reason":"new","grace_seconds":1}"#;
    let result = result_event()
        .replace(r#""stop_reason":null"#, r#""stop_reason":"new""#)
        .replace(r#""outcome":"succeeded""#, r#""outcome":"new""#)
        .replace(
            r#""diagnosis":null"#,
            r#""diagnosis":{"class":"new","message":"m","retryable":true}"#,
        )
        .replace(
            r#""state":null"#,
            r#""state":{"safety":"new","lock":"new","lock_id":null,"errored_state_file":null}"#,
        );
    let (kinds, reading) = read(&format!("{stopping}\n{result}\n"));
    assert_eq!(kinds, ["#0", "#1"]);
    let result = reading.unwrap();
    assert_eq!(result.outcome, Outcome::Unknown);
    assert_eq!(result.stop_reason, Some(StopReason::Other));
    let state = result.state.unwrap();
    assert_eq!(state.safety, StateSafety::Unknown);
    assert_eq!(state.lock, LockStatus::Unknown);
    let diagnosis = result.diagnosis.unwrap();
    assert_eq!(diagnosis.class, DiagnosisClass::Other);
    assert!(diagnosis.retryable);
}

#[test]
fn a_gap_or_a_repeat_is_a_fault_that_keeps_the_result() {
    let progress = |seq: u64| format!("{{\"type\":\"progress\",\"seq\":{seq}}}\n");
    // The result has `seq` 1.
    let table = [
        (vec![0], None),
        (vec![], Some((0, 1))),
        (vec![0, 1], Some((2, 1))),
        (vec![0, 0], Some((1, 0))),
        (vec![1], Some((0, 1))),
        (vec![u64::MAX, 7], Some((0, u64::MAX))),
    ];
    for (before, expected) in table {
        let events: String = before.iter().copied().map(progress).collect();
        let (kinds, reading) = read(&(events + &result_event()));
        assert_eq!(kinds.len(), before.len() + 1);
        match (reading, expected) {
            (Ok(_), None) => {}
            (Err(ReadFault::Misplaced { due, found, result }), Some(expected)) => {
                assert_eq!((due, found), expected, "{before:?}");
                assert!(result.success);
            }
            (reading, _) => panic!("{before:?}: {reading:?}"),
        }
    }
}

#[test]
fn what_is_not_of_the_wire_is_named() {
    let table = [
        ("", "Empty"),
        ("\n", "NotAnEvent"),
        ("garbage\n", "NotAnEvent"),
        ("[1]\n", "NotAnEvent"),
        ("{}\n", "NotAnEvent"),
        ("{\"type\":\"progress\"}\n", "NoResult"),
        ("{\"type\":\"result\"}\n", "Malformed"),
        ("{\"protocol\":1}\n", "Malformed"),
        ("{\"protocol\":2}\n", "TooNew { found: 2 }"),
        (
            "{\"type\":\"result\",\"result\":{\"protocol\":7}}",
            "TooNew { found: 7 }",
        ),
        (&"x".repeat(5000), "LineTooLong { limit: 4096 }"),
    ];
    for (text, expected) in table {
        let fault = format!("{:?}", read(text).1.unwrap_err());
        assert!(fault.starts_with(expected), "{text:.40}: {fault}");
    }
}

#[test]
fn a_later_protocol_that_still_looks_like_ours_is_refused() {
    let later = result_event().replace(r#""protocol":1"#, r#""protocol":2"#);
    assert!(matches!(
        read(&later).1,
        Err(ReadFault::TooNew { found: 2 })
    ));
}
