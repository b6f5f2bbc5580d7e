//! The example is killed in the middle of an apply; another call recovers the session.

use crate::call::{Call, without_terminal};
use crate::project::{Project, SLOW, SMALL};
use crate::support::mark::VARIABLE;
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, wait_for};

fn an_apply_goes_on_and_its_end_is_told_by_the_next_call(tool: Tool) {
    let project = Project::new(tool, SLOW);
    let mut command = project.deployment(project.example());
    command.arg("--auto-approve");
    let call = Call::at_terminal(command);
    project.wait_until_in_flight();
    call.kill();
    project.let_go();
    let mut command = project.example_without_terminal();
    command
        .arg("--recover")
        .arg(project.session_dir())
        .args(["--env", VARIABLE]);
    let ended = without_terminal(command);
    assert_eq!(ended.status, Some(0), "{}", ended.shown);
    assert_eq!(ended.stdout, "quick = \"quick\"\n");
    assert_eq!(ended.shown.matches("Apply complete").count(), 1);
    assert_eq!(project.resources().len(), 2);
    // The processes of the killed call end by themselves, not before this call does.
    wait_for("the end of all that was started", SOON, || {
        project.mark.carriers().is_empty().then_some(())
    });
}
on_both_tools!(an_apply_goes_on_and_its_end_is_told_by_the_next_call);

#[test]
fn a_plan_waits_until_the_secrets_are_named_again() {
    let project = Project::new(Tool::Terraform, SMALL);
    let call = Call::at_terminal(project.deployment(project.example()));
    call.wait_for_text("[y/n]");
    call.kill();
    let recovery = |args: &[&str]| {
        let mut command = project.example_without_terminal();
        command.arg("--recover").arg(project.session_dir());
        command.arg("--auto-approve").args(args);
        without_terminal(command)
    };
    let refused = recovery(&[]);
    assert_eq!(refused.status, Some(3), "{}", refused.shown);
    let named = format!("env_vars.{VARIABLE}");
    assert!(
        refused.shown.contains(&named) && refused.shown.contains("--env"),
        "{}",
        refused.shown
    );
    let ended = recovery(&["--env", VARIABLE]);
    assert_eq!(ended.status, Some(0), "{}", ended.shown);
    project.mark.assert_nothing_is_left_alive();
}
