//! Layers of settings: the file, the environment and flags; later layers override earlier ones.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::error::ConfigError;
use super::origin::Origin;
use super::setting::{SETTINGS, Setting, ValueKind};

/// The text of every setting and where it comes from.
///
/// Not `Debug`, because it holds secrets.
#[derive(Clone, Default)]
pub struct Layers {
    values: BTreeMap<&'static str, (Origin, String)>,
}

impl Layers {
    /// Returns the defaults.
    pub fn new() -> Self {
        let mut layers = Self::default();
        for setting in SETTINGS {
            layers.set(setting, Origin::Default, setting.default.to_owned());
        }
        layers
    }

    /// Adds the settings of a file.
    ///
    /// # Errors
    /// The file cannot be read, is not valid TOML, or has an unknown setting.
    pub fn with_file(mut self, path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let file: toml::Table = toml::from_str(&text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            line: line_of(&text, error.span().map_or(0, |span| span.start)),
            problem: without_quotes(error.message()),
        })?;
        for (table, entries) in file {
            let toml::Value::Table(entries) = entries else {
                return Err(ConfigError::Unknown { name: table });
            };
            for (key, value) in entries {
                let name = format!("{table}.{key}");
                let setting = Setting::named(&name).ok_or(ConfigError::Unknown { name })?;
                let text = text_of(setting, &value).map_err(|problem| ConfigError::Value {
                    name: setting.name,
                    origin: Origin::File,
                    problem,
                })?;
                self.set(setting, Origin::File, text);
            }
        }
        Ok(self)
    }

    /// Adds the settings of the environment; empty variables count as not set.
    ///
    /// # Errors
    /// A value is not UTF-8.
    pub fn with_environment(
        mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        for setting in SETTINGS {
            let Some(value) = variable(setting.variable).filter(|value| !value.is_empty()) else {
                continue;
            };
            let text = value.into_string().map_err(|_| ConfigError::Value {
                name: setting.name,
                origin: Origin::Environment,
                problem: "is not UTF-8".to_owned(),
            })?;
            self.set(setting, Origin::Environment, text);
        }
        Ok(self)
    }

    /// Adds the values of flags, by setting name.
    #[must_use]
    pub fn with_flags(mut self, flags: BTreeMap<&'static str, String>) -> Self {
        for (name, text) in flags {
            self.values.insert(name, (Origin::Flag, text));
        }
        self
    }

    /// Returns where a setting comes from, and its text; `None` if the text is empty.
    pub fn get(&self, name: &str) -> (Origin, Option<&str>) {
        match self.values.get(name) {
            Some((origin, text)) => (*origin, Some(text.as_str()).filter(|text| !text.is_empty())),
            None => (Origin::Default, None),
        }
    }

    fn set(&mut self, setting: &Setting, origin: Origin, text: String) {
        self.values.insert(setting.name, (origin, text));
    }
}

/// Converts a value of the file to the form that it has in the environment.
fn text_of(setting: &Setting, value: &toml::Value) -> Result<String, String> {
    match (setting.kind, value) {
        (ValueKind::Switch, toml::Value::Boolean(value)) => Ok(value.to_string()),
        (ValueKind::Number, toml::Value::Integer(value)) => Ok(value.to_string()),
        (ValueKind::List, toml::Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().ok_or("expected a list of strings"))
            .collect::<Result<Vec<_>, _>>()
            .map(|values| values.join(","))
            .map_err(str::to_owned),
        (
            ValueKind::Text
            | ValueKind::Secret
            | ValueKind::Path
            | ValueKind::Duration
            | ValueKind::Size
            | ValueKind::List,
            toml::Value::String(text),
        ) => Ok(text.clone()),
        (kind, other) => Err(format!(
            "expected a {}, found {}",
            kind.word(),
            other.type_str()
        )),
    }
}

fn line_of(text: &str, byte: usize) -> usize {
    let before = text.as_bytes().get(..byte).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Drops the text between backticks, which quotes the file.
fn without_quotes(message: &str) -> String {
    message
        .split('`')
        .step_by(2)
        .collect::<Vec<_>>()
        .join("…")
        .replace('\n', "; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<Layers, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("backend.toml");
        std::fs::write(&path, text).unwrap();
        Layers::new().with_file(&path)
    }

    fn environment(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        }
    }

    #[test]
    fn the_environment_wins_over_the_file_and_a_flag_over_both() {
        let all = "[server]\nlisten = \"1.1.1.1:1\"\n[work]\nconcurrency = 3\nlease = \"5s\"\n";
        let layers = file(all)
            .unwrap()
            .with_environment(environment(&[
                ("IAC_BACKEND_LISTEN", "2.2.2.2:2"),
                ("IAC_BACKEND_CONCURRENCY", "4"),
                ("IAC_BACKEND_LEASE", ""),
            ]))
            .unwrap()
            .with_flags(BTreeMap::from([("server.listen", "3.3.3.3:3".to_owned())]));
        assert_eq!(
            layers.get("server.listen"),
            (Origin::Flag, Some("3.3.3.3:3"))
        );
        assert_eq!(
            layers.get("work.concurrency"),
            (Origin::Environment, Some("4"))
        );
        assert_eq!(layers.get("work.lease"), (Origin::File, Some("5s")));
        assert_eq!(layers.get("work.grace"), (Origin::Default, Some("60s")));
        assert_eq!(layers.get("work.node"), (Origin::Default, None));
    }

    #[test]
    fn a_list_is_written_as_one() {
        let layers = file("[server]\nallowed_origins = [\"https://a\", \"https://b\"]\n").unwrap();
        let expected = (Origin::File, Some("https://a,https://b"));
        assert_eq!(layers.get("server.allowed_origins"), expected);
    }

    #[test]
    fn what_is_no_setting_or_of_another_type_is_told() {
        let table = [
            ("listen = \"a\"", "has `listen`"),
            ("[server]\nlisten_on = \"a\"", "has `server.listen_on`"),
            (
                "[work]\nconcurrency = \"many\"",
                "`work.concurrency` (file): expected a number",
            ),
            ("[server]\ninsecure = 1", "expected a switch, found integer"),
        ];
        for (text, expected) in table {
            let error = file(text).err().unwrap().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_that_is_no_toml_is_not_quoted() {
        let error = file("[store]\ndatabase_url = postgres://u:hunter2@h/d\n")
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("line 2"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
