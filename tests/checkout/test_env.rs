//! Shared test environment: a folder to check out into, and bounded calls.

use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use iac_runner::checkout::{CheckedOut, CheckoutError, Credentials, GitSource, Options, check_out};
use iac_runner::protocol::{SandboxMode, SandboxRequest};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::waiting::{WHOLE_TEST, WITHIN_A_TEST};

/// An environment for checkouts, with the messages that git printed.
pub(crate) struct TestEnv {
    place: TempDir,
    pub(crate) options: Options,
    pub(crate) lines: Vec<String>,
}

impl TestEnv {
    pub(crate) fn new() -> Self {
        let options = Options {
            timeout: WITHIN_A_TEST,
            // What works in the sandbox also works without.
            sandbox: SandboxRequest {
                mode: SandboxMode::Required,
                ..SandboxRequest::default()
            },
            ..Options::default()
        };
        Self {
            place: tempfile::tempdir().expect("a folder"),
            options,
            lines: Vec::new(),
        }
    }

    pub(crate) fn with_mirrors(mut self) -> Self {
        self.options.mirror_cache = Some(self.path("mirrors"));
        self
    }

    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// Returns the folder of checkouts and mirrors.
    pub(crate) fn folder(&self) -> PathBuf {
        self.place.path().canonicalize().expect("it is there")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Checks out into `into`.
    pub(crate) fn check_out(&mut self, source: &GitSource) -> Result<CheckedOut, CheckoutError> {
        self.check_out_into("into", source)
    }

    pub(crate) fn check_out_into(
        &mut self,
        name: &str,
        source: &GitSource,
    ) -> Result<CheckedOut, CheckoutError> {
        let into = self.path(name);
        let lines = &mut self.lines;
        block_on(check_out(source, &into, &self.options, &mut |line| {
            lines.push(line.to_owned());
        }))
    }

    #[track_caller]
    pub(crate) fn refused(&mut self, source: &GitSource) -> CheckoutError {
        let fault = self.check_out(source).expect_err("it is refused");
        self.assert_nothing_is_left();
        fault
    }

    /// Asserts that only the mirrors are left.
    #[track_caller]
    pub(crate) fn assert_nothing_is_left(&self) {
        let left: Vec<_> = fs::read_dir(self.place.path())
            .expect("it is there")
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| name != "mirrors")
            .collect();
        assert!(left.is_empty(), "left: {left:?}");
    }
}

pub(crate) fn source(url: impl Into<String>, git_ref: &str) -> GitSource {
    GitSource {
        url: url.into(),
        git_ref: git_ref.to_owned(),
        path: ".".to_owned(),
        credentials: Credentials::None,
        submodules: false,
        depth: None,
    }
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

#[track_caller]
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    runtime()
        .block_on(async { tokio::time::timeout(WHOLE_TEST, future).await })
        .expect("it ends within the time of a test")
}
