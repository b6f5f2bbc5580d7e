//! A tool that says the time: this very program under the name `terraform`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Makes this program the tool.
const VARIABLE: &str = "BENCH_TICKER";
/// Lines that `plan` prints.
pub const LINES: u64 = 100;
/// From one line to the next.
const EVERY: Duration = Duration::from_millis(50);
/// Begins each of them.
pub const WORD: &str = "tick ";

/// Puts the tool into a directory, and gives the variables that make it one.
pub fn install(directory: &Path) -> [(String, String); 2] {
    std::fs::create_dir(directory).expect("a new folder");
    let own = std::env::current_exe().expect("this program has a path");
    std::os::unix::fs::symlink(own, directory.join("terraform")).expect("the folder is empty");
    let path = format!("{}:/usr/bin:/bin", directory.display());
    [
        (VARIABLE.to_owned(), "1".to_owned()),
        ("PATH".to_owned(), path),
    ]
}

pub fn is_asked_for() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// `init` does nothing; `plan` says the time every so often, and then that it failed.
pub fn play() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("plan") {
        return ExitCode::SUCCESS;
    }
    let start = now();
    for line in 1..=LINES {
        // To a schedule, so that a late line does not make all others late.
        let due = start + line * EVERY.as_nanos() as u64;
        std::thread::sleep(Duration::from_nanos(due.saturating_sub(now())));
        let mut stdout = std::io::stdout().lock();
        let written = writeln!(stdout, "{WORD}{}", now()).and_then(|()| stdout.flush());
        if written.is_err() {
            break;
        }
    }
    ExitCode::FAILURE
}

/// Nanoseconds of the monotonic clock, which all processes share.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("there is a clock");
    Duration::from(time).as_nanos() as u64
}
