//! Calls without a terminal.

use crate::call::without_terminal;
use crate::project::{Project, SMALL};
use crate::support::tools::Tool;

fn auto_approve_asks_no_approver(tool: Tool) {
    let project = Project::new(tool, SMALL);
    let mut command = project.deployment(project.example_without_terminal());
    command.args(["--auto-approve", "--show-sensitive", "--var", "name=you"]);
    let ended = without_terminal(command);
    assert_eq!(ended.status, Some(0), "{}", ended.shown);
    assert_eq!(
        ended.stdout,
        "greeting = \"Hello, you!\"\npassword = \"hunter2-hunter2\"\n"
    );
    assert!(!ended.shown.contains('\x1b'), "{}", ended.shown);
    assert!(!ended.shown.contains("hunter2"), "{}", ended.shown);
    project.mark.assert_nothing_is_left_alive();
}
on_both_tools!(auto_approve_asks_no_approver);

fn without_it_the_plan_is_rejected(tool: Tool) {
    let project = Project::new(tool, SMALL);
    let ended = without_terminal(project.deployment(project.example_without_terminal()));
    assert_eq!(ended.status, Some(5), "{}", ended.shown);
    assert!(
        ended.shown.contains("stdin is not a terminal") && ended.shown.contains("--auto-approve"),
        "{}",
        ended.shown
    );
    assert!(project.server.state().is_none());
    project.mark.assert_nothing_is_left_alive();
}
on_both_tools!(without_it_the_plan_is_rejected);

#[test]
fn each_operation_ends_as_it_should() {
    let project = Project::new(Tool::Terraform, SMALL);
    let table = [
        ("validate", "the configuration is valid"),
        ("plan", "there is a plan with changes"),
        ("deploy", "the plan was applied"),
        ("deploy", "there is nothing to change"),
        ("drift", "what exists is as the state has it"),
        ("destroy", "everything in the state was destroyed"),
    ];
    for (operation, sentence) in table {
        let mut command = project.deployment(project.example_without_terminal());
        command.args(["--operation", operation, "--auto-approve"]);
        let ended = without_terminal(command);
        assert_eq!(ended.status, Some(0), "{operation}: {}", ended.shown);
        assert!(
            ended.shown.contains(sentence),
            "{sentence} in {}",
            ended.shown
        );
    }
}

#[test]
fn what_cannot_be_asked_for_is_refused() {
    let project = Project::new(Tool::Terraform, SMALL);
    let table: [(&[&str], i32, &str); 6] = [
        (&[], 2, "--repo"),
        (&["--repo", "file:///a.git"], 2, "--ref"),
        (&["--repo", "file:///a.git", "--ref", "a b"], 2, "git_ref"),
        (&["--dir", ".", "--env", "NO_SUCH"], 2, "NO_SUCH"),
        (&["--dir", ".", "--tool", "pulumi"], 2, "pulumi"),
        (&["--recover", "home"], 3, "holds no session"),
    ];
    for (args, status, named) in table {
        let mut command = project.example_without_terminal();
        let ended = without_terminal({
            command.args(args);
            command
        });
        assert_eq!(ended.status, Some(status), "{args:?}: {}", ended.shown);
        assert!(ended.shown.contains(named), "{args:?}: {}", ended.shown);
    }
}
