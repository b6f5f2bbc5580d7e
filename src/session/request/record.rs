//! The part of a request that may be written to disk, and how to restore a request from it.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::DeployRequest;
use super::decode;
use super::fault::{InvalidRequest, RecordError};
use super::source::Source;

/// The secrets of a request, which its record leaves out.
///
/// The Debug form shows only the names of the fields.
#[derive(Clone, Default)]
pub struct RequestSecrets {
    /// Secrets by field, such as `env_vars.AWS_SECRET_ACCESS_KEY` or `git_auth.password`.
    by_field: BTreeMap<String, SecretString>,
}

impl RequestSecrets {
    /// Returns the names of the fields, such as `env_vars.AWS_SECRET_ACCESS_KEY` or `git_auth.password`.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.by_field.keys().map(String::as_str)
    }

    /// Returns the values, which have to be masked in all output.
    pub fn values(&self) -> impl Iterator<Item = &SecretString> {
        self.by_field.values()
    }

    /// Iterates over fields and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.by_field
            .iter()
            .map(|(field, value)| (field.as_str(), value))
    }

    /// Returns whether there are no secrets.
    pub fn is_empty(&self) -> bool {
        self.by_field.is_empty()
    }
}

/// Collects secrets that a caller stored elsewhere, by field as [`RequestSecrets::iter`] returns them.
impl FromIterator<(String, SecretString)> for RequestSecrets {
    fn from_iter<I: IntoIterator<Item = (String, SecretString)>>(secrets: I) -> Self {
        Self {
            by_field: secrets.into_iter().collect(),
        }
    }
}

impl fmt::Debug for RequestSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fields()).finish()
    }
}

/// What a record contains when the secrets are missing.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// The request without `env_vars`, `git_auth` and `ssh`.
    ///
    /// It shows what was requested, but cannot be run.
    pub request: DeployRequest,
    /// The fields that are missing, such as `env_vars.AWS_SECRET_ACCESS_KEY` or `git_auth.password`.
    pub missing: Vec<String>,
}

const PASSWORD: &str = "git_auth.password";
const PRIVATE_KEY: &str = "ssh.private_key";

impl DeployRequest {
    /// Returns what may be written to disk: the body's own shape, with `null` for every secret.
    ///
    /// The secrets are the values of `env_vars`, `git_auth.password` and `ssh.private_key`.
    pub fn record(&self) -> Value {
        let mut record = Map::new();
        let mut set = |name: &str, value: Value| record.insert(name.to_owned(), value);
        set("tool", self.tool.program().into());
        match &self.source {
            Source::Git(git) => {
                set("git_url", git.url.as_str().into());
                set("git_ref", git.git_ref.as_str().into());
                if let Some(auth) = &git.auth {
                    let auth = json!({"type": "http", "username": auth.username, "password": null});
                    set("git_auth", auth);
                }
                if let Some(ssh) = &git.ssh {
                    let ssh = json!({"private_key": null, "known_hosts": ssh.known_hosts});
                    set("ssh", ssh);
                }
                set("submodules", git.submodules.into());
                set("git_depth", json!(git.depth));
            }
            Source::Directory(path) => {
                set("source", json!({"directory": path.to_string_lossy()}));
            }
            Source::Files(files) => {
                set("source", json!({"files": files}));
            }
        }
        let env_vars: Map<String, Value> = self
            .env_vars
            .keys()
            .map(|name| (name.clone(), Value::Null))
            .collect();
        set("path", self.path.as_str().into());
        set("env_vars", env_vars.into());
        set("tfvars_files", json!(self.tfvars_files));
        set("init_flags", self.init_flags.as_str().into());
        set("plan_flags", self.plan_flags.as_str().into());
        set("apply_flags", self.apply_flags.as_str().into());
        set("timeout", json!(self.timeout_minutes));
        set("auto_approve", self.auto_approve.into());
        set("operation", self.operation.word().into());
        set("workspace", json!(self.workspace));
        set("targets", json!(self.targets));
        set("replace", json!(self.replace));
        set("variables", json!(self.variables));
        set("backend_config", json!(self.backend_config));
        Value::Object(record)
    }

    /// Returns the secrets, which [`DeployRequest::record`] leaves out.
    pub fn secrets(&self) -> RequestSecrets {
        let mut by_field: BTreeMap<String, SecretString> = self
            .env_vars
            .iter()
            .map(|(name, value)| (of_variable(name), value.clone()))
            .collect();
        if let Source::Git(git) = &self.source {
            let password = git.auth.as_ref().map(|auth| auth.password.clone());
            let key = git.ssh.as_ref().map(|ssh| ssh.private_key.clone());
            by_field.extend(password.map(|it| (PASSWORD.to_owned(), it)));
            by_field.extend(key.map(|it| (PRIVATE_KEY.to_owned(), it)));
        }
        RequestSecrets { by_field }
    }

    /// Restores a request from its record and its secrets.
    ///
    /// The values are not checked again: an accepted request stays accepted.
    ///
    /// # Errors
    /// The record does not describe a request, or a secret that it leaves out is missing.
    pub fn from_record(record: &Value, secrets: &RequestSecrets) -> Result<Self, RecordError> {
        let mut request = shape(record)?;
        let names = fill(&mut request, secrets);
        if names.is_empty() {
            Ok(request)
        } else {
            Err(RecordError::SecretsMissing { names })
        }
    }

    /// Reads a record without its secrets.
    ///
    /// # Errors
    /// The record does not describe a request.
    pub fn remembered(record: &Value) -> Result<Remembered, RecordError> {
        let mut request = shape(record)?;
        let missing = fill(&mut request, &RequestSecrets::default());
        request.env_vars.clear();
        if let Source::Git(git) = &mut request.source {
            git.auth = None;
            git.ssh = None;
        }
        Ok(Remembered { request, missing })
    }
}

fn of_variable(name: &str) -> String {
    format!("env_vars.{name}")
}

/// Inserts the secrets, and returns the names of the missing ones.
fn fill(request: &mut DeployRequest, secrets: &RequestSecrets) -> Vec<String> {
    let mut places: Vec<(String, &mut SecretString)> = request
        .env_vars
        .iter_mut()
        .map(|(name, value)| (of_variable(name), value))
        .collect();
    if let Source::Git(git) = &mut request.source {
        let password = git.auth.as_mut().map(|auth| &mut auth.password);
        let key = git.ssh.as_mut().map(|ssh| &mut ssh.private_key);
        places.extend(password.map(|it| (PASSWORD.to_owned(), it)));
        places.extend(key.map(|it| (PRIVATE_KEY.to_owned(), it)));
    }
    let mut missing = Vec::new();
    for (field, value) in places {
        match secrets.by_field.get(&field) {
            Some(secret) => *value = secret.clone(),
            None => missing.push(field),
        }
    }
    missing
}

/// Parses the request that a record describes, with empty strings for its secrets.
fn shape(record: &Value) -> Result<DeployRequest, RecordError> {
    let mut record = record.clone();
    if let Some(Value::Object(variables)) = record.get_mut("env_vars") {
        variables.values_mut().for_each(empty);
    }
    for pointer in ["/git_auth/password", "/ssh/private_key"] {
        record.pointer_mut(pointer).into_iter().for_each(empty);
    }
    let body = record.to_string();
    let (request, faults) = decode::body(body.as_bytes()).map_err(RecordError::Malformed)?;
    match InvalidRequest::of(faults) {
        Some(invalid) => Err(RecordError::Malformed(invalid)),
        None => Ok(request),
    }
}

fn empty(secret: &mut Value) {
    if secret.is_null() {
        *secret = Value::String(String::new());
    }
}
