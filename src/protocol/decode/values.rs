//! Reads the kinds of values that a request to the runner has.

use std::path::PathBuf;

use super::fields::Fields;
use super::json::Json;

/// Longest path that Linux accepts (`PATH_MAX` minus the NUL), in bytes.
const MAX_PATH_BYTES: usize = 4095;

impl Fields {
    /// Reads a string without NUL.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let text = self.string(name)?;
        if text.contains('\0') {
            self.fault(name, "holds a NUL byte");
            return None;
        }
        Some(text)
    }

    /// Reads a required string without NUL.
    pub(super) fn required_text(&mut self, name: &str) -> Option<String> {
        let value = self.text(name);
        self.require(name, value, "is required")
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
        match self.required_text(name) {
            Some(text) => self.path(name, &text),
            None => PathBuf::new(),
        }
    }

    pub(super) fn optional_path(&mut self, name: &str) -> Option<PathBuf> {
        let text = self.text(name)?;
        Some(self.path(name, &text))
    }

    /// Reads a list of strings. The check accepts each string or returns what was expected.
    pub(super) fn checked_strings(
        &mut self,
        name: &str,
        check: fn(&str) -> Result<(), &'static str>,
    ) -> Option<Vec<String>> {
        let values = self.list(name)?;
        let mut strings = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            let place = format!("{name}[{index}]");
            match value {
                Json::String(text) if text.contains('\0') => self.fault(place, "holds a NUL byte"),
                Json::String(text) => match check(&text) {
                    Ok(()) => strings.push(text),
                    Err(expected) => self.fault(place, expected),
                },
                other => self.wrong_type(&place, "a string", &other),
            }
        }
        Some(strings)
    }

    pub(super) fn bounded_number(&mut self, name: &str, unit: &str, max: u64, default: f64) -> f64 {
        let value = match self.take(name) {
            None => return default,
            Some(Json::Number(number)) => number.as_f64(),
            Some(other) => {
                self.wrong_type(name, &format!("a number of {unit}"), &other);
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
        let paths = self.checked_strings(name, |path| {
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
}
