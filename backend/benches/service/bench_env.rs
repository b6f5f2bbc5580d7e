//! A repository to deploy from, and a running service.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::ground::Ground;

/// Names the runner to use; `build.sh` sets it to the one that is shipped.
const RUNNER: &str = "IAC_BACKEND_RUNNER";

/// Two resources, an output, a built-in provider; the state is next to the configuration.
const CONFIGURATION: &str = r#"
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

/// What a tool gets besides `PATH` and `HOME`; a missing file would cost a warning on each command.
pub const SET: [(&str, &str); 2] = [
    ("TF_CLI_CONFIG_FILE", "/dev/null"),
    ("CHECKPOINT_DISABLE", "1"),
];

/// The environment of a bench: its folder and repositories.
pub struct BenchEnv {
    pub ground: Ground,
    /// The URLs of the repositories.
    pub urls: Vec<String>,
}

/// A running service; dropping it kills it.
pub struct Service {
    child: Child,
    /// Its address, such as `127.0.0.1:40000`.
    pub address: String,
}

impl BenchEnv {
    /// Creates this many repositories, all with the same configuration.
    pub fn new(repositories: usize) -> Self {
        let ground = Ground::new();
        let urls = (0..repositories).map(|_| ground.repository(CONFIGURATION));
        Self {
            urls: urls.collect(),
            ground,
        }
    }

    /// Returns a request to deploy one of the repositories.
    pub fn request(&self, number: usize, auto_approve: bool) -> Value {
        let set: serde_json::Map<_, _> = SET
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        json!({
            "tool": "terraform",
            "git_url": self.urls[number],
            "git_ref": "main",
            "auto_approve": auto_approve,
            "env_vars": set,
        })
    }

    /// Starts a service with default settings, except for its paths and local sources.
    pub fn serve(&self) -> Service {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iac-backend"));
        for setting in iac_backend::config::SETTINGS {
            if setting.variable != RUNNER {
                command.env_remove(setting.variable);
            }
        }
        let mut child = command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--local-sources",
                "--data-dir",
            ])
            .arg(self.ground.new_path("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(self.ground.new_path("log")).expect("a new file"))
            .spawn()
            .expect("the binary is built");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on http://");
        Service {
            address: address
                .expect("it serves; is IAC_BACKEND_RUNNER set?")
                .to_owned(),
            child,
        }
    }
}

impl Service {
    /// Returns its resident memory, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.expect("a line").parse().expect("a number")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The child was not waited for, so its process id is still its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
