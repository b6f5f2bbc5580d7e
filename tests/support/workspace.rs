//! A configuration with three quick resources and a slow one, and its true state.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use libc::{F_UNLCK, F_WRLCK, SEEK_SET};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::bounded::output_of;
use super::mark::{self, Mark};
use super::state::{Resource, four_resources, read_json, resources};
use super::state_server::StateServer;
use super::tools::Tool;
use super::waiting::{WITHIN_A_TEST, wait_for};

/// Script of the slow resource: reports that it is ready, then waits to be released.
const IN_FLIGHT: &str = "echo in flight; touch ready; \
                         while [ ! -e go ]; do sleep 0.05; done; echo went on";

/// Line that the tool then prints for it.
pub(crate) const IN_FLIGHT_LINE: &str = "terraform_data.slow (local-exec): in flight";
/// Line that the tool prints after it was released.
pub(crate) const LET_GO_LINE: &str = "terraform_data.slow (local-exec): went on";

/// Where a configuration keeps its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Local,
    Server,
}

/// A temporary directory with a configuration, initialised for one tool.
pub(crate) struct Workspace {
    pub(crate) tool: Tool,
    pub(crate) mark: Mark,
    backend: Backend,
    server: Option<StateServer>,
    folder: TempDir,
}

impl Workspace {
    /// Gives the directory and everything in it to a user.
    pub(crate) fn give_to(&self, user: u32) {
        let given = Command::new("chown")
            .args(["-R", &format!("{user}:{user}")])
            .arg(self.folder.path())
            .status()
            .expect("`chown` starts");
        assert!(given.success(), "run the tests as root");
        let folder = fs::metadata(self.folder.path()).expect("it is there");
        assert_eq!(folder.uid(), user);
    }

    /// Creates three quick resources, then one that blocks.
    pub(crate) fn new(tool: Tool, backend: Backend) -> Self {
        Self::with_in_flight(tool, backend, IN_FLIGHT)
    }

    /// Creates three quick resources, then one that runs `script`.
    pub(crate) fn with_in_flight(tool: Tool, backend: Backend, script: &str) -> Self {
        let script = serde_json::to_string(script).expect("a string is JSON");
        Self::with_configuration(
            tool,
            backend,
            &format!(
                r#"
resource "terraform_data" "quick" {{
  count = 3
  input = count.index
  provisioner "local-exec" {{
    command = "echo quick ${{count.index}} done"
  }}
}}

resource "terraform_data" "slow" {{
  depends_on = [terraform_data.quick]
  provisioner "local-exec" {{
    command = {script}
  }}
}}

output "inputs" {{
  value = terraform_data.quick[*].input
}}
"#
            ),
        )
    }

    /// Creates a workspace with any configuration, initialised.
    pub(crate) fn with_configuration(tool: Tool, backend: Backend, hcl: &str) -> Self {
        let workspace = Self::not_initialised(tool, backend, hcl);
        let init = output_of(&mut workspace.command(&["init", "-no-color"]));
        assert!(
            init.status.success(),
            "init failed: {}",
            String::from_utf8_lossy(&init.stderr)
        );
        workspace
    }

    /// Creates a workspace with any configuration, before `init`.
    pub(crate) fn not_initialised(tool: Tool, backend: Backend, hcl: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("iac-test-")
            .tempdir()
            .expect("a temporary directory");
        let server = match backend {
            Backend::Local => None,
            Backend::Server => Some(StateServer::start()),
        };
        let block = server.as_ref().map(StateServer::backend_block);
        let block = block.unwrap_or_default();
        let workspace = Self {
            tool,
            mark: Mark::new(),
            backend,
            server,
            folder,
        };
        for folder in [workspace.work_dir(), workspace.home()] {
            fs::create_dir(folder).expect("a new folder");
        }
        fs::write(
            workspace.work_dir().join("main.tf"),
            format!("terraform {{\n{block}}}\n{hcl}"),
        )
        .expect("the configuration is written");
        workspace
    }

    pub(crate) fn work_dir(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Returns a home directory without the developer's settings of the tool.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Returns a path for a run directory, which does not exist yet.
    pub(crate) fn run_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Returns the state server.
    #[track_caller]
    pub(crate) fn server(&self) -> &StateServer {
        self.server.as_ref().expect("a workspace with a server")
    }

    /// Returns a request for one command of the tool, with the mark and without the developer's environment.
    pub(crate) fn request(&self, command: &str, args: &[&str]) -> Value {
        json!({
            "tool": self.tool.name(),
            "work_dir": self.work_dir(),
            "command": command,
            "args": args,
            "env_vars": { (mark::VARIABLE): self.mark.value() },
        })
    }

    /// Returns a request for an apply with a run directory.
    pub(crate) fn apply(&self) -> Value {
        let mut request = self.request("apply", &["-auto-approve", "-no-color"]);
        request["run_dir"] = json!(self.run_dir());
        request
    }

    /// Returns a command of the tool itself, without the runner.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.tool.program());
        command
            .args(args)
            .current_dir(self.work_dir())
            .env_clear()
            .env("PATH", self.tool.path())
            .env("HOME", self.home())
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1")
            .env(mark::VARIABLE, self.mark.value());
        command
    }

