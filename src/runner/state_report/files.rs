//! Reads what the working directory shows about a run, after the tool has ended.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::before::Before;
use super::saved_plan::PlanBackend;
use crate::regular_file;
use crate::runner::command::flags;
use crate::runner::leader::Leader;
use crate::runner::preparation::data_dir;

/// Most bytes of one file that are read: relevant files are a few hundred bytes long.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// File in which both tools leave a state that they could not write.
const ERRORED_STATE: &str = "errored.tfstate";
/// File of the local backend's state, unless configured otherwise.
const LOCAL_STATE: &str = "terraform.tfstate";

/// The file in the data directory that names the selected workspace.
const SELECTED_WORKSPACE: &str = "environment";
/// The workspace that is selected by default.
const DEFAULT_WORKSPACE: &str = "default";

/// The information in the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// `errored.tfstate`, if this run wrote it.
    pub errored_state_file: Option<PathBuf>,
    /// `errored.tfstate`, if it exists and is unchanged, or its earlier content is unknown.
    pub found_errored_state_file: Option<PathBuf>,
    /// Whether this run wrote an `errored.tfstate` that is empty or truncated, as on a full disk: it contains no
    /// state.
    pub is_errored_state_cut: bool,
    /// The info file of the local backend's lock, if this run left it: the tool died while holding the lock.
    pub local_lock: Option<LockInfo>,
    /// Where the state is stored.
    pub backend: Backend,
    /// Whether that backend has a lock but no address to release it.
    pub is_never_unlocked: bool,
    /// Whether the working directory is gone, or the local state that existed before.
    pub is_state_gone: bool,
    /// Whether no local state exists now.
    pub is_state_absent: bool,
}

impl Files {
    /// The information if nothing can be read.
    pub const UNKNOWN: Self = Self {
        found_errored_state_file: None,
        errored_state_file: None,
        is_errored_state_cut: false,
        local_lock: None,
        backend: Backend::Unknown,
        is_never_unlocked: false,
        is_state_gone: false,
        is_state_absent: false,
    };
}

/// The contents of the local backend's lock info file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LockInfo {
    /// Id of the lock.
    #[serde(rename = "ID")]
    pub id: String,
    /// `user@host`.
    pub who: String,
    /// The holder's operation, such as `OperationTypeApply`.
    pub operation: String,
}

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

/// The place of a run.
#[derive(Clone, Debug)]
pub struct WorkPlace {
    /// Its working directory.
    pub work_dir: PathBuf,
    /// The tool's `TF_DATA_DIR`.
    pub data_dir: Option<PathBuf>,
    /// The tool's `TF_WORKSPACE`.
    pub workspace: Option<String>,
    /// The lock addresses that the tool's environment sets.
    pub lock_variables: LockVariables,
    /// The arguments after the subcommand, including those from the environment.
    pub args: Vec<String>,
    /// The saved plan to apply.
    pub plan_file: Option<PathBuf>,
    /// The started program: a script may run the tool in another directory, or with other variables.
    pub started_as: Leader,
}

/// Variables that configure a lock of the `http` backend besides its settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct LockVariables {
    /// Whether `TF_HTTP_LOCK_ADDRESS` is set.
    pub locks: bool,
    /// Whether `TF_HTTP_UNLOCK_ADDRESS` is set.
    pub unlocks: bool,
}

impl WorkPlace {
    fn data_dir(&self) -> PathBuf {
        data_dir::of(&self.work_dir, self.data_dir.as_deref())
    }

    fn errored_state(&self) -> PathBuf {
        self.work_dir.join(ERRORED_STATE)
    }
}

/// Records what a run may write, before it starts.
pub fn look_before(place: &WorkPlace) -> Before {
    let record = RecordedBackend::of(place);
    let state = local_state(place, &record);
    let written = [place.errored_state()].into_iter();
    let files = written.chain(lock_info_path(&state));
    Before::seen(
        files,
        Some(state),
        place.plan_file.is_some().then_some(record),
    )
}

/// Returns the workspace that is selected in the data directory; `None` if that can't be read.
pub fn selected_workspace(place: &WorkPlace) -> Option<String> {
    let path = place.data_dir().join(SELECTED_WORKSPACE);
    if is_absent(&path) {
        return Some(DEFAULT_WORKSPACE.to_owned());
    }
    read(&path).map(|name| name.trim().to_owned())
}

