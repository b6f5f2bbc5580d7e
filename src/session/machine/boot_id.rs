//! Identifies the boot of the machine.

/// Returns a string that differs after each boot; `None` if the system does not provide one.
///
/// Unsynced writes survive the end of the process that made them, but may be lost at the next boot.
pub(crate) fn id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}
