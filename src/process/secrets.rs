//! Protects the secrets of this process from other processes of the same user.

use std::ffi::CString;
use std::fs;
use std::io;

/// Removes variables from the environment, and overwrites their values where `/proc/PID/environ` shows them.
///
/// # Errors
/// This process has more than one thread, which could be reading the environment; nothing is changed then.
pub fn erase_variables(names: &[&str]) -> io::Result<()> {
    let tasks = "/proc/self/task";
    let listed = fs::read_dir(tasks)
        .map_err(|fault| io::Error::new(fault.kind(), format!("`{tasks}`: {fault}")))?;
    let threads = listed.count();
    if threads != 1 {
        return Err(io::Error::other(format!(
            "the environment can't be changed while {threads} threads run"
        )));
    }
    for name in names {
        let c_name = CString::new(*name)?;
        // SAFETY: this is the only thread, so nothing else reads or changes the environment. `getenv` returns a
        // pointer to the value inside the environment's own memory, which is writable and ends with the NUL that
        // `strlen` finds.
        unsafe {
            let value = libc::getenv(c_name.as_ptr());
            if !value.is_null() {
                let length = libc::strlen(value);
                std::ptr::write_bytes(value, 0, length);
            }
            std::env::remove_var(name);
        }
    }
    Ok(())
}

/// Makes this process non-dumpable until it calls exec: no core file contains its memory, and unprivileged
/// processes of the same user can neither trace it nor read `/proc/PID/environ`, `mem` or `fd`.
///
/// # Errors
/// The error of the kernel.
pub fn forbid_dumps() -> io::Result<()> {
    // SAFETY: takes only numbers.
    match unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_stays_while_there_are_other_threads() {
        let (let_go, waits) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || waits.recv());
        assert!(erase_variables(&["IAC_RUNNER_NOT_SET"]).is_err());
        drop(let_go);
        assert!(other.join().unwrap().is_err());
    }
}
