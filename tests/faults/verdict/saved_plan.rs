//! An apply of a saved plan writes to the backend of the plan, not to the one recorded in the working directory.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    killed_apply_of_a_plan_leaves_the_lock_of_its_backend,
    cancelled_apply_of_a_plan_releases_the_lock_of_its_backend,
    killed_apply_of_a_local_plan_is_partial,
}

/// Publishes the pid of the shell's parent: the tool.
const IN_FLIGHT: &str = "echo $PPID >pid; touch ready; while [ ! -e go ]; do sleep 0.05; done";

/// What a person or a pipeline does between the two commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Nothing,
    /// The data directory is removed.
    Removal,
    /// Another data directory is set.
    OtherDataDir,
    /// Another backend is set up in the same place.
    OtherBackend,
}

const ALL: [Between; 4] = [
    Between::Nothing,
    Between::Removal,
    Between::OtherDataDir,
    Between::OtherBackend,
];

/// Returns a request to apply a plan that was made before.
fn planned(tool: Tool, backend: Backend, between: Between) -> (Workspace, Value) {
    let workspace = Workspace::with_in_flight(tool, backend, IN_FLIGHT);
    let succeeds = |command: &str, args: &[&str]| {
        let ending = Launch::request(&workspace, &workspace.request(command, args)).run();
        ending.assert_outcome(&ending.result(), "succeeded");
    };
    succeeds("plan", &["-out=tfplan", "-no-color"]);
    let mut apply = workspace.request("apply", &["-no-color", "tfplan"]);
    let work_dir = workspace.work_dir();
    match between {
        Between::Nothing => {}
        // A local backend has no `.terraform` if there are no providers.
        Between::Removal => drop(fs::remove_dir_all(work_dir.join(".terraform"))),
        Between::OtherDataDir => apply["env_vars"]["TF_DATA_DIR"] = json!("other"),
        Between::OtherBackend => {
            let block =
                "terraform {\n  backend \"local\" {\n    path = \"other.tfstate\"\n  }\n}\n";
            let text = fs::read_to_string(work_dir.join("main.tf")).expect("the configuration");
            let from = text.find("terraform {").expect("its first block");
            let to = from + text[from..].find("\n}").expect("its end") + 2;
            let other = format!("{}{block}{}", &text[..from], &text[to..]);
            fs::write(work_dir.join("main.tf"), other).expect("written");
            succeeds("init", &["-reconfigure", "-no-color"]);
        }
    }
    (workspace, apply)
}

fn killed_apply_of_a_plan_leaves_the_lock_of_its_backend(tool: Tool) {
    for between in ALL {
        let (workspace, apply) = planned(tool, Backend::Server, between);
        let runner = Launch::request(&workspace, &apply).start();
        workspace.wait_until_in_flight();
        workspace.kill_recorded_tool();
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        assert!(workspace.lock_holder().is_some(), "{between:?}");
        assert_eq!(result["state"]["lock"], "held", "{between:?}: {result:#}");
        assert_eq!(
            result["state"]["safety"], "unknown",
            "{between:?}: {result:#}"
        );
    }
}

fn cancelled_apply_of_a_plan_releases_the_lock_of_its_backend(tool: Tool) {
    for between in ALL {
        let (workspace, apply) = planned(tool, Backend::Server, between);
        let runner = Launch::request(&workspace, &apply).start();
        workspace.wait_until_in_flight();
        runner.signal(Signal::SIGTERM);
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        ending.assert_outcome(&result, "cancelled");
        workspace.assert_lock_is_released();
        workspace.assert_state_is_complete();
        assert_eq!(
            result["state"]["lock"], "released",
            "{between:?}: {result:#}"
        );
        assert_eq!(
            result["state"]["safety"], "saved",
            "{between:?}: {result:#}"
        );
    }
}

fn killed_apply_of_a_local_plan_is_partial(tool: Tool) {
    for between in ALL {
        let (workspace, apply) = planned(tool, Backend::Local, between);
        let runner = Launch::request(&workspace, &apply).start();
        workspace.wait_until_in_flight();
        workspace.kill_recorded_tool();
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        assert_eq!(
            result["state"]["lock"], "released",
            "{between:?}: {result:#}"
        );
        assert_eq!(
            result["state"]["safety"], "partial",
            "{between:?}: {result:#}"
        );
        assert_eq!(workspace.resources().len(), 3, "{between:?}");
    }
}
