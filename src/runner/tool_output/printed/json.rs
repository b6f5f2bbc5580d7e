//! Parses the output of `-json`: one message per line.

use serde_json::Value;

use super::PrintedPart;
use super::fault::PrintedError;

/// A message that is not a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonMessage {
    /// Its type, such as `apply_start`.
    pub(crate) kind: String,
    /// The operation of a `change_summary`: `plan`, `apply` or `destroy`.
    pub(crate) operation: String,
    /// The status of a `test_summary`: `pass`, `fail` and the like.
    pub(crate) status: String,
    /// Its text, if it is a `log` or a message of `init`; texts of other types may contain quotations.
    pub(crate) log: String,
}

/// Returns whether these lines are messages: as requested, or because the tool's first line is one.
pub(crate) fn is_json(lines: &[String], is_asked_for: bool) -> bool {
    let mut own = lines.iter().filter(|line| !is_of_cli_configuration(line));
    if is_asked_for {
        own.any(|line| message(line).is_some())
    } else {
        own.next().is_some_and(|line| message(line).is_some())
    }
}

/// Returns whether a line is about the CLI configuration, which both tools print before anything else, always in
/// boxes.
fn is_of_cli_configuration(line: &str) -> bool {
    line.trim().is_empty()
        || line.starts_with(['╷', '│', '╵'])
        || super::cli_configuration::opens_cli_configuration(line)
}

/// Parses a line that identifies itself as a message of the tool, wherever it is.
pub(crate) fn tool_message(line: &str) -> Option<PrintedPart> {
    let message = message(line)?;
    let module = message.get("@module")?.as_str()?;
    matches!(module, "terraform.ui" | "tofu.ui")
        .then(|| item(&message))
        .flatten()
}

pub(crate) fn message(line: &str) -> Option<Value> {
    let message: Value = line
        .starts_with('{')
        .then(|| serde_json::from_str(line).ok())??;
    message.get("type")?.is_string().then_some(message)
}

/// Returns the content of a message; `None` for a warning.
pub(crate) fn item(message: &Value) -> Option<PrintedPart> {
    let string =
        |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = string(message.get("type"));
    if kind == "diagnostic" {
        return PrintedError::from_json(message.get("diagnostic")?).map(PrintedPart::Fault);
    }
    let is_log = matches!(kind.as_str(), "log" | "init_output");
    Some(PrintedPart::Message(JsonMessage {
        kind,
        operation: string(message.get("changes").and_then(|it| it.get("operation"))),
        status: string(message.get("test_summary").and_then(|it| it.get("status"))),
        log: string(message.get("@message").filter(|_| is_log)),
    }))
}

/// Returns the errors in the one document, over many lines, that `validate -json` prints.
pub(crate) fn validate_document(text: &str) -> Vec<PrintedError> {
    let is_start = |at: &usize| *at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
    let Some(start) = text.find("{\n").filter(is_start) else {
        return Vec::new();
    };
    let Some(end) = text
        .rfind("\n}")
        .map(|at| at + 2)
        .filter(|end| *end > start)
    else {
        return Vec::new();
    };
    let document: Option<Value> = serde_json::from_str(&text[start..end]).ok();
    let listed = document
        .as_ref()
        .and_then(|it| it.get("diagnostics")?.as_array());
    listed.map_or_else(Vec::new, |all| {
        all.iter().filter_map(PrintedError::from_json).collect()
    })
}
