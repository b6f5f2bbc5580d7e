//! A repository to deploy from, a place for everything that is made, and the sessions.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;

use iac_runner::client::Runner;
use iac_runner::protocol::Tool;
use iac_runner::session::{DeployRequest, Reason, Sessions, Settings, Snapshot};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Two resources, an output, a provider that is built in; the state is a file of the deployment's own.
const CONFIGURATION: &str = r#"terraform {
  backend "local" {}
}

variable "name" {
  default = "world"
}

resource "terraform_data" "greeting" {
  input = "Hello, ${var.name}!"
}

resource "terraform_data" "answer" {
  input = terraform_data.greeting.output
}

output "answer" {
  value = terraform_data.answer.output
}
"#;

/// What a tool gets of this process's environment, in a session and in the script.
pub const INHERITED: [&str; 2] = ["PATH", "HOME"];
/// What both set beside it; a file that is not there would cost a warning on each command.
pub const SET: [(&str, &str); 1] = [("TF_CLI_CONFIG_FILE", "/dev/null")];

/// Where everything happens.
pub struct Bed {
    folder: TempDir,
}

impl Bed {
    pub fn new() -> Self {
        let bed = Self {
            folder: tempfile::tempdir().expect("a temporary directory"),
        };
        let repository = bed.folder().join("repository");
        fs::create_dir(&repository).expect("a new folder");
        fs::write(repository.join("main.tf"), CONFIGURATION).expect("a file");
        git(&repository, &["init", "--quiet", "--initial-branch=main"]);
        git(&repository, &["add", "--all"]);
        git(&repository, &["commit", "--quiet", "--message=first"]);
        bed
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the repository.
    pub fn url(&self) -> String {
        format!("file://{}/repository", self.folder().display())
    }

    /// A name that nothing has, in the folder.
    pub fn new_path(&self, what: &str) -> PathBuf {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        self.folder().join(format!("{what}-{number}"))
    }

    /// Sessions below the folder; to be called within a runtime.
    pub fn sessions(&self) -> Sessions {
        let runner = Runner::at(env!("CARGO_BIN_EXE_iac-runner")).expect("the binary is built");
        let mut settings = Settings::new(runner, self.folder().join("sessions"));
        settings.inherit_env = Some(INHERITED.map(str::to_owned).to_vec());
        Sessions::open(settings).expect("a runtime")
    }

    /// A deployment from the repository, with a state of its own.
    pub fn request(&self) -> DeployRequest {
        let mut request = DeployRequest::git(Tool::Terraform, self.url(), "main");
        for (name, value) in SET {
            request.env_vars.insert(name.to_owned(), value.into());
        }
        let state = self.new_path("state").to_string_lossy().into_owned();
        request.backend_config.insert("path".to_owned(), state);
        request
    }
}

/// A runtime as a backend has it.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Runs a future to its end, which must come within some minutes.
pub fn within_minutes<T>(runtime: &Runtime, work: impl Future<Output = T>) -> T {
    let limit = std::time::Duration::from_secs(600);
    runtime
        .block_on(async { tokio::time::timeout(limit, work).await })
        .expect("it ends in time")
}

/// Checks that a session did what the script does.
pub fn assert_applied(ended: &Snapshot) {
    assert_eq!(ended.reason, Some(Reason::Applied), "{ended:#?}");
}

fn git(folder: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args(args)
        .current_dir(folder)
        .envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "a"),
            ("GIT_AUTHOR_EMAIL", "a@example.com"),
            ("GIT_COMMITTER_NAME", "a"),
            ("GIT_COMMITTER_EMAIL", "a@example.com"),
        ])
        .status()
        .expect("git is on PATH");
    assert!(done.success(), "git {args:?}");
}
