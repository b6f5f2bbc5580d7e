//! From the bytes of a document to a checked [`Request`], or to every fault it has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use secrecy::SecretString;

use super::fault::{Fault, RequestError, is_variable_name, member, shown_path};
use super::json::Json;
use super::request::{
    DEFAULT_GRACE, DEFAULT_OUTPUT_LIMIT_BYTES, DEFAULT_TIMEOUT, MAX_GRACE, MAX_OUTPUT_LIMIT_BYTES,
    MAX_TIMEOUT, Request,
};
use super::{OnDisconnect, Tool};

/// Longest path that Linux takes (`PATH_MAX` less its NUL), in bytes.
const MAX_PATH_BYTES: usize = 4095;

/// Reads and checks one request document.
pub(super) fn request(document: &[u8]) -> Result<Request, RequestError> {
    let fields = match parse(document)? {
        Json::Object(fields) => fields,
        other => {
            return Err(whole(format!(
                "expected an object with `tool`, `work_dir` and `command`, found {}",
                other.kind()
            )));
        }
    };
    let mut fields = Fields::new(fields);
    let request = Request {
        tool: fields.tool(),
        work_dir: fields.required_path("work_dir"),
        command: fields.command(),
        args: fields.strings("args", any_string).unwrap_or_default(),
        env_vars: fields.env_vars(),
        timeout_minutes: fields.number(
            "timeout",
            "minutes",
            MAX_TIMEOUT.as_secs() / 60,
            DEFAULT_TIMEOUT.as_secs_f64() / 60.0,
        ),
        grace_seconds: fields.number(
            "grace_seconds",
            "seconds",
            MAX_GRACE.as_secs(),
            DEFAULT_GRACE.as_secs_f64(),
        ),
        run_dir: fields.optional_path("run_dir"),
        on_disconnect: fields.on_disconnect(),
        secrets: fields
            .strings("secrets", any_string)
            .unwrap_or_default()
            .into_iter()
            .map(SecretString::from)
            .collect(),
        inherit_env: fields.strings("inherit_env", variable_pattern),
        output_limit_bytes: fields.output_limit_bytes(),
        tool_version: fields.tool_version(),
    };
    let faults = fields.finish();
    if faults.is_empty() {
        Ok(request)
    } else {
        Err(RequestError { faults })
    }
}

