//! `iac-runner cancel`: stops a run from another process.

use std::io;
use std::path::PathBuf;

use serde::Serialize;

use super::run_dir::{RESULT, Record, Standing};
use crate::process::{SignalledRequest, deliver};

/// What became of a request to stop a run, as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct Cancelled {
    /// Whether the supervisor has been told.
    pub(super) requested: bool,
    /// Process id of the supervisor, when it is alive.
    supervisor_pid: Option<i32>,
    run_dir: PathBuf,
    /// One sentence.
    pub(super) message: String,
}

/// Tells the supervisor of a run to stop it; does not wait until it has.
pub(super) fn request(record: &Record, force: bool) -> io::Result<Cancelled> {
    let answer = |requested, supervisor_pid, message: &str| Cancelled {
        requested,
        supervisor_pid,
        run_dir: record.path().to_owned(),
        message: message.to_owned(),
    };
    let supervisor = record.supervisor()?;
    // The lock is looked at after the process id is read: as long as it is held, the id is right.
    if record.standing()? == Standing::Over {
        let message = if record.file(RESULT).exists() {
            "the run is over; `iac-runner attach` prints its result"
        } else {
            "the supervisor of the run was lost and cannot be told; `iac-runner attach` prints what is \
             known, and whether the tool still runs"
        };
        return Ok(answer(false, None, message));
    }
    let Some(pid) = supervisor else {
        return Ok(answer(
            false,
            None,
            "the process id of the supervisor could not be recorded; find `iac-supervisor` with ps and \
             send it SIGUSR1",
        ));
    };
    let (what, message) = if force {
        (
            SignalledRequest::Force,
            "the supervisor was told to end the tool at once",
        )
    } else {
        (
            SignalledRequest::Cancel,
            "the supervisor was told to stop the tool gracefully",
        )
    };
    deliver(pid, what)?;
    Ok(answer(true, Some(pid), message))
}
