//! The backend of a run, as a saved plan or the data directory records it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::read_file::read;
use super::saved_plan::PlanBackend;

/// File of the backend's record in the data directory, and of the local backend's state.
pub(super) const LOCAL_STATE: &str = "terraform.tfstate";

/// Where the state is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// In a file.
    Local,
    /// In a backend of this type, with this behaviour of its lock.
    Remote(String, Survival),
    /// The record of the backend can't be read.
    Unknown,
}

/// What happens to a backend's lock when its holder is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// It stays until a user removes it.
    Kept,
    /// It is released with its holder, or does not exist.
    Dropped,
    /// Unknown.
    Unknown,
}

/// Variables that configure a lock of the `http` backend besides its settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct LockVariables {
    /// Whether `TF_HTTP_LOCK_ADDRESS` is set.
    pub locks: bool,
    /// Whether `TF_HTTP_UNLOCK_ADDRESS` is set.
    pub unlocks: bool,
}

/// The backend in a saved plan, or in the record that `init` has written to the data directory.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordedBackend {
    Absent,
    Unreadable,
    Of {
        kind: String,
        config: Value,
        /// The workspace of a saved plan.
        workspace: Option<String>,
    },
}

impl RecordedBackend {
    /// Reads the backend of a saved plan.
    pub(super) fn of_plan(path: &Path) -> Self {
        PlanBackend::read(path).map_or(Self::Unreadable, |plan| Self::Of {
            kind: plan.kind,
            config: plan.config,
            workspace: Some(plan.workspace),
        })
    }

    /// Reads the record that `init` has written to a data directory.
    pub(super) fn of_data_dir(path: &Path) -> Self {
        Self::read(&path.join(LOCAL_STATE))
    }

    fn read(path: &Path) -> Self {
        match fs::symlink_metadata(path) {
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Self::Absent,
            Err(_) => Self::Unreadable,
            Ok(_) => read(path).map_or(Self::Unreadable, |content| Self::parse(&content)),
        }
    }

    fn parse(content: &str) -> Self {
        let Ok(document) = serde_json::from_str::<Value>(content) else {
            return Self::Unreadable;
        };
        match document.get("backend") {
            None | Some(Value::Null) => Self::Absent,
            Some(backend) => match backend.get("type").and_then(Value::as_str) {
                Some(kind) => Self::Of {
                    kind: kind.to_owned(),
                    config: backend.get("config").cloned().unwrap_or_default(),
                    workspace: None,
                },
                None => Self::Unreadable,
            },
        }
    }

    pub(super) fn backend(&self, variables: LockVariables) -> Backend {
        match self {
            Self::Absent => Backend::Local,
            Self::Unreadable => Backend::Unknown,
            Self::Of { kind, .. } if kind == "local" => Backend::Local,
            Self::Of { kind, config, .. } => {
                Backend::Remote(kind.clone(), survival(kind, config, variables))
            }
        }
    }

    /// Returns whether the `http` backend has a lock address but no unlock address: the tool then reports nothing.
    pub(super) fn is_never_unlocked(&self, variables: LockVariables) -> bool {
        match self {
            Self::Of { kind, config, .. } if kind == "http" => {
                let locks = variables.locks || is_set(config, "lock_address");
                let unlocks = variables.unlocks || is_set(config, "unlock_address");
                locks && !unlocks
            }
            Self::Absent | Self::Unreadable | Self::Of { .. } => false,
        }
    }

    pub(super) fn workspace(&self) -> Option<&str> {
        match self {
            Self::Of { workspace, .. } => workspace.as_deref(),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// Returns a setting of the local backend.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        match self {
            Self::Absent | Self::Unreadable => None,
            Self::Of { config, .. } => config.get(name)?.as_str(),
        }
    }
}

/// Returns whether a setting of a backend is given and not empty or off.
fn is_set(config: &Value, name: &str) -> bool {
    match config.get(name) {
        Some(Value::String(value)) => !value.is_empty(),
        Some(Value::Bool(value)) => *value,
        _ => false,
    }
}

/// Returns what happens to the lock of a backend, from its type and settings.
fn survival(kind: &str, config: &Value, variables: LockVariables) -> Survival {
    let is_set = |name| is_set(config, name);
    match kind {
        "http" if variables.locks || is_set("lock_address") => Survival::Kept,
        "s3" if is_set("dynamodb_table") || is_set("use_lockfile") => Survival::Kept,
        "s3" => Survival::Dropped,
        "azurerm" | "gcs" | "kubernetes" | "cos" => Survival::Kept,
        // An advisory lock of PostgreSQL ends with its connection: measured with both tools.
        "pg" => Survival::Dropped,
        // A Consul session outlives its holder for a while; HCP Terraform runs elsewhere.
        _ => Survival::Unknown,
    }
}
