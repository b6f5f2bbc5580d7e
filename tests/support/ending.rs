//! The output of a run, and checks of it.

use serde_json::Value;

use super::workspace::Workspace;

/// The whole stdout of an ended front process, and its exit status.
pub(crate) struct Ending {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    /// `None` if a signal ended it.
    pub(crate) status: Option<i32>,
}

impl Ending {
    /// Returns stdout as one result document.
    #[track_caller]
    pub(crate) fn result(&self) -> Value {
        let text = self.text();
        assert!(text.ends_with('\n'), "no newline at the end of {text}");
        serde_json::from_str(&text).unwrap_or_else(|fault| {
            panic!(
                "stdout is not one JSON document: {fault}: {text}\n{}",
                self.stderr
            )
        })
    }

    /// Returns stdout as events, after the checks that hold for every stream.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let events = parse_events(&self.text());
        assert_is_a_whole_stream(&events);
        events
    }

    /// Returns the result in the last event.
    #[track_caller]
    pub(crate) fn streamed_result(&self) -> Value {
        let last = self.events().pop();
        last.map(|mut event| event["result"].take())
            .expect("a stream has a last event")
    }

    /// Asserts the exit status and the outcome, and everything that must agree with them.
    #[track_caller]
    pub(crate) fn assert_outcome(&self, result: &Value, outcome: &str) {
        let context = format!("{result:#}\n{}", self.stderr);
        assert_eq!(result["outcome"], outcome, "{context}");
        assert_eq!(self.status, Some(exit_status(outcome)), "{context}");
        assert_eq!(result["protocol"], 1, "{context}");
        let success = outcome == "succeeded";
        assert_eq!(result["success"], success, "{context}");
        let error_msg = result["error_msg"].as_str().expect("text");
        assert_eq!(error_msg.is_empty(), success, "{context}");
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("stdout is UTF-8")
    }
}

/// Parses a text with one event per line.
#[track_caller]
pub(crate) fn parse_events(text: &str) -> Vec<Value> {
    assert!(text.ends_with('\n'), "no newline at the end of {text}");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("an event is a line of JSON"))
        .collect()
}

/// Asserts what holds for every stream: no gap, the result last and only there, the output complete.
#[track_caller]
pub(crate) fn assert_is_a_whole_stream(events: &[Value]) {
    for (place, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], place, "a gap before {event}");
        assert_is_a_time(&event["at"]);
    }
    let results = events.iter().filter(|event| event["type"] == "result");
    assert_eq!(results.count(), 1, "{events:#?}");
    let last = events.last().expect("at least one event");
    assert_eq!(last["type"], "result");
    if last["result"]["output_truncated"] == false {
        assert_eq!(last["result"]["output"], joined_output(events).as_str());
    }
}

/// Returns the texts of all `output` events, joined.
pub(crate) fn joined_output(events: &[Value]) -> String {
    events
        .iter()
        .filter(|event| event["type"] == "output")
        .map(|event| event["text"].as_str().expect("text"))
        .collect()
}

/// Returns the warnings in a stream.
pub(crate) fn warnings(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter(|event| event["type"] == "warning")
        .map(|event| event["message"].as_str().expect("text"))
        .collect()
}

/// Asserts that a value is a time in UTC, as in RFC 3339.
#[track_caller]
pub(crate) fn assert_is_a_time(value: &Value) {
    let text = value.as_str().expect("a time is text");
    assert!(text.ends_with('Z'), "not in UTC: {text}");
    chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339");
}

/// Asserts the result of an apply that was stopped gracefully in the middle.
#[track_caller]
pub(crate) fn assert_stopped_in_order(workspace: &Workspace, result: &Value, reason: &str) {
    assert_eq!(result["stop_reason"], reason, "{result:#}");
    assert_eq!(result["exit_code"], 1, "{result:#}");
    assert_eq!(result["signal"], Value::Null, "{result:#}");
    assert_eq!(result["output_complete"], true, "{result:#}");
    assert_state_is_told(result, "saved", "released");
    workspace.assert_state_is_complete();
    workspace.assert_lock_is_released();
}

/// Asserts what the result says about the state and its lock.
#[track_caller]
pub(crate) fn assert_state_is_told(result: &Value, safety: &str, lock: &str) {
    assert_eq!(result["state"]["safety"], safety, "{result:#}");
    assert_eq!(result["state"]["lock"], lock, "{result:#}");
}

/// Asserts that the result's claims about a state left behind are true.
///
/// `unknown` is always allowed; `partial` and `held` must be true.
#[track_caller]
pub(crate) fn assert_state_is_not_painted(workspace: &Workspace, result: &Value) {
    let state = &result["state"];
    let safety = state["safety"].as_str().expect("a word");
    assert!(["unknown", "partial"].contains(&safety), "{result:#}");
    let lock = state["lock"].as_str().expect("a word");
    match workspace.lock_holder() {
        Some(holder) => {
            assert!(["held", "unknown"].contains(&lock), "{result:#}");
            if let Some(id) = state["lock_id"].as_str() {
                assert_eq!(holder["ID"], id, "{result:#}");
            }
        }
        None => assert!(["released", "unknown"].contains(&lock), "{result:#}"),
    }
}

/// Asserts that the result does not blame others for the runner's own SIGKILL.
#[track_caller]
pub(crate) fn assert_owns_up_to_the_kill(result: &Value) {
    for told in [&result["error_msg"], &result["diagnosis"]["message"]] {
        let told = told.as_str().unwrap_or_default();
        for denial in ["did not send", "did not come from"] {
            assert!(!told.contains(denial), "a denial: {result:#}");
        }
    }
}

/// Returns the exit status of an outcome, as documented.
fn exit_status(outcome: &str) -> i32 {
    match outcome {
        "succeeded" => 0,
        "failed" => 1,
        "invalid_request" => 2,
        "not_started" => 3,
        "timed_out" => 4,
        "cancelled" | "killed" => 5,
        "unknown" => 6,
        other => panic!("`{other}` is no outcome"),
    }
}
