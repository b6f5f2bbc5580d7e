//! Takes the members of an object out one by one, and records a fault for each with a wrong type.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fault::FieldFault;
use crate::protocol::json::exact_number;
use crate::protocol::{Json, member};

/// An object of the body: the fields not read yet, and the faults found so far.
pub(super) struct Fields {
    /// The path of this object; empty for the body itself.
    of: String,
    left: Vec<(String, Json)>,
    faults: Vec<FieldFault>,
}

impl Fields {
    pub(super) fn new(of: &str, entries: Vec<(String, Json)>) -> Self {
        let mut faults = Vec::new();
        Self {
            left: without_duplicates(of, entries, &mut faults),
            of: of.to_owned(),
            faults,
        }
    }

    /// Returns the full name of a member of this object.
    fn session_dir(&self, name: &str) -> String {
        session_dir(&self.of, name)
    }

    pub(super) fn fault(&mut self, name: &str, problem: impl Into<String>) {
        self.faults
            .push(FieldFault::new(self.session_dir(name), problem));
    }

    fn expected(&mut self, name: &str, expected: &str, found: &Json) {
        self.fault(name, format!("expected {expected}, found {}", found.kind()));
    }

    /// Removes a field and returns its value; `null` counts as left out.
    pub(super) fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.left.iter().position(|(key, _)| key == name)?;
        match self.left.remove(at).1 {
            Json::Null => None,
            value => Some(value),
        }
    }

    pub(super) fn string(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Json::String(text) => Some(text),
            other => {
                self.expected(name, "a string", &other);
                None
            }
        }
    }

    /// Reads a required string; returns `None` and records a fault if it is missing.
    pub(super) fn required(&mut self, name: &str) -> Option<String> {
        self.required_for(name, "is required")
    }

    /// Like [`required`](Self::required); `problem` names an alternative, or what needs the field.
    pub(super) fn required_for(&mut self, name: &str, problem: &str) -> Option<String> {
        let known = self.faults.len();
        let value = self.string(name);
        if value.is_none() && self.faults.len() == known {
            self.fault(name, problem);
        }
        value
    }

    pub(super) fn bool(&mut self, name: &str) -> bool {
        match self.take(name) {
            None => false,
            Some(Json::Bool(value)) => value,
            Some(other) => {
                self.expected(name, "true or false", &other);
                false
            }
        }
    }

    pub(super) fn number(&mut self, name: &str, default: f64) -> f64 {
        match self.take(name) {
            None => default,
            Some(Json::Number(number)) => number.as_f64().unwrap_or(default),
            Some(Json::String(text)) if exact_number::digits(&text).is_some() => {
                let number = exact_number::digits(&text).map(str::parse::<f64>);
                number.and_then(Result::ok).unwrap_or(default)
            }
            Some(other) => {
                self.expected(name, "a number", &other);
                default
            }
        }
    }

    /// Reads a list of strings. An element that is not a string becomes empty, so that the others keep their
    /// positions.
    pub(super) fn strings(&mut self, name: &str) -> Vec<String> {
        let values = match self.take(name) {
            None => return Vec::new(),
            Some(Json::Array(values)) => values,
            Some(other) => {
                self.expected(name, "a list of strings", &other);
                return Vec::new();
            }
        };
        let mut strings = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            strings.push(match value {
                Json::String(text) => text,
                other => {
                    self.expected(&format!("{name}[{index}]"), "a string", &other);
                    String::new()
                }
            });
        }
        strings
    }

    /// Reads an object of strings. A value that is not a string becomes empty.
    pub(super) fn string_map(&mut self, name: &str) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        for (key, value) in self.entries(name, "an object of strings") {
            let text = match value {
                Json::String(text) => text,
                other => {
                    self.expected(&format!("{name}{}", member(&key)), "a string", &other);
                    String::new()
                }
            };
            map.insert(key, text);
        }
        map
    }

    /// Reads an object of values of any type.
    pub(super) fn value_map(&mut self, name: &str) -> BTreeMap<String, Value> {
        let mut map = BTreeMap::new();
        for (key, value) in self.entries(name, "an object") {
            let session_dir = self.session_dir(&format!("{name}{}", member(&key)));
            let value = value_of(&session_dir, value, &mut self.faults);
            map.insert(key, value);
        }
        map
    }

    /// Reads an object with its own fields; returns `None` if it is missing or not an object.
    pub(super) fn object(&mut self, name: &str, expected: &str) -> Option<Fields> {
        match self.take(name)? {
            Json::Object(entries) => Some(Self::new(&self.session_dir(name), entries)),
            other => {
                self.expected(name, expected, &other);
                None
            }
        }
    }

    fn entries(&mut self, name: &str, expected: &str) -> Vec<(String, Json)> {
        match self.take(name) {
            None => Vec::new(),
            Some(Json::Object(entries)) => {
                without_duplicates(&self.session_dir(name), entries, &mut self.faults)
            }
            Some(other) => {
                self.expected(name, expected, &other);
                Vec::new()
            }
        }
    }

    /// Adds the faults of a nested object, including those for its unknown fields.
    pub(super) fn take_over(&mut self, within: Fields) {
        self.faults.extend(within.finish());
    }

    /// Returns every fault, including one for each unknown field.
    pub(super) fn finish(mut self) -> Vec<FieldFault> {
        for (name, _) in std::mem::take(&mut self.left) {
            let session_dir = place_of_member(&self.of, &name);
            self.faults
                .push(FieldFault::new(session_dir, "unknown field"));
        }
        self.faults
    }
}

fn session_dir(of: &str, name: &str) -> String {
    if of.is_empty() {
        name.to_owned()
    } else {
        format!("{of}.{name}")
    }
}

/// Formats the name of a member as in the body, always on one line.
fn place_of_member(of: &str, name: &str) -> String {
    let member = member(name);
    if of.is_empty() {
        member.strip_prefix('.').unwrap_or(&member).to_owned()
    } else {
        format!("{of}{member}")
    }
}

fn without_duplicates(
    of: &str,
    entries: Vec<(String, Json)>,
    faults: &mut Vec<FieldFault>,
) -> Vec<(String, Json)> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if seen.insert(key.clone()) {
            kept.push((key, value));
        } else {
            faults.push(FieldFault::new(place_of_member(of, &key), "duplicate key"));
        }
    }
    kept
}

fn value_of(session_dir: &str, json: Json, faults: &mut Vec<FieldFault>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => Value::Number(number),
        Json::String(text) => Value::String(text),
        Json::Array(values) => (0..)
            .zip(values)
            .map(|(index, value): (usize, Json)| {
                value_of(&format!("{session_dir}[{index}]"), value, faults)
            })
            .collect(),
        Json::Object(entries) => without_duplicates(session_dir, entries, faults)
            .into_iter()
            .map(|(key, value)| {
                let value = value_of(&place_of_member(session_dir, &key), value, faults);
                (key, value)
            })
            .collect(),
    }
}
