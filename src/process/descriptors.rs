//! Descriptors that the parent left open.

/// Closes every descriptor above stderr that the parent left open by accident.
///
/// The supervisor may outlive the front by hours. A pipe of the backend's that it held open all that
/// time would never show its end to the backend's reader. Must be called before this process opens
/// anything itself.
pub fn close_inherited_descriptors() {
    // SAFETY: `close_range` touches no memory. The caller has opened nothing yet, so no object of
    // this process owns a descriptor that is closed here. A kernel without the call (before 5.9)
    // answers ENOSYS, and the descriptors stay as they were.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32);
    }
}
