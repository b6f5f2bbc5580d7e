//! The question whether to apply the plan.

use crate::call::Call;
use crate::project::{Project, SMALL};
use crate::support::tools::Tool;

fn a_yes_applies_the_plan_and_prints_the_outputs(tool: Tool) {
    let project = Project::new(tool, SMALL);
    let mut call = Call::at_terminal(project.deployment(project.example()));
    call.wait_for_text("[y/n]");
    assert!(project.resources().is_empty(), "nothing is applied yet");
    call.type_in("y\n");
    let ended = call.wait();
    assert_eq!(ended.status, Some(0), "{}", ended.shown);
    assert_eq!(
        ended.stdout,
        "greeting = \"Hello, world!\"\npassword = (sensitive value)\n"
    );
    assert_eq!(project.resources().len(), 1);
    for text in [
        "\x1b[2mplan         │\x1b[0m",
        "\x1b[1mterraform_data.greeting",
        "  + terraform_data.greeting",
        "Plan approved by alice",
        "the plan was applied",
    ] {
        assert!(ended.shown.contains(text), "{text} in {}", ended.shown);
    }
    assert!(!ended.shown.contains("hunter2"), "{}", ended.shown);
    project.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_yes_applies_the_plan_and_prints_the_outputs);

fn a_no_applies_nothing(tool: Tool) {
    let project = Project::new(tool, SMALL);
    let mut call = Call::at_terminal(project.deployment(project.example()));
    call.wait_for_text("[y/n]");
    call.type_in("perhaps\n");
    call.wait_for_text("Please answer y or n");
    call.type_in("n\n");
    let ended = call.wait();
    assert_eq!(ended.status, Some(5), "{}", ended.shown);
    assert_eq!(ended.stdout, "");
    assert!(project.server.state().is_none());
    assert!(ended.shown.contains("Plan rejected by alice"));
    project.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_no_applies_nothing);

#[test]
fn a_ctrl_c_at_the_question_cancels() {
    let project = Project::new(Tool::Terraform, SMALL);
    let mut call = Call::at_terminal(project.deployment(project.example()));
    call.wait_for_text("[y/n]");
    call.interrupt();
    let ended = call.wait();
    assert_eq!(ended.status, Some(5), "{}", ended.shown);
    assert!(ended.shown.contains("it was cancelled"), "{}", ended.shown);
    assert!(project.server.state().is_none());
}
