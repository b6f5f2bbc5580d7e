//! A stand whose configurations manage files, which anybody can change behind the tool's back.
//!
//! The provider is `tests/support/provider/disk.py`.

use std::fs;
use std::path::{Path, PathBuf};

use iac_runner::session::{DeployRequest, Operation, Reason, Session, Sessions};

use crate::stand::{Stand, end, log};
use crate::support::tools::Tool;

/// What a configuration with files has to declare.
const DECLARATION: &str = r#"
terraform {
  required_providers {
    disk = {
      source = "example.test/iac-runner/disk"
    }
  }
}
"#;

/// A stand with a folder of files; a configuration knows the folder as `local.folder`.
pub(crate) struct DiskStand {
    pub(crate) stand: Stand,
}

impl DiskStand {
    pub(crate) fn new(tool: Tool) -> Self {
        let stand = Stand::new(tool);
        fs::create_dir(stand.folder().join("files")).expect("a folder");
        Self { stand }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.stand.folder().join("files").join(name)
    }

    /// Writes a file as somebody would who knows nothing of the tool.
    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.file(name), content).expect("the file is written");
    }

    /// What a file holds; none if it is not there.
    pub(crate) fn content(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.file(name)).ok()
    }

    /// A request that is approved beforehand.
    pub(crate) fn request(&self, hcl: &str) -> DeployRequest {
        let folder = self.stand.folder().join("files");
        let folder = folder.display();
        let configuration = format!("{DECLARATION}locals {{\n  folder = \"{folder}\"\n}}\n{hcl}");
        let mut request = self.stand.request(&configuration);
        let cli = cli_configuration().to_string_lossy().into_owned();
        request
            .env_vars
            .insert("TF_CLI_CONFIG_FILE".to_owned(), cli.into());
        request.auto_approve = true;
        request
    }

    /// Carries an operation on a configuration to its end, which has to be for this reason.
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

/// Carries a request to its end, which has to be for this reason.
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

/// The CLI configuration with which both tools install the provider, and nothing else, from this machine.
///
/// Fails the test when it is not there: a suite that skips proves nothing.
#[track_caller]
fn cli_configuration() -> PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/provider/cli.tfrc");
    assert!(
        kept.is_file(),
        "no provider `disk`: run `./build.sh test` or `tests/tools.sh`, which install it into `.tools/`"
    );
    kept
}
