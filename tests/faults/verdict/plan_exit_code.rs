//! Exit code 2 of `plan -detailed-exitcode`, which a crashed Go program has too.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::waiting::WITHIN_A_TEST;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    plan_that_dies_with_code_2_is_no_success,
    plan_without_memory_is_no_success,
    plan_with_changes_and_code_2_is_a_success,
}

const CONFIGURATION: &str = "resource \"terraform_data\" \"a\" {}\n";
const FORMS: [&[&str]; 3] = [&[], &["-no-color"], &["-json"]];

fn plan_that_dies_with_code_2_is_no_success(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Server, CONFIGURATION);
    workspace
        .server()
        .lock_for_another(json!({"ID": "another", "Who": "a@b"}));
    // A plan of an earlier run.
    std::fs::write(workspace.work_dir().join("p"), "plan").expect("a new file");
    for form in FORMS {
        let args = [
            &["-detailed-exitcode", "-out=p", "-lock-timeout=300s"],
            form,
        ]
        .concat();
        let asked = workspace.server().count("LOCK");
        let mut runner = Launch::stream(&workspace, &workspace.request("plan", &args)).start();
        let pid = runner.tool_pid();
        workspace
            .server()
            .wait_for_more("LOCK", asked, WITHIN_A_TEST);
        kill(Pid::from_raw(pid), Signal::SIGQUIT).expect("the tool is there");
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.streamed_result();
        ending.assert_outcome(&result, "failed");
        assert_eq!(result["exit_code"], 2, "{result:#}");
    }
}

fn plan_without_memory_is_no_success(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Local, CONFIGURATION);
    let fake = FakeTool::around_the_tool(workspace, "ulimit -v 400000; exec TOOL \"$@\"");
    let args = ["-detailed-exitcode", "-out=p", "-no-color"];
    let ending = Launch::request(&fake.workspace, &fake.request("plan", &args)).run();
    let result = ending.result();
    ending.assert_outcome(&result, "failed");
    assert_eq!(result["exit_code"], 2, "{result:#}");
}

fn plan_with_changes_and_code_2_is_a_success(tool: Tool) {
    let workspace = Workspace::with_configuration(tool, Backend::Server, CONFIGURATION);
    for form in FORMS {
        let args = [&["-detailed-exitcode", "-out=p"], form].concat();
        let ending = Launch::request(&workspace, &workspace.request("plan", &args)).run();
        let result = ending.result();
        ending.assert_outcome(&result, "succeeded");
        assert_eq!(result["exit_code"], 2, "{result:#}");
    }
}
