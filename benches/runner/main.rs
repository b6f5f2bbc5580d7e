//! What iac-runner costs over running the tool bare.
//!
//! Every figure is taken in one run beside what it is compared with, so that it tells about the program
//! and not about the machine. Run it with `./build.sh bench`; it prints the table of BENCHMARKS.md.

mod crowd;
mod latency;
mod ours;
mod overhead;
mod stand_in;
mod volume;

use std::path::Path;
use std::process::ExitCode;

/// One line of the table.
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// What is asked for.
    pub target: String,
    /// What came out.
    pub measured: String,
    /// Whether that is what is asked for.
    pub met: bool,
}

/// A measurement.
type Measure = fn() -> Vec<Figure>;

/// All of them, by the name that selects one on the command line.
const MEASURES: [(&str, Measure); 5] = [
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
    // Cargo passes flags of its own; what is left selects.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    println!("| figure | target | measured | met |\n|---|---|---|---|");
    for (name, measure) in MEASURES {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            for figure in measure() {
                let met = if figure.met { "yes" } else { "**no**" };
                println!(
                    "| {} | {} | {} | {met} |",
                    figure.what, figure.target, figure.measured
                );
            }
        }
    }
    ExitCode::SUCCESS
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
        met: bytes.len() < 2_000_000 && is_static,
    }]
}

/// The value below which a given share of the samples lies.
pub fn percentile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = samples.len() - 1;
    samples[(last as f64 * share).round() as usize]
}
