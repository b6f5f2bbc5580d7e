//! A test environment with a started service, and configurations to deploy.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::access::gate::WITHIN_MINUTES;
use crate::bounded::{end_of, in_time, output_of};
use crate::client::Client;
use crate::mark::{Mark, VARIABLE};
use crate::operation::programs::{path_of_tools, runner};
use crate::postgres_server;
use crate::waiting::wait_for;

/// One resource and two outputs, one of them sensitive.
pub(crate) const SMALL: &str = r#"
variable "name" { default = "world" }
variable "password" {
  default   = "hunter2-of-a-variable"
  sensitive = true
}
resource "terraform_data" "greeting" { input = "Hello, ${var.name}!" }
output "greeting" { value = terraform_data.greeting.output }
output "password" {
  value     = var.password
  sensitive = true
}
"#;

/// A resource that counts how often it is created, reports that it is in progress, and waits to be released.
pub(crate) const SLOW: &str = r#"
variable "place" {}
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "echo once >> ${var.place}/count; touch ${var.place}/ready; while [ ! -e ${var.place}/go ]; do sleep 0.05; done"
  }
}
"#;

/// A test environment for a service, which may be started there more than once.
pub(crate) struct TestEnv {
    folder: TempDir,
    place: PathBuf,
    mark: Mark,
    database: Option<SecretString>,
    /// `work.allowed_git_hosts` of its services; `None` for the default.
    git_hosts: Option<&'static str>,
}

/// A running service; dropping it kills it.
pub(crate) struct Running {
    child: Child,
    pub(crate) client: Client,
}

impl TestEnv {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("iac-test-")
            .tempdir()
            .unwrap();
        let place = folder.path().join("place");
        std::fs::create_dir(&place).unwrap();
        Self {
            folder,
            place,
            mark: Mark::new(),
            database: None,
            git_hosts: None,
        }
    }

    /// Creates an environment whose services use an empty PostgreSQL database.
    pub(crate) fn on_postgres() -> Self {
        Self {
            database: Some(block_on(postgres_server::new_database())),
            ..Self::new()
        }
    }

    /// Lets its services fetch from these hosts.
    pub(crate) fn with_git_hosts(mut self, hosts: &'static str) -> Self {
        self.git_hosts = Some(hosts);
        self
    }

    /// Returns the URL of that database.
    pub(crate) fn database(&self) -> &str {
        self.database.as_ref().unwrap().expose_secret()
    }

    /// Returns the root of the environment, which contains the data directory.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the directory that configurations may change, unless a test forbids it.
    pub(crate) fn path(&self) -> &Path {
        &self.place
    }

    /// Returns the path of the sealing key, which configurations cannot access.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.root().join("sealing.key")
    }

    /// Returns a command of the program, with this data directory and without settings from outside.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iac-backend"));
        command.args(arguments).current_dir(self.path());
        for setting in iac_backend::config::SETTINGS {
            command.env_remove(setting.variable);
        }
        command
            .env_remove("IAC_BACKEND_CONFIG")
            .env("IAC_BACKEND_RUNNER", runner())
            .env("IAC_BACKEND_LISTEN", "127.0.0.1:0")
            .env("IAC_BACKEND_DATA_DIR", self.root().join("data"))
            // Configurations of tests report their progress in files here.
            .env("IAC_BACKEND_SANDBOX_WRITE", self.path())
            // A wrapper in a tool's place starts the real tool.
            .env(
                "IAC_BACKEND_SANDBOX_READ",
                path_of_tools().replace(':', ","),
            )
            // Services that share a database share the key.
            .env("IAC_BACKEND_SEALING_KEY_FILE", self.key_file());
        if let Some(hosts) = self.git_hosts {
            command.env("IAC_BACKEND_ALLOWED_GIT_HOSTS", hosts);
        }
        if let Some(database) = &self.database {
            command.env("DATABASE_URL", database.expose_secret());
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        output_of(&mut self.command(arguments))
    }

    /// Creates a key.
    pub(crate) fn key(&self, name: &str, role: &str) -> String {
        let made = self.run(&["keys", "create", name, "--role", role]);
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn serve(&self) -> Running {
        self.serve_with(&[])
    }

    pub(crate) fn serve_with(&self, flags: &[&str]) -> Running {
        self.start(&mut self.command(&[&["serve"], flags].concat()))
    }

    /// Starts a `serve` command, and waits until it listens.
    pub(crate) fn start(&self, command: &mut Command) -> Running {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let line = in_time("the service to start", move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line
        });
        let base = line.trim().strip_prefix("listening on ");
        Running {
            client: Client::new(base.expect("the service starts: see above")),
            child,
        }
    }

    /// Returns a request that contains its configuration.
    pub(crate) fn request(&self, tool: &str, hcl: &str) -> Value {
        json!({
            "tool": tool,
            "source": {"files": {"main.tf": hcl}},
            "env_vars": self.environment(),
        })
    }

    /// Returns a request for a local directory, which all such requests share; needs `--local-sources`.
    pub(crate) fn directory_request(&self, tool: &str, hcl: &str) -> Value {
        let directory = self.path().join("project");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("main.tf"), hcl).unwrap();
        let mut request = self.request(tool, hcl);
        request["source"] = json!({"directory": directory});
        request
    }

    /// Returns a request for a directory of a repository.
    pub(crate) fn git_request(&self, tool: &str, url: &str, path: &str) -> Value {
        json!({
            "tool": tool,
            "git_url": url,
            "git_ref": "main",
            "path": path,
            "env_vars": self.environment(),
        })
    }

    /// Returns the environment of the tools: the mark, and no settings from outside.
    fn environment(&self) -> Value {
        let home = self.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        json!({
            "PATH": path_of_tools(),
            "HOME": home,
            "TF_CLI_CONFIG_FILE": "/dev/null",
            VARIABLE: self.mark.value(),
        })
    }

    /// Returns the mark that shows which processes are still alive.
    pub(crate) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Returns a request with [`SLOW`], which waits for a file of this environment.
    pub(crate) fn slow(&self) -> Value {
        let mut request = self.request("terraform", SLOW);
        request["env_vars"]["TF_VAR_place"] = json!(self.path());
        request
    }

    /// Releases the resource of [`SLOW`].
    pub(crate) fn let_go(&self) {
        std::fs::write(self.path().join("go"), "").unwrap();
    }
}

impl Running {
    /// Kills the service, as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        self.ask_to_stop();
        assert!(end_of(&mut self.child).success());
    }

    pub(crate) fn ask_to_stop(&self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    }

    /// Returns its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether it is still running.
    pub(crate) fn is_there(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) {
        wait_for("the service to end", WITHIN_MINUTES, || {
            self.child
                .try_wait()
                .unwrap()
                .map(|status| assert!(status.success()))
        });
    }
}

impl Running {
    /// Waits until it has ended by itself, with a failure.
    pub(crate) fn failed(mut self) {
        wait_for("the service to fail", WITHIN_MINUTES, || {
            let status = self.child.try_wait().unwrap()?;
            assert_eq!(status.code(), Some(1));
            Some(())
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
