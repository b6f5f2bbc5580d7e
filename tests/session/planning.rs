//! Side effects that a plan may have, and those that it may not have.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use iac_runner::session::{DeployRequest, Reason, Status};

use crate::holder::killed_at;
use crate::stand::{Gate, SMALL, Stand, block_on, end, log, until, waiting};
use crate::support::tools::Tool;

/// For example the archive of a function, or a log that the tool was configured to write.
fn a_plan_may_leave_files_in_its_source(tool: Tool) {
    let stand = Stand::new(tool);
    let gate = Gate::new(&stand);
    gate.write_program(
        &stand,
        "case $1 in init|plan) : >\"built-by-$1.zip\" ;; esac",
    );
    let mut request = stand.request(SMALL);
    gate.before(&mut request, &stand);
    let level = ("TF_LOG".to_owned(), "INFO".into());
    let file = ("TF_LOG_PATH".to_owned(), "tf.log".into());
    request.env_vars.extend([level, file]);
    let dir = killed_at("plan", &stand, &gate, &request, false);
    assert!(dir.join("source/tf.log").exists(), "`init` wrote it");
    gate.let_go("plan");
    block_on(async {
        let sessions = stand.sessions();
        let taken_up = sessions.recover(&dir, Some(&request.secrets()));
        let session = taken_up.expect("nobody carries it");
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
    let stand = Stand::new(tool);
    let gate = Gate::new(&stand);
    let real = stand.tool.program().display().to_string();
    let lines = format!(
        "if [ \"$1\" = plan ]; then\n  '{real}' \"$@\"; code=$?\n  '{real}' workspace new prod\n  exit $code\nfi"
    );
    gate.write_program(&stand, &lines);
    let hcl = "terraform {\n  backend \"local\" {}\n}\n\
               output \"workspace\" {\n  value = terraform.workspace\n}\n";
    for auto_approve in [true, false] {
        let files = BTreeMap::from([("main.tf".to_owned(), hcl.to_owned())]);
        let mut request = stand.own(DeployRequest::files(stand.wire_tool(), files));
        gate.before(&mut request, &stand);
        request.auto_approve = auto_approve;
        block_on(async {
            let session = stand.sessions().start(request).expect("it starts");
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
fn after_writing(stand: &Stand, name: &str, request: DeployRequest) -> Reason {
    block_on(async {
        let (session, digest) = waiting(&stand.sessions(), request).await;
        let file = stand.folder().join("home").join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        fs::write(file, "provider_installation {\n  direct {}\n}\n").expect("written");
        let done = session.approve("alice", "", &digest).await;
        done.expect("it waits");
        end(&session).await.reason.expect("it is over")
    })
}

fn at_home(stand: &Stand, home: &Path) -> DeployRequest {
    let mut request = stand.request(SMALL);
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
        let stand = Stand::new(tool);
        let request = at_home(&stand, &stand.folder().join("home"));
        let reason = after_writing(&stand, name, request);
        assert_eq!(reason, Reason::ApprovalVoid, "{name}");
    }
}

#[test]
fn a_cli_configuration_is_named_from_where_the_tool_runs() {
    let stand = Stand::new(Tool::Terraform);
    let mut request = stand.request(SMALL);
    let name = "TF_CLI_CONFIG_FILE".to_owned();
    let path = "../../../home/here.tfrc";
    request.env_vars.insert(name, path.into());
    let reason = after_writing(&stand, "here.tfrc", request);
    assert_eq!(reason, Reason::ApprovalVoid);
}

#[test]
fn no_home_directory_is_no_fault() {
    let stand = Stand::new(Tool::Terraform);
    let mut request = at_home(&stand, Path::new("/dev/null"));
    request.auto_approve = true;
    block_on(async {
        let session = stand.sessions().start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{ended:#?}");
    });
}
