//! Large output: speed and memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Figure, ours, stand_in};

const SECRETS: u64 = 20;
const MIB: u64 = 1024 * 1024;

/// Measures masking speed, and peak memory for little and for much output.
pub fn measure() -> Vec<Figure> {
    let fast = run(1024 * MIB, Kept::Nothing);
    let recorded = run(1024 * MIB, Kept::RunDir);
    let little = run(1024, Kept::Nothing);
    let much = run(2048 * MIB, Kept::Nothing);
    let speed = |run: &Run| 1024.0 * MIB as f64 / run.seconds / 1e6;
    let (speed, recorded_speed) = (speed(&fast), speed(&recorded));
    let disk_speed = write_to_disk(1024 * MIB);
    let memory = |what: &str, run: &Run| Figure {
        what: format!("peak memory of front + supervisor, {what} of output"),
        target: "under 4 MB".to_owned(),
        measured: format!("{:.1} MB", run.peak_kib as f64 * 1024.0 / 1e6),
        met: Some(run.peak_kib * 1024 < 4_000_000),
    };
    vec![
        Figure {
            what: format!("1 GiB of output through capture and masking, {SECRETS} secrets"),
            target: "400 MB/s or better".to_owned(),
            measured: format!("{speed:.0} MB/s, the tool's own time included"),
            met: Some(speed >= 400.0),
        },
        Figure {
            what: "the same with a run directory".to_owned(),
            target: "300 MB/s or better".to_owned(),
            measured: format!(
                "{recorded_speed:.0} MB/s; the disk alone takes {disk_speed:.0} MB/s in the same minute"
            ),
            met: Some(recorded_speed >= 300.0),
        },
        memory("1 KiB", &little),
        memory("2 GiB", &much),
        memory("1 GiB, with a run directory,", &recorded),
    ]
}

struct Run {
    seconds: f64,
    peak_kib: u64,
}

/// The files that a run leaves.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    Nothing,
    RunDir,
}

/// Returns the write speed of the disk of the run directories without a sync, in MB/s.
fn write_to_disk(bytes: u64) -> f64 {
    let mut file = tempfile::tempfile().expect("a temporary file");
    let piece = vec![b'x'; 64 * 1024];
    let began = Instant::now();
    for _ in 0..bytes / piece.len() as u64 {
        file.write_all(&piece).expect("room on the disk");
    }
    bytes as f64 / began.elapsed().as_secs_f64() / 1e6
}

fn run(bytes: u64, kept: Kept) -> Run {
    let directory = tempfile::tempdir().expect("a temporary directory");
    stand_in::install(directory.path());
    let mut request = ours::request(directory.path(), &stand_in::prints(bytes));
    request["secrets"] = Value::from((0..SECRETS).map(secret).collect::<Vec<_>>());
    request["output_limit_bytes"] = json!(8 * MIB);
    if kept == Kept::RunDir {
        request["run_dir"] = json!(directory.path().join("run"));
    }
    let began = Instant::now();
    let child = ours::start(&request, &[]);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (pid, over) = (child.id(), &over);
        let watcher = scope.spawn(move || watch(pid, over));
        let seconds = finish(child, began, bytes);
        over.store(true, Ordering::Relaxed);
        Run {
            seconds,
            peak_kib: watcher.join().expect("the watcher ends"),
        }
    })
}

fn finish(child: Child, began: Instant, bytes: u64) -> f64 {
    let result = ours::finish(child);
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(result["output_bytes"], json!(bytes));
    seconds
}

/// Returns forty characters that look like a token, always the same for a number.
fn secret(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..40)
        .map(|_| {
            // xorshift64, Marsaglia 2003.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                    [(state % 62) as usize],
            )
        })
        .collect()
}

/// Returns the peak memory of front and supervisor, in KiB: the private pages of each, and the pages of their common
/// program once.
fn watch(front: u32, over: &AtomicBool) -> u64 {
    let mut peaks: BTreeMap<u32, Resident> = BTreeMap::new();
    while !over.load(Ordering::Relaxed) {
        let children = fs::read_to_string(format!("/proc/{front}/task/{front}/children"));
        let supervisor = children
            .ok()
            .and_then(|list| list.split_whitespace().next()?.parse().ok());
        for pid in [Some(front), supervisor].into_iter().flatten() {
            if let Some(now) = resident(pid) {
                let peak = peaks.entry(pid).or_default();
                peak.own_kib = peak.own_kib.max(now.own_kib);
                peak.file_kib = peak.file_kib.max(now.file_kib);
            }
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    let own: u64 = peaks.values().map(|it| it.own_kib).sum();
    own + peaks.values().map(|it| it.file_kib).max().unwrap_or(0)
}

/// Resident memory of a process.
#[derive(Default)]
struct Resident {
    /// Its private pages.
    own_kib: u64,
    /// Pages of its program, shared by all processes that run it.
    file_kib: u64,
}

fn resident(pid: u32) -> Option<Resident> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Resident {
        own_kib: kib("RssAnon:")?,
        file_kib: kib("RssFile:")?,
    })
}
