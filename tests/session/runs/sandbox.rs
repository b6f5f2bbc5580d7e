//! Deployments with sandboxed tools.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use iac_runner::protocol::SandboxMode;
use iac_runner::session::{DeployRequest, Reason, Sessions};
use serde_json::json;

use crate::support::tools::Tool;
use crate::test_env::{SMALL, TestEnv, block_on, end, log, waiting};

const SECRET: &str = "top-secret-of-the-service";

/// Returns sessions that require a sandbox.
fn confined(test_env: &TestEnv) -> Sessions {
    let mut settings = test_env.settings();
    settings.sandbox.mode = SandboxMode::Required;
    Sessions::open(settings).expect("a runtime is there")
}

fn a_confined_deployment_goes_to_its_end(tool: Tool) {
    let hcl = r#"
variable "name" {}
module "one" {
  source = "../../modules/one"
  name   = var.name
}
output "name" {
  value = module.one.name
}
"#;
    let module = r#"
variable "name" {}
resource "terraform_data" "one" {
  input = var.name
  provisioner "local-exec" {
    command = "echo x >${path.module}/made && echo x >$TMPDIR/made && mkdir ../new && mv ${path.module}/made ../new/"
  }
}
output "name" {
  value = terraform_data.one.output
}
"#;
    let test_env = TestEnv::new(tool);
    let files = BTreeMap::from([
        ("env/prod/main.tf".to_owned(), test_env.configuration(hcl)),
        ("modules/one/main.tf".to_owned(), module.to_owned()),
    ]);
    block_on(async {
        let sessions = confined(&test_env);
        let mut request = test_env.own(DeployRequest::files(test_env.wire_tool(), files));
        request.path = "env/prod".to_owned();
        request.auto_approve = true;
        request
            .variables
            .insert("name".to_owned(), json!("confined"));
        request
            .backend_config
            .insert("lock_method".to_owned(), "LOCK".to_owned());
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let sandbox = ended.sandbox.expect("it was confined");
        assert!(sandbox.starts_with("landlock-"), "{sandbox}");
        let outputs = session.outputs().expect("outputs");
        assert_eq!(outputs.get("name").unwrap().value, "confined");
        assert!(session.dir().join("source/env/new/made").exists());
    });
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_confined_deployment_goes_to_its_end);

fn a_configuration_that_replaces_its_directory_reads_no_other_session(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let session_of = |hcl: String, path: &str| {
        let main = format!("{path}/main.tf");
        let files = BTreeMap::from([(main, hcl)]);
        let mut request = test_env.own(DeployRequest::files(test_env.wire_tool(), files));
        request.path = path.to_owned();
        request.auto_approve = true;
        request
    };
    block_on(async {
        let sessions = confined(&test_env);
        let secret = format!("output \"it\" {{\n  value = \"{SECRET}\"\n}}\n");
        let other = sessions
            .start(session_of(secret, "sub"))
            .expect("it starts");
        let ended = end(&other).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&other));

        let replaces = format!(
            "resource \"terraform_data\" \"it\" {{\n  provisioner \"local-exec\" {{\n    \
             command = \"cd .. && mv sub old && ln -s {}/source/sub sub\"\n  }}\n}}\n",
            other.dir().display()
        );
        let session = sessions
            .start(session_of(replaces, "sub"))
            .expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        assert!(
            session
                .outputs()
                .is_none_or(|outputs| outputs.get("it").is_none())
        );
        let warnings = ended.warnings.join("\n");
        assert!(
            warnings.contains("has replaced its own directory"),
            "{warnings}"
        );
        assert!(!log(&session).contains(SECRET), "{}", log(&session));
    });
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_configuration_that_replaces_its_directory_reads_no_other_session);

/// Each line is a name, a colon, and a command that succeeds if the attack does. `S` is the directory of the session,
/// `OTHER` that of another one, `KEY` a file of the service.
const ATTACKS: &str = r#"
key: cat $KEY
other_session: cat $OTHER/journal.ndjson
other_plan: cat $OTHER/plan/tfplan
sessions: ls $S/..
journal: cat $S/journal.ndjson
forge_journal: echo x >>$S/journal.ndjson
log: cat $S/log.ndjson
runs: ls $S/runs
summary: cat $S/plan/summary.json
forge_summary: echo x >>$S/plan/summary.json
link_for_summary: ln -s $KEY $S/plan/summary.part
forge_plan: echo x >>$S/plan/tfplan
replace_plan: rm $S/plan/tfplan
forge_variables: echo x >$S/config/variables.tfvars.json
fake_output: echo x >$S/outputs.json
move_data: mv $S/data $S/other
"#;

const CONTROLS: &str = r#"
own_data: echo x >$TF_DATA_DIR/x && rm $TF_DATA_DIR/x
own_source: cat main.tf
"#;

fn names(table: &str) -> Vec<&str> {
    let lines = table.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(name, _)| name).collect()
}

