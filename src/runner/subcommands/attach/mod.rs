//! `iac-runner attach`: follows a run whose front is gone.

mod ending;
mod follower;
mod pulse;
mod watch;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::follower::Follower;
use self::pulse::Pulse;
pub(crate) use self::watch::attach;
use crate::protocol::exit_status;
use crate::runner::front::panic_hook::FrontProgress;
use crate::runner::messages::mode::Mode;
use crate::runner::run_dir::{NoRecord, Record, RecordState};

/// How often the supervisor is checked: a killed one sends no notification.
const CHECK: Duration = Duration::from_millis(100);
/// How long a supervisor may take to create its record: a backend may kill the front and attach at once.
const START: Duration = Duration::from_secs(2);
/// How long it may take to lock the record, if the file system cannot create and lock it in one step.
const LOCK: Duration = Duration::from_millis(500);
/// Pause between two checks of a record that is being created.
const PAUSE: Duration = Duration::from_millis(10);

/// Opens a record; waits briefly for one that is being created.
async fn open(run_dir: &Path) -> Result<Record, NoRecord> {
    let began = Instant::now();
    loop {
        match Record::open(run_dir) {
            Err(fault) if fault.may_come() && began.elapsed() < START => sleep(PAUSE).await,
            answer => return answer,
        }
    }
}

/// Follows the run in a record to its end and prints its result; returns the exit status of the run.
async fn follow(
    record: &Record,
    mode: Mode,
    progress: Arc<FrontProgress>,
    pulse: &Pulse,
) -> io::Result<u8> {
    let mut events = Follower::new(record, mode, progress, pulse);
    let began = Instant::now();
    let mut was_running = false;
    loop {
        // In this order: what the supervisor wrote before its end is read after this check.
        let is_over = record.state()? == RecordState::Over;
        was_running |= !is_over;
        pulse.beat();
        match mode {
            Mode::Stream => events.copy()?,
            // Only to be notified: files are watched, anything else is polled.
            Mode::Document => drop(events.open()),
        }
        // The result file gets its name before its event is written.
        if (mode == Mode::Document || events.has_result() || is_over)
            && let Some(outcome) = ending::recorded_outcome(record, pulse)?
        {
            ending::print(record, &events, mode)?;
            return Ok(exit_status::of(outcome));
        }
        if is_over && (was_running || began.elapsed() >= LOCK) {
            events.copy()?;
            return match events.take_result() {
                Some(result) => ending::print_event(&result, &events, mode),
                None => ending::report_loss(record, &events, mode),
            };
        }
        tokio::select! {
            () = events.changed() => {}
            () = sleep(CHECK) => {}
        }
    }
}
