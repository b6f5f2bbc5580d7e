//! Handles a stdin or stdout that the parent has closed (`<&-`, `>&-`).
//!
//! Before `main`, Rust's runtime opens `/dev/null` for reading and writing in place of a closed descriptor: the
//! answer of a run would vanish and count as printed. So this code opens `/dev/null` even earlier, with the wrong
//! access mode: a read of stdin and a write to stdout fail with EBADF, as they do on a closed descriptor. No other
//! file gets these numbers. A closed stderr is left to the runtime: nothing depends on it.

/// Called by the C library before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = fill_closed;

extern "C" fn fill_closed() {
    // In this order: a new descriptor gets the lowest free number.
    for (number, wrong_way) in [(0, libc::O_WRONLY), (1, libc::O_RDONLY)] {
        // SAFETY: neither call accesses memory except the constant path. A closed descriptor has no owner. Without
        // `/dev/null` it stays closed, and the runtime ends the process.
        unsafe {
            if libc::fcntl(number, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), wrong_way);
            }
        }
    }
}