fn a_confined_configuration_reaches_nothing_of_the_service(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let key = test_env.folder().join("key");
    fs::write(&key, SECRET).expect("a secret");
    let hcl = "resource \"terraform_data\" \"attack\" {\n  provisioner \"local-exec\" {\n    \
               command = \"sh ./attack.sh\"\n  }\n}\n";
    block_on(async {
        let sessions = confined(&test_env);
        let mut request = test_env.request(SMALL);
        request.auto_approve = true;
        let other = sessions.start(request).expect("it starts");
        let ended = end(&other).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&other));

        let mut script = format!(
            "export S=$(dirname $TF_DATA_DIR) KEY={} OTHER={}\n: >reached\n",
            key.display(),
            other.dir().display()
        );
        for line in ATTACKS.lines().chain(CONTROLS.lines()) {
            if let Some((name, command)) = line.split_once(": ") {
                script.push_str(&format!(
                    "if ( {command} ) >/dev/null 2>&1; then echo {name} >>reached; fi\n"
                ));
            }
        }
        let files = BTreeMap::from([
            ("main.tf".to_owned(), hcl.to_owned()),
            ("attack.sh".to_owned(), script),
        ]);
        let mut request = test_env.own(DeployRequest::files(test_env.wire_tool(), files));
        request.auto_approve = true;
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
        let reached = session.dir().join("source/reached");
        let reached = fs::read_to_string(reached).expect("it ran");
        assert_eq!(reached.lines().collect::<Vec<_>>(), names(CONTROLS));
    });
    assert_eq!(
        fs::read_to_string(key).expect("the secret is there"),
        SECRET
    );
    test_env.mark.assert_nothing_is_left_alive();
}
on_both_tools!(a_confined_configuration_reaches_nothing_of_the_service);

fn a_plan_shows_no_file_of_the_service(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let key = test_env.folder().join("key");
    fs::write(&key, SECRET).expect("a secret");
    let hcl = format!(
        "output \"key\" {{\n  value = file(\"{}\")\n}}\n",
        key.display()
    );
    block_on(async {
        let sessions = confined(&test_env);
        let session = sessions.start(test_env.request(&hcl)).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::PlanFailed), "{}", log(&session));
        assert!(!log(&session).contains(SECRET), "{}", log(&session));

        // The operator allows access.
        let mut settings = test_env.settings();
        settings.sandbox.mode = SandboxMode::Required;
        settings.sandbox.read = vec![key.clone()];
        let sessions = Sessions::open(settings).expect("a runtime is there");
        let mut request = test_env.request(&hcl);
        request.auto_approve = true;
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
}
on_both_tools!(a_plan_shows_no_file_of_the_service);

fn a_link_in_a_directory_is_not_followed_out_of_it(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let [source, outside] = ["source", "outside"].map(|name| test_env.folder().join(name));
    for folder in [&source, &outside] {
        fs::create_dir(folder).expect("a new folder");
    }
    fs::write(source.join("main.tf"), test_env.configuration(SMALL)).expect("a configuration");
    // As an earlier run could have left it.
    symlink(&outside, source.join(".terraform")).expect("a link");
    block_on(async {
        let sessions = confined(&test_env);
        let request = test_env.own(DeployRequest::directory(test_env.wire_tool(), &source));
        let session = sessions.start(request).expect("it starts");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::InitFailed), "{}", log(&session));
        assert!(ended.error.contains("cannot be copied"), "{}", ended.error);
    });
    assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 0);
}
on_both_tools!(a_link_in_a_directory_is_not_followed_out_of_it);

fn links_out_of_reach_are_not_followed_to_bind_a_plan(tool: Tool) {
    let test_env = TestEnv::new(tool);
    let source = test_env.folder().join("source");
    fs::create_dir(&source).expect("a new folder");
    fs::write(source.join("main.tf"), test_env.configuration(SMALL)).expect("a configuration");
    // More files than are read outside of a source, one without an end, one that is another's.
    let key = test_env.folder().join("key");
    fs::write(&key, SECRET).expect("a secret");
    for (name, target) in [("all", "/"), ("endless", "/dev/zero")] {
        symlink(target, source.join(name)).expect("a link");
    }
    symlink(&key, source.join("key")).expect("a link");
    block_on(async {
        let sessions = confined(&test_env);
        let request = test_env.own(DeployRequest::directory(test_env.wire_tool(), &source));
        let (session, digest) = waiting(&sessions, request).await;
        fs::write(&key, "changed").expect("another secret");
        let approved = session.approve("ann", "", &digest).await;
        approved.expect("nothing that was approved has changed");
        let ended = end(&session).await;
        assert_eq!(ended.reason, Some(Reason::Applied), "{}", log(&session));
    });
}
on_both_tools!(links_out_of_reach_are_not_followed_to_bind_a_plan);
