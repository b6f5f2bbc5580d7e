//! Many concurrent runs.

use std::time::Instant;

use crate::{Figure, ours, percentile};

const RUNS: usize = 100;
/// Rounds of each kind, alternating; the medians are compared.
const ROUNDS: usize = 5;

/// Measures a hundred concurrent runs of `terraform version`, with and without iac-runner.
pub fn measure() -> Vec<Figure> {
    let (ratio, walls) = alternate(&[]);
    let (alike, walls_alike) = alternate(&ours::collector());
    vec![
        Figure {
            what: format!("{RUNS} runs of `terraform version` at once, median of {ROUNDS} rounds"),
            target: "all right, at most 1.1 × the wall without us".to_owned(),
            measured: format!("all right, {ratio:.3} × ({walls})"),
            met: Some(ratio <= 1.1),
        },
        Figure {
            what: "the same, bare with our `GOGC`".to_owned(),
            target: String::new(),
            measured: format!("all right, {alike:.3} × ({walls_alike})"),
            met: None,
        },
    ]
}

/// Runs both kinds, alternating; returns the ratio of the medians, and the medians.
fn alternate(variables: &[(&str, String)]) -> (f64, String) {
    let program = ours::terraform();
    let directory = program.parent().expect("a program is in a directory");
    let request = ours::request(directory, variables);
    let (mut bare, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let tools: Vec<_> = (0..RUNS)
            .map(|_| ours::start_bare(&program, variables))
            .collect();
        for tool in tools {
            assert!(
                tool.wait_with_output()
                    .expect("the tool ends")
                    .status
                    .success()
            );
        }
        bare.push(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let runners: Vec<_> = (0..RUNS).map(|_| ours::start(&request, &[])).collect();
        for runner in runners {
            let result = ours::finish(runner);
            let output = result["output"].as_str().expect("output is text");
            assert!(output.starts_with("Terraform v"), "{output}");
        }
        with.push(began.elapsed().as_secs_f64());
    }
    let (bare, with) = (percentile(&mut bare, 0.5), percentile(&mut with, 0.5));
    (with / bare, format!("{with:.2} s with, {bare:.2} s bare"))
}
