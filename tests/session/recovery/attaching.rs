//! A run that cannot be attached to at the moment has not necessarily ended.

use std::fs;
use std::path::Path;

use iac_runner::client::Runner;
use iac_runner::session::{DeployRequest, Reason, Session, Sessions, Status};
use nix::unistd::Pid;

use crate::recovery::run_processes::{Bystander, boot_id, kill_now, parent, supervisor};
use crate::support::program::{copy_program, write_program};
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};
use crate::test_env::{
    Gate, SLOW, SMALL, TestEnv, block_on, end, let_go, log, until, wait_until_in_flight, waiting,
    within_a_test,
};

/// A test environment whose runner can be removed.
struct Away {
    test_env: TestEnv,
    runner: std::path::PathBuf,
    aside: std::path::PathBuf,
}

impl Away {
    fn new() -> Self {
        let test_env = TestEnv::new(Tool::Terraform);
        let runner = test_env.folder().join("iac-runner-copy");
        copy_program(Path::new(env!("CARGO_BIN_EXE_iac-runner")), &runner);
        let aside = test_env.folder().join("aside");
        Self {
            test_env,
            runner,
            aside,
        }
    }

    fn sessions(&self) -> Sessions {
        let mut settings = self.test_env.settings();
        settings.runner = Runner::at(&self.runner).expect("it is there");
        Sessions::open(settings).expect("a runtime")
    }

    fn take_away(&self) {
        fs::rename(&self.runner, &self.aside).expect("it is there");
    }

    /// Installs a runner whose `cancel` has no effect until it is repaired.
    fn leave_one_that_cannot_cancel(&self) {
        self.take_away();
        let script = format!(
            "#!/bin/sh\n[ \"$1\" != cancel ] || [ -e '{}' ] || exit 3\nexec '{}' \"$@\"\n",
            self.mended().display(),
            self.aside.display()
        );
        write_program(&self.runner, &script);
    }

    fn mended(&self) -> std::path::PathBuf {
        self.test_env.folder().join("mended")
    }

    fn bring_back(&self) {
        fs::rename(&self.aside, &self.runner).expect("it was taken away");
    }
}

fn kill_front(session: &Session) {
    kill_now(parent(supervisor(&session.dir().join("runs/03-apply"))));
}

/// Kills the supervisor of the plan, and waits until the session waits for its tool.
fn lose_supervisor_of_plan(session: &Session) {
    kill_now(supervisor(&session.dir().join("runs/02-plan")));
    wait_for("the wait", WITHIN_A_TEST, || {
        log(session).contains("still at work").then_some(())
    });
}

/// Waits until the log says that the session lost contact with the run.
fn wait_until_lost(session: &Session) {
    wait_for("the loss of sight", WITHIN_A_TEST, || {
        log(session).contains("could not be started").then_some(())
    });
}

#[test]
fn a_runner_that_is_away_for_a_moment_is_no_end_of_an_apply() {
    let away = Away::new();
    block_on(async {
        let mut request = away.test_env.request(SLOW);
        request.auto_approve = true;
        let session = away.sessions().start(request).expect("it starts");
        wait_until_in_flight(session.dir());
        away.take_away();
        kill_front(&session);
        wait_until_lost(&session);
        assert!(session.status().reason.is_none());
        let_go(session.dir());
        away.bring_back();
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let log = log(&session);
        assert_eq!(log.matches("could not be started").count(), 1, "{log}");
        assert!(log.contains("went on"), "{log}");
    });
    assert_eq!(away.test_env.resources().len(), 2);
    away.test_env.mark.assert_nothing_is_left_alive();
}

#[test]
fn the_result_of_an_apply_is_found_also_when_the_runner_stays_away() {
    let away = Away::new();
    block_on(async {
        let mut request = away.test_env.request(SLOW);
        request.auto_approve = true;
        let session = away.sessions().start(request).expect("it starts");
        wait_until_in_flight(session.dir());
        away.take_away();
        kill_front(&session);
        wait_until_lost(&session);
        let_go(session.dir());
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
    assert_eq!(away.test_env.resources().len(), 2);
}

#[test]
fn a_stop_that_is_asked_for_while_the_runner_is_away_is_carried_out_when_it_is_back() {
    let away = Away::new();
    block_on(async {
        let mut request = away.test_env.request(SLOW);
        request.auto_approve = true;
        let session = away.sessions().start(request).expect("it starts");
        wait_until_in_flight(session.dir());
        away.take_away();
        kill_front(&session);
        wait_until_lost(&session);
        session.cancel("bob").await.expect("it runs");
        away.bring_back();
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&session));
    });
    away.test_env.mark.assert_nothing_is_left_alive();
}

/// Returns an apply in progress that was recovered with a runner whose cancel failed once.
async fn with_a_cancel_that_failed(away: &Away) -> Session {
    let mut request = away.test_env.request(SLOW);
    request.auto_approve = true;
    let session = away.sessions().start(request).expect("it starts");
    wait_until_in_flight(session.dir());
    away.leave_one_that_cannot_cancel();
    kill_front(&session);
    wait_for("the loss of sight", WITHIN_A_TEST, || {
        log(&session).contains("lost sight").then_some(())
    });
    session.cancel("bob").await.expect("it runs");
    wait_for("the failure", WITHIN_A_TEST, || {
        log(&session).contains("gave no answer").then_some(())
    });
    session
}

