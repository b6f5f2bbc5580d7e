//! Recovery of each operation, and recovery after a reboot.

use std::fs;
use std::path::Path;
use std::process::Command;

use iac_runner::plan::PlanSummary;
use iac_runner::session::{Operation, Reason, Session, Status};

use crate::recovery::holder::{killed_at, killed_in_mid_apply};
use crate::recovery::run_processes::boot_id;
use crate::support::bounded::output_of;
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};
use crate::test_env::{
    Gate, SLOW, SMALL, TestEnv, block_on, end, let_go, log, until, wait_until_in_flight,
};

/// A resource that takes as long to destroy as to create.
const SLOW_TO_GO: &str = r#"
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    when    = destroy
    command = "echo in flight; touch ready; while [ ! -e go ]; do sleep 0.05; done; echo went on"
  }
}
"#;

fn a_destroy_whose_holder_is_killed_is_followed_to_its_end(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let mut request = test_env.request(SLOW_TO_GO);
    request.auto_approve = true;
    block_on(async {
        let session = test_env
            .sessions()
            .start(request.clone())
            .expect("it starts");
        assert_eq!(end(&session).await.reason, Some(Reason::Applied));
    });
    assert_eq!(test_env.resources().len(), 1);
    let gate = Gate::new(&test_env);
    gate.before(&mut request, &test_env);
    request.operation = Operation::Destroy;
    request.auto_approve = false;
    let dir = killed_in_mid_apply(&test_env, &request);
    block_on(async {
        let taken_up = test_env.sessions().recover(&dir, Some(&request.secrets()));
        let session = taken_up.expect("the session is free");
        wait_until_in_flight(&dir);
        let_go(&dir);
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Destroyed), "{}", log(&session));
        assert!(log(&session).contains("went on"), "{}", log(&session));
    });
    assert_eq!(gate.calls("apply"), 1);
    assert_eq!(test_env.resources().len(), 0);
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_destroy_whose_holder_is_killed_is_followed_to_its_end);

#[test]
fn a_validation_whose_holder_is_killed_goes_on_to_its_end() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    let mut request = test_env.request(SMALL);
    request.operation = Operation::Validate;
    gate.before(&mut request, &test_env);
    let dir = killed_at("validate", &test_env, &gate, &request, false);
    block_on(async {
        let taken_up = test_env.sessions().recover(&dir, Some(&request.secrets()));
        let session = taken_up.expect("the session is free");
        gate.let_go("validate");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Validated), "{ended:#?}");
    });
    assert_eq!(gate.calls("validate"), 1);
}

/// The tool would read them with this process's environment: another account, another workspace.
#[test]
fn outputs_are_not_read_without_what_the_request_kept_secret() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, &test_env);
    let dir = killed_at("output", &test_env, &gate, &request, true);
    gate.let_go("output");
    block_on(async {
        let taken_up = test_env.sessions().recover(&dir, None);
        let session = taken_up.expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{ended:#?}");
        assert!(session.outputs().is_none());
        assert!(log(&session).contains("outputs could not be read"));
    });
    assert_eq!((gate.calls("apply"), gate.calls("output")), (1, 1));
}

/// Changes a journal so that its last run was announced before a reboot.
fn announced_before_another_boot(dir: &Path) {
    let journal = dir.join("journal.ndjson");
    let text = fs::read_to_string(&journal).expect("a journal");
    let (before, last) = text.rsplit_once("\"run_started\"").expect("a run");
    let last = last.replace(&boot_id(), "another");
    fs::write(&journal, format!("{before}\"run_started\"{last}")).expect("written");
}

