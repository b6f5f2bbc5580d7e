//! Decodes the bytes of a document into a checked [`Request`], or reports every fault it has.

pub(super) mod fault;
pub(crate) mod fields;
pub(super) mod framing;
pub(super) mod json;
mod values;

use std::collections::BTreeMap;

use secrecy::SecretString;

use self::fault::{Fault, RequestError, is_settable_variable, member, shown_path};
use self::json::Json;
use super::request::{
    DEFAULT_GRACE, DEFAULT_OUTPUT_LIMIT_BYTES, DEFAULT_TIMEOUT, MAX_GRACE, MAX_OUTPUT_LIMIT_BYTES,
    MAX_TIMEOUT, Request,
};
use super::{MIN_MEMORY_LIMIT_BYTES, OnDisconnect, SandboxMode, SandboxRequest, Tool};
use fields::Fields;

impl Request {
    /// Parses and checks one request document.
    ///
    /// # Errors
    /// Returns every fault of the document, each with its JSON path. No fault repeats a value, since any value may
    /// be a secret in the wrong place.
    pub fn parse(document: &[u8]) -> Result<Self, RequestError> {
        request(document)
    }
}

fn request(document: &[u8]) -> Result<Request, RequestError> {
    let fields = match json(document)? {
        Json::Object(fields) => fields,
        other => {
            return Err(whole(format!(
                "expected an object with `tool`, `work_dir` and `command`, found {}",
                other.kind()
            )));
        }
    };
    let mut fields = Fields::new("$", fields);
    let request = Request {
        tool: fields.tool(),
        work_dir: fields.required_path("work_dir"),
        command: fields.command(),
        args: fields
            .checked_strings("args", any_string)
            .unwrap_or_default(),
        env_vars: fields.env_vars(),
        timeout_minutes: fields.bounded_number(
            "timeout",
            "minutes",
            MAX_TIMEOUT.as_secs() / 60,
            DEFAULT_TIMEOUT.as_secs_f64() / 60.0,
        ),
        grace_seconds: fields.bounded_number(
            "grace_seconds",
            "seconds",
            MAX_GRACE.as_secs(),
            DEFAULT_GRACE.as_secs_f64(),
        ),
        run_dir: fields.optional_path("run_dir"),
        on_disconnect: fields.on_disconnect(),
        secrets: fields
            .checked_strings("secrets", any_string)
            .unwrap_or_default()
            .into_iter()
            .map(SecretString::from)
            .collect(),
        inherit_env: fields.checked_strings("inherit_env", variable_pattern),
        output_limit_bytes: fields.output_limit_bytes(),
        tool_version: fields.tool_version(),
        sandbox: fields.sandbox(),
    };
    let faults = fields.finish();
    if faults.is_empty() {
        Ok(request)
    } else {
        Err(RequestError { faults })
    }
}

/// Parses one JSON document into a tree that keeps duplicate keys.
pub(crate) fn json(document: &[u8]) -> Result<Json, RequestError> {
    let text = std::str::from_utf8(document).map_err(|fault| {
        whole(format!(
            "the document is not UTF-8 from byte {} on",
            fault.valid_up_to()
        ))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
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

impl Fields {
    fn tool(&mut self) -> Tool {
        let Some(word) = self.required_text("tool") else {
            return Tool::Terraform;
        };
        Tool::from_program(&word).unwrap_or_else(|| {
            self.fault("tool", "expected \"terraform\" or \"tofu\"");
            Tool::Terraform
        })
    }

    fn command(&mut self) -> String {
        let command = self.required_text("command").unwrap_or_default();
        let mut bytes = command.bytes();
        let well_formed = bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && command.len() <= 32;
        if !well_formed && !self.has_fault("command") {
            self.fault(
                "command",
                "expected a subcommand: a lower-case letter, then up to 31 lower-case letters, \
                 digits or dashes; options go into `args`",
            );
        }
        command
    }

    fn env_vars(&mut self) -> BTreeMap<String, SecretString> {
        const NAME: &str = "env_vars";
        let mut variables = BTreeMap::new();
        for (name, value) in self.entries(NAME, "an object of strings") {
            let place = format!("{NAME}{}", member(&name));
            if !is_settable_variable(&name) {
                self.fault(
                    place,
                    "not a variable name: letters, digits and `_`, not a digit first; `-` only after `TF_VAR_`",
                );
                continue;
            }
            match value {
                Json::String(text) if text.contains('\0') => self.fault(place, "holds a NUL byte"),
                Json::String(text) => {
                    variables.insert(name, SecretString::from(text));
                }
                other => self.wrong_type(&place, "a string", &other),
            }
        }
        variables
    }

    fn on_disconnect(&mut self) -> OnDisconnect {
        match self.text("on_disconnect").as_deref() {
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
        let version = self.text("tool_version")?;
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

    fn sandbox(&mut self) -> SandboxRequest {
        let Some(mut fields) = self.object("sandbox", "an object") else {
            return SandboxRequest::default();
        };
        let sandbox = SandboxRequest {
            mode: fields.sandbox_mode(),
            read: fields.absolute_paths("read"),
            write: fields.absolute_paths("write"),
            memory_limit_bytes: fields.memory_limit_bytes(),
        };
        self.take_over(fields);
        sandbox
    }

    fn memory_limit_bytes(&mut self) -> Option<u64> {
        const NAME: &str = "memory_limit_bytes";
        let value = match self.take(NAME)? {
            Json::Number(number) => number.as_u64().or_else(|| whole_number(&number)),
            _ => None,
        };
        let limit = value.filter(|value| *value >= MIN_MEMORY_LIMIT_BYTES);
        if limit.is_none() {
            let expected =
                format!("expected a whole number of bytes, at least {MIN_MEMORY_LIMIT_BYTES}");
            self.fault(NAME, expected);
        }
        limit
    }

    fn sandbox_mode(&mut self) -> SandboxMode {
        const NAME: &str = "mode";
        let Some(word) = self.text(NAME) else {
            return SandboxMode::default();
        };
        SandboxMode::from_word(&word).unwrap_or_else(|| {
            self.fault(NAME, "expected \"off\", \"auto\" or \"required\"");
            SandboxMode::default()
        })
    }
}

/// Converts a whole number written with a fraction or exponent (`4096.0`, `1e6`); to JSON it is an integer.
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
    if is_settable_variable(pattern.strip_suffix('*').unwrap_or(pattern)) {
        Ok(())
    } else {
        Err("expected a variable name, or a prefix that ends in `*`")
    }
}

#[cfg(test)]
mod tests;
