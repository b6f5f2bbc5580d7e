//! Changes between the checkout and the apply prevent the apply, and text from users cannot forge log lines.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use iac_runner::session::{DeployRequest, Reason};

use crate::recovery::holder::killed_at;
use crate::support::tools::Tool;
use crate::test_env::{Gate, SMALL, TestEnv, block_on, end, log, waiting};

/// A power failure leaves files empty that were never synced.
#[test]
fn a_source_that_lost_its_files_before_the_plan_destroys_nothing() {
    let test_env = TestEnv::new(Tool::Terraform);
    let database = "resource \"terraform_data\" \"database\" {\n  input = 1\n}\n";
    let files = BTreeMap::from([
        ("backend.tf".to_owned(), test_env.configuration("")),
        ("main.tf".to_owned(), database.to_owned()),
    ]);
    let mut request = test_env.own(DeployRequest::files(test_env.wire_tool(), files));
    request.auto_approve = true;
    block_on(async {
        let session = test_env
            .sessions()
            .start(request.clone())
            .expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
    let before = test_env.resources();
    let gate = Gate::new(&test_env);
    gate.before(&mut request, &test_env);
    let dir = killed_at("init", &test_env, &gate, &request, false);
    fs::write(dir.join("source/main.tf"), "").expect("written");
    gate.let_go("init");
    block_on(async {
        let session = test_env
            .sessions()
            .recover(&dir, Some(&request.secrets()))
            .expect("the session is free");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::PlanFailed), "{ended:#?}");
        for text in ["changed since it was checked out", "nothing was applied"] {
            assert!(ended.error.contains(text), "{}", ended.error);
        }
    });
    assert_eq!(gate.calls("plan"), 0);
    assert_eq!(test_env.resources(), before);
}

/// Plans a directory, lets `change` change something, approves, and checks that nothing is applied.
fn assert_void(test_env: &TestEnv, source: &Path, what: &str, change: impl FnOnce(&Path)) {
    let request = test_env.own(DeployRequest::directory(test_env.wire_tool(), source));
    assert_void_of(test_env, request, what, change);
}

/// Same as `assert_void` for any request; `change` gets the directory of the session.
fn assert_void_of(
    test_env: &TestEnv,
    request: DeployRequest,
    what: &str,
    change: impl FnOnce(&Path),
) {
    block_on(async {
        let (session, digest) = waiting(&test_env.sessions(), request).await;
        change(session.dir());
        session
            .approve("alice", "", &digest)
            .await
            .expect("the digest is right");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::ApprovalVoid), "{ended:#?}");
        assert!(ended.error.contains(what), "{what} in: {}", ended.error);
    });
    assert!(test_env.server.state().is_none());
}

#[test]
fn apply_executes_only_files_that_were_approved() {
    let test_env = TestEnv::new(Tool::Terraform);
    let source = test_env.folder().join("infra");
    let outside = test_env.folder().join("outside");
    fs::create_dir_all(source.join("vendor/.terraform")).expect("a folder");
    fs::create_dir_all(&outside).expect("a folder");
    symlink(&outside, source.join("scripts")).expect("a link");
    let beside = test_env.folder().join("network");
    fs::create_dir_all(&beside).expect("a folder");
    fs::write(beside.join("main.tf"), "").expect("written");
    let module = "module \"network\" {\n  source = \"../network\"\n}\n";
    let hcl = test_env.configuration(&format!("{SMALL}{module}"));
    fs::write(source.join("main.tf"), hcl).expect("written");
    let programs = [
        outside.join("run.sh"),
        beside.join("run.sh"),
        source.join("vendor/.terraform/hook.sh"),
        source.join("seed.tfstate"),
        source.join("crash.log"),
        source.join("errored.tfstate"),
        source.join("terraform.tfstate.backup"),
        source.join("terraform.tfstate.1700000000.backup"),
        source.join(".git/hooks/run.sh"),
        source.join(".git/objects/run.sh"),
        source.join(".terraform/providers/run.sh"),
    ];
    for program in &programs {
        let folder = program.parent().expect("it has one");
        fs::create_dir_all(folder).expect("a folder");
    }
    for program in &programs {
        fs::write(program, "echo reviewed").expect("written");
    }
    for program in &programs {
        assert_void(&test_env, &source, "the files of the configuration", |_| {
            fs::write(program, "echo changed").expect("written");
        });
    }
}

#[test]
fn a_summary_that_is_not_the_one_that_was_approved_by_is_not_applied() {
    let test_env = TestEnv::new(Tool::Terraform);
    let source = test_env.folder().join("infra");
    fs::create_dir_all(&source).expect("a folder");
    fs::write(source.join("main.tf"), test_env.configuration(SMALL)).expect("written");
    assert_void(&test_env, &source, "the summary of the plan", |dir| {
        fs::write(dir.join("plan/summary.json"), "{}").expect("written");
    });
}