#[test]
fn a_cancel_that_did_not_reach_the_run_is_asked_for_again() {
    let away = Away::new();
    block_on(async {
        let session = with_a_cancel_that_failed(&away).await;
        fs::write(away.mended(), "").expect("written");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Cancelled), "{}", log(&session));
    });
    away.test_env.mark.assert_nothing_is_left_alive();
}

#[test]
fn the_outputs_of_an_apply_that_a_cancel_came_too_late_for_are_read() {
    let away = Away::new();
    block_on(async {
        let session = with_a_cancel_that_failed(&away).await;
        let_go(session.dir());
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("quick").expect("there").value, "quick");
        let log = log(&session);
        assert_eq!(log.matches("gave no answer").count(), 1, "{log}");
    });
}

/// Returns the runners that follow a run.
fn shown_by(run_dir: &Path) -> Vec<i32> {
    let run_dir = run_dir.to_string_lossy().into_owned();
    let processes = fs::read_dir("/proc").expect("the kernel tells").flatten();
    let pids = processes.filter_map(|it| it.file_name().to_str()?.parse().ok());
    let is_of_run = |pid: &i32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains("attach") && line.contains(&run_dir)
    };
    pids.filter(is_of_run).collect()
}

#[test]
fn any_number_of_killed_fronts_is_no_end_of_an_apply() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let mut request = test_env.request(SLOW);
        request.auto_approve = true;
        let session = test_env.sessions().start(request).expect("it starts");
        wait_until_in_flight(session.dir());
        kill_front(&session);
        let run_dir = session.dir().join("runs/03-apply");
        for _ in 0..6 {
            let attached = wait_for("a further front", WITHIN_A_TEST, || {
                shown_by(&run_dir).first().copied()
            });
            kill_now(Pid::from_raw(attached));
            wait_for("its end", WITHIN_A_TEST, || {
                (!shown_by(&run_dir).contains(&attached)).then_some(())
            });
        }
        assert!(session.status().reason.is_none(), "{}", log(&session));
        let_go(session.dir());
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
    assert_eq!(test_env.resources().len(), 2);
    test_env.mark.assert_nothing_is_left_alive();
}

#[test]
fn an_apply_that_was_kept_from_beginning_is_known_never_to_have_begun() {
    let test_env = TestEnv::new(Tool::Terraform);
    let request = test_env.request(SMALL);
    let (dir, digest) = block_on(async {
        let (session, digest) = waiting(&test_env.sessions(), request.clone()).await;
        (session.dir().to_owned(), digest)
    });
    let journal = dir.join("journal.ndjson");
    let at = "2026-01-01T00:00:00Z";
    let approved = serde_json::json!({
        "at": at, "event": "approved", "by": "alice", "comment": "", "digest": digest.to_string(),
    });
    let announced = serde_json::json!({
        "at": at, "event": "run_started", "run": "03-apply", "boot": boot_id(),
    });
    let text = fs::read_to_string(&journal).expect("a journal");
    // The second time is like a kill between the fence and the journal's next line.
    for _ in 0..2 {
        fs::write(&journal, format!("{text}{approved}\n{announced}\n")).expect("it is written");
        block_on(async {
            let session = test_env.sessions().recover(&dir, Some(&request.secrets()));
            let session = session.expect("the session is free");
            let ended = within_a_test(session.wait()).await.expect("it ends");
            assert_eq!(ended.reason, Some(Reason::Interrupted), "{}", ended.error);
        });
    }
}

#[test]
fn process_in_the_directory_does_not_delay_a_cut_off_plan() {
    let test_env = TestEnv::new(Tool::Terraform);
    let source = test_env.folder().join("infra");
    fs::create_dir_all(&source).expect("a folder");
    fs::write(source.join("main.tf"), test_env.configuration(SMALL)).expect("written");
    let gate = Gate::new(&test_env);
    let mut request = test_env.own(DeployRequest::directory(test_env.wire_tool(), &source));
    gate.before(&mut request, &test_env);
    gate.hold("plan");
    let _somebody = Bystander::in_directory(&source);
    block_on(async {
        let session = test_env.sessions().start(request).expect("it starts");
        gate.wait_until_at("plan");
        lose_supervisor_of_plan(&session);
        gate.let_go("plan");
        until(&session, Status::AwaitingApproval).await;
        session.cancel("the test").await.expect("it waits");
    });
}

#[test]
fn a_plan_whose_supervisor_is_lost_is_repeated_only_when_its_tool_is_gone() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, &test_env);
    gate.hold("plan");
    block_on(async {
        let session = test_env.sessions().start(request).expect("it starts");
        gate.wait_until_at("plan");
        lose_supervisor_of_plan(&session);
        assert_eq!(gate.calls("plan"), 1);
        gate.let_go("plan");
        until(&session, Status::AwaitingApproval).await;
        assert_eq!(gate.calls("plan"), 2);
        session.cancel("the test").await.expect("it waits");
    });
}
