//! Finds known sensitive values elsewhere in the plan.
//!
//! The sensitivity marks of the tools have gaps: after an apply, `terraform_data.output` contains the sensitive
//! parts of `input` without a mark, and both tools show it in plain text.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Change, Document};
use crate::protocol::json::exact_number;

/// Shortest value that is searched for elsewhere, in characters: a shorter one is likely to match by chance. The
/// runner masks by the same limit.
const MIN_CHARS: usize = 6;
/// How many values are searched for inside longer texts; any number is compared with whole texts. Keeps the search
/// from growing with the square of the plan.
const MAX_PARTS: usize = 256;

/// Values that are marked as sensitive somewhere in a plan. Does not implement `Debug`.
#[derive(Default)]
pub(super) struct Secrets {
    whole: BTreeSet<String>,
}

impl Secrets {
    /// Collects the values from every mark and every sensitive variable of a plan.
    pub(super) fn of(document: &Document) -> Self {
        let mut secrets = Self::default();
        let resources = [&document.resource_changes, &document.resource_drift];
        for resource in resources.into_iter().flatten().flatten() {
            secrets.add_change(&resource.change);
        }
        for output in document.output_changes.iter().flatten() {
            secrets.add_change(output.1);
        }
        if let (Some(values), Some(configuration)) = (&document.variables, &document.configuration)
        {
            let declared = &configuration.root_module.variables;
            for (name, variable) in values {
                if declared
                    .get(name)
                    .is_some_and(|variable| variable.sensitive)
                {
                    secrets.add_all(&variable.value);
                }
            }
        }
        secrets
    }

    fn add_change(&mut self, change: &Change) {
        self.add_marked(&change.before, &change.before_sensitive);
        self.add_marked(&change.after, &change.after_sensitive);
    }

    fn add_marked(&mut self, value: &Value, mark: &Value) {
        match (value, mark) {
            (_, Value::Null | Value::Bool(false)) => {}
            (Value::Object(members), Value::Object(marks)) => {
                for (name, mark) in marks {
                    if let Some(member) = members.get(name) {
                        self.add_marked(member, mark);
                    }
                }
            }
            (Value::Array(elements), Value::Array(marks)) => {
                for (element, mark) in elements.iter().zip(marks) {
                    self.add_marked(element, mark);
                }
            }
            (value, mark) if is_marked(mark) => self.add_all(value),
            _ => {}
        }
    }

    fn add_all(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.add(number.to_string()),
            Value::String(text) => self.add(text.clone()),
            Value::Array(elements) => elements.iter().for_each(|element| self.add_all(element)),
            Value::Object(members) => members.values().for_each(|member| self.add_all(member)),
        }
    }

    fn add(&mut self, text: String) {
        let text = exact_number::digits(&text).map_or(text.clone(), str::to_owned);
        if text.chars().count() >= MIN_CHARS {
            self.whole.insert(text);
        }
    }

    /// Returns whether a text is or contains one of the values.
    pub(super) fn are_in(&self, text: &str) -> bool {
        self.whole
            .contains(exact_number::digits(text).unwrap_or(text))
            || self
                .whole
                .iter()
                .take(MAX_PARTS)
                .any(|secret| text.contains(secret.as_str()))
    }
}

/// Returns whether any part of a mark says sensitive. An invalid mark counts as sensitive too.
pub(super) fn is_marked(mark: &Value) -> bool {
    match mark {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
        Value::Array(marks) => marks.iter().any(is_marked),
        Value::Object(marks) => marks.values().any(is_marked),
    }
}
