//! `iac-runner doctor`: reports what a new user needs to know about this machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::process::{FileWatch, landlock_abi, memory_file, probe};
use crate::protocol::{SandboxMode, Tool};
use crate::runner::preparation::{limits, resolve};
use crate::runner::sandbox::{Level, decide};
use crate::runner::supervisor::version_check;

/// Time limit for a tool or git to print its version.
const DEADLINE: Duration = Duration::from_secs(30);

/// The results of all checks.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Whether a request can be run: a tool is installed, and so are the requirements of supervision.
    pub(crate) ok: bool,
    version: &'static str,
    checks: Vec<Check>,
}

/// The result of one check.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    /// What was found, or what is missing.
    detail: String,
    /// What to do about it, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    /// Something is missing that not every user needs.
    Warning,
    /// Nothing runs without it.
    Missing,
}

impl Check {
    fn new(name: &'static str, status: Status, detail: impl Into<String>) -> Self {
        Self {
            name,
            status,
            detail: detail.into(),
            hint: None,
            path: None,
            tool_version: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Runs all checks.
pub(crate) fn report() -> Report {
    let mut checks: Vec<Check> = Tool::ALL.into_iter().map(tool).collect();
    if checks.iter().all(|check| check.status != Status::Ok) {
        for check in &mut checks {
            check.status = Status::Missing;
        }
    }
    checks.push(git());
    checks.push(directory("temporary directory", &std::env::temp_dir()));
    if let Ok(here) = std::env::current_dir() {
        checks.push(directory("current directory", &here));
    }
    checks.push(memory());
    checks.push(process_limits());
    checks.push(file_watch());
    checks.push(process_tree());
    checks.push(sandbox());
    checks.push(cli_config());
    Report {
        ok: checks.iter().all(|check| check.status != Status::Missing),
        version: env!("CARGO_PKG_VERSION"),
        checks,
    }
}

fn tool(tool: Tool) -> Check {
    let get = match tool {
        Tool::Terraform => "https://developer.hashicorp.com/terraform/install",
        Tool::Tofu => "https://opentofu.org/docs/intro/install/",
    };
    let name = tool.program();
    let program = match resolve::tool(tool, std::env::var_os("PATH").as_deref()) {
        Ok(program) => program,
        Err(fault) => {
            return Check::new(name, Status::Warning, fault.to_string()).hint(format!("see {get}"));
        }
    };
    let found = match probe(&program, &["version", "-json"], DEADLINE) {
        Ok(probed) => {
            version_check::read(&probed.output).ok_or_else(|| "printed no version".to_owned())
        }
        Err(fault) => Err(fault.to_string()),
    };
    let mut check = match found {
        Ok(version) => {
            let mut check = Check::new(
                name,
                Status::Ok,
                format!("{version} at {}", program.display()),
            );
            check.tool_version = Some(version);
            check
        }
        Err(fault) => Check::new(
            name,
            Status::Warning,
            format!("{} {fault}", program.display()),
        )
        .hint(format!("run `{} version` by hand", program.display())),
    };
    check.path = Some(program);
    check
}

fn git() -> Check {
    match probe(Path::new("git"), &["--version"], DEADLINE) {
        Ok(probed) if probed.success => Check::new("git", Status::Ok, probed.output.trim()),
        Ok(_) | Err(_) => Check::new("git", Status::Warning, "git was not found in PATH")
            .hint("install git: modules and deployments from repositories need it"),
    }
}

fn directory(name: &'static str, path: &Path) -> Check {
    let trial = path.join(format!(".iac-runner-doctor-{}", std::process::id()));
    let written = File::options().write(true).create_new(true).open(&trial);
    let mut check = match written.and_then(|_| fs::remove_file(&trial)) {
        Ok(()) => Check::new(
            name,
            Status::Ok,
            format!("{} can be written", path.display()),
        ),
        Err(fault) => Check::new(
            name,
            Status::Warning,
            format!("{}: {fault}", path.display()),
        )
        .hint("run where the user may write, or set TMPDIR"),
    };
    check.path = Some(path.to_owned());
    check
}

fn memory() -> Check {
    let name = "spool";
    match memory_file("doctor") {
        Ok(_) => Check::new(name, Status::Ok, "output can be kept in memory (memfd)"),
        Err(fault) => Check::new(name, Status::Missing, format!("no file in memory: {fault}"))
            .hint("allow memfd_create(2), or give a temporary directory that can be written"),
    }
}

fn process_limits() -> Check {
    let name = "limits";
    match limits::unmet(limits::FILES_OF_A_RUN) {
        None => Check::new(
            name,
            Status::Ok,
            "open files and memory are enough for a run",
        ),
        Some(sentence) => Check::new(name, Status::Missing, sentence),
    }
}

fn file_watch() -> Check {
    let name = "inotify";
    if FileWatch::is_available() {
        Check::new(name, Status::Ok, "output is seen as soon as it is written")
    } else {
        Check::new(name, Status::Warning, "output is looked for every 5 ms")
            .hint("raise fs.inotify.max_user_instances")
    }
}

fn process_tree() -> Check {
    let name = "process tree";
    if Path::new("/proc/thread-self/children").exists() {
        Check::new(
            name,
            Status::Ok,
            "children are listed by the kernel (CONFIG_PROC_CHILDREN)",
        )
    } else if Path::new("/proc/self/stat").exists() {
        Check::new(name, Status::Ok, "children are found by reading /proc")
    } else {
        Check::new(name, Status::Missing, "/proc is not mounted")
            .hint("mount /proc: what a tool leaves behind is found there")
    }
}

fn sandbox() -> Check {
    let name = "sandbox";
    match decide(SandboxMode::Auto, landlock_abi()) {
        Ok(Level::Enforced { abi, warning: None }) => Check::new(
            name,
            Status::Ok,
            format!(
                "Landlock version {abi}: tools can be confined (`sandbox`), \"required\" works"
            ),
        ),
        Ok(Level::Enforced {
            warning: Some(sentence),
            ..
        }) => Check::new(name, Status::Warning, sentence)
            .hint("`sandbox` works with the mode \"auto\" only"),
        Ok(Level::None { warning: sentence }) | Err(sentence) => {
            Check::new(name, Status::Warning, sentence).hint(
                "`sandbox` with the mode \"auto\" runs tools unconfined here, \"required\" refuses",
            )
        }
    }
}

fn cli_config() -> Check {
    let name = "CLI configuration";
    match std::env::var_os("TF_CLI_CONFIG_FILE") {
        Some(path) if !Path::new(&path).is_file() => Check::new(
            name,
            Status::Warning,
            format!(
                "TF_CLI_CONFIG_FILE names {}, which is no file",
                path.display()
            ),
        )
        .hint("unset it or create the file: the tools print a warning on every command"),
        Some(path) => Check::new(name, Status::Ok, format!("{}", path.display())),
        None => Check::new(name, Status::Ok, "TF_CLI_CONFIG_FILE is not set"),
    }
}

impl Report {
    /// Formats the report for a person.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for check in &self.checks {
            let mark = match check.status {
                Status::Ok => "ok     ",
                Status::Warning => "warning",
                Status::Missing => "MISSING",
            };
            text.push_str(&format!("{mark}  {:<20} {}\n", check.name, check.detail));
            if let Some(hint) = &check.hint {
                text.push_str(&format!("{:31}{hint}\n", ""));
            }
        }
        text.push_str(if self.ok {
            "iac-runner can run requests here.\n"
        } else {
            "iac-runner cannot run requests here yet.\n"
        });
        text
    }
}
