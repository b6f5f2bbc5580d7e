//! Wall time compared with the bare tool, one run at a time.

use std::path::Path;
use std::time::Instant;

use crate::{Figure, ours, percentile, stand_in};

/// Runs of each kind.
const TRIVIAL_RUNS: usize = 200;
const TERRAFORM_RUNS: usize = 60;

/// Measures the time added to a trivial command, and to `terraform version`.
pub fn measure() -> Vec<Figure> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    stand_in::install(directory.path());
    let trivial = alternate(
        &directory.path().join("terraform"),
        &stand_in::prints(3),
        TRIVIAL_RUNS,
    );
    let real = alternate(&ours::terraform(), &[], TERRAFORM_RUNS);
    let alike = alternate(&ours::terraform(), &ours::collector(), TERRAFORM_RUNS);
    let added = (trivial.ours - trivial.bare) * 1e3;
    vec![
        Figure {
            what: format!("added to a trivial command, p50 of {TRIVIAL_RUNS} runs"),
            target: "at most 2 ms".to_owned(),
            measured: format!(
                "{added:.2} ms ({:.2} ms with, {:.2} ms bare)",
                trivial.ours * 1e3,
                trivial.bare * 1e3
            ),
            met: Some(added <= 2.0),
        },
        Figure {
            what: format!("wall of `terraform version`, p50 of {TERRAFORM_RUNS} runs"),
            target: "under 1.1 × bare".to_owned(),
            measured: real.shown(),
            met: Some(real.ratio() < 1.1),
        },
        Figure {
            what: "the same, bare with our `GOGC`".to_owned(),
            target: String::new(),
            measured: alike.shown(),
            met: None,
        },
    ]
}

/// Medians in seconds.
struct Medians {
    bare: f64,
    ours: f64,
}

impl Medians {
    fn ratio(&self) -> f64 {
        self.ours / self.bare
    }

    fn shown(&self) -> String {
        let (ours, bare) = (self.ours * 1e3, self.bare * 1e3);
        format!(
            "{:.3} × ({ours:.1} ms with, {bare:.1} ms bare)",
            self.ratio()
        )
    }
}

/// Runs both kinds, alternating, so that other load on the machine affects both.
fn alternate(program: &Path, variables: &[(&str, String)], runs: usize) -> Medians {
    let directory = program.parent().expect("a program is in a directory");
    let request = ours::request(directory, variables);
    let (mut bare, mut with) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let began = Instant::now();
        let output = ours::start_bare(program, variables).wait_with_output();
        bare.push(began.elapsed().as_secs_f64());
        assert!(output.expect("the tool ends").status.success());
        let began = Instant::now();
        let child = ours::start(&request, &[]);
        let output = child.wait_with_output().expect("iac-runner ends");
        with.push(began.elapsed().as_secs_f64());
        assert!(output.status.success());
    }
    Medians {
        bare: percentile(&mut bare, 0.5),
        ours: percentile(&mut with, 0.5),
    }
}
