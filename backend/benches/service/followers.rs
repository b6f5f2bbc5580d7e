//! Latency from the tool's write to the subscribers of a deployment's log.

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::bench_env::BenchEnv;
use crate::client::Client;
use crate::ticker::{self, LINES, WORD};
use crate::{Figure, percentile};

/// Subscribers of one log.
const FOLLOWERS: usize = 1000;
/// Limit of the latency, in milliseconds.
const LIMIT: f64 = 250.0;

/// Measures the latency of each line for each subscriber.
pub fn measure() -> Vec<Figure> {
    let bench_env = BenchEnv::new(1);
    let service = bench_env.serve();
    let mut request = bench_env.request(0, false);
    for (name, value) in ticker::install(&bench_env.ground.new_path("tool")) {
        request["env_vars"][name] = json!(value);
    }
    let id = Client::of(&service).deploy(&request);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut samples = runtime.block_on(async {
        let call = format!(
            "GET /deploy/{id}/logs HTTP/1.1\r\nHost: {}\r\n\r\n",
            service.address
        );
        let followers: Vec<_> = (0..FOLLOWERS)
            .map(|_| tokio::spawn(lateness(service.address.clone(), call.clone())))
            .collect();
        let mut samples = Vec::new();
        for follower in followers {
            let (of_one, begun_at) = follower.await.expect("it follows to the end");
            assert_eq!(of_one.len() as u64, LINES);
            // Lines written before the subscriber's request do not count.
            samples.extend(
                of_one
                    .into_iter()
                    .filter(|(written, _)| *written > begun_at),
            );
        }
        samples
            .into_iter()
            .map(|(_, late)| late)
            .collect::<Vec<f64>>()
    });
    let count = samples.len();
    let p50 = percentile(&mut samples, 0.5);
    let p99 = percentile(&mut samples, 0.99);
    vec![Figure {
        what: format!(
            "the tool's write to {FOLLOWERS} subscribers over HTTP, {LINES} lines at 20 a second"
        ),
        target: format!("p99 under {LIMIT:.0} ms"),
        measured: format!("p50 {p50:.1} ms, p99 {p99:.1} ms of {count} events"),
        met: Some(p99 < LIMIT),
    }]
}

/// Returns the write time and the latency in milliseconds of each line, and the time when this subscriber was
/// connected.
async fn lateness(address: String, call: String) -> (Vec<(u64, f64)>, u64) {
    let mut stream = TcpStream::connect(address).await.expect("it serves");
    stream.write_all(call.as_bytes()).await.expect("it listens");
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next_line().await.expect("an answer").expect("a line");
    assert!(first.ends_with("200 OK"), "{first}");
    let begun_at = ticker::now();
    let mut samples = Vec::new();
    while let Some(line) = lines.next_line().await.expect("the events go on") {
        if line == "event: end" {
            break;
        }
        if let Some(written) = line
            .strip_prefix("data: ")
            .and_then(|it| it.strip_prefix(WORD))
        {
            let written: u64 = written.parse().expect("a line is a time");
            samples.push((written, (ticker::now() - written) as f64 / 1e6));
        }
    }
    (samples, begun_at)
}
