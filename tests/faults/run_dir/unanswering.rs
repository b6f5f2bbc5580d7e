//! A disk that does not respond at all, like that of a lost file server.

use std::fs;

use serde_json::json;

use super::hung_folder::HungFolder;
use crate::support::ending::assert_state_is_told;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    a_work_dir_that_does_not_answer_is_refused_in_time,
    a_work_dir_that_hangs_at_the_end_does_not_hold_up_the_result,
    attach_and_cancel_say_that_a_disk_does_not_answer,
}

fn a_work_dir_that_does_not_answer_is_refused_in_time(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let hung = HungFolder::over(&workspace.work_dir());
    let ending = Launch::request(&workspace, &workspace.apply()).run();
    drop(hung);
    let result = ending.result();
    ending.assert_outcome(&result, "not_started");
    let sentence = result["error_msg"].as_str().expect("text");
    assert!(
        sentence.contains("`work_dir`: its disk has not answered"),
        "{sentence}"
    );
    assert_eq!(workspace.resources(), []);
}

fn a_work_dir_that_hangs_at_the_end_does_not_hold_up_the_result(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    // The tool continues in the folder that is now hidden.
    let hung = HungFolder::over(&workspace.work_dir());
    runner.control(r#"{"type":"cancel"}"#);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    drop(hung);
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "cancelled");
    assert_state_is_told(&result, "saved", "released");
    workspace.assert_state_is_complete();
}

fn attach_and_cancel_say_that_a_disk_does_not_answer(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    fs::create_dir(workspace.run_dir()).expect("a new folder");
    let hung = HungFolder::over(&workspace.run_dir());
    let attached = ["--stream", "--"].map(|flag| {
        let run_dir = workspace.run_dir();
        let run_dir = run_dir.to_str().expect("text");
        Launch::new(&workspace, &["attach", flag, run_dir]).start()
    });
    let cancelled = Launch::on_run_dir(&workspace, "cancel", &[]).run();
    let [streamed, document] = attached.map(|reader| reader.end());
    drop(hung);
    for (ending, result) in [
        (&streamed, streamed.streamed_result()),
        (&document, document.result()),
    ] {
        assert_eq!(result["outcome"], "unknown");
        assert_eq!(ending.status, Some(70));
        let sentence = result["error_msg"].as_str().expect("text");
        assert!(sentence.contains("has not answered"), "{sentence}");
    }
    let answer = cancelled.result();
    assert_eq!(answer["requested"], json!(false));
    assert_eq!(cancelled.status, Some(70));
    let message = answer["message"].as_str().expect("text");
    assert!(message.contains("has not answered"), "{message}");
}
