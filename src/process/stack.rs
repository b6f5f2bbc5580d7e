//! Runs work that needs more stack than this process may have.

use std::thread;

use nix::sys::resource::{Resource, getrlimit};

/// Several times what the deepest call needs.
const ENOUGH_BYTES: usize = 512 * 1024;

/// Runs work here, or on a thread with its own stack if `ulimit -s` leaves this one too little.
///
/// The limit applies only to a process's first thread, whose stack also holds arguments and environment. This
/// process still works in only one thread: the first one just waits.
pub fn on_enough_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let mut work = Some(work);
    let limit = getrlimit(Resource::RLIMIT_STACK).map_or(u64::MAX, |(soft, _)| soft);
    let on_a_thread = if limit < ENOUGH_BYTES as u64 {
        thread::scope(|scope| {
            thread::Builder::new()
                .stack_size(ENOUGH_BYTES)
                .spawn_scoped(scope, || work.take().map(|work| work()))
                .ok()
                .and_then(|thread| thread.join().ok().flatten())
        })
    } else {
        None
    };
    match (on_a_thread, work) {
        (Some(done), _) => done,
        (None, Some(work)) => work(),
        // The thread panicked; the panic hook has reported it.
        (None, None) => std::process::abort(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_once_with_any_stack_limit() {
        let mut times = 0;
        assert_eq!(
            on_enough_stack(|| {
                times += 1;
                "done"
            }),
            "done"
        );
        assert_eq!(times, 1);
    }
}
