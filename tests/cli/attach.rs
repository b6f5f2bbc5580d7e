//! Attaching to a run from another process, at any moment of its life and after it.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::fake_tool::FakeTool;
use crate::support::mark::{children, state_of};
use crate::support::runner::{Launch, wait_until_gone};
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, wait_for};
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, Workspace};

on_both_tools! {
    attach_to_a_run_that_has_ended_prints_its_result,
    attach_to_a_folder_without_a_run_says_so,
    a_front_killed_at_any_moment_leaves_a_truth_to_attach_to,
    two_attached_readers_get_the_same_result,
}

fn attach_to_a_run_that_has_ended_prints_its_result(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    workspace.let_go();
    let ending = Launch::request(&workspace, &workspace.apply()).run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    for _ in 0..2 {
        let attached = Launch::on_run_dir(&workspace, "attach", &[]).run();
        assert_eq!(attached.result(), result);
        assert_eq!(attached.status, Some(0));
    }
    let attached = Launch::on_run_dir(&workspace, "attach", &["--stream"]).run();
    assert_eq!(attached.streamed_result(), result);

    // As a power failure may leave it: the events contain the result as well.
    let file = workspace.run_dir().join("result.json");
    let damages: [fn(&Path) -> io::Result<()>; 2] =
        [|file| fs::write(file, ""), |file| fs::remove_file(file)];
    for damage in damages {
        damage(&file).expect("it is there");
        for mode in [&["--stream"][..], &[]] {
            let attached = Launch::on_run_dir(&workspace, "attach", mode).run();
            assert_eq!(attached.status, Some(0));
            let seen = match mode {
                [] => attached.result(),
                _ => attached.streamed_result(),
            };
            assert_eq!(seen, result);
        }
    }
}

fn attach_to_a_folder_without_a_run_says_so(tool: Tool) {
    let workspace = Workspace::not_initialised(tool, Backend::Local, "");
    for _ in 0..2 {
        let attached = Launch::on_run_dir(&workspace, "attach", &[]).run();
        let result = attached.result();
        attached.assert_outcome(&result, "invalid_request");
        // The second time it exists, and is empty.
        let _ = fs::create_dir(workspace.run_dir());
    }
}

/// The moments are milliseconds after the start, from before the request is read to after the result is written.
fn a_front_killed_at_any_moment_leaves_a_truth_to_attach_to(tool: Tool) {
    for milliseconds in (0..30).step_by(2) {
        let fake = FakeTool::new(tool, "echo done");
        let workspace = &fake.workspace;
        let mut runner = Launch::request(workspace, &fake.apply()).start();
        thread::sleep(Duration::from_millis(milliseconds));
        // Stopped first: it could start its supervisor between the check and the kill.
        runner.signal(Signal::SIGSTOP);
        wait_for("the front to stop", SOON, || {
            let state = state_of(runner.pid())?;
            ['T', 'Z'].contains(&state).then_some(())
        });
        let supervisors = children(runner.pid());
        runner.kill_front();
        for supervisor in supervisors {
            wait_until_gone(supervisor, SOON);
        }
        let attached = Launch::on_run_dir(workspace, "attach", &[]).run();
        let result = attached.result();
        let outcome = result["outcome"].as_str().expect("a word");
        let words = [
            "invalid_request",
            "not_started",
            "cancelled",
            "failed",
            "succeeded",
        ];
        assert!(
            words.contains(&outcome),
            "after {milliseconds} ms: {result:#}"
        );
        attached.assert_outcome(&result, outcome);
        assert_eq!(workspace.run_dir().exists(), outcome != "invalid_request");
        workspace.mark.assert_nothing_is_left_alive();
    }
}

fn two_attached_readers_get_the_same_result(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    let runner = Launch::request(&workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    let mut attached =
        [(); 2].map(|()| Launch::on_run_dir(&workspace, "attach", &["--stream"]).start());
    for reader in &mut attached {
        reader.output_with(IN_FLIGHT_LINE);
    }
    workspace.let_go();
    let result = runner.end().result();
    for reader in attached {
        assert_eq!(reader.end().streamed_result(), result);
    }
}
