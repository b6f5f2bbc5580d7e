//! `errored.tfstate` that a run wrote or found, with any file times.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::state::{read_json, resources};
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    errored_state_of_an_earlier_run_is_not_reported,
    errored_state_that_is_rewritten_is_reported,
    errored_state_is_reported_where_clocks_are_behind,
}

/// A state of an earlier run; the tools overwrite only a state that they can read.
const EARLIER: &str = r#"{"version":4,"terraform_version":"1.6.2","serial":1,"lineage":"x","outputs":{},"resources":[],"check_results":null}"#;
const A_DAY: Duration = Duration::from_secs(86_400);

/// Returns times that an earlier file may have: now in whole seconds, earlier, and from a clock that is ahead.
fn times() -> [SystemTime; 3] {
    let now = SystemTime::now();
    let age = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("the clock is past 1970");
    let in_whole_seconds = SystemTime::UNIX_EPOCH + Duration::from_secs(age.as_secs());
    [in_whole_seconds, now - A_DAY, now + A_DAY]
}

fn set_time(path: &Path, at: SystemTime) {
    File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_times(FileTimes::new().set_modified(at)))
        .expect("the time is set");
}

fn errored_state_of_an_earlier_run_is_not_reported(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Server, "exit 1");
    let path = workspace.work_dir().join("errored.tfstate");
    for at in times() {
        fs::write(&path, EARLIER).expect("a file");
        set_time(&path, at);
        let ending = Launch::request(&workspace, &workspace.apply_again()).run();
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        assert_eq!(result["state"]["safety"], "saved", "{result:#}");
        let told = &result["state"]["errored_state_file"];
        assert_eq!(told, &Value::Null, "{result:#}");
    }
}

fn errored_state_that_is_rewritten_is_reported(tool: Tool) {
    for at in times() {
        let workspace = Workspace::with_in_flight(tool, Backend::Server, "exit 1");
        workspace.server().take_writes(Writes::Refused);
        let path = workspace.work_dir().join("errored.tfstate");
        fs::write(&path, EARLIER).expect("a file");
        set_time(&path, at);
        let ending = Launch::request(&workspace, &workspace.apply_again()).run();
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        assert_errored_state_is_told(&workspace, &result);
        let errored = read_json(&path).expect("an errored state file");
        assert_eq!(resources(&errored).len(), 4);
    }
}

/// A scripted tool, because the real ones cannot be given a file system with a separate clock.
fn errored_state_is_reported_where_clocks_are_behind(tool: Tool) {
    let script = "echo '{}' >errored.tfstate; touch -d @1000000000 errored.tfstate; exit 1";
    let fake = FakeTool::new(tool, script);
    for _ in 0..2 {
        let mut request = fake.refresh();
        request["run_dir"] = Value::Null;
        let path = fake.workspace.work_dir().join("errored.tfstate");
        if path.exists() {
            fs::write(&path, "[]").expect("a file");
        }
        let ending = Launch::request(&fake.workspace, &request).run();
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        assert_errored_state_is_told(&fake.workspace, &result);
    }
}

#[track_caller]
fn assert_errored_state_is_told(workspace: &Workspace, result: &Value) {
    let state = &result["state"];
    assert_eq!(state["safety"], "errored_file", "{result:#}");
    let path = workspace.work_dir().join("errored.tfstate");
    assert_eq!(state["errored_state_file"], json!(path), "{result:#}");
}

impl Workspace {
    /// A request for an apply without a run directory, so that it can be sent again.
    fn apply_again(&self) -> Value {
        self.request("apply", &["-auto-approve", "-no-color"])
    }
}