/// Reads what a run has left.
pub fn observe(place: &WorkPlace, before: &Before) -> Files {
    // The plan may no longer exist.
    let record = before
        .plan()
        .cloned()
        .unwrap_or_else(|| RecordedBackend::of(place));
    let state = local_state(place, &record);
    let local_lock = || {
        let path = lock_info_path(&state)?;
        let content = before.is_written_since(&path).then(|| read(&path))??;
        // A process can also be killed while writing the file.
        Some(serde_json::from_str(&content).unwrap_or_default())
    };
    let errored = Some(place.errored_state()).filter(|path| path.exists());
    let is_written = errored
        .as_ref()
        .is_some_and(|path| before.is_written_since(path));
    let is_cut = errored
        .as_ref()
        .is_some_and(|path| !is_whole_document(path));
    let (written, found) = match errored {
        Some(_) if is_cut => (None, None),
        Some(path) if is_written => (Some(path), None),
        other => (None, other),
    };
    let backend = record.backend(place.lock_variables);
    let is_local = backend == Backend::Local;
    let local_lock = is_local.then(local_lock).flatten();
    let is_place_gone = is_absent(&place.work_dir);
    Files {
        is_state_gone: is_place_gone || (is_local && before.has_lost_state(&state)),
        is_state_absent: is_local && is_absent(&state),
        backend: match place.started_as {
            // Its record of the backend is gone too.
            _ if is_place_gone => Backend::Unknown,
            Leader::Wrapper if local_lock.is_none() => of_script(backend),
            Leader::Tool | Leader::Wrapper => backend,
        },
        is_never_unlocked: record.is_never_unlocked(place.lock_variables),
        local_lock,
        errored_state_file: written,
        found_errored_state_file: found,
        is_errored_state_cut: is_written && is_cut,
    }
}

/// Returns whether nothing exists at a path; follows links.
fn is_absent(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|fault| fault.kind() == std::io::ErrorKind::NotFound)
}

/// Returns whether a file is a complete JSON document.
fn is_whole_document(path: &Path) -> bool {
    open(path).is_some_and(|file| {
        serde_json::from_reader::<_, serde::de::IgnoredAny>(BufReader::new(file)).is_ok()
    })
}

/// Returns what is certain about the backend if a script may have used another record.
fn of_script(recorded: Backend) -> Backend {
    match recorded {
        Backend::Remote(kind, Survival::Dropped) => Backend::Remote(kind, Survival::Unknown),
        Backend::Remote(kind, survival) => Backend::Remote(kind, survival),
        Backend::Local | Backend::Unknown => Backend::Unknown,
    }
}

/// The backend in a saved plan, or in the record that `init` has written to the data directory.
#[derive(Clone, Debug)]
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
    fn of(place: &WorkPlace) -> Self {
        match &place.plan_file {
            None => Self::read(&place.data_dir().join(LOCAL_STATE)),
            Some(path) => PlanBackend::read(path).map_or(Self::Unreadable, |plan| Self::Of {
                kind: plan.kind,
                config: plan.config,
                workspace: Some(plan.workspace),
            }),
        }
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

    fn backend(&self, variables: LockVariables) -> Backend {
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
    fn is_never_unlocked(&self, variables: LockVariables) -> bool {
        match self {
            Self::Of { kind, config, .. } if kind == "http" => {
                let locks = variables.locks || is_set(config, "lock_address");
                let unlocks = variables.unlocks || is_set(config, "unlock_address");
                locks && !unlocks
            }
            Self::Absent | Self::Unreadable | Self::Of { .. } => false,
        }
    }

    fn workspace(&self) -> Option<&str> {
        match self {
            Self::Of { workspace, .. } => workspace.as_deref(),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// Returns a setting of the local backend.
    fn setting(&self, name: &str) -> Option<&str> {
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

/// Returns the absolute path of the file that the local backend writes and locks.
///
/// Measured with both tools: `-state-out` takes precedence over `-state`, and `-state` over the workspace's own
/// file; `workspace_dir` does not use any part of `path`.
fn local_state(place: &WorkPlace, record: &RecordedBackend) -> PathBuf {
    let flag = |name| flags::value(&place.args, name).filter(|path| !path.is_empty());
    if let Some(path) = flag("state-out").or_else(|| flag("state")) {
        return place.work_dir.join(path);
    }
    let selected = read(&place.data_dir().join(SELECTED_WORKSPACE));
    let workspace = record
        .workspace()
        .or(place.workspace.as_deref())
        .or(selected.as_deref())
        .map_or("", str::trim);
    if matches!(workspace, "" | DEFAULT_WORKSPACE) {
        let path = record.setting("path").unwrap_or(LOCAL_STATE);
        return place.work_dir.join(path);
    }
    let workspaces = record
        .setting("workspace_dir")
        .unwrap_or("terraform.tfstate.d");
    let workspaces = place.work_dir.join(workspaces);
    workspaces.join(workspace).join(LOCAL_STATE)
}

/// Returns the path of `.NAME.lock.info` beside the state file.
fn lock_info_path(state: &Path) -> Option<PathBuf> {
    let name = state.file_name()?.to_str()?;
    Some(state.with_file_name(format!(".{name}.lock.info")))
}

/// Opens a regular file, also through a link: reading from a pipe or a device would block.
pub(super) fn open(path: &Path) -> Option<File> {
    regular_file::open_target(path).ok()
}

/// Reads a regular file as text; returns `None` if it can't be read or is larger than [`MAX_FILE_BYTES`].
pub(super) fn read(path: &Path) -> Option<String> {
    let mut content = String::new();
    let size = open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut content)
        .ok()?;
    (size as u64 <= MAX_FILE_BYTES).then_some(content)
}
