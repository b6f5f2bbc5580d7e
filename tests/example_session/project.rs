//! A git repository with a configuration, a state server, and a folder for sessions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::bounded::output_of;
use crate::support::mark::{Mark, VARIABLE};
use crate::support::state::{Resource, resources};
use crate::support::state_server::StateServer;
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};

/// One resource and two outputs, one of them sensitive.
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

/// A quick resource, then one that blocks until it is released.
pub(crate) const SLOW: &str = r#"
resource "terraform_data" "quick" {
  input = "quick"
}
resource "terraform_data" "slow" {
  depends_on = [terraform_data.quick]
  provisioner "local-exec" {
    command = "touch ready; while [ ! -e go ]; do sleep 0.05; done"
  }
}
output "quick" {
  value = terraform_data.quick.output
}
"#;

/// A repository, a state server, and a folder for sessions.
pub(crate) struct Project {
    pub(crate) tool: Tool,
    pub(crate) mark: Mark,
    pub(crate) server: StateServer,
    folder: TempDir,
}

impl Project {
    pub(crate) fn new(tool: Tool, configuration: &str) -> Self {
        let project = Self {
            tool,
            mark: Mark::new(),
            server: StateServer::start(),
            folder: tempfile::Builder::new()
                .prefix("iac-test-")
                .tempdir()
                .expect("a temporary directory"),
        };
        for folder in ["home", "repo", "gate"] {
            fs::create_dir(project.folder.path().join(folder)).expect("a folder");
        }
        let backend = project.server.backend_block();
        let configuration = format!("terraform {{\n{backend}}}\n{configuration}");
        fs::write(project.repo().join("main.tf"), configuration).expect("it is written");
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.git(&["add", "."]);
        project.git(&["commit", "--quiet", "--message=One"]);
        project
    }

    /// Returns the command of the example, without the developer's environment.
    pub(crate) fn example(&self) -> Command {
        let mut command = Command::new("setsid");
        self.surround(command.arg("--ctty").arg(example()));
        command
    }

    /// Returns the same command, without a terminal.
    pub(crate) fn example_without_terminal(&self) -> Command {
        let mut command = Command::new(example());
        self.surround(&mut command);
        command
    }

    /// Adds the arguments to deploy the repository.
    pub(crate) fn deployment(&self, mut example: Command) -> Command {
        let url = format!("file://{}", self.repo().display());
        example
            .args(["--repo", &url, "--ref", "main"])
            .args(["--tool", self.tool.name(), "--env", VARIABLE])
            .arg("--root")
            .arg(self.root());
        example
    }

    /// Waits for the only session, and returns its directory.
    pub(crate) fn session_dir(&self) -> PathBuf {
        wait_for("a session", WITHIN_A_TEST, || {
            let entry = fs::read_dir(self.root()).ok()?.next()?;
            Some(entry.expect("an entry").path())
        })
    }

    /// Waits until the resource of [`SLOW`] is in progress.
    pub(crate) fn wait_until_in_flight(&self) {
        let ready = self.session_dir().join("source/ready");
        wait_for("the in-flight resource", WITHIN_A_TEST, || {
            ready.exists().then_some(())
        });
    }

    /// Releases the resource.
    pub(crate) fn let_go(&self) {
        fs::write(self.session_dir().join("source/go"), "").expect("a file");
    }

    /// Returns a folder that comes first on `PATH`.
    pub(crate) fn gate(&self) -> PathBuf {
        self.folder.path().join("gate")
    }

    /// Returns the resources in the state on the server.
    pub(crate) fn resources(&self) -> Vec<Resource> {
        let state = self.server.state();
        state.as_ref().map(resources).unwrap_or_default()
    }

    fn repo(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("sessions")
    }

    fn surround(&self, command: &mut Command) {
        let path = format!("{}:{}", self.gate().display(), self.tool.path());
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder.path().join("home"))
            .env("USER", "alice")
            .env("TF_CLI_CONFIG_FILE", "/dev/null")
            .env(VARIABLE, self.mark.value());
    }

    fn git(&self, args: &[&str]) {
        let done = output_of(
            Command::new("git")
                .args(["-c", "user.name=Alice", "-c", "user.email=a@example.com"])
                .args(args)
                .current_dir(self.repo())
                .env("HOME", self.folder.path().join("home"))
                .env("GIT_CONFIG_NOSYSTEM", "1"),
        );
        assert!(done.status.success(), "{args:?}: {done:?}");
    }
}

/// Returns the example, which `cargo test` builds next to the folder of the tests.
///
/// With `--test`, cargo builds no examples, and the one of the last build is used.
fn example() -> PathBuf {
    let own = std::env::current_exe().expect("this program has a path");
    let built = own
        .parent()
        .and_then(Path::parent)
        .expect("it is two folders deep")
        .join("examples/deploy_session");
    assert!(
        built.is_file(),
        "there is no {}: run `cargo build --example deploy_session`",
        built.display()
    );
    built
}
