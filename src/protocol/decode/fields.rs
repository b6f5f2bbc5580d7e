//! Takes the members of an object out one by one, and records a fault for each with a wrong type.

use std::collections::BTreeSet;

use super::fault::{Fault, member};
use super::json::Json;

/// The members of an object that have not been read yet, and the faults found so far.
pub(crate) struct Fields {
    /// The path of the object, such as `$` or `$.sandbox`; empty if paths begin with the name of a member.
    path: String,
    left: Vec<(String, Json)>,
    faults: Vec<Fault>,
}

impl Fields {
    pub(crate) fn new(path: &str, entries: Vec<(String, Json)>) -> Self {
        let mut faults = Vec::new();
        Self {
            left: without_duplicates(path, entries, &mut faults),
            path: path.to_owned(),
            faults,
        }
    }

    /// Returns the path of a known member of this object.
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    pub(crate) fn fault(&mut self, name: impl AsRef<str>, problem: impl Into<String>) {
        self.faults.push(Fault {
            path: self.path_of(name.as_ref()),
            problem: problem.into(),
        });
    }

    /// Records that a member has another type than expected.
    pub(crate) fn wrong_type(&mut self, name: &str, expected: &str, found: &Json) {
        self.fault(name, format!("expected {expected}, found {}", found.kind()));
    }

    /// Returns whether a member has a known fault.
    pub(crate) fn has_fault(&self, name: &str) -> bool {
        let path = self.path_of(name);
        self.faults.iter().any(|fault| fault.path == path)
    }

    /// Removes a member and returns its value. `null` counts as left out: Go writes an empty list that way.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.left.iter().position(|(key, _)| key == name)?;
        match self.left.remove(at).1 {
            Json::Null => None,
            value => Some(value),
        }
    }

    pub(crate) fn string(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Json::String(text) => Some(text),
            other => {
                self.wrong_type(name, "a string", &other);
                None
            }
        }
    }

    /// Returns a required value as it was read; records a fault if it is missing without one.
    pub(crate) fn require<T>(&mut self, name: &str, value: Option<T>, problem: &str) -> Option<T> {
        if value.is_none() && !self.has_fault(name) {
            self.fault(name, problem);
        }
        value
    }

    /// Removes a list of strings, whose elements are not checked yet.
    pub(crate) fn list(&mut self, name: &str) -> Option<Vec<Json>> {
        match self.take(name)? {
            Json::Array(values) => Some(values),
            other => {
                self.wrong_type(name, "a list of strings", &other);
                None
            }
        }
    }

    /// Reads an object with its own members; returns `None` if it is missing or not an object.
    pub(crate) fn object(&mut self, name: &str, expected: &str) -> Option<Self> {
        match self.take(name)? {
            Json::Object(entries) => Some(Self::new(&self.path_of(name), entries)),
            other => {
                self.wrong_type(name, expected, &other);
                None
            }
        }
    }

    /// Reads an object with any members; a missing one has none.
    pub(crate) fn entries(&mut self, name: &str, expected: &str) -> Vec<(String, Json)> {
        match self.take(name) {
            None => Vec::new(),
            Some(Json::Object(entries)) => {
                without_duplicates(&self.path_of(name), entries, &mut self.faults)
            }
            Some(other) => {
                self.wrong_type(name, expected, &other);
                Vec::new()
            }
        }
    }

    /// Adds the faults of a nested object, including those for its unknown members.
    pub(crate) fn take_over(&mut self, within: Self) {
        self.faults.extend(within.finish());
    }

    /// Adds faults that were found within a member.
    pub(crate) fn add_faults(&mut self, faults: Vec<Fault>) {
        self.faults.extend(faults);
    }

    /// Returns every fault, including one for each unknown member.
    pub(crate) fn finish(mut self) -> Vec<Fault> {
        for (name, _) in self.left {
            self.faults.push(Fault {
                path: path_of_member(&self.path, &name),
                problem: "unknown field".to_owned(),
            });
        }
        self.faults
    }
}

/// Returns the path of a member with any name, always on one line.
pub(crate) fn path_of_member(path: &str, name: &str) -> String {
    let member = member(name);
    if path.is_empty() {
        member.strip_prefix('.').unwrap_or(&member).to_owned()
    } else {
        format!("{path}{member}")
    }
}

/// Removes the second and later members of each name, and records a fault for each.
pub(crate) fn without_duplicates(
    path: &str,
    entries: Vec<(String, Json)>,
    faults: &mut Vec<Fault>,
) -> Vec<(String, Json)> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if seen.insert(key.clone()) {
            kept.push((key, value));
        } else {
            faults.push(Fault {
                path: path_of_member(path, &key),
                problem: "duplicate key".to_owned(),
            });
        }
    }
    kept
}
