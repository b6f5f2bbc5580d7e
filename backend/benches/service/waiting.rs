//! Memory of the service while deployments wait.

use crate::Figure;
use crate::bench_env::BenchEnv;
use crate::client::Client;

/// Number of waiting deployments.
const WAITING: usize = 500;
/// Limit of the service's resident memory with them, in MB.
const LIMIT_MB: f64 = 60.0;

/// Measures the memory of the service with deployments that wait for approval, and with queued ones.
pub fn measure() -> Vec<Figure> {
    let bench_env = BenchEnv::new(WAITING);
    let for_an_approval = {
        let service = bench_env.serve();
        let client = Client::of(&service);
        let start = |number| client.deploy(&bench_env.request(number, false));
        let started: Vec<_> = (0..WAITING).map(start).collect();
        for id in &started {
            client.wait_for(id, "status", "\"awaiting_approval\"");
        }
        service.resident_kib()
    };
    let for_their_turn = {
        let service = bench_env.serve();
        let client = Client::of(&service);
        let first = client.deploy(&bench_env.request(0, false));
        client.wait_for(&first, "status", "\"awaiting_approval\"");
        for _ in 0..WAITING {
            client.deploy(&bench_env.request(0, false));
        }
        service.resident_kib()
    };
    vec![
        figure("for an approval", for_an_approval),
        figure("their turn", for_their_turn),
    ]
}

fn figure(what: &str, kib: u64) -> Figure {
    let megabytes = kib as f64 * 1024.0 / 1e6;
    Figure {
        what: format!("memory of the service with {WAITING} deployments that wait {what}"),
        target: format!("under {LIMIT_MB:.0} MB"),
        measured: format!("{megabytes:.1} MB resident"),
        met: Some(megabytes < LIMIT_MB),
    }
}
