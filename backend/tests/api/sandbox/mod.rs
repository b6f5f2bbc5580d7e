//! What a configuration can access of the service that runs it: each attack with and without the sandbox.

mod checkouts;
mod commands;
mod configurations;
mod told;
mod variables;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::client::Client;
use crate::test_env::{Running, SMALL, TestEnv};

/// Gives a command the arguments, directory and environment of another command, whose program it starts.
fn with_arguments_of(command: &mut Command, own: &Command) {
    command.args(own.get_args());
    if let Some(directory) = own.get_current_dir() {
        command.current_dir(directory);
    }
    for (name, value) in own.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// A service whose tools are confined as far as the kernel supports, without extra paths.
struct Target {
    test_env: TestEnv,
    running: Running,
    tool: &'static str,
    /// The directory of an ended deployment.
    other: PathBuf,
}

impl Target {
    fn new(tool: &'static str, mode: &str) -> Self {
        let test_env = TestEnv::new();
        let hosts = ["--allowed-git-hosts", "127.0.0.1"];
        let mut command = test_env.command(&[&["serve", "--sandbox", mode], &hosts[..]].concat());
        command.env_remove("IAC_BACKEND_SANDBOX_WRITE");
        let running = test_env.start(&mut command);
        Self::of(test_env, running, tool)
    }

    fn of(test_env: TestEnv, running: Running, tool: &'static str) -> Self {
        let mut target = Self {
            test_env,
            running,
            tool,
            other: PathBuf::new(),
        };
        let id = target.applied(&target.test_env.request(tool, SMALL));
        target.other = target.session(&id);
        target
    }

    fn client(&self) -> &Client {
        &self.running.client
    }

    fn data(&self) -> PathBuf {
        self.test_env.root().join("data")
    }

    fn key(&self) -> PathBuf {
        self.test_env.key_file()
    }

    fn session(&self, id: &str) -> PathBuf {
        self.data().join("sessions").join(id)
    }

    /// Executes a request, approving as needed, until it has ended; returns the id of the deployment.
    fn applied(&self, request: &Value) -> String {
        let mut request = request.clone();
        request["auto_approve"] = json!(true);
        self.ended(&request)
    }

    fn ended(&self, request: &Value) -> String {
        let id = self.client().deploy(request);
        self.client().follow(&id, None).until_end();
        id
    }

    /// Returns the attacks of a table that succeed as commands of a configuration.
    fn reached(&self, table: &str) -> Vec<String> {
        let mut script = format!(
            "export DATA={} KEY={} SERVICE={} OTHER={}\n",
            self.data().display(),
            self.key().display(),
            self.running.pid(),
            self.other.display()
        );
        for line in table.lines() {
            if let Some((name, command)) = line.split_once(": ") {
                script +=
                    &format!("if ({command}) >/dev/null 2>&1; then echo {name} >>reached; fi\n");
            }
        }
        script += "echo end >>reached\n";
        let mut request = self.test_env.request(self.tool, RUN_SCRIPT);
        request["source"]["files"]["attack.sh"] = json!(script);
        let id = self.applied(&request);
        let path = files(&self.session(&id))
            .into_iter()
            .find(|path| path.ends_with("source/reached"));
        let text = path.map(|path| fs::read_to_string(path).unwrap());
        let text = text.unwrap_or_else(|| panic!("it did not run: {}", self.client().status(&id)));
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        assert_eq!(lines.pop().as_deref(), Some("end"));
        lines
    }

    /// Returns whether the plan of a configuration succeeds.
    fn is_planned(&self, hcl: &str) -> bool {
        let mut request = self.test_env.request(self.tool, hcl);
        request["operation"] = json!("plan");
        let id = self.ended(&request);
        let status = self.client().status(&id);
        let is_planned = status["status"] == "success";
        let reason = status["reason"].as_str().unwrap();
        assert!(
            is_planned || ["plan_failed", "init_failed"].contains(&reason),
            "{status}"
        );
        is_planned
    }

    /// Returns whether a file of a deployment contains the sealing key.
    fn has_key(&self, id: &str) -> bool {
        let key = fs::read(self.key()).unwrap();
        let mut files = files(&self.session(id)).into_iter();
        files.any(|path| fs::read(path).is_ok_and(|content| content == key))
    }
}

const RUN_SCRIPT: &str = r#"
resource "terraform_data" "attack" {
  provisioner "local-exec" {
    command = "sh ./attack.sh"
  }
}
"#;

/// Returns every regular file below a directory; does not follow links.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}
