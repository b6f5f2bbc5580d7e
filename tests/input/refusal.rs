//! Properties that all refusals share, checked over a table of them.

use serde_json::Value;

use crate::call::{Answer, Call};
use crate::schemas::{EVENT, RESULT, assert_valid};
use crate::test_env::TestEnv;

/// A value in the wrong place, which must not be repeated anywhere.
pub(crate) const CANARY: &str = "hunter2-canary";
/// Longest sentence that a person still reads.
const MAX_SENTENCE_CHARS: usize = 2000;

/// An input, and the expected output.
pub(crate) struct Row {
    name: String,
    input: Vec<u8>,
    outcome: Outcome,
    /// What the sentence must say, beginning with the field.
    says: String,
}

/// The two outcomes of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    InvalidRequest,
    NotStarted,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::NotStarted => "not_started",
        }
    }

    const fn exit_status(self) -> i32 {
        match self {
            Self::InvalidRequest => 2,
            Self::NotStarted => 3,
        }
    }
}

/// A document that is not a valid request.
pub(crate) fn invalid(name: impl Into<String>, input: impl Into<Vec<u8>>, says: &str) -> Row {
    Row {
        name: name.into(),
        input: input.into(),
        outcome: Outcome::InvalidRequest,
        says: says.to_owned(),
    }
}

/// A request that cannot be executed.
pub(crate) fn not_started(name: &str, request: &Value, says: impl Into<String>) -> Row {
    Row {
        name: name.to_owned(),
        input: request.to_string().into_bytes(),
        outcome: Outcome::NotStarted,
        says: says.into(),
    }
}

/// How to call the binary for a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    Document,
    Stream,
}

/// Runs the binary with each row.
pub(crate) fn assert_all_refused(test_env: &TestEnv, rows: &[Row], mode: Mode) {
    for row in rows {
        let call = Call::new(&test_env.work_dir(), &test_env.path());
        assert_refused(test_env, row, mode, call);
    }
}

/// Runs the binary once with a row.
pub(crate) fn assert_refused(test_env: &TestEnv, row: &Row, mode: Mode, call: Call) {
    let (answer, result) = match mode {
        Mode::Document => {
            let answer = call.run(&row.input);
            let result = answer.document();
            (answer, result)
        }
        Mode::Stream => {
            let answer = call.stream().run(&row.input);
            let result = assert_lone_result(row, &answer);
            (answer, result)
        }
    };
    let name = &row.name;
    let sentence = assert_refusal(name, &answer, &result, row.outcome);
    assert!(
        sentence.contains(&row.says),
        "{name}: no `{}` in: {sentence}",
        row.says
    );
    test_env.assert_nothing_was_run(name);
}

/// Checks everything about a refusal except its exact text; returns the sentence.
#[track_caller]
pub(crate) fn assert_refusal(
    name: &str,
    answer: &Answer,
    result: &Value,
    outcome: Outcome,
) -> String {
    assert_eq!(result["outcome"], outcome.word(), "{name}: {result:#}");
    assert_eq!(answer.status, Some(outcome.exit_status()), "{name}");
    assert_eq!(result["success"], false, "{name}");
    assert_eq!(result["exit_code"], 1, "{name}");
    assert_eq!(result["output"], "", "{name}");
    assert_valid(&RESULT, result);
    for (stream, text) in [
        ("stdout", String::from_utf8_lossy(&answer.stdout)),
        ("stderr", answer.stderr.as_str().into()),
    ] {
        assert!(
            !text.contains(CANARY),
            "{name}: a value on {stream}: {text}"
        );
    }
    let sentence = result["error_msg"].as_str().expect("text");
    assert!(
        !sentence.is_empty() && !sentence.contains(char::is_control),
        "{name}: not one line: {sentence:?}"
    );
    assert!(
        sentence.chars().count() <= MAX_SENTENCE_CHARS,
        "{name}: {} characters",
        sentence.chars().count()
    );
    sentence.to_owned()
}

#[track_caller]
fn assert_lone_result(row: &Row, answer: &Answer) -> Value {
    let result = answer.streamed_result();
    for event in answer.lines() {
        assert_valid(&EVENT, &event);
        assert!(
            ["warning", "result"].contains(&event["type"].as_str().unwrap_or_default()),
            "{}: {event}",
            row.name
        );
    }
    result
}
