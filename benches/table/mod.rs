//! The table of BENCHMARKS.md, one line for each figure, and helpers to compute it.

use std::process::ExitCode;

/// One line of the table.
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// The target.
    pub target: String,
    /// The result.
    pub measured: String,
    /// Whether the target is met; `None` if there is no target.
    pub met: Option<bool>,
}

/// A measurement, by the name that selects it on the command line.
pub type Measure = (&'static str, fn() -> Vec<Figure>);

/// Runs the measurements that the command line names, or all of them, and prints their lines.
pub fn print(measures: &[Measure]) -> ExitCode {
    // Cargo passes its own flags; the other arguments select measurements.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|it| it == name);
    if !measures.iter().any(|(name, _)| is_wanted(name)) {
        return ExitCode::SUCCESS;
    }
    println!("| figure | target | measured | met |\n|---|---|---|---|");
    for (_, measure) in measures.iter().filter(|(name, _)| is_wanted(name)) {
        for figure in measure() {
            let met = match figure.met {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "",
            };
            println!(
                "| {} | {} | {} | {met} |",
                figure.what, figure.target, figure.measured
            );
        }
    }
    ExitCode::SUCCESS
}

/// Returns the value below which a given share of the samples lies.
pub fn percentile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = samples.len() - 1;
    samples[(last as f64 * share).round() as usize]
}
