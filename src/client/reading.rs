//! From the runner's stdout to typed events and the result.

use serde::Deserialize;
use serde_json::Value;

use super::lines::Lines;
use super::{ReadFault, RunEvent};
use crate::protocol::{Event, PROTOCOL_VERSION, RunResult};

/// What came of the runner's stdout.
pub(super) type Reading = Result<Box<RunResult>, ReadFault>;

/// One step of reading.
#[derive(Debug)]
pub(super) enum Step {
    /// An event.
    Event(RunEvent),
    /// There is no more to read.
    End(Reading),
}

/// Reads stdout as it arrives.
#[derive(Debug)]
pub(super) struct Reader {
    lines: Lines,
    has_seen_a_line: bool,
    /// The `seq` that is due.
    due: u64,
    /// The first event that was not the one due: which was, and which came.
    misplaced: Option<(u64, u64)>,
    result: Option<Box<RunResult>>,
}

impl Reader {
    pub(super) const fn new(line_limit: usize) -> Self {
        Self {
            lines: Lines::new(line_limit),
            has_seen_a_line: false,
            due: 0,
            misplaced: None,
            result: None,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// The next step, none when more bytes are needed.
    pub(super) fn step(&mut self) -> Option<Step> {
        if let Some(result) = self.result.take() {
            return Some(Step::End(match self.misplaced {
                None => Ok(result),
                Some((due, found)) => Err(ReadFault::Misplaced { due, found, result }),
            }));
        }
        let parsed = match self.lines.next() {
            Ok(None) => return None,
            Ok(Some(line)) => parse(line),
            Err(fault) => Err(fault),
        };
        Some(self.take(parsed))
    }

    /// The next step at the end of stdout.
    pub(super) fn finish(&mut self) -> Step {
        if let Some(step) = self.step() {
            return step;
        }
        match self.lines.rest() {
            Some(line) => self.take(parse(&line)),
            None if self.has_seen_a_line => Step::End(Err(ReadFault::NoResult)),
            None => Step::End(Err(ReadFault::Empty)),
        }
    }

    fn take(&mut self, parsed: Result<Line, ReadFault>) -> Step {
        self.has_seen_a_line = true;
        match parsed {
            Ok(Line::Event(event)) => {
                self.note_place(&event);
                if let RunEvent::Known(Event::Result { result, .. }) = &event {
                    self.result = Some(result.clone());
                }
                Step::Event(event)
            }
            Ok(Line::Document(result)) => Step::End(Ok(result)),
            Err(fault) => Step::End(Err(fault)),
        }
    }
}

impl Reader {
    /// Holds the place of an event against the one due. What comes is read on all the same: to leave the
    /// runner alone with it would stop the run.
    fn note_place(&mut self, event: &RunEvent) {
        let found = match event {
            RunEvent::Known(event) => event.seq(),
            RunEvent::Other { document, .. } => match document["seq"].as_u64() {
                Some(seq) => seq,
                None => return,
            },
            RunEvent::StopFailed { .. } => return,
        };
        if found != self.due {
            self.misplaced.get_or_insert((self.due, found));
        }
        self.due = found.saturating_add(1);
    }
}

#[derive(Debug)]
enum Line {
    Event(RunEvent),
    /// A result that is no event: what the runner prints when it could not begin to stream.
    Document(Box<RunResult>),
}

/// As much of a line as tells what to make of it.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Option<String>,
    protocol: Option<u64>,
    result: Option<ResultHead>,
}

#[derive(Deserialize)]
struct ResultHead {
    protocol: Option<u64>,
}

/// Reads one line. Fields that are not known are passed over.
fn parse(line: &[u8]) -> Result<Line, ReadFault> {
    let fault = match serde_json::from_slice::<Event>(line) {
        Ok(Event::Result { result, .. }) if result.protocol > PROTOCOL_VERSION => {
            return Err(ReadFault::TooNew {
                found: result.protocol.into(),
            });
        }
        Ok(event) => return Ok(Line::Event(RunEvent::Known(event))),
        Err(fault) => fault,
    };
    let head: Head = serde_json::from_slice(line).map_err(|_| ReadFault::NotAnEvent)?;
    let protocol = head.result.and_then(|result| result.protocol);
    if let Some(found) = protocol.or(head.protocol)
        && found > PROTOCOL_VERSION.into()
    {
        return Err(ReadFault::TooNew { found });
    }
    match head.kind {
        Some(kind) if kind == "result" => Err(ReadFault::Malformed(fault)),
        Some(kind) => Ok(Line::Event(RunEvent::Other {
            kind,
            document: serde_json::from_slice::<Value>(line).map_err(|_| ReadFault::NotAnEvent)?,
        })),
        None if head.protocol.is_some() => serde_json::from_slice(line)
            .map(Line::Document)
            .map_err(ReadFault::Malformed),
        None => Err(ReadFault::NotAnEvent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{DiagnosisClass, LockStatus, Outcome, StateSafety, StopReason};

    const RESULT: &str = r#"{"success":true,"output":"","exit_code":0,"error_msg":"","started_at":"2026-11-20T22:25:40.705Z","ended_at":"2026-11-20T22:25:40.895Z","outcome":"succeeded","stop_reason":null,"signal":null,"duration_ms":189,"output_bytes":0,"output_truncated":false,"output_complete":true,"output_file":null,"diagnosis":null,"state":null,"protocol":1}"#;

    fn result_event() -> String {
        format!(r#"{{"type":"result","seq":1,"at":"2026-11-20T22:25:40.895Z","result":{RESULT}}}"#)
    }

    /// Kinds of the events, and what came of it all.
    fn read(text: &str) -> (Vec<String>, Reading) {
        let mut reader = Reader::new(4096);
        reader.push(text.as_bytes());
        let mut kinds = Vec::new();
        loop {
            match reader.step().unwrap_or_else(|| reader.finish()) {
                Step::End(reading) => return (kinds, reading),
                Step::Event(RunEvent::Known(event)) => kinds.push(format!("#{}", event.seq())),
                Step::Event(RunEvent::Other { kind, .. }) => kinds.push(kind),
                Step::Event(RunEvent::StopFailed { message }) => panic!("{message}"),
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
        // The result is number 1.
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
}
