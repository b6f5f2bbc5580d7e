//! The JSON in what a command printed, and the runner masked.

/// The JSON in what a command printed, without warnings before and after it.
///
/// The runner masks text, not JSON: a secret of digits alone may have been a number, or a part of one. Such a
/// number becomes text here, so that the rest can be read.
pub(super) fn json_in(output: &str) -> String {
    let begin = output
        .starts_with('{')
        .then_some(0)
        .or_else(|| output.find("\n{").map(|at| at + 1));
    let end = output.rfind('}').map(|at| at + 1);
    let document = match (begin, end) {
        (Some(begin), Some(end)) if begin < end => &output[begin..end],
        (_, _) => output,
    };
    with_masked_numbers_quoted(document)
}

/// Whether a name in this JSON, which has to be what [`json_in`] gave, was masked in part or whole.
///
/// A secret may happen to be a word of the form itself; what a document says that lacks it cannot be trusted.
pub(super) fn has_masked_name(document: &str) -> bool {
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

/// Whether a number, masked or not, may hold this; outside of text nothing else has a `*`.
const fn is_of_number(it: char) -> bool {
    matches!(it, '0'..='9' | '-' | '+' | '.' | '*')
}

/// The length of the text that begins here, with its quotes.
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
            ("nothing", "nothing"),
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
