//! Memory of a process that holds sessions waiting for approval.

use iac_runner::session::{Session, Status};

use crate::Figure;
use crate::bench_env::{BenchEnv, runtime, within_minutes};

/// Number of waiting sessions.
const WAITING: usize = 200;

/// Measures the memory of the process before and with them.
pub fn measure() -> Vec<Figure> {
    let bench_env = BenchEnv::new();
    let runtime = runtime();
    let (alone, with) = within_minutes(&runtime, async {
        let sessions = bench_env.sessions();
        // The first one includes what all share.
        let first = waiting(vec![
            sessions.start(bench_env.request()).expect("it starts"),
        ])
        .await;
        let alone = resident_kib();
        let started = (1..WAITING).map(|_| sessions.start(bench_env.request()).expect("it starts"));
        let rest = waiting(started.collect()).await;
        let with = resident_kib();
        for session in first.iter().chain(&rest) {
            session.cancel("the bench").await.expect("it waits");
            session.wait().await.expect("it ends");
        }
        (alone, with)
    });
    let each = (with - alone) as f64 / (WAITING - 1) as f64;
    vec![Figure {
        what: format!("memory of a process that holds {WAITING} waiting sessions"),
        target: String::new(),
        measured: format!(
            "{:.1} MB resident, {each:.0} KiB a session over the {:.1} MB with one",
            with as f64 / 1e3,
            alone as f64 / 1e3
        ),
        met: None,
    }]
}

async fn waiting(started: Vec<Session>) -> Vec<Session> {
    for session in &started {
        let mut status = session.watch();
        let reached = status.wait_for(|now| now.status != Status::Running).await;
        let status = reached.expect("it is there").status;
        assert_eq!(status, Status::AwaitingApproval);
    }
    started
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("it is there");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.expect("a line").parse().expect("a number")
}
