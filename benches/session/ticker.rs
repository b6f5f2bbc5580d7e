//! A tool that prints the time: this program itself under the name `terraform`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Makes this program the tool.
const VARIABLE: &str = "BENCH_TICKER";
/// Lines that `plan` prints.
pub const LINES: u64 = 100;
/// Time between two lines.
const EVERY: Duration = Duration::from_millis(50);
/// Prefix of each line.
pub const WORD: &str = "tick ";

/// Puts the tool into a directory, and returns the variables that make this program the tool.
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

/// `init` does nothing; `plan` prints the time at intervals, and then fails.
pub fn play() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("plan") {
        return ExitCode::SUCCESS;
    }
    let start = now();
    for line in 1..=LINES {
        // On a fixed schedule, so that one late line does not delay all others.
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

/// Returns nanoseconds of the monotonic clock, which all processes share.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("there is a clock");
    Duration::from(time).as_nanos() as u64
}
