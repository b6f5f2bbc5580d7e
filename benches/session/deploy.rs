//! Wall time of whole deployments.

use std::time::Instant;

use crate::bench_env::{BenchEnv, assert_applied, runtime, within_minutes};
use crate::script::Collector;
use crate::{Figure, percentile, script};

/// Deployments of each kind, one at a time.
const RUNS: usize = 30;
/// Deployments at once.
const CROWD: usize = 50;
/// Crowds of each kind.
const ROUNDS: usize = 5;
/// Limit of the ratio to the script.
const LIMIT: f64 = 1.05;

/// Measures one deployment at a time, alternating between the kinds.
pub fn one() -> Vec<Figure> {
    let what = format!("one deployment from git to its outputs, p50 of {RUNS}");
    figures(&what, |collector| {
        let medians = alternate(1, RUNS, collector);
        let (script, session) = (medians.script * 1e3, medians.session * 1e3);
        let walls = format!("{session:.0} ms through a session, {script:.0} ms by a script");
        (medians.ratio, walls)
    })
}

/// Measures many deployments at once, alternating between the kinds.
pub fn many() -> Vec<Figure> {
    let what = format!("{CROWD} deployments at once, p50 of {ROUNDS} rounds");
    figures(&what, |collector| {
        let medians = alternate(CROWD, ROUNDS, collector);
        let (script, session) = (medians.script, medians.session);
        let walls = format!("{session:.2} s through sessions, {script:.2} s by scripts");
        (medians.ratio, walls)
    })
}

/// Compares with the plain script, and with one that collects garbage as rarely: the second ratio is the cost of a
/// session.
fn figures(what: &str, measure: impl Fn(Collector) -> (f64, String)) -> Vec<Figure> {
    let (ratio, walls) = measure(Collector::AsItIs);
    let (bare, bare_walls) = measure(Collector::AsWithUs);
    vec![
        Figure {
            what: what.to_owned(),
            target: format!("at most {LIMIT} × the same commands in a script"),
            measured: format!("{ratio:.3} × ({walls})"),
            met: Some(ratio <= LIMIT),
        },
        Figure {
            what: "the same, the script with our `GOGC`".to_owned(),
            target: String::new(),
            measured: format!("{bare:.3} × ({bare_walls})"),
            met: None,
        },
    ]
}

/// Medians of the wall times, in seconds, and of the ratios of neighbouring runs.
struct Medians {
    script: f64,
    session: f64,
    ratio: f64,
}

fn alternate(at_once: usize, rounds: usize, collector: Collector) -> Medians {
    let bench_env = BenchEnv::new();
    let runtime = runtime();
    let sessions = within_minutes(&runtime, async { bench_env.sessions() });
    let by_script = || {
        let began = Instant::now();
        let scripts: Vec<_> = (0..at_once)
            .map(|_| script::start(&bench_env, collector))
            .collect();
        scripts.into_iter().for_each(script::finish);
        began.elapsed().as_secs_f64()
    };
    let by_session = || {
        within_minutes(&runtime, async {
            let began = Instant::now();
            let started: Vec<_> = (0..at_once)
                .map(|_| {
                    let mut request = bench_env.request();
                    request.auto_approve = true;
                    sessions.start(request).expect("it starts")
                })
                .collect();
            let mut ended = Vec::new();
            for session in &started {
                ended.push(session.wait().await.expect("it ends"));
            }
            let wall = began.elapsed().as_secs_f64();
            ended.iter().for_each(assert_applied);
            wall
        })
    };
    // One warm-up run each, so that the programs are in memory.
    by_script();
    by_session();
    let (mut script, mut session) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // The second run finds the disk as the first left it, so the order alternates.
        if round % 2 == 0 {
            script.push(by_script());
            session.push(by_session());
        } else {
            session.push(by_session());
            script.push(by_script());
        }
    }
    // Neighbouring runs are compared: other load on the machine comes and goes.
    let mut ratios: Vec<f64> = session.iter().zip(&script).map(|(a, b)| a / b).collect();
    Medians {
        script: percentile(&mut script, 0.5),
        session: percentile(&mut session, 0.5),
        ratio: percentile(&mut ratios, 0.5),
    }
}
