//! The outputs of a configuration.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::SENSITIVE;
use crate::protocol::json::deep_json;
use crate::protocol::json::deep_json::MAX_KEPT_DEPTH;
use crate::protocol::json::exact_number;

/// The outputs of a configuration, as `output -json` prints them.
///
/// The value of a sensitive output is `(sensitive value)` wherever it is shown, written or serialized; only
/// [`expose_sensitive`](Self::expose_sensitive) returns it.
#[derive(Clone, PartialEq, Default)]
pub struct Outputs {
    by_name: BTreeMap<String, Output>,
    /// Values of the sensitive outputs; empty after the session was recovered.
    sensitive: BTreeMap<String, Value>,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Whether the configuration marks its value as sensitive.
    pub sensitive: bool,
    /// Its type, in terraform's JSON form.
    #[serde(rename = "type", default)]
    pub kind: Value,
    /// Its value, or `(sensitive value)`.
    ///
    /// A number that a [`Value`] would change, such as an integer beyond 64 bits, is a string with all its digits.
    pub value: Value,
}

/// Why the value of an output is not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// No output has this name.
    #[error("there is no output `{name}`")]
    NoSuchOutput {
        /// The requested name.
        name: String,
    },
    /// The session was recovered after its end, and sensitive values are not stored on disk.
    #[error("the value of `{name}` is sensitive and was not kept: run `output -json` for it")]
    NotKept {
        /// The requested name.
        name: String,
    },
}

impl Outputs {
    /// Parses what `output -json` printed.
    pub(super) fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        let depth = deep_json::depth(text.as_bytes());
        if depth > MAX_KEPT_DEPTH {
            return Err(serde_json::Error::custom(format!(
                "they are nested {depth} levels deep, over the limit of {MAX_KEPT_DEPTH}"
            )));
        }
        let text = exact_number::protect(text);
        let mut by_name: BTreeMap<String, Output> = deep_json::from_slice(text.as_bytes())?;
        for output in by_name.values_mut() {
            write_out_numbers(&mut output.value);
        }
        let mut sensitive = BTreeMap::new();
        for (name, output) in by_name.iter_mut().filter(|(_, output)| output.sensitive) {
            let value = std::mem::replace(&mut output.value, SENSITIVE.into());
            sensitive.insert(name.clone(), value);
        }
        Ok(Self { by_name, sensitive })
    }

    /// Parses outputs that were stored on disk.
    pub(super) fn from_kept(text: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(Self {
            by_name: deep_json::from_slice(text)?,
            sensitive: BTreeMap::new(),
        })
    }

    /// Returns an output; the value of a sensitive one is hidden.
    pub fn get(&self, name: &str) -> Option<&Output> {
        self.by_name.get(name)
    }

    /// Iterates over all outputs by name; the values of sensitive ones are hidden.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Output)> {
        self.by_name
            .iter()
            .map(|(name, output)| (name.as_str(), output))
    }

    /// Returns whether there are no outputs.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Returns the value of an output in plain text, even if it is sensitive.
    ///
    /// Secrets of the request itself are `***` in it: the runner masks everything that a tool prints.
    ///
    /// # Errors
    /// No output has this name, or its sensitive value was lost when the session was recovered.
    pub fn expose_sensitive(&self, name: &str) -> Result<&Value, OutputError> {
        let output = self
            .by_name
            .get(name)
            .ok_or_else(|| OutputError::NoSuchOutput {
                name: name.to_owned(),
            })?;
        if !output.sensitive {
            return Ok(&output.value);
        }
        self.sensitive
            .get(name)
            .ok_or_else(|| OutputError::NotKept {
                name: name.to_owned(),
            })
    }
}

/// Replaces marked numbers by strings of their digits.
fn write_out_numbers(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(digits) = exact_number::digits(text) {
                *text = digits.to_owned();
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(write_out_numbers),
        Value::Object(members) => members.values_mut().for_each(write_out_numbers),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Serialize for Outputs {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.by_name.serialize(to)
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = r#"{
        "name": {"sensitive": false, "type": "string", "value": "blue"},
        "password": {"sensitive": true, "type": ["object", {"a": "string"}], "value": {"a": "hunter2-hunter2"}}
    }"#;

    #[test]
    fn a_sensitive_value_is_had_by_its_method_alone() {
        let outputs = Outputs::from_json(PRINTED).unwrap();
        assert_eq!(outputs.get("name").unwrap().value, "blue");
        assert_eq!(outputs.get("password").unwrap().value, SENSITIVE);
        for shown in [
            format!("{outputs:?}"),
            serde_json::to_string(&outputs).unwrap(),
        ] {
            assert!(
                shown.contains("blue") && shown.contains(SENSITIVE) && !shown.contains("hunter2")
            );
        }
        assert_eq!(
            outputs.expose_sensitive("password").unwrap()["a"],
            "hunter2-hunter2"
        );
        assert_eq!(outputs.expose_sensitive("name").unwrap(), "blue");
        let missing = outputs.expose_sensitive("missing").unwrap_err();
        assert!(matches!(missing, OutputError::NoSuchOutput { .. }));
    }

    #[test]
    fn a_number_beyond_64_bits_keeps_its_digits() {
        let printed = r#"{"n": {"sensitive": false, "type": "number", "value": 104567890123456789012},
            "l": {"sensitive": true, "type": ["list", "number"], "value": [1, 104567890123456789012]}}"#;
        let outputs = Outputs::from_json(printed).unwrap();
        assert_eq!(outputs.get("n").unwrap().value, "104567890123456789012");
        let list = outputs.expose_sensitive("l").unwrap();
        assert_eq!(*list, serde_json::json!([1, "104567890123456789012"]));
    }

    #[test]
    fn what_is_kept_on_disk_gives_no_sensitive_value_back() {
        let kept = serde_json::to_vec(&Outputs::from_json(PRINTED).unwrap()).unwrap();
        let outputs = Outputs::from_kept(&kept).unwrap();
        assert_eq!(outputs.get("name").unwrap().value, "blue");
        let fault = outputs.expose_sensitive("password").unwrap_err();
        assert!(matches!(fault, OutputError::NotKept { .. }));
    }

    #[test]
    fn deep_values_are_kept_up_to_a_limit() {
        for (levels, is_read) in [(150, true), (450, true), (MAX_KEPT_DEPTH, false)] {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            let value = format!("{open}1{close}");
            let printed = format!(r#"{{"n": {{"sensitive": false, "value": {value}}}}}"#);
            let outputs = Outputs::from_json(&printed).ok();
            assert_eq!(outputs.is_some(), is_read, "{levels}");
            let Some(outputs) = outputs else { continue };
            assert_eq!(outputs.get("n").unwrap().value.to_string(), value);
            let kept = serde_json::to_vec(&outputs).unwrap();
            assert!(Outputs::from_kept(&kept).is_ok(), "{levels}");
        }
    }
}
