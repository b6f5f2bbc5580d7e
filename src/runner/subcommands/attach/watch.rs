//! Reads a record on a separate thread, so that a hung disk is reported.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use chrono::Utc;

use super::pulse::Pulse;
use crate::protocol::{Outcome, exit_status};
use crate::runner::front::panic_hook;
use crate::runner::front::panic_hook::FrontProgress;
use crate::runner::messages::mode::Mode;
use crate::runner::messages::wording::of_system;
use crate::runner::preparation::limits;
use crate::runner::result::document::of_no_tool;
use crate::runner::result::lost_supervisor;
use crate::runner::run_dir::DISK_PATIENCE;
use crate::runner::{block_on, internal_fault, refuse};

/// Stack of the reading thread, several times what it uses.
const STACK_BYTES: usize = 1024 * 1024;
/// Interval between two checks of the reading thread.
const LOOK: Duration = Duration::from_secs(1);

/// Attaches to the run in a directory: follows it, then prints its result.
pub(crate) fn attach(run_dir: &Path, mode: Mode) -> u8 {
    let progress = Arc::new(FrontProgress::default());
    // A run may exist even if this process fails.
    progress.may_run.store(true, Relaxed);
    panic_hook::print_on_panic(mode, Arc::clone(&progress), None);
    if let Some(sentence) = limits::unmet(limits::FILES_OF_A_FOLLOWER) {
        let sentence =
            format!("the run could not be inspected; if it is running, it continues: {sentence}");
        return internal_fault(mode, Outcome::Unknown, sentence);
    }
    let pulse = Arc::new(Pulse::default());
    let (done, answer) = channel();
    let reader = {
        let (progress, pulse) = (Arc::clone(&progress), Arc::clone(&pulse));
        let run_dir = run_dir.to_owned();
        thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || done.send(read(&run_dir, mode, progress, &pulse)))
    };
    if let Err(fault) = reader {
        let sentence = format!("the run was not looked at: {}", of_system(&fault));
        return internal_fault(mode, Outcome::Unknown, sentence);
    }
    let mut seen = (pulse.beats(), Duration::ZERO);
    loop {
        match answer.recv_timeout(LOOK) {
            Ok(status) => return status,
            Err(RecvTimeoutError::Disconnected) => return exit_status::INTERNAL_FAULT,
            Err(RecvTimeoutError::Timeout) => {}
        }
        // Checks are counted, not time: this process may have been stopped.
        seen = match pulse.beats() {
            beats if beats == seen.0 && !pulse.is_printing() => (beats, seen.1 + LOOK),
            beats => (beats, Duration::ZERO),
        };
        if seen.1 >= DISK_PATIENCE {
            return report_hanging_disk(run_dir, mode, &progress, &pulse);
        }
    }
}

fn read(run_dir: &Path, mode: Mode, progress: Arc<FrontProgress>, pulse: &Pulse) -> u8 {
    let followed = block_on(async {
        match super::open(run_dir).await {
            Ok(record) => super::follow(&record, mode, progress, pulse).await,
            Err(fault) if fault.is_denied() => {
                Ok(internal_fault(mode, Outcome::Unknown, fault.to_string()))
            }
            Err(fault) => Ok(refuse(mode, Outcome::InvalidRequest, fault.to_string())),
        }
    });
    match followed {
        Ok(status) => status,
        // The reader is gone; the run is not affected.
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => exit_status::INTERNAL_FAULT,
        Err(fault) => internal_fault(
            mode,
            Outcome::Unknown,
            format!("the run could not be followed: {}", of_system(&fault)),
        ),
    }
}

fn report_hanging_disk(run_dir: &Path, mode: Mode, progress: &FrontProgress, pulse: &Pulse) -> u8 {
    let sentence = format!(
        "the disk of `{}` has not answered for {} s; the run could not be followed; if it is running, it continues",
        run_dir.display(),
        DISK_PATIENCE.as_secs()
    );
    let result = of_no_tool(Outcome::Unknown, sentence, Utc::now()).with_output(String::new());
    let mut text = Vec::new();
    if pulse.is_within_line() {
        text.push(b'\n');
    }
    text.extend(lost_supervisor::encode(result, mode, progress.lines()));
    // Bypasses the lock of stdout, which the hung thread may hold.
    if let Ok(stdout) = io::stdout().as_fd().try_clone_to_owned() {
        // Stdout may be gone; the exit status reports the failure anyway.
        let _ = File::from(stdout).write_all(&text);
    }
    exit_status::INTERNAL_FAULT
}