fn parse(document: &[u8]) -> Result<Json, RequestError> {
    let text = std::str::from_utf8(document).map_err(|fault| {
        whole(format!(
            "the document is not UTF-8 from byte {} on",
            fault.valid_up_to()
        ))
    })?;
    if text.trim().is_empty() {
        return Err(whole(
            "the document is empty; expected one JSON object".to_owned(),
        ));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let json = serde_path_to_error::deserialize(&mut reader).map_err(|fault| RequestError {
        faults: vec![Fault {
            path: shown_path(fault.path()),
            problem: format!("not valid JSON: {}", fault.inner()),
        }],
    })?;
    reader
        .end()
        .map_err(|fault| whole(format!("text after the document: {fault}")))?;
    Ok(json)
}

fn whole(problem: String) -> RequestError {
    RequestError {
        faults: vec![Fault {
            path: "$".to_owned(),
            problem,
        }],
    }
}

/// The fields of the document that are still to be looked at, and the faults found so far.
struct Fields {
    left: Vec<(String, Json)>,
    faults: Vec<Fault>,
}

impl Fields {
    fn new(fields: Vec<(String, Json)>) -> Self {
        let mut this = Self {
            left: Vec::with_capacity(fields.len()),
            faults: Vec::new(),
        };
        this.left = this.without_duplicates("$", fields);
        this
    }

    fn fault(&mut self, path: impl AsRef<str>, problem: impl Into<String>) {
        self.faults.push(Fault {
            path: format!("$.{}", path.as_ref()),
            problem: problem.into(),
        });
    }

    fn without_duplicates(
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

    /// Takes a field out; `null` counts as left out, since that is how Go writes an empty list.
    fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.left.iter().position(|(key, _)| key == name)?;
        match self.left.remove(at).1 {
            Json::Null => None,
            value => Some(value),
        }
    }

    fn string(&mut self, name: &str) -> Option<String> {
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

    fn required(&mut self, name: &str) -> Option<String> {
        let known = self.faults.len();
        let value = self.string(name);
        if value.is_none() && self.faults.len() == known {
            self.fault(name, "is required");
        }
        value
    }

    fn tool(&mut self) -> Tool {
        let Some(word) = self.required("tool") else {
            return Tool::Terraform;
        };
        Tool::from_program(&word).unwrap_or_else(|| {
            self.fault("tool", "expected \"terraform\" or \"tofu\"");
            Tool::Terraform
        })
    }

    fn command(&mut self) -> String {
        let command = self.required("command").unwrap_or_default();
        let mut bytes = command.bytes();
        let well_formed = bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && command.len() <= 32;
        if !well_formed && !self.faults.iter().any(|fault| fault.path == "$.command") {
            self.fault(
                "command",
                "expected a subcommand: a lower-case letter, then up to 31 lower-case letters, \
                 digits or dashes; options go into `args`",
            );
        }
        command
    }

    fn path(&mut self, name: &str, text: &str) -> PathBuf {
        if text.is_empty() {
            self.fault(name, "is empty; expected a path");
        } else if text.len() > MAX_PATH_BYTES {
            self.fault(name, format!("is longer than {MAX_PATH_BYTES} bytes"));
        }
        PathBuf::from(text)
    }

    fn required_path(&mut self, name: &str) -> PathBuf {
        match self.required(name) {
            Some(text) => self.path(name, &text),
            None => PathBuf::new(),
        }
    }

    fn optional_path(&mut self, name: &str) -> Option<PathBuf> {
        let text = self.string(name)?;
        Some(self.path(name, &text))
    }

    /// A list of strings, each of which a check lets pass or says what was expected in its place.
    fn strings(
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

    fn env_vars(&mut self) -> BTreeMap<String, SecretString> {
        const NAME: &str = "env_vars";
        let entries = match self.take(NAME) {
            None => return BTreeMap::new(),
            Some(Json::Object(entries)) => entries,
            Some(other) => {
                let found = other.kind();
                self.fault(
                    NAME,
                    format!("expected an object of strings, found {found}"),
                );
                return BTreeMap::new();
            }
        };
        let mut variables = BTreeMap::new();
        for (name, value) in self.without_duplicates("$.env_vars", entries) {
            let place = format!("{NAME}{}", member(&name));
            if !is_variable_name(&name) {
                self.fault(
                    place,
                    "not a variable name: letters, digits and `_`, not a digit first",
                );
                continue;
            }
            match value {
                Json::String(text) if text.contains('\0') => self.fault(place, "holds a NUL byte"),
                Json::String(text) => {
                    variables.insert(name, SecretString::from(text));
                }
                other => {
                    let found = other.kind();
                    self.fault(place, format!("expected a string, found {found}"));
                }
            }
        }
        variables
    }

    fn number(&mut self, name: &str, unit: &str, max: u64, default: f64) -> f64 {
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

    fn on_disconnect(&mut self) -> OnDisconnect {
        match self.string("on_disconnect").as_deref() {
            None => OnDisconnect::default(),
            Some("interrupt") => OnDisconnect::Interrupt,
            Some("finish") => OnDisconnect::Finish,
            Some(_) => {
                self.fault("on_disconnect", "expected \"interrupt\" or \"finish\"");
                OnDisconnect::default()
            }
        }
    }

    fn output_limit_bytes(&mut self) -> u64 {
        const NAME: &str = "output_limit_bytes";
        let value = match self.take(NAME) {
            None => return DEFAULT_OUTPUT_LIMIT_BYTES,
            Some(Json::Number(number)) => number.as_u64().or_else(|| whole_number(&number)),
            Some(_) => None,
        };
        match value {
            Some(value) if value <= MAX_OUTPUT_LIMIT_BYTES => value,
            _ => {
                self.fault(
                    NAME,
                    format!("expected a whole number of bytes from 0 to {MAX_OUTPUT_LIMIT_BYTES}"),
                );
                DEFAULT_OUTPUT_LIMIT_BYTES
            }
        }
    }

    fn tool_version(&mut self) -> Option<String> {
        let version = self.string("tool_version")?;
        let core = version.split(['-', '+']).next().unwrap_or_default();
        let numbers: Vec<&str> = core.split('.').collect();
        let well_formed = numbers.len() == 3
            && numbers
                .iter()
                .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            && version
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-+.".contains(&b));
        if !well_formed {
            self.fault(
                "tool_version",
                "expected an exact version such as \"1.11.4\"",
            );
        }
        Some(version)
    }

    /// Every fault, with those for fields that nobody asked for.
    fn finish(mut self) -> Vec<Fault> {
        for (name, _) in std::mem::take(&mut self.left) {
            self.faults.push(Fault {
                path: format!("${}", member(&name)),
                problem: "unknown field".to_owned(),
            });
        }
        self.faults
    }
}

/// A number without a fraction that was written with one (`4096.0`, `1e6`); to JSON it is an integer.
fn whole_number(number: &serde_json::Number) -> Option<u64> {
    let value = number.as_f64()?;
    let is_whole = value.fract() == 0.0 && (0.0..=MAX_OUTPUT_LIMIT_BYTES as f64).contains(&value);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole, not negative and far below 2^64"
    )]
    is_whole.then_some(value as u64)
}

fn any_string(_: &str) -> Result<(), &'static str> {
    Ok(())
}

fn variable_pattern(pattern: &str) -> Result<(), &'static str> {
    if is_variable_name(pattern.strip_suffix('*').unwrap_or(pattern)) {
        Ok(())
    } else {
        Err("expected a variable name, or a prefix that ends in `*`")
    }
}

#[cfg(test)]
mod tests;