    /// Starts an apply without the runner, with its output in a file and in its own process group.
    pub(crate) fn start_apply_bare(&self) -> Child {
        use std::os::unix::process::CommandExt;
        let output = fs::File::create(self.bare_log()).expect("a new file");
        self.command(&["apply", "-auto-approve", "-no-color"])
            .stdin(Stdio::null())
            .stderr(output.try_clone().expect("a second handle"))
            .stdout(output)
            .process_group(0)
            .spawn()
            .expect("the tool starts")
    }

    /// Returns what a bare apply has printed so far.
    pub(crate) fn bare_output(&self) -> String {
        fs::read_to_string(self.bare_log()).expect("a bare apply was started")
    }

    fn bare_log(&self) -> PathBuf {
        self.folder.path().join("bare.log")
    }

    /// Waits until the three quick resources are done and the slow one is in progress.
    #[track_caller]
    pub(crate) fn wait_until_in_flight(&self) {
        let ready = self.work_dir().join("ready");
        wait_for("the in-flight resource", WITHIN_A_TEST, || {
            ready.exists().then_some(())
        });
    }

    /// Waits until the slow resource is in progress, or this is true, which means that it never will be.
    ///
    /// Returns whether it is in progress.
    #[track_caller]
    pub(crate) fn gets_in_flight_before(&self, mut is_too_late: impl FnMut() -> bool) -> bool {
        let ready = self.work_dir().join("ready");
        wait_for("the in-flight resource, or the end", WITHIN_A_TEST, || {
            if ready.exists() {
                return Some(true);
            }
            is_too_late().then_some(false)
        })
    }

    /// Ends the tool, whose process id is in the file `pid`, with SIGKILL.
    #[allow(dead_code, reason = "tests/faults alone needs it")]
    #[track_caller]
    pub(crate) fn kill_recorded_tool(&self) {
        let pid = fs::read_to_string(self.work_dir().join("pid")).expect("a pid");
        let pid: i32 = pid.trim().parse().expect("a number");
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("the tool is there");
    }

    /// Releases the slow resource.
    pub(crate) fn let_go(&self) {
        fs::write(self.work_dir().join("go"), "").expect("the go file is written");
    }

    /// Waits until no process carries the mark.
    #[track_caller]
    pub(crate) fn wait_until_nothing_runs(&self) {
        wait_for("the end of all that was started", WITHIN_A_TEST, || {
            self.mark.carriers().is_empty().then_some(())
        });
    }

    /// Returns the resources in the true state, sorted; empty if there is no state.
    pub(crate) fn resources(&self) -> Vec<Resource> {
        let state = match &self.server {
            Some(server) => server.state(),
            None => read_json(&self.work_dir().join("terraform.tfstate")),
        };
        state.as_ref().map(resources).unwrap_or_default()
    }

    /// Returns the lock info of the true holder of the state lock.
    pub(crate) fn lock_holder(&self) -> Option<Value> {
        match &self.server {
            Some(server) => server.lock_holder(),
            None if self.state_file_is_locked() => {
                read_json(&self.work_dir().join(".terraform.tfstate.lock.info"))
            }
            None => None,
        }
    }

    /// Returns whether some process holds the lock on the local state file.
    ///
    /// The lock info next to it is no proof: a killed tool leaves it behind, although its lock is free.
    fn state_file_is_locked(&self) -> bool {
        let Ok(file) = fs::File::open(self.work_dir().join("terraform.tfstate")) else {
            return false;
        };
        let narrow = |constant: i32| i16::try_from(constant).expect("a small constant");
        let whole_file = 0;
        let mut lock = libc::flock {
            l_type: narrow(F_WRLCK),
            l_whence: narrow(SEEK_SET),
            l_start: whole_file,
            l_len: whole_file,
            l_pid: 0,
        };
        fcntl(&file, FcntlArg::F_GETLK(&mut lock)).expect("a lock to ask for");
        lock.l_type != narrow(F_UNLCK)
    }

    /// Asserts that three resources exist, and the fourth one too, tainted: nothing was lost.
    #[track_caller]
    pub(crate) fn assert_state_is_complete(&self) {
        self.assert_resources(true);
    }

    /// Asserts that all four resources exist and none is tainted.
    #[track_caller]
    pub(crate) fn assert_everything_was_applied(&self) {
        self.assert_resources(false);
    }

    #[track_caller]
    fn assert_resources(&self, slow_is_tainted: bool) {
        assert_eq!(self.resources(), four_resources(slow_is_tainted));
    }

    /// Asserts that no process holds the state lock.
    #[track_caller]
    pub(crate) fn assert_lock_is_released(&self) {
        assert_eq!(self.lock_holder(), None, "the {:?} lock", self.backend);
    }
}
