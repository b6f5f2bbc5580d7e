//! Takes the members of an object out one by one and records a fault for each invalid one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::protocol::decode::fault::{Fault, member};
use crate::protocol::decode::json::Json;

/// Longest path that Linux accepts (`PATH_MAX` minus the NUL), in bytes.
const MAX_PATH_BYTES: usize = 4095;

/// Fields of the document that have not been read yet, and the faults found so far.
pub(super) struct Fields {
    left: Vec<(String, Json)>,
    faults: Vec<Fault>,
}

impl Fields {
    pub(super) fn new(fields: Vec<(String, Json)>) -> Self {
        let mut this = Self {
            left: Vec::with_capacity(fields.len()),
            faults: Vec::new(),
        };
        this.left = this.without_duplicates("$", fields);
        this
    }

    /// Returns whether a field has a known fault.
    pub(super) fn has_fault(&self, name: &str) -> bool {
        let path = format!("$.{name}");
        self.faults.iter().any(|fault| fault.path == path)
    }

    pub(super) fn fault(&mut self, path: impl AsRef<str>, problem: impl Into<String>) {
        self.faults.push(Fault {
            path: format!("$.{}", path.as_ref()),
            problem: problem.into(),
        });
    }

    pub(super) fn without_duplicates(
        &mut self,
        of: &str,
        entries: Vec<(String, Json)>,
    ) -> Vec<(String, Json)> {
        let mut seen = BTreeSet::new();
        let mut kept = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if seen.insert(key.clone()) {
                kept.push((key, value));
            } else {
                self.faults.push(Fault {
                    path: format!("{of}{}", member(&key)),
                    problem: "duplicate key".to_owned(),
                });
            }
        }
        kept
    }

    /// Removes a field and returns its value. `null` counts as left out: Go writes an empty list that way.
    pub(super) fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.left.iter().position(|(key, _)| key == name)?;
        match self.left.remove(at).1 {
            Json::Null => None,
            value => Some(value),
        }
    }

    pub(super) fn string(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Json::String(text) if text.contains('\0') => {
                self.fault(name, "holds a NUL byte");
                None
            }
            Json::String(text) => Some(text),
            other => {
                self.fault(name, format!("expected a string, found {}", other.kind()));
                None
            }
        }
    }

    pub(super) fn required(&mut self, name: &str) -> Option<String> {
        let known = self.faults.len();
        let value = self.string(name);
        if value.is_none() && self.faults.len() == known {
            self.fault(name, "is required");
        }
        value
    }

    fn path(&mut self, name: &str, text: &str) -> PathBuf {
        if text.is_empty() {
            self.fault(name, "is empty; expected a path");
        } else if text.len() > MAX_PATH_BYTES {
            self.fault(name, format!("is longer than {MAX_PATH_BYTES} bytes"));
        }
        PathBuf::from(text)
    }

    pub(super) fn required_path(&mut self, name: &str) -> PathBuf {
        match self.required(name) {
            Some(text) => self.path(name, &text),
            None => PathBuf::new(),
        }
    }

    pub(super) fn optional_path(&mut self, name: &str) -> Option<PathBuf> {
        let text = self.string(name)?;
        Some(self.path(name, &text))
    }

    /// Reads a list of strings. The check accepts each string or returns what was expected.
    pub(super) fn strings(
        &mut self,
        name: &str,
        check: fn(&str) -> Result<(), &'static str>,
    ) -> Option<Vec<String>> {
        let values = match self.take(name)? {
            Json::Array(values) => values,
            other => {
                let found = other.kind();
                self.fault(name, format!("expected a list of strings, found {found}"));
                return None;
            }
        };
        let mut strings = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            let place = format!("{name}[{index}]");
            match value {
                Json::String(text) if text.contains('\0') => self.fault(place, "holds a NUL byte"),
                Json::String(text) => match check(&text) {
                    Ok(()) => strings.push(text),
                    Err(expected) => self.fault(place, expected),
                },
                other => {
                    let found = other.kind();
                    self.fault(place, format!("expected a string, found {found}"));
                }
            }
        }
        Some(strings)
    }

    pub(super) fn number(&mut self, name: &str, unit: &str, max: u64, default: f64) -> f64 {
        let value = match self.take(name) {
            None => return default,
            Some(Json::Number(number)) => number.as_f64(),
            Some(other) => {
                let found = other.kind();
                self.fault(name, format!("expected a number of {unit}, found {found}"));
                return default;
            }
        };
        match value {
            Some(value) if (0.0..=max as f64).contains(&value) => value,
            _ => {
                self.fault(name, format!("expected a number of {unit} from 0 to {max}"));
                default
            }
        }
    }

    /// Reads a list of paths, which must be absolute.
    pub(super) fn absolute_paths(&mut self, name: &str) -> Vec<PathBuf> {
        let paths = self.strings(name, |path| {
            if !path.starts_with('/') {
                Err("expected an absolute path")
            } else if path.len() > MAX_PATH_BYTES {
                Err("is too long for a path")
            } else {
                Ok(())
            }
        });
        paths
            .unwrap_or_default()
            .into_iter()
            .map(PathBuf::from)
            .collect()
    }

    /// Reads the fields of a member that is an object; returns `None` if it is missing or not an object.
    pub(super) fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let entries = match self.take(name)? {
            Json::Object(entries) => entries,
            other => {
                self.fault(name, format!("expected an object, found {}", other.kind()));
                return None;
            }
        };
        let mut fields = Self::new(entries);
        let value = read(&mut fields);
        for mut fault in fields.finish() {
            fault.path.insert_str(1, &format!(".{name}"));
            self.faults.push(fault);
        }
        Some(value)
    }

    /// Returns every fault, including one for each unknown field.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        for (name, _) in std::mem::take(&mut self.left) {
            self.faults.push(Fault {
                path: format!("${}", member(&name)),
                problem: "unknown field".to_owned(),
            });
        }
        self.faults
    }
}
