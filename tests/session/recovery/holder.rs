//! A separate process that holds a session, to be killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use iac_runner::client::Runner;
use iac_runner::registry::{Registry, RegistryHost, TokenSource};
use iac_runner::session::{DeployRequest, Sessions, Settings, Status};
use serde_json::{Value, json};

use crate::support::waiting::{WITHIN_A_TEST, wait_for};
use crate::test_env::{Gate, TestEnv, block_on, body_of, until, wait_until_in_flight};

/// Variable with the path of the file that says what to hold.
const ORDER: &str = "IAC_TEST_HOLD";

/// A process that holds a session; dropping it kills it.
pub(crate) struct Holder {
    child: Child,
    told: PathBuf,
}

impl Holder {
    /// Starts a process that starts a session, and approves its plan if requested.
    pub(crate) fn start(test_env: &TestEnv, body: &Value, approve: bool) -> Self {
        Self::begin(test_env, &json!({"body": body, "approve": approve}), None)
    }

    /// Same as `start`, with a private registry and its token.
    pub(crate) fn with_registry(test_env: &TestEnv, body: &Value, url: &str, token: &str) -> Self {
        let registry = json!({"url": url, "token": token});
        let order = json!({"body": body, "approve": false, "registry": registry});
        Self::begin(test_env, &order, None)
    }

    /// Same as `start`, with a registry whose backend is asked for the token.
    #[cfg(feature = "registry-token")]
    pub(crate) fn asking_registry(test_env: &TestEnv, body: &Value, url: &str) -> Self {
        let order = json!({"body": body, "approve": false, "registry": {"url": url}});
        Self::begin(test_env, &order, None)
    }

    /// Same as `start`, with another `PATH` for programs other than the tools.
    pub(crate) fn with_path(
        test_env: &TestEnv,
        body: &Value,
        approve: bool,
        path: Option<String>,
    ) -> Self {
        Self::begin(test_env, &json!({"body": body, "approve": approve}), path)
    }

    fn begin(test_env: &TestEnv, what: &Value, path: Option<String>) -> Self {
        let order = test_env.folder().join("order.json");
        let told = test_env.folder().join("held");
        let _ = fs::remove_file(&told);
        let mut document = what.clone();
        document["root"] = json!(test_env.settings().root);
        document["told"] = json!(told);
        fs::write(&order, document.to_string()).expect("the order is written");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args([
                "--exact",
                "recovery::holder::holds_a_session_to_be_killed",
                "--ignored",
            ])
            .env(ORDER, order)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(path) = path {
            command.env("PATH", path);
        }
        Self {
            child: command.spawn().expect("this program starts"),
            told,
        }
    }

    /// Returns the directory of the session that it holds.
    pub(crate) fn dir(&self) -> PathBuf {
        wait_for("the session to start", WITHIN_A_TEST, || {
            fs::read_to_string(&self.told)
                .ok()
                .filter(|dir| !dir.is_empty())
                .map(PathBuf::from)
        })
    }

    /// Kills it, as the kernel's OOM killer would.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // The child was not waited for, so its process id is still its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a session whose plan is approved, and kills the process that holds it while its slow resource is being
/// created; returns the session's directory.
pub(crate) fn killed_in_mid_apply(test_env: &TestEnv, request: &DeployRequest) -> PathBuf {
    let holder = Holder::start(test_env, &body_of(request), true);
    let dir = holder.dir();
    wait_until_in_flight(&dir);
    holder.kill();
    dir
}

/// Starts a session, and kills the process that holds it while its tool waits at this command.
pub(crate) fn killed_at(
    command: &str,
    test_env: &TestEnv,
    gate: &Gate,
    request: &DeployRequest,
    approve: bool,
) -> PathBuf {
    gate.hold(command);
    let holder = Holder::start(test_env, &body_of(request), approve);
    let dir = holder.dir();
    gate.wait_until_at(command);
    holder.kill();
    dir
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
#[ignore = "is started by other tests, as a process to be killed"]
fn holds_a_session_to_be_killed() {
    let order = std::env::var_os(ORDER).expect("who starts this says what to hold");
    let order: Value =
        serde_json::from_slice(&fs::read(order).expect("it is there")).expect("it is JSON");
    let text = |name: &str| order[name].as_str().expect("a text").to_owned();
    let request = DeployRequest::from_json(order["body"].to_string().as_bytes()).expect("valid");
    let runner = Runner::at(env!("CARGO_BIN_EXE_iac-runner")).expect("the binary is built");
    let mut settings = Settings::new(runner, text("root"));
    settings.registry = registry_of(&order["registry"]);
    block_on(async {
        let sessions = Sessions::open(settings).expect("a runtime");
        let session = sessions.start(request).expect("it starts");
        let told = text("told");
        let aside = format!("{told}.part");
        fs::write(&aside, session.dir().to_string_lossy().as_bytes()).expect("written");
        fs::rename(aside, Path::new(&told)).expect("renamed");
        if order["approve"] == true {
            let waiting = until(&session, Status::AwaitingApproval).await;
            let digest = waiting.plan_digest.expect("a digest");
            session
                .approve("alice", "", &digest)
                .await
                .expect("it waits");
        }
        std::future::pending::<()>().await;
    });
}

fn registry_of(order: &Value) -> Option<Registry> {
    let host = RegistryHost::parse(order["url"].as_str()?).expect("an address");
    let token = match order["token"].as_str() {
        Some(token) => TokenSource::Given(token.to_owned().into()),
        None => TokenSource::Backend,
    };
    Some(Registry::new(host, token))
}
