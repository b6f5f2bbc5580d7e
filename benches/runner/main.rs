//! The cost of iac-runner over the bare tool.
//!
//! Every figure is measured in the same run as its comparison, so that it describes the program and not the machine.
//! Run it with `./build.sh bench`; it prints the table of BENCHMARKS.md.

mod crowd;
mod latency;
mod ours;
mod overhead;
mod stand_in;
#[path = "../table/mod.rs"]
mod table;
mod volume;

use std::path::Path;
use std::process::ExitCode;

use table::{Figure, Measure, percentile};

/// All measurements, by the name that selects one on the command line.
const MEASURES: [Measure; 5] = [
    ("binary", binary),
    ("overhead", overhead::measure),
    ("volume", volume::measure),
    ("latency", latency::measure),
    ("crowd", crowd::measure),
];

fn main() -> ExitCode {
    if let Some(act) = stand_in::act_asked_for() {
        return stand_in::play(&act);
    }
    table::print(&MEASURES)
}

/// Measures the size of the binary, and checks whether it is static.
fn binary() -> Vec<Figure> {
    let bytes = std::fs::read(Path::new(ours::BINARY)).expect("the binary is built");
    let is_static = !has_loader(&bytes);
    vec![Figure {
        what: "size of the binary".to_owned(),
        target: "under 2 MB, static".to_owned(),
        measured: format!(
            "{:.2} MB, {}",
            bytes.len() as f64 / 1e6,
            if is_static { "static" } else { "dynamic" }
        ),
        met: Some(bytes.len() < 2_000_000 && is_static),
    }]
}

/// Returns whether an executable names a loader, as a dynamic one does: a program header of the type `PT_INTERP`
/// (elf(5)).
fn has_loader(elf: &[u8]) -> bool {
    const PT_INTERP: usize = 3;
    let number = |at: usize, len: usize| {
        let mut bytes = [0; 8];
        bytes[..len].copy_from_slice(&elf[at..at + len]);
        usize::try_from(u64::from_le_bytes(bytes)).expect("a 64-bit machine")
    };
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|index| number(table + index * size, 4) == PT_INTERP)
}
