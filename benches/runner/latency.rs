//! Latency from the tool's write to our event.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::{Figure, ours, percentile, stand_in};

/// Lines, one a millisecond.
const LINES: u64 = 5000;

/// Measures the latency of `--stream`.
pub fn measure() -> Vec<Figure> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    stand_in::install(directory.path());
    let request = ours::request(directory.path(), &stand_in::ticks(LINES));
    let mut child = ours::start(&request, &["--stream"]);
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let mut samples = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.expect("events are text");
        let arrived = stand_in::now();
        let event: Value = serde_json::from_str(&line).expect("an event is JSON");
        if event["type"] == "output" {
            let text = event["text"].as_str().expect("output has a text");
            samples.extend(text.lines().map(|written| {
                let written: u64 = written.parse().expect("a line is a time");
                (arrived - written) as f64 / 1e6
            }));
        }
    }
    assert!(child.wait().expect("iac-runner ends").success());
    assert_eq!(samples.len() as u64, LINES);
    let p50 = percentile(&mut samples, 0.5);
    let p99 = percentile(&mut samples, 0.99);
    vec![Figure {
        what: format!("the tool's write to our event, {LINES} lines at 1,000 a second"),
        target: "p99 under 10 ms".to_owned(),
        measured: format!("p99 {p99:.2} ms, p50 {p50:.2} ms"),
        met: Some(p99 < 10.0),
    }]
}
