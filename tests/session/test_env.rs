//! Shared test environment of sessions: a folder, a configuration with a state server, bounded waits.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};

use iac_runner::client::Runner;
use iac_runner::protocol;
use iac_runner::session::{
    DeployRequest, PlanDigest, Session, Sessions, Settings, Snapshot, Status,
};
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::mark::{Mark, VARIABLE};
use crate::support::program::write_program;
use crate::support::state::{Resource, resources};
use crate::support::state_server::StateServer;
use crate::support::tools::Tool;
use crate::support::waiting::{WHOLE_TEST, WITHIN_A_TEST, wait_for};

/// One resource and two outputs, one of them sensitive; the state is on a server.
pub(crate) const SMALL: &str = r#"
variable "name" {
  default = "world"
}
variable "password" {
  default   = "hunter2-hunter2"
  sensitive = true
}
resource "terraform_data" "greeting" {
  input = "Hello, ${var.name}!"
}
output "greeting" {
  value = terraform_data.greeting.output
}
output "password" {
  value     = var.password
  sensitive = true
}
"#;

/// A quick resource, then one that reports that it is in progress and waits to be released.
pub(crate) const SLOW: &str = r#"
resource "terraform_data" "quick" {
  input = "quick"
}
resource "terraform_data" "slow" {
  depends_on = [terraform_data.quick]
  provisioner "local-exec" {
    command = "echo in flight; touch ready; while [ ! -e go ]; do sleep 0.05; done; echo went on"
  }
}
output "quick" {
  value = terraform_data.quick.output
}
"#;

/// A folder for sessions, a state server, and the mark of all started processes.
pub(crate) struct TestEnv {
    pub(crate) tool: Tool,
    pub(crate) mark: Mark,
    pub(crate) server: StateServer,
    folder: TempDir,
}

impl TestEnv {
    pub(crate) fn new(tool: Tool) -> Self {
        Self {
            tool,
            mark: Mark::new(),
            server: StateServer::start(),
            folder: tempfile::Builder::new()
                .prefix("iac-test-")
                .tempdir()
                .expect("a temporary directory"),
        }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn settings(&self) -> Settings {
        let runner = Runner::at(env!("CARGO_BIN_EXE_iac-runner")).expect("the binary is built");
        Settings::new(runner, self.folder.path().join("sessions"))
    }

    pub(crate) fn sessions(&self) -> Sessions {
        Sessions::open(self.settings()).expect("a runtime is there")
    }

    /// Returns a configuration with its state on the server.
    pub(crate) fn configuration(&self, hcl: &str) -> String {
        format!("terraform {{\n{}}}\n{hcl}", self.server.backend_block())
    }

    /// Returns a request that contains its configuration.
    pub(crate) fn request(&self, hcl: &str) -> DeployRequest {
        let files = BTreeMap::from([("main.tf".to_owned(), self.configuration(hcl))]);
        self.own(DeployRequest::files(self.wire_tool(), files))
    }

    /// Returns the same request, with the mark and without the developer's environment.
    pub(crate) fn own(&self, mut request: DeployRequest) -> DeployRequest {
        let home = self.folder.path().join("home");
        std::fs::create_dir_all(&home).expect("a home");
        for (name, value) in [
            ("PATH", self.tool.path()),
            ("HOME", home.to_string_lossy().into_owned()),
            (VARIABLE, self.mark.value().to_owned()),
            ("TF_CLI_CONFIG_FILE", "/dev/null".to_owned()),
        ] {
            request.env_vars.insert(name.to_owned(), value.into());
        }
        request
    }

    /// Returns the resources in the state on the server, sorted, each with whether it is tainted.
    pub(crate) fn resources(&self) -> Vec<Resource> {
        self.server
            .state()
            .as_ref()
            .map(resources)
            .unwrap_or_default()
    }

    pub(crate) fn wire_tool(&self) -> protocol::Tool {
        match self.tool {
            Tool::Terraform => protocol::Tool::Terraform,
            Tool::Tofu => protocol::Tool::Tofu,
        }
    }
}

/// Waits until the resource of [`SLOW`] is in progress.
pub(crate) fn wait_until_in_flight(dir: &Path) {
    let ready = dir.join("source/ready");
    wait_for("the in-flight resource", WITHIN_A_TEST, || {
        ready.exists().then_some(())
    });
}

/// Releases the resource of [`SLOW`].
pub(crate) fn let_go(dir: &Path) {
    std::fs::write(dir.join("source/go"), "").expect("the go file is written");
}

/// Runs a test to its end, within a time limit; each of its waits has a shorter limit.
#[track_caller]
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    runtime()
        .block_on(async { tokio::time::timeout(WHOLE_TEST, future).await })
        .expect("it ends within the time of a whole test")
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

pub(crate) async fn within_a_test<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WITHIN_A_TEST, future)
        .await
        .expect("it ends within the time of a test")
}

