//! Converts values to and from their form in columns.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// Returns the JSON word of a value.
pub(super) fn word_of(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// Returns the value of a word.
pub(super) fn value_of<T: DeserializeOwned>(
    column: &'static str,
    word: String,
) -> Result<T, StoreError> {
    serde_json::from_value(word.into()).map_err(|_| StoreError::Malformed { column })
}

/// Parses a JSON document.
pub(super) fn json_of(column: &'static str, text: &str) -> Result<serde_json::Value, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Malformed { column })
}

/// Converts the summary of a plan, or outputs, to the stored form.
pub(crate) fn to_json(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Parses outputs. Their values may be nested deeper than `serde_json` reads by default; a session has bounded that.
pub(super) fn outputs_of(text: &str) -> Result<serde_json::Value, StoreError> {
    let mut from = serde_json::Deserializer::from_str(text);
    from.disable_recursion_limit();
    serde_json::Value::deserialize(&mut from)
        .map_err(|_| StoreError::Malformed { column: "outputs" })
}

pub(super) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

pub(super) fn time(column: &'static str, micros: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_micros(micros).ok_or(StoreError::Malformed { column })
}

pub(super) fn count(column: &'static str, number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Malformed { column })
}

/// Converts a number for a column; numbers too large for a column become the largest one.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_outputs_are_read() {
        let text = format!("{}1{}", "[".repeat(500), "]".repeat(500));
        assert_eq!(outputs_of(&text).unwrap().to_string(), text);
        assert!(outputs_of("[").is_err());
    }
}
