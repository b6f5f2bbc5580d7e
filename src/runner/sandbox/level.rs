//! Determines how far the kernel can confine a tool, and whether that is enough.

use std::io;

use crate::process::{LANDLOCK_COMPLETE as COMPLETE, LANDLOCK_USABLE as USABLE, landlock_abi};
use crate::protocol::SandboxMode;
use crate::runner::messages::wording::of_system;

/// The latest version with features that are used here.
const KNOWN: u32 = 7;

/// The decision about a tool.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// It is not confined, which deserves a warning.
    None { warning: String },
    /// It is confined with this version of Landlock; with a warning if that leaves gaps.
    Enforced { abi: u32, warning: Option<String> },
}

/// What would confine tools on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxLevel {
    /// Its name in results, such as `landlock-7`; `None` if tools would not be confined.
    pub name: Option<String>,
    /// A sentence about its gaps.
    pub warning: Option<String>,
}

/// Returns what would confine tools in this mode, if this process started them.
///
/// # Errors
/// A sentence, if a sandbox is required and the kernel can't make a complete one.
pub fn sandbox_level(mode: SandboxMode) -> Result<SandboxLevel, String> {
    let unconfined = |warning| SandboxLevel {
        name: None,
        warning,
    };
    if mode == SandboxMode::Off {
        return Ok(unconfined(None));
    }
    Ok(match decide(mode, landlock_abi())? {
        Level::None { warning } => unconfined(Some(warning)),
        Level::Enforced { abi, warning } => SandboxLevel {
            name: Some(name(abi)),
            warning,
        },
    })
}

/// Returns the name of a sandbox in results.
pub(super) fn name(abi: u32) -> String {
    format!("landlock-{}", abi.min(KNOWN))
}

/// Decides how to confine a tool in a mode other than `off`, given the kernel's version of Landlock.
///
/// # Errors
/// A sentence, if a sandbox is required and the kernel can't make a complete one.
pub(crate) fn decide(mode: SandboxMode, abi: io::Result<u32>) -> Result<Level, String> {
    let (abi, missing) = match abi {
        Ok(abi) if abi >= COMPLETE => (Some(abi), None),
        Ok(abi) if abi >= USABLE => (Some(abi), Some(incomplete(abi))),
        Ok(abi) => (None, Some(too_old(abi))),
        Err(fault) => (None, Some(absent(&fault))),
    };
    match (mode, abi, missing) {
        (SandboxMode::Required, _, Some(missing)) => Err(format!(
            "`sandbox`: it is required and can't be had: {missing}; with the mode \"auto\" the tool would run \
             with what there is"
        )),
        (_, Some(abi), missing) => Ok(Level::Enforced {
            abi,
            warning: missing.map(|missing| format!("the sandbox is incomplete: {missing}")),
        }),
        (_, None, missing) => Ok(Level::None {
            warning: format!("there is no sandbox: {}", missing.unwrap_or_default()),
        }),
    }
}

fn incomplete(abi: u32) -> String {
    format!(
        "the kernel's Landlock (version {abi}) can't keep the tool from sending signals to other processes of \
         this user, as it can from Linux 6.12 on"
    )
}

fn too_old(abi: u32) -> String {
    format!(
        "the kernel's Landlock (version {abi}) allows no rename from one directory to another, without which no \
         tool works, as it can from Linux 5.19 on"
    )
}

fn absent(fault: &io::Error) -> String {
    match fault.raw_os_error() {
        Some(libc::ENOSYS) => {
            "the kernel has no Landlock, or a container hides it; Linux has it from 5.13 on \
             (CONFIG_SECURITY_LANDLOCK)"
                .to_owned()
        }
        Some(libc::EOPNOTSUPP) => {
            "the kernel was started without Landlock; add `landlock` to its parameter `lsm=`"
                .to_owned()
        }
        Some(libc::EPERM) => {
            "Landlock is forbidden here, most likely by the seccomp profile of the container"
                .to_owned()
        }
        _ => format!("Landlock can't be used: {}", of_system(fault)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_what_there_is_and_required_takes_all_or_nothing() {
        let errno = io::Error::from_raw_os_error;
        let table = [
            (Ok(7), Some(7), None),
            (Ok(6), Some(6), None),
            (Ok(99), Some(99), None),
            (Ok(5), Some(5), Some("signals")),
            (Ok(2), Some(2), Some("signals")),
            (Ok(1), None, Some("rename")),
            (Err(libc::ENOSYS), None, Some("has no Landlock")),
            (Err(libc::EOPNOTSUPP), None, Some("`lsm=`")),
            (Err(libc::EPERM), None, Some("seccomp")),
        ];
        for (kernel, enforced, missing) in table {
            let auto = decide(SandboxMode::Auto, kernel.map_err(errno)).unwrap();
            let required = decide(SandboxMode::Required, kernel.map_err(errno));
            let (abi, warning) = match auto {
                Level::None { warning } => (None, Some(warning)),
                Level::Enforced { abi, warning } => (Some(abi), warning),
            };
            assert_eq!(abi, enforced, "{kernel:?}");
            assert_eq!(warning.is_some(), missing.is_some(), "{kernel:?}");
            assert_eq!(required.is_err(), missing.is_some(), "{kernel:?}");
            for sentence in warning.into_iter().chain(required.err()) {
                assert!(sentence.contains(missing.unwrap_or_default()), "{sentence}");
            }
        }
    }

    #[test]
    fn the_level_is_that_of_this_machine() {
        let off = sandbox_level(SandboxMode::Off).unwrap();
        assert_eq!((off.name, off.warning), (None, None));
        let auto = sandbox_level(SandboxMode::Auto).unwrap();
        let required = sandbox_level(SandboxMode::Required);
        assert_eq!(required.is_ok(), auto.warning.is_none());
    }

    #[test]
    fn a_sandbox_is_called_by_what_is_used_of_it() {
        assert_eq!(name(3), "landlock-3");
        assert_eq!(name(99), "landlock-7");
    }
}