/// Waits until a session has this status; shows the log if it ends with another.
pub(crate) async fn until(session: &Session, wanted: Status) -> Snapshot {
    let mut watch = session.watch();
    let is_there = |now: &Snapshot| now.status == wanted || now.reason.is_some();
    let reached = within_a_test(watch.wait_for(is_there)).await;
    let snapshot = reached.expect("the session is there").clone();
    assert_eq!(snapshot.status, wanted, "{snapshot:#?}\n{}", log(session));
    snapshot
}

/// Waits for the end of a session.
pub(crate) async fn end(session: &Session) -> Snapshot {
    within_a_test(session.wait()).await.expect("it ends")
}

/// Returns the log so far.
pub(crate) fn log(session: &Session) -> String {
    let mut logs = session.logs(0);
    let mut text = String::new();
    while let Some(line) = logs.line_at_hand() {
        text.push_str(&line.text);
        text.push('\n');
    }
    text
}

/// Makes Bash die of SIGINT. By default, it continues if the program that it waits for has ended just before.
const DIES_OF_SIGINT: &str = "trap 'trap - INT; kill -INT $$' INT";

/// A wrapper of the tool that records each call, waits where a test wants it, and then executes the real tool.
pub(crate) struct Gate {
    folder: PathBuf,
}

impl Gate {
    pub(crate) fn new(test_env: &TestEnv) -> Self {
        let folder = test_env.folder().join("gate");
        std::fs::create_dir_all(&folder).expect("a folder");
        let gate = Self { folder };
        gate.write_program(test_env, "");
        gate
    }

    /// Rewrites the wrapper, with more lines before it executes the real tool.
    pub(crate) fn write_program(&self, test_env: &TestEnv, lines: &str) {
        let folder = self.folder.display();
        let script = format!(
            // Bash passes on variables whose names no shell can set; other shells may not.
            "#!/usr/bin/env bash\necho \"$1\" >>'{folder}/calls'\n\
             if [ -e '{folder}/hold-'\"$1\" ]; then\n  {DIES_OF_SIGINT}\n  : >'{folder}/at-'\"$1\"\n  \
             while [ -e '{folder}/hold-'\"$1\" ]; do sleep 0.02; done\n  trap - INT\nfi\n\
             {lines}\nexec '{}' \"$@\"\n",
            test_env.tool.program().display()
        );
        write_program(&self.folder.join(test_env.tool.name()), &script);
    }

    /// Puts the gate before the real tool.
    pub(crate) fn before(&self, request: &mut DeployRequest, test_env: &TestEnv) {
        let path = format!("{}:{}", self.folder.display(), test_env.tool.path());
        request.env_vars.insert("PATH".to_owned(), path.into());
    }

    /// Makes the next calls of a command wait.
    pub(crate) fn hold(&self, command: &str) {
        // Left by an earlier call.
        let _ = std::fs::remove_file(self.folder.join(format!("at-{command}")));
        std::fs::write(self.folder.join(format!("hold-{command}")), "").expect("a file");
    }

    /// Releases the waiting calls.
    pub(crate) fn let_go(&self, command: &str) {
        std::fs::remove_file(self.folder.join(format!("hold-{command}"))).expect("it was held");
    }

    /// Waits until a call waits.
    pub(crate) fn wait_until_at(&self, command: &str) {
        let at = self.folder.join(format!("at-{command}"));
        wait_for("a call to wait", WITHIN_A_TEST, || {
            at.exists().then_some(())
        });
    }

    /// Returns how often a command was called.
    pub(crate) fn calls(&self, command: &str) -> usize {
        let calls = std::fs::read_to_string(self.folder.join("calls")).unwrap_or_default();
        calls.lines().filter(|call| *call == command).count()
    }
}

/// Starts a session, and waits until its plan awaits approval.
pub(crate) async fn waiting(sessions: &Sessions, request: DeployRequest) -> (Session, PlanDigest) {
    let session = sessions.start(request).expect("it starts");
    let snapshot = until(&session, Status::AwaitingApproval).await;
    (session, snapshot.plan_digest.expect("a digest"))
}

/// Returns the body of a request, as a backend gets it, with its secrets.
pub(crate) fn body_of(request: &DeployRequest) -> Value {
    let mut body = request.record();
    for (name, value) in &request.env_vars {
        body["env_vars"][name] = value.expose_secret().into();
    }
    body
}
