//! Reads what the working directory shows about a run, after the tool has ended.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::backend::{Backend, Survival};
use super::before::Before;
use super::place::{WorkPlace, lock_info_path};
use super::read_file::{is_absent, is_whole_document, read};
use crate::runner::command::leader::Leader;

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
    /// The file of the local state, if it is empty or cut: both tools write it in place.
    pub damaged_state: Option<DamagedState>,
    /// Whether the local state holds nothing of this run: it is as it was before, or an older state, or another one.
    pub is_state_unwritten: bool,
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
        damaged_state: None,
        is_state_unwritten: false,
    };
}

/// A local state that cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedState {
    /// Its file.
    pub path: PathBuf,
    /// The file with the state of before the run, if the tool has made it.
    pub backup: Option<PathBuf>,
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

/// Records the backend, and what a run may write, before it starts.
pub fn look_before(place: &WorkPlace) -> Before {
    let record = place.recorded_backend();
    let state = place.local_state(&record);
    let written = [place.errored_state()].into_iter();
    let files = written.chain(lock_info_path(&state));
    Before::seen(files, Some(state), Some(record))
}

/// Records the backend before a run that may leave its lock, and writes no state.
pub fn look_at_backend(place: &WorkPlace) -> Before {
    Before::seen([], None, Some(place.recorded_backend()))
}

/// Reads what a run has left.
pub fn observe(place: &WorkPlace, before: &Before) -> Files {
    let may_be_rewritten = place.may_rewrite_backend();
    let at_start = before.backend().filter(|_| !may_be_rewritten);
    let (record, is_replaced) = match at_start {
        // The plan may no longer exist.
        Some(record) => {
            let is_kept = place.plan_file.is_some() || place.recorded_backend() == *record;
            (record.clone(), !is_kept)
        }
        None => (place.recorded_backend(), false),
    };
    let state = before
        .local_state()
        .filter(|_| !may_be_rewritten)
        .map_or_else(|| place.local_state(&record), Path::to_owned);
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
        damaged_state: (is_local && before.is_state_damaged(&state)).then(|| DamagedState {
            backup: place
                .state_backup(&state)
                .filter(|path| is_whole_document(path)),
            path: state.clone(),
        }),
        is_state_unwritten: is_local && before.is_state_unwritten(&state),
        backend: match place.started_as {
            // Its record of the backend is gone too, or is not the one that the tool has read.
            _ if is_place_gone || is_replaced => Backend::Unknown,
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

/// Returns what is certain about the backend if a script may have used another record.
fn of_script(recorded: Backend) -> Backend {
    match recorded {
        Backend::Remote(kind, Survival::Dropped) => Backend::Remote(kind, Survival::Unknown),
        Backend::Remote(kind, survival) => Backend::Remote(kind, survival),
        Backend::Local | Backend::Unknown => Backend::Unknown,
    }
}
