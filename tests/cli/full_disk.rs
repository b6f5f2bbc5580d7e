//! The disk of the run directory fills up in mid-run.

use serde_json::json;

use crate::support::ending::warnings;
use crate::support::runner::Launch;
use crate::support::small_disk::SmallDisk;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    a_full_disk_for_the_run_directory_costs_the_record_and_not_the_run,
}

/// Several times more than the disk holds.
const LINES: usize = 5000;

fn a_full_disk_for_the_run_directory_costs_the_record_and_not_the_run(tool: Tool) {
    let disk = SmallDisk::mount(64);
    let script = format!("seq 1 {LINES} | sed 's/$/ of a long story that fills the disk/'");
    let workspace = Workspace::with_in_flight(tool, Backend::Server, &script);
    let mut request = workspace.apply();
    request["run_dir"] = json!(disk.run_dir());

    let runner = Launch::stream(&workspace, &request).start();
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");
    workspace.assert_everything_was_applied();
    workspace.assert_lock_is_released();

    assert_eq!(result["output_complete"], true);
    assert_eq!(result["output_truncated"], false);
    let output = result["output"].as_str().expect("text");
    let told = output
        .lines()
        .filter(|line| line.ends_with(" of a long story that fills the disk"))
        .count();
    assert_eq!(told, LINES, "lines of the tool in the result");

    let events = ending.events();
    let warnings = warnings(&events);
    assert!(
        warnings.iter().any(|warning| warning.contains("space")),
        "no warning tells of the disk: {warnings:?}"
    );

    let run_dir = disk.run_dir();
    let run_dir = run_dir.to_str().expect("a path that is text");
    let attached = Launch::new(&workspace, &["attach", run_dir]).run();
    let outcome = attached.result()["outcome"].take();
    assert!(outcome == "succeeded" || outcome == "unknown", "{outcome}");
}
