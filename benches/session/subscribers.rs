//! Latency from the tool's write to the readers of a session's log.

use iac_runner::session::{Logs, Reason};

use crate::bench_env::{BenchEnv, runtime, within_minutes};
use crate::ticker::{self, LINES, WORD};
use crate::{Figure, percentile};

/// Readers of one log.
const READERS: usize = 1000;

/// Measures the latency of each line for each reader.
pub fn measure() -> Vec<Figure> {
    let bench_env = BenchEnv::new();
    let runtime = runtime();
    let mut samples = within_minutes(&runtime, async {
        let sessions = bench_env.sessions();
        let mut request = bench_env.request();
        for (name, value) in ticker::install(&bench_env.ground.new_path("tool")) {
            request.env_vars.insert(name, value.into());
        }
        let session = sessions.start(request).expect("it starts");
        let readers: Vec<_> = (0..READERS)
            .map(|_| tokio::spawn(lateness(session.logs(0))))
            .collect();
        let ended = session.wait().await.expect("it ends");
        assert_eq!(ended.reason, Some(Reason::PlanFailed), "{ended:#?}");
        let mut samples = Vec::new();
        for reader in readers {
            let of_one = reader.await.expect("it reads to the end");
            assert_eq!(of_one.len() as u64, LINES);
            samples.extend(of_one);
        }
        samples
    });
    let p50 = percentile(&mut samples, 0.5);
    let p99 = percentile(&mut samples, 0.99);
    vec![Figure {
        what: format!(
            "the tool's write to {READERS} readers of the log, {LINES} lines at 20 a second"
        ),
        target: String::new(),
        measured: format!("p50 {p50:.1} ms, p99 {p99:.1} ms"),
        met: None,
    }]
}

/// Returns the milliseconds between the time in each line and the time when it was read.
async fn lateness(mut logs: Logs) -> Vec<f64> {
    let mut samples = Vec::new();
    while let Some(line) = logs.next_line().await {
        if let Some(written) = line.text.strip_prefix(WORD) {
            let written: u64 = written.parse().expect("a line is a time");
            samples.push((ticker::now() - written) as f64 / 1e6);
        }
    }
    samples
}
