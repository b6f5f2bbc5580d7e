//! Which start of the machine this is.

/// A text that is another after each start of the machine; none where the system does not tell.
///
/// What a process wrote without syncing it is there as long as the machine runs, whatever becomes of the
/// process, and may be gone after the next start.
pub(super) fn id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}
