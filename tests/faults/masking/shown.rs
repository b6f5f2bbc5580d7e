//! Everything that a run shows.

use std::fs;

use serde_json::Value;

use crate::support::ending::Ending;
use crate::support::runner::Launch;
use crate::support::workspace::Workspace;

/// The result of a run, and all its texts: stdout, stderr, the run directory, and the output of `attach`.
pub(super) struct Shown {
    pub(super) result: Value,
    texts: Vec<(String, String)>,
}

impl Shown {
    /// Runs a request to its end with all events, and with its record in the workspace's run directory.
    #[track_caller]
    pub(super) fn of(workspace: &Workspace, request: &Value) -> Self {
        let run_dir = workspace.run_dir();
        if run_dir.exists() {
            fs::remove_dir_all(&run_dir).expect("the record of the run before is removed");
        }
        let mut request = request.clone();
        request["run_dir"] = Value::from(run_dir.to_str().expect("a path that is text"));
        let ending = Launch::stream(workspace, &request).run();
        let attached = Launch::on_run_dir(workspace, "attach", &["--stream"]).run();
        let mut texts = Vec::new();
        for (name, ending) in [("run", &ending), ("attach", &attached)] {
            texts.push((format!("stdout of {name}"), ending.text()));
            texts.push((format!("stderr of {name}"), ending.stderr.clone()));
        }
        for entry in fs::read_dir(&run_dir).expect("a run directory") {
            let path = entry.expect("a readable entry").path();
            if path.is_file() {
                let bytes = fs::read(&path).expect("a readable file");
                let text = String::from_utf8_lossy(&bytes).into_owned();
                texts.push((path.display().to_string(), text));
            }
        }
        Self {
            result: result_of(&ending),
            texts,
        }
    }

    /// Returns the output in the result.
    #[track_caller]
    pub(super) fn output(&self) -> &str {
        self.result["output"].as_str().expect("the output is text")
    }

    /// Asserts that none of these is in any text, and that the output contains a mask.
    #[track_caller]
    pub(super) fn assert_hides<'a>(&self, pieces: impl IntoIterator<Item = &'a str>) {
        assert!(self.output().contains("***"), "{}", self.output());
        for piece in pieces {
            assert!(piece.len() >= 4, "`{piece}` may be anywhere");
            for (place, text) in &self.texts {
                assert!(!text.contains(piece), "`{piece}` is in {place}: {text}");
            }
        }
    }
}

#[track_caller]
fn result_of(ending: &Ending) -> Value {
    ending.streamed_result()
}
