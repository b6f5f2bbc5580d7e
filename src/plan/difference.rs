//! Differences between two masked values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::Change;
use super::excerpt::excerpt;
use super::secrets::Secrets;
use super::shown::{shown, shown_pair};
use super::value::{Marks, Masked};

/// How many attributes of one resource are kept; further ones are only counted.
pub const MAX_ATTRIBUTES: usize = 50;
/// Longest path of an attribute, in characters.
const MAX_PATH_CHARS: usize = 200;

/// One attribute that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttributeChange {
    /// Its path, such as `input.ports[1]`; empty for the value of an output as a whole.
    pub path: String,
    /// The value before, as JSON, masked and truncated; `None` if there was no value.
    pub before: Option<String>,
    /// The value after, likewise.
    pub after: Option<String>,
    /// Whether this change makes the tool replace the resource.
    pub forces_replacement: bool,
}

/// How to show a value that is added or removed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Absent {
    /// By its attributes, as for a resource.
    ByAttribute,
    /// As a whole, as for an output.
    Whole,
}

/// Returns what changes in a resource or an output: the first attributes, and how many more there are.
pub(super) fn differences(
    change: &Change,
    absent: Absent,
    secrets: &Secrets,
) -> (Vec<AttributeChange>, usize) {
    let before = Marks {
        sensitive: [&change.before_sensitive, &change.after_sensitive],
        unknown: &Value::Null,
    };
    let after = Marks {
        sensitive: [&change.after_sensitive, &change.before_sensitive],
        unknown: &change.after_unknown,
    };
    let mut found = Found {
        absent,
        replace_paths: change.replace_paths.as_deref().unwrap_or_default(),
        attributes: Vec::new(),
        left_out: 0,
    };
    found.compare(
        &mut Vec::new(),
        &Masked::new(&change.before, &before, secrets),
        &Masked::new(&change.after, &after, secrets),
    );
    (found.attributes, found.left_out)
}

struct Found<'a> {
    absent: Absent,
    replace_paths: &'a [Vec<Value>],
    attributes: Vec<AttributeChange>,
    left_out: usize,
}

impl Found<'_> {
    fn compare(&mut self, path: &mut Vec<Value>, before: &Masked<'_>, after: &Masked<'_>) {
        const NONE: Masked<'_> = Masked::Known(&Value::Null);
        if before == after {
            return;
        }
        match (before, after) {
            (Masked::Map(one), Masked::Map(other)) => {
                for (name, member) in one {
                    path.push(Value::from(*name));
                    self.compare(path, member, other.get(name).unwrap_or(&NONE));
                    path.pop();
                }
                for (name, member) in other.iter().filter(|(name, _)| !one.contains_key(*name)) {
                    path.push(Value::from(*name));
                    self.compare(path, &NONE, member);
                    path.pop();
                }
            }
            // Lists the attributes of a resource that is added or removed, but not their contents.
            (Masked::Map(one), other) if self.opens(path) && other.is_null() => {
                for (name, member) in one {
                    path.push(Value::from(*name));
                    self.compare(path, member, &NONE);
                    path.pop();
                }
            }
            (one, Masked::Map(other)) if self.opens(path) && one.is_null() => {
                for (name, member) in other {
                    path.push(Value::from(*name));
                    self.compare(path, &NONE, member);
                    path.pop();
                }
            }
            (Masked::List(one), Masked::List(other)) if one.len() == other.len() => {
                for (index, (one, other)) in one.iter().zip(other).enumerate() {
                    path.push(Value::from(index));
                    self.compare(path, one, other);
                    path.pop();
                }
            }
            _ => self.add(path, before, after),
        }
    }

    /// Returns whether a value that exists on one side only is shown by its members.
    fn opens(&self, path: &[Value]) -> bool {
        path.is_empty() && self.absent == Absent::ByAttribute
    }

    fn add(&mut self, path: &[Value], before: &Masked<'_>, after: &Masked<'_>) {
        if self.attributes.len() == MAX_ATTRIBUTES {
            self.left_out += 1;
            return;
        }
        let (before, after) = match (before.is_null(), after.is_null()) {
            (true, _) => (None, Some(shown(after))),
            (false, true) => (Some(shown(before)), None),
            (false, false) => {
                let (before, after) = shown_pair(before, after);
                (Some(before), Some(after))
            }
        };
        self.attributes.push(AttributeChange {
            path: path_text(path),
            before,
            after,
            forces_replacement: self
                .replace_paths
                .iter()
                .any(|forcing| path.starts_with(forcing) || forcing.starts_with(path)),
        });
    }
}

fn path_text(path: &[Value]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Value::String(name) if is_plain(name) => {
                text.push_str(if text.is_empty() { "" } else { "." });
                text.push_str(name);
            }
            step => text.push_str(&format!("[{step}]")),
        }
    }
    excerpt(&text, MAX_PATH_CHARS)
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}
