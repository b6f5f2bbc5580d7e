//! Formats values as text: compact, bounded, on one line.

use super::excerpt::{cut, one_line};
use super::value::Masked;
use crate::protocol::json::exact_number;

/// Placeholder for a sensitive value. A string value is quoted and never looks like this.
pub const SENSITIVE: &str = "(sensitive value)";
/// Placeholder for a value that is known only after the apply.
pub const KNOWN_AFTER_APPLY: &str = "(known after apply)";
/// Longest value that is shown, in characters; a longer one is truncated.
pub const MAX_VALUE_CHARS: usize = 160;
/// Most characters of the common beginning of two long values that are shown before they differ.
const COMMON_CHARS: usize = 20;

/// Formats one value as JSON, complete, on one line.
pub(super) fn whole(value: &Masked<'_>) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// Formats the beginning of one value.
pub(super) fn shown(value: &Masked<'_>) -> String {
    cut(&whole(value), MAX_VALUE_CHARS)
}

/// Formats two values, truncated so that the difference is visible.
pub(super) fn shown_pair(before: &Masked<'_>, after: &Masked<'_>) -> (String, String) {
    let (before, after) = (whole(before), whole(after));
    let common = before
        .chars()
        .zip(after.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let fits = |text: &str| text.chars().count() <= MAX_VALUE_CHARS;
    let skipped = if fits(&before) && fits(&after) {
        0
    } else {
        common.saturating_sub(COMMON_CHARS)
    };
    let part = |text: &str| {
        let rest: String = text.chars().skip(skipped).collect();
        let rest = cut(&rest, MAX_VALUE_CHARS);
        if skipped == 0 {
            rest
        } else {
            format!("…{rest}")
        }
    };
    (part(&before), part(&after))
}

fn write(value: &Masked<'_>, text: &mut String) {
    match value {
        Masked::Sensitive(..) => text.push_str(SENSITIVE),
        Masked::Unknown => text.push_str(KNOWN_AFTER_APPLY),
        Masked::Known(value) => {
            text.push_str(&one_line(&exact_number::restore(&value.to_string())));
        }
        Masked::List(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                write(element, text);
            }
            text.push(']');
        }
        Masked::Map(members) => {
            text.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                text.push_str(&one_line(name));
                text.push_str(" = ");
                write(member, text);
            }
            text.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_value_is_cut_and_two_are_shown_where_they_part() {
        let start = "x".repeat(500);
        let (one, other) = (json!(format!("{start}one")), json!(format!("{start}two")));
        let (one, other) = (Masked::Known(&one), Masked::Known(&other));
        assert_eq!(shown(&one), format!("\"{}…", "x".repeat(159)));
        let common = "x".repeat(COMMON_CHARS);
        assert_eq!(
            shown_pair(&one, &other),
            (format!("…{common}one\""), format!("…{common}two\""))
        );
    }

    #[test]
    fn a_value_stays_on_its_line_and_cannot_turn_the_writing() {
        let value = json!("a\nb\u{1b}[2J\u{9b}\u{202e}");
        assert_eq!(
            shown(&Masked::Known(&value)),
            r#""a\nb\u001b[2J\u009b\u202e""#
        );
    }
}
