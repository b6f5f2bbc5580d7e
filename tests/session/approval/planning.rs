//! Side effects that a plan may have, and those that it may not have.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use iac_runner::session::{DeployRequest, Reason, Status};

use crate::recovery::holder::killed_at;
use crate::support::tools::Tool;
use crate::test_env::{Gate, SMALL, TestEnv, block_on, end, log, until, waiting};

/// For example the archive of a function, or a log that the tool was configured to write.
fn a_plan_may_leave_files_in_its_source(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    gate.write_program(
        &test_env,
        "case $1 in init|plan) : >\"built-by-$1.zip\" ;; esac",
    );
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, &test_env);
    let level = ("TF_LOG".to_owned(), "INFO".into());
    let file = ("TF_LOG_PATH".to_owned(), "tf.log".into());
    request.env_vars.extend([level, file]);
    let dir = killed_at("plan", &test_env, &gate, &request, false);
    assert!(dir.join("source/tf.log").exists(), "`init` wrote it");
    gate.let_go("plan");
    block_on(async {
        let sessions = test_env.sessions();
        let taken_up = sessions.recover(&dir, Some(&request.secrets()));
        let session = taken_up.expect("the session is free");
        let waiting = until(&session, Status::AwaitingApproval).await;
        let digest = waiting.plan_digest.expect("a digest");
        let done = session.approve("alice", "", &digest).await;
        done.expect("it waits");
        assert_eq!(end(&session).await.reason, Some(Reason::Applied));
        request.auto_approve = true;
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::NoChanges), "{ended:#?}");
    });
}
on_both_tools!(a_plan_may_leave_files_in_its_source);

/// Programs that a plan runs have the session's data directory in their environment.
fn a_plan_that_chooses_another_workspace_is_not_applied(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    let real = test_env.tool.program().display().to_string();
    let lines = format!(
        "if [ \"$1\" = plan ]; then\n  '{real}' \"$@\"; code=$?\n  '{real}' workspace new prod\n  exit $code\nfi"
    );
    gate.write_program(&test_env, &lines);
    let hcl = "terraform {\n  backend \"local\" {}\n}\n\
               output \"workspace\" {\n  value = terraform.workspace\n}\n";
    for auto_approve in [true, false] {
        let files = BTreeMap::from([("main.tf".to_owned(), hcl.to_owned())]);
        let mut request = test_env.own(DeployRequest::files(test_env.wire_tool(), files));
        gate.before(&mut request, &test_env);
        request.auto_approve = auto_approve;
        block_on(async {
            let session = test_env.sessions().start(request).expect("it starts");
            let ended = end(&session).await;
            assert_eq!(ended.reason, Some(Reason::PlanFailed), "{}", log(&session));
            for text in ["another workspace", "nothing was applied"] {
                assert!(ended.error.contains(text), "{}", ended.error);
            }
        });
    }
    assert_eq!(gate.calls("apply"), 0);
}
on_both_tools!(a_plan_that_chooses_another_workspace_is_not_applied);

/// Plans with a separate home directory, writes a file there, approves, and returns the reason of the end.
fn after_writing(test_env: &TestEnv, name: &str, request: DeployRequest) -> Reason {
    block_on(async {
        let (session, digest) = waiting(&test_env.sessions(), request).await;
        let file = test_env.folder().join("home").join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        fs::write(file, "provider_installation {\n  direct {}\n}\n").expect("written");
        let done = session.approve("alice", "", &digest).await;
        done.expect("it waits");
        end(&session).await.reason.expect("it is over")
    })
}

fn at_home(test_env: &TestEnv, home: &Path) -> DeployRequest {
    let mut request = test_env.request(SMALL);
    let home = home.to_string_lossy().into_owned();
    request.env_vars.insert("HOME".to_owned(), home.into());
    let blank = ["TF_CLI_CONFIG_FILE", "XDG_CONFIG_HOME"].map(|it| (it.to_owned(), "".into()));
    request.env_vars.extend(blank);
    request
}

#[test]
fn every_file_that_the_tools_take_for_a_cli_configuration_is_bound() {
    let table = [
        (Tool::Terraform, ".terraformrc"),
        (Tool::Terraform, ".terraform.d/mirror.tfrc"),
        (Tool::Terraform, ".terraform.d/mirror.tfrc.json"),
        (Tool::Tofu, ".tofurc"),
        (Tool::Tofu, ".config/opentofu/tofurc"),
        (Tool::Tofu, ".config/opentofu/mirror.tfrc"),
    ];
    for (tool, name) in table {
        let test_env = TestEnv::new(tool);
        let request = at_home(&test_env, &test_env.folder().join("home"));
        let reason = after_writing(&test_env, name, request);
        assert_eq!(reason, Reason::ApprovalVoid, "{name}");
    }
}

#[test]
fn a_cli_configuration_is_named_from_where_the_tool_runs() {
    let test_env = TestEnv::new(Tool::Terraform);
    let mut request = test_env.request(SMALL);
    let name = "TF_CLI_CONFIG_FILE".to_owned();
    let path = "../../../home/here.tfrc";
    request.env_vars.insert(name, path.into());
    let reason = after_writing(&test_env, "here.tfrc", request);
    assert_eq!(reason, Reason::ApprovalVoid);
}

#[test]
fn no_home_directory_is_no_fault() {
    let test_env = TestEnv::new(Tool::Terraform);
    let mut request = at_home(&test_env, Path::new("/dev/null"));
    request.auto_approve = true;
    block_on(async {
        let session = test_env.sessions().start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{ended:#?}");
    });
}
