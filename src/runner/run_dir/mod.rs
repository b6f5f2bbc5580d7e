//! The run directory: the durable record of one run.
//!
//! | module | holds |
//! |---|---|
//! | `claim` | makes a directory the record of one run |
//! | `directory` | a directory that is worked in through its descriptor |
//! | `disk_activity` | whether a slow disk gets on at all |
//! | `recorder` | the supervisor's end: a bounded queue of what has to be written |
//! | `writer` | the thread that writes it, which alone waits for the disk |
//! | `result_file` | `result.json`: written aside, synced, renamed |
//! | `record` | the reader's end |
//! | `stored_event` | an event as `events.ndjson` has it |

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

pub(super) use self::record::{Introduction, NoRecord, Record, Standing};
pub(super) use self::recorder::{Recorder, Room};
pub(super) use self::result_file::ResultOutput;
pub(super) use self::stored_event::{OutputPlace, StoredOutput, WithStartTime};
use super::effect::{Effect, effect_of};

/// The request as it came, secrets masked.
pub(super) const REQUEST: &str = "request.json";
/// The masked output; grows as the tool prints.
pub(super) const OUTPUT: &str = "output.log";
/// The events, one a line; output as a place in [`OUTPUT`].
pub(super) const EVENTS: &str = "events.ndjson";
/// The result; there as a whole or not at all.
pub(super) const RESULT: &str = "result.json";
/// Locked for as long as the supervisor lives; holds its process id.
const PID: &str = "supervisor.pid";
/// What tells the supervisor from every other process.
const SUPERVISOR: &str = "supervisor.json";
/// Socket on which the supervisor takes orders; there while the run goes on.
const CONTROL: &str = "control.sock";
/// Answers on [`CONTROL`]: to an order that the run accepts, and to anything else.
pub(super) const CONTROL_ACCEPTED: &[u8] = b"{\"accepted\":true}\n";
pub(super) const CONTROL_REFUSED: &[u8] = b"{\"accepted\":false}\n";
/// Where the result is written before it gets its name.
const RESULT_PART: &str = "result.json.part";

/// How long the disk of a record may take for one step before the run goes on without it.
///
/// A disk that completes writes of other processes then is busy and does not hang: it has this time again, up to
/// [`BUSY_PATIENCE`].
pub(super) const DISK_PATIENCE: Duration = Duration::from_secs(30);
/// How long one step may take on a disk that is only busy, and the whole start on any.
///
/// Two hundred runs that sync at once were seen to take more than thirty seconds for one step.
const BUSY_PATIENCE: Duration = Duration::from_secs(120);

/// What of a record has to be there after a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// All of it: the run may change something that lasts.
    Record,
    /// The result: all that the run does can be done again.
    Result,
}

impl Durability {
    /// What the record of a command with these arguments needs.
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
