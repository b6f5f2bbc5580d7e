//! A stand-in for the tool: this program itself under the name `terraform`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Says what to do; if it is not set, this program is the bench.
const ACT: &str = "BENCH_ACT";

/// Puts the stand-in into a directory.
pub fn install(directory: &Path) {
    let own = std::env::current_exe().expect("this program has a path");
    std::os::unix::fs::symlink(own, directory.join("terraform")).expect("the directory is empty");
}

/// Returns the variables that make the stand-in print this many bytes in lines, as fast as it can.
pub fn prints(bytes: u64) -> Vec<(&'static str, String)> {
    vec![(ACT, format!("print {bytes}"))]
}

/// Returns the variables that make it print this many lines, one a millisecond, each with the time.
pub fn ticks(lines: u64) -> Vec<(&'static str, String)> {
    vec![(ACT, format!("tick {lines}"))]
}

/// Returns what this process is to do, if it is the stand-in.
pub fn act_asked_for() -> Option<String> {
    std::env::var(ACT).ok()
}

/// Plays the stand-in.
pub fn play(act: &str) -> ExitCode {
    let (what, count) = act.split_once(' ').expect("an act and a number");
    let count: u64 = count.parse().expect("a number");
    let done = match what {
        "print" => print(count),
        _ => tick(count),
    };
    if done.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Returns nanoseconds of the monotonic clock, which all processes share.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("there is a clock");
    Duration::from(time).as_nanos() as u64
}

fn print(bytes: u64) -> io::Result<()> {
    let line =
        "terraform_data.example[12]: Still creating... [id=0f1e2d3c4b5a, 10s elapsed] and so on\n";
    let block = line.repeat(64 * 1024 / line.len());
    let mut left = bytes;
    let mut stdout = io::stdout().lock();
    while left > 0 {
        let len = left.min(block.len() as u64);
        stdout.write_all(&block.as_bytes()[..len as usize])?;
        stdout.flush()?;
        left -= len;
    }
    Ok(())
}

fn tick(lines: u64) -> io::Result<()> {
    let start = now();
    for line in 0..lines {
        // On a fixed schedule, so that one late line does not delay all others.
        let due = start + line * 1_000_000;
        while now() < due {
            std::thread::sleep(Duration::from_nanos(due.saturating_sub(now())));
        }
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", now())?;
        stdout.flush()?;
    }
    Ok(())
}
