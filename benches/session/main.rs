//! The cost of a deployment through a session, compared with the same commands in a shell script.
//!
//! Run it with `./build.sh bench`; it prints its lines of the table in BENCHMARKS.md.

mod deploy;
#[path = "../ground/mod.rs"]
mod ground;
mod holding;
mod script;
mod subscribers;
#[path = "../table/mod.rs"]
mod table;
mod ticker;

mod bench_env;

use std::process::ExitCode;

use table::{Figure, Measure, percentile};

/// All measurements, by the name that selects one on the command line.
const MEASURES: [Measure; 4] = [
    ("deploy", deploy::one),
    ("deploys", deploy::many),
    ("holding", holding::measure),
    ("subscribers", subscribers::measure),
];

fn main() -> ExitCode {
    if ticker::is_asked_for() {
        return ticker::play();
    }
    table::print(&MEASURES)
}
