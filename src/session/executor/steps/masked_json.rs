//! Extracts the JSON from a command's output that the runner has masked.

use std::collections::BTreeSet;

use crate::protocol::Json;
use crate::protocol::json::deep_json;

/// Returns the JSON in a command's output, without warnings and lines of the tool's log before and after it.
///
/// The runner masks text, not JSON: a secret of digits only may have been a number, or a part of one. This function
/// quotes such a number, so that the rest can be parsed.
pub(crate) fn json_in(output: &str) -> String {
    let line_starts = std::iter::once(0).chain(output.match_indices('\n').map(|(at, _)| at + 1));
    let document = line_starts
        .map(|at| &output[at..])
        // Lines of the tools' log begin like this.
        .filter(|from| from.starts_with('{') && !from.starts_with("{\"@"))
        .find_map(|from| len_of_object(from).map(|len| &from[..len]));
    with_masked_numbers_quoted(document.unwrap_or(output))
}

/// Returns the length of the object that begins here; `None` if it is incomplete.
fn len_of_object(from: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    let bytes = from.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += len_of_text(&from[at..]);
                continue;
            }
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Returns whether masking made two names of one object in this JSON equal, so that one of its members is lost.
/// `document` is the result of [`json_in`].
///
/// The runner does not mask the names of the format; a secret may be a name within a value.
pub(crate) fn has_lost_names(document: &str) -> bool {
    let text = document.as_bytes();
    let has_duplicates =
        || deep_json::from_slice::<Json>(text).is_ok_and(|tree| has_duplicates(&tree));
    // What can't be read is refused later.
    has_masked_name(document)
        && deep_json::on_stack_for(deep_json::depth(text), has_duplicates).unwrap_or(false)
}

fn has_duplicates(tree: &Json) -> bool {
    match tree {
        Json::Object(members) => {
            let mut names = BTreeSet::new();
            members
                .iter()
                .any(|(name, value)| !names.insert(name) || has_duplicates(value))
        }
        Json::Array(elements) => elements.iter().any(has_duplicates),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// Returns whether any name in this JSON was masked in part or whole.
fn has_masked_name(document: &str) -> bool {
    let mut rest = document;
    while let Some(at) = rest.find('"') {
        let (token, after) = rest[at..].split_at(len_of_text(&rest[at..]));
        if token.contains("***") && after.trim_start().starts_with(':') {
            return true;
        }
        rest = after;
    }
    false
}

fn with_masked_numbers_quoted(document: &str) -> String {
    let mut quoted = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(at) = rest.find(|it| it == '"' || is_of_number(it)) {
        let (before, from) = rest.split_at(at);
        quoted.push_str(before);
        let len = if from.starts_with('"') {
            len_of_text(from)
        } else {
            from.find(|it| !is_of_number(it)).unwrap_or(from.len())
        };
        let (token, after) = from.split_at(len);
        if !token.starts_with('"') && token.contains('*') {
            quoted.extend(["\"", token, "\""]);
        } else {
            quoted.push_str(token);
        }
        rest = after;
    }
    quoted.push_str(rest);
    quoted
}

/// Returns whether a masked or unmasked number may contain this character; outside of strings, `*` appears nowhere
/// else.
const fn is_of_number(it: char) -> bool {
    matches!(it, '0'..='9' | '-' | '+' | '.' | '*')
}

/// Returns the length of the string that begins here, including its quotes.
fn len_of_text(from: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in from.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    from.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_found_between_warnings() {
        let table = [
            ("{\"a\":{}}", "{\"a\":{}}"),
            ("{\n  \"a\": 1\n}\n", "{\n  \"a\": 1\n}"),
            ("Warning: old\n\n{\"a\":1}\nbye\n", "{\"a\":1}"),
            (
                "{\"@level\":\"info\",\"x\":{}}\n{\"a\":\"}{\"}\n{\"@level\":\"info\"}\n",
                "{\"a\":\"}{\"}",
            ),
            ("nothing", "nothing"),
            ("{\"a\":\n", "{\"a\":\n"),
        ];
        for (output, expected) in table {
            assert_eq!(json_in(output), expected, "{output}");
        }
    }

    #[test]
    fn a_name_that_was_masked_is_found_and_a_value_is_none() {
        let table = [
            (r#"{"before":{"a":1},"***":{"a":true}}"#, true),
            (r#"{"before_***" : 1}"#, true),
            (r#"{"a":"***","b":["***"]}"#, false),
            (r#"{"a":"\"***\":"}"#, false),
        ];
        for (document, expected) in table {
            assert_eq!(has_masked_name(document), expected, "{document}");
        }
    }

    #[test]
    fn names_are_lost_where_two_became_the_same() {
        let table = [
            (r#"{"a":{"***":1,"b":2},"b":{"***":1}}"#, false),
            (r#"{"a":[{"x-***":1,"b":{},"x-***":2}]}"#, true),
            (r#"{"a":"***","b":["***"]}"#, false),
        ];
        for (document, expected) in table {
            assert_eq!(has_lost_names(document), expected, "{document}");
        }
    }

    #[test]
    fn a_number_that_was_masked_becomes_text() {
        let table = [
            (r#"{"a":***}"#, r#"{"a":"***"}"#),
            (r#"{"a":[-12***.5,1e6]}"#, r#"{"a":["-12***.5",1e6]}"#),
            (r#"{"***":"1***","b":2}"#, r#"{"***":"1***","b":2}"#),
            (
                r#"{"a":"\\\"1***","b":***}"#,
                r#"{"a":"\\\"1***","b":"***"}"#,
            ),
            (
                r#"{"a":"ü ***", "b": ***0}"#,
                r#"{"a":"ü ***", "b": "***0"}"#,
            ),
        ];
        for (output, expected) in table {
            assert_eq!(json_in(output), expected, "{output}");
            assert!(serde_json::from_str::<serde_json::Value>(expected).is_ok());
        }
    }
}
