//! Confines the tool of a request, and all processes that it starts.

mod level;
mod paths;
mod real_path;
mod temp_dir;
mod variables;

use std::io;
use std::path::{Path, PathBuf};

pub(super) use self::level::{Level, decide};
pub use self::level::{SandboxLevel, sandbox_level};
use self::paths::Paths;
use self::real_path::{Resolved, resolve};
use self::temp_dir::TempDir;
pub(super) use self::temp_dir::remove_leftovers;
use super::messages::wording::of_system;
use super::preparation::Environment;
use super::preparation::refusal::Refusal;
use super::run_dir::DISK_PATIENCE;
use crate::process::{Access, Ruleset, Sandbox, contains, landlock_abi, within};
use crate::protocol::{Request, SandboxMode};

/// A tool's sandbox, prepared but not yet entered.
#[derive(Debug)]
pub(super) struct Confinement {
    pub(super) sandbox: Sandbox,
    /// Its name in the result.
    pub(super) name: String,
    temp_dir: TempDir,
}

impl Confinement {
    /// Removes the temporary directory after the tool has ended.
    pub(super) fn remove_temp_dir(self) {
        let Self {
            sandbox, temp_dir, ..
        } = self;
        drop(sandbox);
        // A hung disk keeps it: a later run removes it.
        let _ = within(DISK_PATIENCE, move || temp_dir.remove());
    }
}

/// Prepares the sandbox that a request asks for, and adapts the tool's environment to it; returns sentences for
/// warnings too.
///
/// # Errors
/// The sandbox is required but the kernel can't make it, or a path in the request can't be accessed.
pub(super) fn prepare(
    request: &Request,
    environment: &mut Environment,
    program: &Path,
    work_dir: &Path,
) -> Result<(Option<Confinement>, Option<String>), Refusal> {
    if request.sandbox.mode == SandboxMode::Off {
        return Ok((None, None));
    }
    let level = decide(request.sandbox.mode, landlock_abi()).map_err(Refusal::not_started)?;
    let (abi, warning) = match level {
        Level::None { warning } => return Ok((None, Some(warning))),
        Level::Enforced { abi, warning } => (abi, warning),
    };
    let own = |name: &str| std::env::var_os(name);
    let mut paths = paths::of(request, program, work_dir, own);
    let run_dir = request.run_dir.clone();
    let asked = request.work_dir.clone();
    let listed = [&*request.sandbox.write, &request.sandbox.read].concat();
    let made: Option<Result<_, String>> = within(DISK_PATIENCE, move || {
        let temp_dir = TempDir::create().map_err(|fault| {
            let folder = std::env::temp_dir();
            format!(
                "no temporary directory in `{}`: {}",
                folder.display(),
                of_system(&fault)
            )
        })?;
        paths.write.push(temp_dir.path().to_owned());
        let ruleset = Ruleset::new(abi).map_err(|fault| of_system(&fault))?;
        refuse_exposed_record(run_dir.as_deref(), &paths)?;
        refuse_link_out_of(&listed, &asked, &paths.work_dir)?;
        let opened = open_all(&ruleset, &paths)?;
        Ok((temp_dir, ruleset, opened))
    });
    let (temp_dir, ruleset, opened) = made
        .unwrap_or_else(|| {
            let limit = DISK_PATIENCE.as_secs();
            Err(format!(
                "a disk that it needs has not answered for {limit} s"
            ))
        })
        .map_err(|fault| Refusal::not_started(format!("`sandbox`: {fault}")))?;
    let held = temp_dir
        .held()
        .map_err(|fault| Refusal::not_started(format!("`sandbox`: {}", of_system(&fault))))?;
    variables::adapt_environment(
        request,
        &mut environment.variables,
        temp_dir.path(),
        &opened,
    );
    let confinement = Confinement {
        sandbox: Sandbox::new(ruleset, Some(held)),
        name: level::name(abi),
        temp_dir,
    };
    Ok((Some(confinement), warning))
}

/// Refuses a run directory in which the confined tool could change its own record.
fn refuse_exposed_record(run_dir: Option<&Path>, paths: &Paths) -> Result<(), String> {
    let Some(run_dir) = run_dir else {
        return Ok(());
    };
    // A path that does not exist exposes nothing.
    let exposes = |path: &&PathBuf| contains(path, run_dir).unwrap_or(false);
    match paths.writable().find(exposes) {
        None => Ok(()),
        Some(path) => Err(format!(
            "the run directory `{}` is in `{}`, which the confined tool may change, and with it the record: choose a \
             `run_dir` outside of it",
            run_dir.display(),
            path.display()
        )),
    }
}

/// Refuses a working directory that a link leads out of a listed directory: a configuration may have put the link
/// there, to be given what it leads to.
fn refuse_link_out_of(listed: &[PathBuf], asked: &Path, work_dir: &Path) -> Result<(), String> {
    let Ok(asked) = std::path::absolute(asked) else {
        return Ok(());
    };
    for directory in listed.iter().filter_map(|path| path.canonicalize().ok()) {
        let leads_in = resolve(&asked, std::slice::from_ref(&directory));
        if matches!(leads_in, Ok(Resolved::WithinWritable)) && !work_dir.starts_with(&directory) {
            return Err(format!(
                "`work_dir` is `{}`, which a link in `{}` leads to: the configuration may have put the link there, so \
                 nothing was started; if the link is yours, give the directory that it leads to",
                work_dir.display(),
                directory.display()
            ));
        }
    }
    Ok(())
}

/// Adds the rules; returns the granted paths besides those of the system.
fn open_all(ruleset: &Ruleset, paths: &Paths) -> Result<Vec<PathBuf>, String> {
    ruleset.allow_system();
    let writable: Vec<PathBuf> = paths
        .writable()
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    let of_tool = paths.tool.iter().map(|path| (path, Access::Read, false));
    let read = paths.read.iter().map(|path| (path, Access::Read, true));
    let write = paths.write.iter().map(|path| (path, Access::Write, true));
    // Its path was resolved before: a link that is there now was put there since.
    let shown = |fault: io::Error| format!("`{}`: {}", paths.work_dir.display(), of_system(&fault));
    ruleset
        .allow_real(&paths.work_dir, Access::Write)
        .map_err(shown)?;
    let mut opened = vec![paths.work_dir.clone()];
    for (path, access, is_listed) in write.chain(of_tool).chain(read) {
        match open_one(ruleset, path, access, &writable) {
            Ok(real) => opened.extend(real),
            Err(fault) if is_listed => {
                return Err(format!("`{}`: {}", path.display(), of_system(&fault)));
            }
            Err(_) => {}
        }
    }
    Ok(opened)
}

/// Grants access to one path; returns `None` if it is missing, or is part of a writable directory.
fn open_one(
    ruleset: &Ruleset,
    path: &Path,
    access: Access,
    writable: &[PathBuf],
) -> io::Result<Option<PathBuf>> {
    match resolve(path, writable)? {
        Resolved::Real(real) => {
            ruleset.allow_real(&real, access)?;
            Ok(Some(real))
        }
        Resolved::Missing | Resolved::WithinWritable => Ok(None),
    }
}
