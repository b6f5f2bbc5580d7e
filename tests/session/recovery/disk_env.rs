//! A test environment whose configurations manage files that can change without the tool.
//!
//! The provider is `tests/support/provider/disk.py`.

use std::fs;
use std::path::{Path, PathBuf};

use iac_runner::session::{DeployRequest, Operation, Reason, Session, Sessions};

use crate::support::tools::Tool;
use crate::test_env::{TestEnv, end, log};

/// The declaration that a configuration with files needs.
const DECLARATION: &str = r#"
terraform {
  required_providers {
    disk = {
      source = "example.test/iac-runner/disk"
    }
  }
}
"#;

/// A test environment with a folder of files; configurations know the folder as `local.folder`.
pub(crate) struct DiskEnv {
    pub(crate) test_env: TestEnv,
}

impl DiskEnv {
    pub(crate) fn new(tool: Tool) -> Self {
        let test_env = TestEnv::new(tool);
        fs::create_dir(test_env.folder().join("files")).expect("a folder");
        Self { test_env }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.test_env.folder().join("files").join(name)
    }

    /// Writes a file without the tool.
    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.file(name), content).expect("the file is written");
    }

    /// Returns the content of a file; `None` if it does not exist.
    pub(crate) fn content(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.file(name)).ok()
    }

    /// Returns a request that is approved in advance.
    pub(crate) fn request(&self, hcl: &str) -> DeployRequest {
        let folder = self.test_env.folder().join("files");
        let folder = folder.display();
        let configuration = format!("{DECLARATION}locals {{\n  folder = \"{folder}\"\n}}\n{hcl}");
        let mut request = self.test_env.request(&configuration);
        let cli = cli_configuration().to_string_lossy().into_owned();
        request
            .env_vars
            .insert("TF_CLI_CONFIG_FILE".to_owned(), cli.into());
        request.auto_approve = true;
        request
    }

    /// Runs an operation on a configuration to its end, which must have this reason.
    pub(crate) async fn carry(
        &self,
        sessions: &Sessions,
        (operation, hcl): (Operation, &str),
        reason: Reason,
    ) -> Session {
        let mut request = self.request(hcl);
        request.operation = operation;
        ended_for(sessions, request, reason).await
    }
}

/// Runs a request to its end, which must have this reason.
pub(crate) async fn ended_for(
    sessions: &Sessions,
    request: DeployRequest,
    reason: Reason,
) -> Session {
    let session = sessions.start(request).expect("it starts");
    let ended = end(&session).await;
    assert_eq!(
        ended.reason,
        Some(reason),
        "{}\n{}",
        ended.error,
        log(&session)
    );
    session
}

/// Returns the CLI configuration with which both tools install only the provider from this machine.
///
/// Fails the test if it is missing: a suite that skips tests proves nothing.
#[track_caller]
fn cli_configuration() -> PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/provider/cli.tfrc");
    assert!(
        kept.is_file(),
        "no provider `disk`: run `./build.sh test` or `tests/tools.sh`, which install it into `.tools/`"
    );
    kept
}
