//! The run directory: the durable record of one run.

mod claim;
mod directory;
mod disk_activity;
mod queue;
mod record;
mod recorder;
mod result_file;
mod socket;
mod stored_event;
mod writer;

use std::fs::File;
use std::io;
use std::time::Duration;

pub(super) use self::record::{Introduction, NoRecord, Record, RecordState};
pub(super) use self::recorder::{Recorder, Room};
pub(super) use self::result_file::{ResultOutput, shortened};
pub(super) use self::stored_event::{OutputPlace, StoredOutput, WithStartTime};
use super::command::effect::{Effect, effect_of};
pub(super) use crate::protocol::run_files::{EVENTS, OUTPUT, PID, REQUEST, RESULT};

/// What distinguishes the supervisor from every other process.
const SUPERVISOR: &str = "supervisor.json";
/// Socket on which the supervisor accepts orders; exists while the run continues.
const CONTROL: &str = "control.sock";
/// Answers on [`CONTROL`]: to an order that the run accepts, and to anything else.
pub(super) const CONTROL_ACCEPTED: &[u8] = b"{\"accepted\":true}\n";
pub(super) const CONTROL_REFUSED: &[u8] = b"{\"accepted\":false}\n";
/// Where the result is written before it is renamed.
const RESULT_PART: &str = "result.json.part";

/// How long one step may take on the disk of a record before the run continues without it.
///
/// If the disk meanwhile completes writes of other processes, it is busy rather than hung: it gets this time again,
/// up to [`BUSY_PATIENCE`].
pub(super) const DISK_PATIENCE: Duration = Duration::from_secs(30);
/// How long one step may take on a disk that is only busy, and the whole start on any disk.
///
/// With two hundred runs that sync at once, single steps of more than thirty seconds were observed.
const BUSY_PATIENCE: Duration = Duration::from_secs(120);

/// Which parts of a record have to survive a power loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// All of it: the run may change something permanent.
    Record,
    /// The result: everything that the run does can be repeated.
    Result,
}

impl Durability {
    /// Returns what the record of a command with these arguments needs.
    pub(super) fn of(command: &str, args: &[String]) -> Self {
        match effect_of(command, args) {
            Effect::Nothing => Self::Result,
            Effect::State | Effect::Other => Self::Record,
        }
    }

    /// Syncs a part of the record that is not the result.
    fn sync(self, file: &File) -> io::Result<()> {
        match self {
            Self::Record => file.sync_all(),
            Self::Result => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
