//! A repository to deploy from, a folder for all files, and the sessions.

use std::future::Future;

use iac_runner::client::Runner;
use iac_runner::protocol::Tool;
use iac_runner::session::{DeployRequest, Reason, Sessions, Settings, Snapshot};
use tokio::runtime::Runtime;

use crate::ground::Ground;

/// Two resources, an output, a built-in provider; each deployment has its own state file.
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

/// Variables of this process that a tool inherits, in a session and in the script.
pub const INHERITED: [&str; 2] = ["PATH", "HOME"];
/// Variables that both set in addition; a missing file would cost a warning on each command.
pub const SET: [(&str, &str); 1] = [("TF_CLI_CONFIG_FILE", "/dev/null")];

/// The environment of a bench: its folder and a repository.
pub struct BenchEnv {
    pub ground: Ground,
    /// The URL of the repository.
    pub url: String,
}

impl BenchEnv {
    pub fn new() -> Self {
        let ground = Ground::new();
        let url = ground.repository(CONFIGURATION);
        Self { ground, url }
    }

    /// Opens the sessions below the folder; must be called within a runtime.
    pub fn sessions(&self) -> Sessions {
        let runner = Runner::at(env!("CARGO_BIN_EXE_iac-runner")).expect("the binary is built");
        let mut settings = Settings::new(runner, self.ground.folder().join("sessions"));
        settings.inherit_env = Some(INHERITED.map(str::to_owned).to_vec());
        Sessions::open(settings).expect("a runtime")
    }

    /// Returns a request for a deployment from the repository, with its own state.
    pub fn request(&self) -> DeployRequest {
        let mut request = DeployRequest::git(Tool::Terraform, &self.url, "main");
        for (name, value) in SET {
            request.env_vars.insert(name.to_owned(), value.into());
        }
        let state = self.ground.new_path("state").to_string_lossy().into_owned();
        request.backend_config.insert("path".to_owned(), state);
        request
    }
}

/// Returns a runtime as a backend would have it.
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
