//! Wall time of whole deployments, from the request to the end event.

use std::time::Instant;

use crate::bench_env::BenchEnv;
use crate::client::Client;
use crate::script::Collector;
use crate::{Figure, percentile, script};

/// Deployments of each kind, one at a time.
const RUNS: usize = 20;
/// Deployments at once.
const CROWD: usize = 50;
/// Crowds of each kind.
const ROUNDS: usize = 3;

/// Measures one deployment at a time, alternating between the kinds.
pub fn one() -> Vec<Figure> {
    let what = format!("one deployment over HTTP, p50 of {RUNS}");
    let medians = alternate(1, RUNS, Collector::AsItIs);
    let with_us = alternate(1, RUNS, Collector::AsWithUs);
    vec![
        figure(
            what,
            "no slower than 0.32 s",
            &medians,
            medians.service <= 0.32,
        ),
        figure(
            "the same, the script with our `GOGC`".to_owned(),
            "at most 1.0 × the script",
            &with_us,
            with_us.ratio <= 1.0,
        ),
    ]
}

/// Measures many deployments at once, alternating between the kinds.
pub fn many() -> Vec<Figure> {
    let medians = alternate(CROWD, ROUNDS, Collector::AsItIs);
    vec![figure(
        format!("{CROWD} deployments at once over HTTP, p50 of {ROUNDS} rounds"),
        "faster than 6.2 s",
        &medians,
        medians.service < 6.2,
    )]
}

fn figure(what: String, target: &str, medians: &Medians, met: bool) -> Figure {
    Figure {
        what,
        target: target.to_owned(),
        measured: format!(
            "{:.2} s, {:.3} × a script that clones and calls the tool four times ({:.2} s)",
            medians.service, medians.ratio, medians.script
        ),
        met: Some(met),
    }
}

/// Medians of the wall times, in seconds, and of the ratios of neighbouring runs.
struct Medians {
    script: f64,
    service: f64,
    ratio: f64,
}

fn alternate(at_once: usize, rounds: usize, collector: Collector) -> Medians {
    let bench_env = BenchEnv::new(at_once);
    let service = bench_env.serve();
    let client = Client::of(&service);
    let by_script = || {
        let began = Instant::now();
        let scripts: Vec<_> = (0..at_once)
            .map(|number| script::start(&bench_env, number, collector))
            .collect();
        scripts.into_iter().for_each(script::finish);
        began.elapsed().as_secs_f64()
    };
    let by_service = || {
        let began = Instant::now();
        let start = |number| client.deploy(&bench_env.request(number, true));
        let started: Vec<_> = (0..at_once).map(start).collect();
        for id in &started {
            client.wait_for(id, "end", "\"applied\"");
        }
        began.elapsed().as_secs_f64()
    };
    // One warm-up run each, so that the programs are in memory.
    by_script();
    by_service();
    let (mut script, mut service) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // The second run finds the disk as the first left it, so the order alternates.
        if round % 2 == 0 {
            script.push(by_script());
            service.push(by_service());
        } else {
            service.push(by_service());
            script.push(by_script());
        }
    }
    let mut ratios: Vec<f64> = service.iter().zip(&script).map(|(a, b)| a / b).collect();
    Medians {
        script: percentile(&mut script, 0.5),
        service: percentile(&mut service, 0.5),
        ratio: percentile(&mut ratios, 0.5),
    }
}
