//! What deployments over HTTP cost: compared with the same commands in a shell script, in memory, and in latency to
//! subscribers.
//!
//! Run it with `./build.sh bench`; it prints its lines of the table in BENCHMARKS.md.

#![allow(
    unreachable_pub,
    clippy::cast_possible_truncation,
    reason = "a program, whose parts are shared with the benches of the library"
)]

mod client;
mod deploy;
mod followers;
#[path = "../../../benches/ground/mod.rs"]
mod ground;
mod script;
#[path = "../../../benches/table/mod.rs"]
mod table;
#[path = "../../../benches/session/ticker.rs"]
mod ticker;
mod waiting;

mod bench_env;

use std::process::ExitCode;

use table::{Figure, Measure, percentile};

/// All measurements, by the name that selects one on the command line.
const MEASURES: [Measure; 4] = [
    ("service-deploy", deploy::one),
    ("service-deploys", deploy::many),
    ("service-waiting", waiting::measure),
    ("service-followers", followers::measure),
];

fn main() -> ExitCode {
    if ticker::is_asked_for() {
        return ticker::play();
    }
    table::print(&MEASURES)
}
