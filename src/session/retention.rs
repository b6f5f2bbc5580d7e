//! Removes finished sessions when their time has come.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Utc;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::SessionId;
use super::facts::Facts;
use super::journal::Record;
use super::place::Place;
use super::request::DeployRequest;

/// Longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
/// Shortest time between two looks.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// Where state that belongs to nobody else is put before its session goes.
const LEFT_STATES: &str = "left-states";
/// Begins the name of a session that is being removed, which is then no session any more.
const GOING: &str = ".going-";

/// Looks after the sessions below a directory until it is dropped.
#[derive(Debug)]
pub(super) struct Retention {
    root: PathBuf,
    keep: Duration,
    task: Option<JoinHandle<()>>,
}

impl Retention {
    pub(super) fn start(runtime: &Handle, root: PathBuf, keep: Duration) -> Self {
        let every = (keep / 4).clamp(LOOK_AT_MOST_EVERY, LOOK_EVERY);
        let looked_at = root.clone();
        let task = runtime.spawn(async move {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let root = looked_at.clone();
                // One that panicked does not keep the next one from its work.
                let _ = tokio::task::spawn_blocking(move || remove_old(&root, keep)).await;
            }
        });
        Self {
            root,
            keep,
            task: Some(task),
        }
    }

    /// Looks after nothing.
    pub(super) fn none() -> Self {
        Self {
            root: PathBuf::new(),
            keep: Duration::MAX,
            task: None,
        }
    }

    pub(super) fn remove_old(&self) -> usize {
        remove_old(&self.root, self.keep)
    }
}

impl Drop for Retention {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Removes the sessions that ended longer ago than this, and says how many.
fn remove_old(root: &Path, keep: Duration) -> usize {
    let Ok(entries) = fs::read_dir(root) else {
        return 0;
    };
    let mut removed = 0;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        if name.starts_with(GOING) {
            // A former removal did not come to its end.
            let _ = fs::remove_dir_all(entry.path());
        } else if name.parse::<SessionId>().is_ok() {
            // One that cannot be removed now is looked at again.
            removed += usize::from(remove_if_old(root, name, keep).unwrap_or(false));
        }
    }
    removed
}

fn remove_if_old(root: &Path, name: &str, keep: Duration) -> io::Result<bool> {
    let place = Place::at(root.join(name));
    let Ok(record) = Record::read(&place) else {
        return Ok(false);
    };
    if !ended_before(&record, keep) {
        return Ok(false);
    }
    // Whoever carries it has not finished with it.
    let Some(claim) = place.claim()? else {
        return Ok(false);
    };
    keep_state(root, name, &place)?;
    let going = root.join(format!("{GOING}{name}"));
    fs::rename(place.dir(), &going)?;
    drop(claim);
    fs::remove_dir_all(going)?;
    Ok(true)
}

fn ended_before(record: &Record, keep: Duration) -> bool {
    let Ok(remembered) = DeployRequest::remembered(&record.opening.request) else {
        return false;
    };
    let request = remembered.request;
    let Ok(facts) = Facts::of_record(record, request.tool, request.operation) else {
        return false;
    };
    let age = facts.snapshot.ended_at.map(|ended| Utc::now() - ended);
    age.and_then(|age| age.to_std().ok())
        .is_some_and(|age| age >= keep)
}

/// Puts state that is nowhere else beside the sessions: what was made with it has to be found again.
fn keep_state(root: &Path, name: &str, place: &Place) -> io::Result<()> {
    let mut found = Vec::new();
    find_state(&place.source(), Path::new(""), &mut found)?;
    for file in found {
        let to = root.join(LEFT_STATES).join(name).join(&file);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(place.source().join(&file), &to)?;
    }
    Ok(())
}

/// The states below a directory, those in a repository's history aside; links are not followed.
fn find_state(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(fault) => return Err(fault),
    };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        let place = folder.join(&name);
        if kind.is_dir() && name != ".git" && name != ".terraform" {
            find_state(root, &place, found)?;
        } else if kind.is_file() && place.extension().is_some_and(|it| it == "tfstate") {
            found.push(place);
        }
    }
    Ok(())
}
