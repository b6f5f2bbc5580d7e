//! What is wrong with a request, and where.
//!
//! A fault names the place and what was expected there. It never repeats the value: a token typed into the wrong
//! field must not appear in an error.

use std::fmt;

use serde_path_to_error::Segment;
use thiserror::Error;

/// Longest path shown in a fault, in characters.
const MAX_PATH_CHARS: usize = 120;
/// Largest number of faults shown in one sentence.
const MAX_FAULTS_SHOWN: usize = 8;

/// One problem of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON path of the place, such as `$.args[2]`; `$` for the whole document.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path, self.problem)
    }
}

/// All problems of a request; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("invalid request: {}", sentence(faults, MAX_FAULTS_SHOWN))]
pub struct RequestError {
    /// The faults, in the order of the fields on the wire.
    pub faults: Vec<Fault>,
}

/// Joins the first `most` faults into one sentence and adds how many more there are.
pub(crate) fn sentence<F: fmt::Display>(faults: &[F], most: usize) -> String {
    let mut parts: Vec<String> = faults.iter().take(most).map(F::to_string).collect();
    if faults.len() > most {
        parts.push(format!("and {} more", faults.len() - most));
    }
    parts.join("; ")
}

/// Formats the path at which the parser stopped.
pub(crate) fn shown_path(path: &serde_path_to_error::Path) -> String {
    let mut shown = "$".to_owned();
    for segment in path {
        if shown.chars().count() > MAX_PATH_CHARS {
            shown.push('…');
            break;
        }
        match segment {
            Segment::Seq { index } => shown.push_str(&format!("[{index}]")),
            Segment::Map { key } => shown.push_str(&member(key)),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    shown
}

/// Formats an object member for a JSON path, always on one line.
pub(crate) fn member(key: &str) -> String {
    let mut shown: String = key.chars().take(MAX_PATH_CHARS).collect();
    if shown.len() < key.len() {
        shown.push('…');
    }
    if is_variable_name(&shown) {
        return format!(".{shown}");
    }
    let mut quoted = String::new();
    for c in serde_json::Value::from(shown).to_string().chars() {
        // JSON leaves some characters unescaped that move a terminal's cursor or end a line.
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    format!("[{quoted}]")
}

/// Returns whether the text can be the name of an environment variable.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Returns whether a variable with this name can be passed to a tool.
///
/// Besides the usual names, it accepts the names in which both tools look for the token of a registry on a custom
/// port: dots are `_`, dashes are `__`, and the port follows a `:`, for which no other spelling exists. It also
/// accepts the names of input variables, which may hold dashes and letters of any alphabet.
pub(crate) fn is_settable_variable(name: &str) -> bool {
    let host_and_port = name
        .strip_prefix("TF_TOKEN_")
        .and_then(|rest| rest.split_once(':'));
    match host_and_port {
        Some((host, port)) => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && (1..=5).contains(&port.len())
                && port.bytes().all(|b| b.is_ascii_digit())
        }
        None => is_variable_name(name) || name.strip_prefix("TF_VAR_").is_some_and(is_identifier),
    }
}

/// Returns whether HCL accepts this as an identifier: a letter or `_`, then letters, digits, `_` and `-`.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_and_input_variables_have_other_names() {
        let table = [
            ("PATH", true),
            ("_x1", true),
            ("TF_TOKEN_example_com", true),
            ("TF_TOKEN_registry_example_com:19080", true),
            ("TF_VAR_my-var", true),
            ("TF_VAR_größe", true),
            ("TF_VAR_-my", false),
            ("TF_VAR_my.var", false),
            ("TF_VAR_my=var", false),
            ("TF_VAR_", true),
            ("TF_TOKEN_my__registry_example_com:1", true),
            ("", false),
            ("1A", false),
            ("A-B", false),
            ("PATH:80", false),
            ("TF_TOKEN_:80", false),
            ("TF_TOKEN_a:", false),
            ("TF_TOKEN_a:123456", false),
            ("TF_TOKEN_a:8x", false),
            ("TF_TOKEN_a:80:80", false),
            ("TF_TOKEN_a.b:80", false),
            ("TF_TOKEN_a=b:80", false),
        ];
        for (name, settable) in table {
            assert_eq!(is_settable_variable(name), settable, "{name:?}");
        }
    }

    #[test]
    fn member_with_any_name_is_shown_on_one_line() {
        let table = [
            ("plain_1", ".plain_1"),
            ("", r#"[""]"#),
            ("1st", r#"["1st"]"#),
            ("a.b", r#"["a.b"]"#),
            ("a\nb\0", r#"["a\nb\u0000"]"#),
            ("\x1b[31m", r#"["\u001b[31m"]"#),
            ("\u{7f}\u{85}\u{2028}", r#"["\u007f\u0085\u2028"]"#),
            ("é\"", r#"["é\""]"#),
        ];
        for (key, shown) in table {
            assert_eq!(member(key), shown, "{key:?}");
        }
    }

    #[test]
    fn a_long_path_and_a_long_list_of_faults_are_cut() {
        assert_eq!(
            member(&"k".repeat(MAX_PATH_CHARS + 1)),
            format!("[\"{}…\"]", "k".repeat(MAX_PATH_CHARS))
        );
        let fault = Fault {
            path: "$.x".to_owned(),
            problem: "unknown field".to_owned(),
        };
        let error = RequestError {
            faults: vec![fault; MAX_FAULTS_SHOWN + 3],
        };
        assert!(error.to_string().ends_with("; and 3 more"), "{error}");
    }
}
