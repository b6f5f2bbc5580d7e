//! Runs file operations that may hang with their disk.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Stack of a thread that accesses files.
const STACK_BYTES: usize = 256 * 1024;
/// Extra waiting time: this process itself may have been stopped until the limit expired.
const CONFIRMATION: Duration = Duration::from_millis(250);

/// Runs work on a separate thread; returns `None` if it is not done within `limit`.
///
/// Then the thread is abandoned; the kernel ends it with this process as soon as the disk answers. If no thread can
/// be started, the work runs on the calling thread without a limit.
pub fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, answer) = channel();
    let work = Arc::new(Mutex::new(Some(work)));
    let of_thread = Arc::clone(&work);
    let spawned = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || taken(&of_thread).map(|work| done.send(work())));
    if spawned.is_err() {
        return taken(&work).map(|work| work());
    }
    answer
        .recv_timeout(limit)
        .or_else(|_| answer.recv_timeout(CONFIRMATION))
        .ok()
}

fn taken<W>(work: &Mutex<Option<W>>) -> Option<W> {
    work.lock().ok()?.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_is_left() {
        assert_eq!(within(Duration::from_secs(60), || 7), Some(7));
        let (_keep, never) = channel::<()>();
        let hangs = move || never.recv().is_ok();
        assert_eq!(within(Duration::from_millis(10), hangs), None);
    }
}
