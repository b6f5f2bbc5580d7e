//! A directory with a configuration, the binary, and a check of all files left on disk.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};

use iac_runner::client::{Runner, blocking};
use iac_runner::protocol::{Request, RunResult};
use iac_runner::registry::Access;
use tempfile::TempDir;

use crate::support::bounded::in_time;
use crate::support::tools::Tool;
use crate::support::waiting::WITHIN_A_TEST;

/// All files that a run may touch are below one directory.
pub(crate) struct TestEnv {
    tool: Tool,
    root: TempDir,
}

impl TestEnv {
    pub(crate) fn new(tool: Tool, configuration: &str) -> Self {
        let test_env = Self {
            tool,
            root: tempfile::tempdir().expect("a directory"),
        };
        for folder in ["work", "home", "session"] {
            fs::create_dir(test_env.folder(folder)).expect("a new folder");
        }
        fs::write(test_env.folder("work").join("main.tf"), configuration).expect("written");
        test_env
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Runs a command with the real binary and with access to the registry.
    pub(crate) fn run(
        &self,
        command: &str,
        args: &[&str],
        access: &Access,
        proxy: Option<&str>,
    ) -> RunResult {
        let tool = iac_runner::protocol::Tool::from_program(self.tool.name()).expect("a tool");
        let config = access
            .write_cli_config(&self.folder("session"))
            .expect("written");
        let mut request = Request::new(tool, self.folder("work"), command);
        request.args = args.iter().map(|&arg| arg.to_owned()).collect();
        request.inherit_env = Some(Vec::new());
        request.run_dir = Some(self.folder(&format!("run-{command}")));
        request.timeout_minutes = 5.0;
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let mut variables = vec![
            ("PATH", self.tool.path()),
            ("HOME", text(&self.folder("home"))),
            ("TF_CLI_CONFIG_FILE", text(&config)),
        ];
        variables.extend(proxy.map(|proxy| ("HTTP_PROXY", proxy.to_owned())));
        for (name, value) in variables {
            request.env_vars.insert(name.to_owned(), value.into());
        }
        request.env_vars.extend(access.env_vars());
        // Passes through JSON, as the binary reads it.
        let runner = Runner::at(env!("CARGO_BIN_EXE_iac-runner")).expect("the binary is built");
        in_time("the end of the run", move || {
            blocking::Runner::from(runner).run(&request)
        })
        .expect("a result")
    }

    /// Asserts that a run has left this text nowhere on disk, neither plain nor as JSON.
    #[track_caller]
    pub(crate) fn assert_nowhere_on_disk(&self, secret: &str) {
        let json = serde_json::Value::from(secret).to_string();
        let forms = [secret, json.trim_matches('"')];
        let files = files_below(self.root.path());
        assert!(files.len() > 5, "{files:?}");
        for file in files {
            let bytes = fs::read(&file).expect("a readable file");
            for form in forms {
                let found = bytes
                    .windows(form.len())
                    .any(|window| window == form.as_bytes());
                assert!(!found, "the secret is in {}", file.display());
            }
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            files.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

/// Runs a future to its end, which must come in time.
#[track_caller]
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(WITHIN_A_TEST, future)
            .await
            .expect("it ends within the time of a test")
    })
}