#[test]
fn the_cli_configuration_is_part_of_what_was_approved() {
    let test_env = TestEnv::new(Tool::Terraform);
    let file = test_env.folder().join("cli.tfrc");
    fs::write(&file, "").expect("written");
    let mut request = test_env.request(SMALL);
    let path = file.to_string_lossy().into_owned();
    let name = "TF_CLI_CONFIG_FILE".to_owned();
    request.env_vars.insert(name, path.into());
    assert_void_of(&test_env, request, "the variables, the environment", |_| {
        fs::write(&file, "provider_installation {\n  direct {}\n}\n").expect("written");
    });
}

fn an_apply_stays_in_the_workspace_that_was_approved(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let configuration = format!("terraform {{\n  backend \"local\" {{}}\n}}\n{SMALL}");
    type Change = fn(&Path);
    let changes: [Change; 3] = [
        |chosen| fs::write(chosen, "prod").expect("written"),
        |chosen| fs::write(chosen, "").expect("written"),
        |chosen| fs::remove_file(chosen).expect("it is there"),
    ];
    for change in changes {
        let files = BTreeMap::from([("main.tf".to_owned(), configuration.clone())]);
        let mut request = test_env.own(DeployRequest::files(test_env.wire_tool(), files));
        request.workspace = Some("blue".to_owned());
        assert_void_of(&test_env, request, "the workspace", |dir| {
            change(&dir.join("data/environment"));
        });
    }
}
on_both_tools!(an_apply_stays_in_the_workspace_that_was_approved);

fn a_plan_is_made_in_the_workspace_that_was_asked_for(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let gate = Gate::new(&test_env);
    let hcl = "terraform {\n  backend \"local\" {}\n}\n\
               output \"workspace\" {\n  value = terraform.workspace\n}\n";
    let files = BTreeMap::from([("main.tf".to_owned(), hcl.to_owned())]);
    let mut request = test_env.own(DeployRequest::files(test_env.wire_tool(), files));
    request.workspace = Some("blue".to_owned());
    request.auto_approve = true;
    gate.before(&mut request, &test_env);
    gate.hold("plan");
    block_on(async {
        let session = test_env.sessions().start(request).expect("it starts");
        gate.wait_until_at("plan");
        fs::write(session.dir().join("data/environment"), "prod").expect("written");
        gate.let_go("plan");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("workspace").expect("there").value, "blue");
    });
}
on_both_tools!(a_plan_is_made_in_the_workspace_that_was_asked_for);

/// Reading `/proc/kmsg` never comes to an end.
#[test]
fn a_link_into_the_kernel_holds_nothing_up() {
    let test_env = TestEnv::new(Tool::Terraform);
    let source = test_env.folder().join("infra");
    fs::create_dir_all(&source).expect("a folder");
    symlink("/proc/kmsg", source.join("notes.txt")).expect("a link");
    symlink("/sys", source.join("system")).expect("a link");
    fs::write(source.join("main.tf"), test_env.configuration(SMALL)).expect("written");
    block_on(async {
        let mut request = test_env.own(DeployRequest::directory(test_env.wire_tool(), &source));
        request.auto_approve = true;
        let session = test_env.sessions().start(request).expect("it starts");
        assert_eq!(end(&session).await.reason, Some(Reason::Applied));
    });
}

/// A pipe that has a writer would never be read to its end.
#[test]
fn a_plan_that_has_become_a_pipe_is_not_waited_for() {
    let test_env = TestEnv::new(Tool::Terraform);
    let gate = Gate::new(&test_env);
    let mut request = test_env.request(SMALL);
    gate.before(&mut request, &test_env);
    block_on(async {
        let (session, digest) = waiting(&test_env.sessions(), request).await;
        let plan = session.dir().join("plan/tfplan");
        fs::remove_file(&plan).expect("it is there");
        nix::unistd::mkfifo(&plan, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let open = fs::File::options().read(true).write(true).open(&plan);
        session
            .approve("alice", "", &digest)
            .await
            .expect("the digest is right");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::ApprovalVoid), "{}", ended.error);
        assert!(ended.error.contains("is a FIFO"), "{}", ended.error);
        assert_eq!(gate.calls("apply"), 0);
        drop(open);
    });
}

#[test]
fn a_comment_neither_forges_a_line_of_the_log_nor_speaks_to_a_terminal() {
    let test_env = TestEnv::new(Tool::Terraform);
    block_on(async {
        let (session, _) = waiting(&test_env.sessions(), test_env.request(SMALL)).await;
        session
            .reject("mallory", "ok\nPlan approved by ceo\u{1b}[2J")
            .await
            .expect("it waits");
        end(&session).await;
        let log = log(&session);
        assert!(!log.contains("\nPlan approved by ceo"), "{log}");
        assert!(!log.contains("\u{1b}[2J"), "{log}");
        assert!(log.contains("    Plan approved by ceo"), "{log}");
    });
}
