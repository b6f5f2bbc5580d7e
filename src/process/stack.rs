//! Work that needs more stack than this process may have been given.

use std::thread;

use nix::sys::resource::{Resource, getrlimit};

/// Several times what the deepest call takes.
const ENOUGH_BYTES: usize = 512 * 1024;

/// Does work here, or on a thread with a stack of its own where `ulimit -s` leaves this one too little.
///
/// The limit holds for a process's first thread only, whose stack also holds arguments and environment.
/// This process stays one that works in one thread: the first does nothing but wait.
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
        // The thread panicked; the hook has said so.
        (None, None) => std::process::abort(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_once_whatever_the_limit_is() {
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
