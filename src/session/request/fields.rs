//! Reads the kinds of values that a request for a deployment has.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::protocol::fields::{Fields, path_of_member, without_duplicates};
use crate::protocol::json::exact_number;
use crate::protocol::{Fault, Json, member};

impl Fields {
    /// Reads a required string; returns `None` and records a fault if it is missing.
    pub(super) fn required(&mut self, name: &str) -> Option<String> {
        self.required_for(name, "is required")
    }

    /// Like [`required`](Self::required); `problem` names an alternative, or what needs the field.
    pub(super) fn required_for(&mut self, name: &str, problem: &str) -> Option<String> {
        let value = self.string(name);
        self.require(name, value, problem)
    }

    pub(super) fn bool(&mut self, name: &str) -> bool {
        match self.take(name) {
            None => false,
            Some(Json::Bool(value)) => value,
            Some(other) => {
                self.wrong_type(name, "true or false", &other);
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
                self.wrong_type(name, "a number", &other);
                default
            }
        }
    }

    /// Reads a list of strings. An element that is not a string becomes empty, so that the others keep their
    /// positions.
    pub(super) fn strings(&mut self, name: &str) -> Vec<String> {
        let values = self.list(name).unwrap_or_default();
        let mut strings = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            strings.push(match value {
                Json::String(text) => text,
                other => {
                    self.wrong_type(&format!("{name}[{index}]"), "a string", &other);
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
                    self.wrong_type(&format!("{name}{}", member(&key)), "a string", &other);
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
        let mut faults = Vec::new();
        for (key, value) in self.entries(name, "an object") {
            let path = self.path_of(&format!("{name}{}", member(&key)));
            map.insert(key, value_of(&path, value, &mut faults));
        }
        self.add_faults(faults);
        map
    }
}

fn value_of(path: &str, json: Json, faults: &mut Vec<Fault>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => Value::Number(number),
        Json::String(text) => Value::String(text),
        Json::Array(values) => (0..)
            .zip(values)
            .map(|(index, value): (usize, Json)| {
                value_of(&format!("{path}[{index}]"), value, faults)
            })
            .collect(),
        Json::Object(entries) => without_duplicates(path, entries, faults)
            .into_iter()
            .map(|(key, value)| {
                let value = value_of(&path_of_member(path, &key), value, faults);
                (key, value)
            })
            .collect(),
    }
}
