//! What iac-runner costs over running the tool bare.
//!
//! Every figure is taken in one run beside what it is compared with, so that it tells about the program
//! and not about the machine. Run it with `./build.sh bench`; it prints the table of BENCHMARKS.md.

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

/// All of them, by the name that selects one on the command line.
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

/// Size, and whether anything has to be loaded beside it.
fn binary() -> Vec<Figure> {
    let bytes = std::fs::read(Path::new(ours::BINARY)).expect("the binary is built");
    // A dynamic program names its loader: `/lib64/ld-linux-…` or `/lib/ld-musl-…`.
    let is_static = !["/ld-linux", "/ld-musl"].iter().any(|loader| {
        bytes
            .windows(loader.len())
            .any(|window| window == loader.as_bytes())
    });
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
