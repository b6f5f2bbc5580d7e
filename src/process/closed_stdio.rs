//! A stdin or stdout that the parent has closed (`<&-`, `>&-`).
//!
//! Rust's runtime opens `/dev/null` in the place of a closed descriptor, for reading and writing, before `main`: the
//! answer of a run would vanish and count as printed. So before that, `/dev/null` is opened here the wrong way
//! round: a read of stdin and a write to stdout fail with EBADF, as they do on a closed descriptor. No other file
//! gets these numbers. A closed stderr is left to the runtime: nothing depends on it.

/// Called by the C library before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = fill_closed;

extern "C" fn fill_closed() {
    // In this order: a new descriptor gets the lowest free number.
    for (number, wrong_way) in [(0, libc::O_WRONLY), (1, libc::O_RDONLY)] {
        // SAFETY: neither call touches memory but the constant path. A descriptor that is closed belongs to nothing.
        // Without `/dev/null` it stays closed, and the runtime ends the process.
        unsafe {
            if libc::fcntl(number, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), wrong_way);
            }
        }
    }
}
