//! Ctrl-C in the middle of an apply, and the elapsed time shown meanwhile.

use crate::call::Call;
use crate::project::{Project, SLOW, SMALL};
use crate::support::program::write_program;
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};

fn the_first_one_stops_the_apply_gracefully(tool: Tool) {
    let project = Project::new(tool, SLOW);
    let mut command = project.deployment(project.example());
    command.arg("--auto-approve");
    let mut call = Call::at_terminal(command);
    project.wait_until_in_flight();
    // Any time from the first one shown: a busy machine may skip one.
    wait_for("the time of the apply", WITHIN_A_TEST, || {
        let shown = call.shown();
        let times = shown.split("apply: ").skip(1);
        let is_time = |text: &str| {
            text.split_once(':')
                .is_some_and(|it| it.0.parse::<u32>().is_ok())
        };
        times.into_iter().any(is_time).then_some(())
    });
    call.interrupt();
    let ended = call.wait();
    assert_eq!(ended.status, Some(5), "{}", ended.shown);
    for text in [
        "Cancelling: ",
        "Cancel requested by alice",
        "it was cancelled",
        "State: all that was done is recorded; its lock is released",
        // The time is cleared before a line is printed.
        "\r\x1b[K",
    ] {
        assert!(ended.shown.contains(text), "{text} in {}", ended.shown);
    }
    assert!(!ended.shown.contains("Killing"), "{}", ended.shown);
    assert_eq!(project.resources().len(), 2, "quick and slow");
    assert_eq!(project.server.lock_holder(), None);
    project.mark.assert_nothing_is_left_alive();
}
on_both_tools!(the_first_one_stops_the_apply_gracefully);

#[test]
fn a_later_one_kills_what_does_not_heed_the_first() {
    let project = Project::new(Tool::Terraform, SMALL);
    let deaf = project.gate().join("deaf");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = apply ]; then trap '' INT; : >'{}'; while :; do sleep 0.05; done; fi\n\
         exec '{}' \"$@\"\n",
        deaf.display(),
        Tool::Terraform.program().display()
    );
    let program = project.gate().join("terraform");
    write_program(&program, &script);

    let mut command = project.deployment(project.example());
    command.arg("--auto-approve");
    let mut call = Call::at_terminal(command);
    wait_for("the deaf tool", WITHIN_A_TEST, || {
        deaf.exists().then_some(())
    });
    // Signals that come too soon have no effect.
    wait_for("the kill", WITHIN_A_TEST, || {
        // It may have ended by the next poll.
        if call.shown().contains("Killing: ") || call.has_ended() {
            return Some(());
        }
        call.interrupt();
        None
    });
    let ended = call.wait();
    assert_eq!(ended.status, Some(5), "{}", ended.shown);
    assert!(ended.shown.contains("had to be killed"), "{}", ended.shown);
    project.mark.assert_nothing_is_left_alive();
}