/// Their files are not synced, so a result on disk proves too little.
#[test]
fn what_ran_before_the_machine_was_started_anew_is_run_again() {
    for command in ["init", "plan"] {
        let test_env = TestEnv::new(Tool::Terraform);
        let gate = Gate::new(&test_env);
        let mut request = test_env.request(SMALL);
        gate.before(&mut request, &test_env);
        let dir = killed_at(command, &test_env, &gate, &request, false);
        gate.let_go(command);
        let run = if command == "init" {
            "01-init"
        } else {
            "02-plan"
        };
        let result = dir.join("runs").join(run).join("result.json");
        crate::support::waiting::wait_for(
            "the result",
            crate::support::waiting::WITHIN_A_TEST,
            || result.exists().then_some(()),
        );
        if command == "plan" {
            fs::write(dir.join("plan/tfplan"), "").expect("written");
            let former =
                PlanSummary::from_json(br#"{"format_version": "1.2", "planned_values": {}}"#)
                    .expect("a plan");
            let former = serde_json::to_vec(&former).expect("JSON");
            fs::write(dir.join("plan/summary.json"), former).expect("written");
        }
        announced_before_another_boot(&dir);
        gate.hold(command);
        block_on(async {
            let taken_up = test_env.sessions().recover(&dir, Some(&request.secrets()));
            let session = taken_up.expect("the session is free");
            gate.wait_until_at(command);
            assert!(session.plan().is_none(), "it is made anew");
            gate.let_go(command);
            until(&session, Status::AwaitingApproval).await;
            session.cancel("the test").await.expect("it waits");
        });
        assert_eq!(gate.calls(command), 2, "{command}");
    }
}

/// A cancel that came too late for the apply does not count for the following steps.
#[test]
fn what_follows_an_apply_that_was_cancelled_too_late_can_be_cancelled() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    // The cancel comes when the tool has applied everything, but the wrapper that runs it has not ended yet.
    let real = test_env.tool.program().display().to_string();
    let lines = format!(
        "if [ \"$1\" = apply ]; then
  trap '' INT TERM
  '{real}' \"$@\" && touch applied
  while [ ! -e end ]; do sleep 0.05; done
  exit 0
fi"
    );
    gate.write_program(&test_env, &lines);
    let mut request = test_env.request(SLOW);
    gate.before(&mut request, &test_env);
    request.auto_approve = true;
    gate.hold("output");
    block_on(async {
        let session = test_env.sessions().start(request).expect("it starts");
        wait_until_in_flight(session.dir());
        let_go(session.dir());
        let source = session.dir().join("source");
        wait_for("the end of the apply", WITHIN_A_TEST, || {
            source.join("applied").exists().then_some(())
        });
        session.cancel("alice").await.expect("it runs");
        fs::write(source.join("end"), "").expect("the source is there");
        gate.wait_until_at("output");
        session.cancel("bob").await.expect("it runs");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        assert!(session.outputs().is_none());
    });
    gate.let_go("output");
}

/// Variable with the directory of a session that a separate process recovers.
const DIR: &str = "IAC_TEST_TAKE_UP";

#[test]
fn the_directory_alone_is_enough_to_follow_an_apply_to_its_end() {
    let test_env = TestEnv::new(Tool::Terraform);
    let request = test_env.request(SLOW);
    let dir = killed_in_mid_apply(&test_env, &request);
    let_go(&dir);
    let test = "recovery::operations::takes_a_session_up_by_its_directory";
    let taken_up = output_of(
        Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", test, "--ignored"])
            .env(DIR, &dir)
            .env("IAC_RUNNER_BIN", env!("CARGO_BIN_EXE_iac-runner")),
    );
    assert!(taken_up.status.success(), "{taken_up:?}");
    let journal = fs::read_to_string(dir.join("journal.ndjson")).expect("a journal");
    assert_eq!(journal.matches("\"applied\"").count(), 1, "{journal}");
}

#[test]
#[ignore = "is started by another test, as a process that knows a directory and a runner"]
fn takes_a_session_up_by_its_directory() {
    let dir = std::env::var_os(DIR).expect("who starts this says which");
    block_on(async {
        let session = Session::recover(dir).expect("the session is free");
        assert_eq!(end(&session).await.reason, Some(Reason::Applied));
    });
}
