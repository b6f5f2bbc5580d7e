//! Files that change while the tool runs: the report of the state says no more than is certain.

use std::fs::{self, File};
use std::path::Path;

use super::wrappers::wrapped;
use crate::support::runner::Launch;
use crate::support::state_server::Reads;
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    lock_is_unknown_if_the_backend_record_was_changed,
    lock_that_a_foreign_backend_record_names_is_not_held,
    local_state_that_was_cut_is_not_partial,
    finished_change_that_was_not_written_is_not_partial,
    state_that_a_script_wrote_elsewhere_is_not_saved,
    killed_plan_reports_the_lock_that_it_left,
}

/// Publishes the pid of the shell's parent: the tool.
const IN_FLIGHT: &str = "echo $PPID >pid; touch ready; while [ ! -e go ]; do sleep 0.05; done";

/// A local state without resources.
const NO_RESOURCES: &str = r#"{"version":4,"terraform_version":"1.6.2","serial":1,"lineage":"x","outputs":{},"resources":[],"check_results":null}"#;

/// Kills the tool of an apply after `change`, and returns the result.
fn killed_after(workspace: &Workspace, change: impl FnOnce(&Path)) -> serde_json::Value {
    let runner = Launch::request(workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    change(&workspace.work_dir());
    workspace.kill_recorded_tool();
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    result
}

fn lock_is_unknown_if_the_backend_record_was_changed(tool: Tool) {
    type Change = fn(&Path);
    let remove: Change = |dir| fs::remove_dir_all(dir.join(".terraform")).expect("removed");
    let to_local: Change = |dir| {
        let record = dir.join(".terraform/terraform.tfstate");
        let local = r#"{"version":3,"backend":{"type":"local","config":{},"hash":1}}"#;
        fs::write(record, local).expect("written");
    };
    for change in [remove, to_local] {
        let workspace = Workspace::with_in_flight(tool, Backend::Server, IN_FLIGHT);
        let result = killed_after(&workspace, change);
        assert!(workspace.lock_holder().is_some());
        assert_eq!(result["state"]["lock"], "unknown", "{result:#}");
        assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
    }
}

fn lock_that_a_foreign_backend_record_names_is_not_held(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Local, IN_FLIGHT);
    let result = killed_after(&workspace, |dir| {
        fs::create_dir_all(dir.join(".terraform")).expect("a folder");
        let http = r#"{"version":3,"backend":{"type":"http","config":{"lock_address":"http://127.0.0.1:9"},"hash":1}}"#;
        fs::write(dir.join(".terraform/terraform.tfstate"), http).expect("written");
    });
    assert_eq!(result["state"]["lock"], "unknown", "{result:#}");
}

fn local_state_that_was_cut_is_not_partial(tool: Tool) {
    for len in [0, 40] {
        let workspace = Workspace::with_in_flight(tool, Backend::Local, IN_FLIGHT);
        fs::write(workspace.work_dir().join("terraform.tfstate"), NO_RESOURCES).expect("a state");
        let result = killed_after(&workspace, |dir| {
            let state = File::options()
                .write(true)
                .open(dir.join("terraform.tfstate"));
            state.and_then(|file| file.set_len(len)).expect("cut");
        });
        assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
        let sentence = result["error_msg"].as_str().expect("text");
        assert!(sentence.contains("is empty or cut"), "{sentence}");
        assert!(sentence.contains("terraform.tfstate.backup"), "{sentence}");
    }
}

/// The backup of the state cannot be written, as on a full disk: then neither tool writes the state.
fn finished_change_that_was_not_written_is_not_partial(tool: Tool) {
    let script = serde_json::to_string(IN_FLIGHT).expect("a string is JSON");
    let workspace = Workspace::with_configuration(
        tool,
        Backend::Local,
        &format!(
            r#"
resource "terraform_data" "quick" {{}}

resource "terraform_data" "slow" {{
  provisioner "local-exec" {{
    command = {script}
  }}
}}
"#
        ),
    );
    let state = workspace.work_dir().join("terraform.tfstate");
    fs::write(&state, NO_RESOURCES).expect("a state");
    fs::create_dir(workspace.work_dir().join("terraform.tfstate.backup")).expect("a folder");
    let log = workspace.run_dir().join("output.log");
    let result = killed_after(&workspace, |_| {
        wait_for("the end of the quick change", WITHIN_A_TEST, || {
            let text = fs::read_to_string(&log).ok()?;
            text.contains("terraform_data.quick: Creation complete")
                .then_some(())
        });
    });
    let written = fs::read_to_string(&state).expect("a state");
    assert_eq!(written, NO_RESOURCES);
    assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
}

fn killed_plan_reports_the_lock_that_it_left(tool: Tool) {
    for (backend, lock) in [
        (Backend::Server, Some("unknown")),
        (Backend::Local, None::<&str>),
    ] {
        let workspace = Workspace::new(tool, backend);
        let mut request = workspace.request("plan", &["-no-color"]);
        match backend {
            Backend::Server => workspace.server().take_reads(Reads::Never),
            // Ends at once.
            Backend::Local => request["timeout"] = 600.into(),
        }
        let mut runner = Launch::request(&workspace, &request).start();
        if backend == Backend::Server {
            workspace.server().wait_for_more("LOCK", 0, WITHIN_A_TEST);
            runner.control(r#"{"type":"cancel","force":true}"#);
        }
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        assert_eq!(result["state"]["lock"].as_str(), lock, "{result:#}");
        if lock.is_some() {
            assert!(workspace.lock_holder().is_some());
            assert_eq!(result["state"]["safety"], "saved", "{result:#}");
            let sentence = result["error_msg"].as_str().expect("text");
            assert!(sentence.contains("may still be held"), "{sentence}");
        }
    }
}

/// Works in a copy of the directory, and removes it with the state.
const IN_A_COPY: &str = "copy=$(mktemp -d); cp -a . $copy; cd $copy; TOOL \"$@\"; status=$?; rm -rf $copy; \
                         exit $status";

fn state_that_a_script_wrote_elsewhere_is_not_saved(tool: Tool) {
    for json in [&[][..], &["-json"]] {
        let workspace = Workspace::with_configuration(
            tool,
            Backend::Local,
            "resource \"terraform_data\" \"new\" {}\n",
        );
        let state = workspace.work_dir().join("terraform.tfstate");
        fs::write(&state, NO_RESOURCES).expect("a state");
        let args = [&["-auto-approve", "-no-color"], json].concat();
        let mut request = wrapped(&workspace, IN_A_COPY);
        request["args"] = serde_json::json!(args);
        request["run_dir"] = serde_json::Value::Null;
        let ending = Launch::request(&workspace, &request).run();
        let result = ending.result();
        ending.assert_outcome(&result, "succeeded");
        let written = fs::read_to_string(&state).expect("a state");
        assert_eq!(written, NO_RESOURCES);
        assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
    }
}
