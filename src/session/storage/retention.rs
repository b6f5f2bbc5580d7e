//! Removes finished sessions when their retention ends.
//!
//! Some are kept until a person removes them, since they may be the only record of what was created:
//! - one that ended as `unknown`,
//! - one whose tool could not write its state: it says so, or a non-empty `errored.tfstate` exists.
//!
//! No session is removed while a supervisor or a tool of it is alive, even if its journal says that it has ended.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Utc;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::journal::JournalContents;
use super::local_state::{find_states, keep_state};
use super::session_dir::{SessionDir, is_worked_in};
use crate::process::remove_tree;
use crate::protocol::StateSafety;
use crate::session::request::DeployRequest;
use crate::session::storage::projection::{CheckoutFacts, Projection};
use crate::session::{Reason, RecoverError, SessionId, Snapshot};

/// Longest time between two scans.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
/// Shortest time between two scans.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// Name of the file in which a tool leaves a state that it could not write to its backend.
const ERRORED_STATE: &str = "errored.tfstate";
/// Longest time that a new session has no journal on disk, if all goes well.
const A_START_TAKES: Duration = Duration::from_secs(60);
/// Prefix of the directory of a session that is being removed and is no longer a session.
const GOING: &str = ".going-";

/// Removes old sessions below a directory until it is dropped.
#[derive(Debug)]
pub(crate) struct Retention {
    root: PathBuf,
    keep: Duration,
    task: Option<JoinHandle<()>>,
}

impl Retention {
    pub(crate) fn start(runtime: &Handle, root: PathBuf, keep: Duration) -> Self {
        let every = (keep / 4).clamp(LOOK_AT_MOST_EVERY, LOOK_EVERY);
        let looked_at = root.clone();
        let task = runtime.spawn(async move {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let root = looked_at.clone();
                // A panic in one scan does not prevent the next.
                let _ = tokio::task::spawn_blocking(move || remove_old_sessions(&root, keep)).await;
            }
        });
        Self {
            root,
            keep,
            task: Some(task),
        }
    }

    /// Creates a retention that removes nothing.
    pub(crate) fn none() -> Self {
        Self {
            root: PathBuf::new(),
            keep: Duration::MAX,
            task: None,
        }
    }

    pub(crate) fn remove_old(&self) -> usize {
        remove_old_sessions(&self.root, self.keep).removed
    }
}

impl Drop for Retention {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// What a scan for old sessions has done.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Removal {
    /// How many sessions were removed.
    pub removed: usize,
    /// Sessions that could not be removed, and why. The next scan tries again.
    pub failures: Vec<(PathBuf, io::Error)>,
}

/// Removes the sessions below a directory that ended longer ago than `keep`.
///
/// Sessions that a person still needs are kept, and so are states that exist nowhere else: see
/// [`Settings::retention`](crate::session::Settings::retention).
pub fn remove_old_sessions(root: &Path, keep: Duration) -> Removal {
    let mut removal = Removal::default();
    let Ok(entries) = fs::read_dir(root) else {
        return removal;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        let removed = if name.starts_with(GOING) {
            // Left over from an interrupted removal.
            remove_tree(&entry.path()).map(|()| false)
        } else if name
            .parse()
            .is_ok_and(|id: SessionId| id.to_string() == name)
        {
            remove_if_old(root, name, keep)
        } else {
            continue;
        };
        match removed {
            Ok(is_removed) => removal.removed += usize::from(is_removed),
            // Another scan of the same sessions has removed it.
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            Err(fault) => removal.failures.push((entry.path(), fault)),
        }
    }
    removal
}

fn remove_if_old(root: &Path, name: &str, keep: Duration) -> io::Result<bool> {
    let session_dir = SessionDir::at(root.join(name));
    // A symbolic link points to data stored elsewhere.
    let meta = fs::symlink_metadata(session_dir.dir())?;
    if !meta.is_dir() {
        return Ok(false);
    }
    let record = JournalContents::read(&session_dir);
    if matches!(record, Err(RecoverError::NoSession { .. })) {
        // A failed start. If it has other contents, it belongs to another program. A session that is being created
        // is younger.
        let age = meta.modified()?.elapsed().unwrap_or_default();
        let is_due = age >= keep.max(A_START_TAKES) && session_dir.is_as_created()?;
        return Ok(is_due && remove(root, name, &session_dir, None)?);
    }
    let Ok(record) = record else {
        return Ok(false);
    };
    let Some(facts) = end_of(&record) else {
        return Ok(false);
    };
    let ended = facts.snapshot;
    if !ended_before(&ended, keep) || is_kept_for_a_person(&ended, &session_dir)? {
        return Ok(false);
    }
    remove(root, name, &session_dir, facts.checkout.as_ref())
}

/// Removes a session that no process owns and that has no living processes; returns whether it did.
fn remove(
    root: &Path,
    name: &str,
    session_dir: &SessionDir,
    checkout: Option<&CheckoutFacts>,
) -> io::Result<bool> {
    // The process that owns it has not finished with it.
    let Some(claim) = session_dir.claim()? else {
        return Ok(false);
    };
    if session_dir.is_supervised_at_all()? || is_worked_in(session_dir.dir())? {
        return Ok(false);
    }
    let work_dir = checkout.map(|checkout| checkout.work_dir.as_path());
    keep_state(root, name, session_dir, work_dir)?;
    let going = root.join(format!("{GOING}{name}"));
    fs::rename(session_dir.dir(), &going)?;
    drop(claim);
    remove_tree(&going)?;
    Ok(true)
}

/// Returns the facts at the end of a session; `None` if it has not ended, or its record cannot be parsed.
fn end_of(record: &JournalContents) -> Option<Projection> {
    let remembered = DeployRequest::remembered(&record.opening.request).ok()?;
    let request = remembered.request;
    let facts = Projection::of_record(record, request.tool, request.operation).ok()?;
    facts.snapshot.reason.is_some().then_some(facts)
}

fn ended_before(ended: &Snapshot, keep: Duration) -> bool {
    let age = ended.ended_at.map(|ended| Utc::now() - ended);
    age.and_then(|age| age.to_std().ok())
        .is_some_and(|age| age >= keep)
}

/// Returns whether the session may be the only record of what was created.
fn is_kept_for_a_person(ended: &Snapshot, session_dir: &SessionDir) -> io::Result<bool> {
    let says_errored = ended
        .state
        .as_ref()
        .is_some_and(|state| state.safety == StateSafety::ErroredFile);
    if ended.reason == Some(Reason::Unknown) || says_errored {
        return Ok(true);
    }
    let found = find_states(&session_dir.source())?;
    for file in found.iter().filter(|file| file.ends_with(ERRORED_STATE)) {
        if fs::metadata(session_dir.source().join(file))?.len() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
