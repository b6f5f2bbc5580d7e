//! Accepts orders on the socket of the run directory.
//!
//! A process that can connect to the socket reaches this run and no other process, in any PID namespace.

use std::collections::VecDeque;
use std::io;
use std::os::unix::net::UnixListener as Listener;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinHandle, JoinSet, yield_now};
use tokio::time::{sleep, timeout};

use crate::protocol::Control;
use crate::runner::run_dir::{CONTROL_ACCEPTED, CONTROL_REFUSED};

/// How long a complete order may take to arrive.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest order, in bytes.
const MAX_ORDER_BYTES: u64 = 1024;
/// Most connections that are served at once; for a further one, the oldest is closed, since a caller sends its order at
/// once.
const MAX_CONNECTIONS: usize = 8;
/// Orders that can wait in the queue.
const ORDERS_AHEAD: usize = 8;
/// Pause after a failed accept, for example if no descriptors are left.
const PAUSE: Duration = Duration::from_millis(100);

/// The socket of a run.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    stop_requests: mpsc::Receiver<Control>,
    answering: JoinHandle<()>,
}

impl ControlSocket {
    /// Starts to answer; requires a running runtime.
    pub(crate) fn new(listener: Listener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let (sender, stop_requests) = mpsc::channel(ORDERS_AHEAD);
        Ok(Self {
            stop_requests,
            answering: tokio::spawn(answer_all(listener, sender)),
        })
    }

    /// Waits for the next order. Cancel safe: no order is lost.
    pub(crate) async fn next(&mut self) -> Control {
        match self.stop_requests.recv().await {
            Some(stop_request) => stop_request,
            None => std::future::pending().await,
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

async fn answer_all(listener: UnixListener, stop_requests: mpsc::Sender<Control>) {
    // Dropping the set closes all connections.
    let mut served = JoinSet::new();
    let mut oldest_first = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((caller, _)) => {
                let stop_requests = stop_requests.clone();
                oldest_first.push_back(served.spawn(async move {
                    let _ = timeout(PATIENCE, answer(caller, stop_requests)).await;
                }));
            }
            Err(_) => sleep(PAUSE).await,
        }
        // The order of the new connection may already be there.
        yield_now().await;
        while served.try_join_next().is_some() {}
        oldest_first.retain(|it: &AbortHandle| !it.is_finished());
        if oldest_first.len() > MAX_CONNECTIONS
            && let Some(oldest) = oldest_first.pop_front()
        {
            oldest.abort();
        }
    }
}

async fn answer(mut caller: UnixStream, stop_requests: mpsc::Sender<Control>) -> io::Result<()> {
    let mut stop_request = Vec::new();
    (&mut caller)
        .take(MAX_ORDER_BYTES)
        .read_to_end(&mut stop_request)
        .await?;
    let answer = match Control::parse(stop_request.trim_ascii()) {
        Ok(stop_request) if stop_requests.send(stop_request).await.is_ok() => CONTROL_ACCEPTED,
        Ok(_) | Err(_) => CONTROL_REFUSED,
    };
    caller.write_all(answer).await
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    use super::*;

    /// Returns the answer to some bytes.
    fn answered(path: &Path, stop_request: &[u8]) -> Vec<u8> {
        let mut caller = UnixStream::connect(path).unwrap();
        caller.write_all(stop_request).unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        caller.read_to_end(&mut answer).unwrap();
        answer
    }

    #[tokio::test]
    async fn an_order_is_accepted_and_passed_on_behind_callers_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let mut control_socket = ControlSocket::new(Listener::bind(&path).unwrap()).unwrap();
        let calling = tokio::task::spawn_blocking(move || {
            let connect = || UnixStream::connect(&path).unwrap();
            let silent: Vec<_> = (0..200).map(|_| connect()).collect();
            let answers = [
                answered(&path, b"{\"type\":\"cancel\",\"force\":true}\n"),
                answered(&path, b"hunter2"),
                answered(&path, b""),
            ];
            drop(silent);
            answers
        });
        let stop_request = timeout(Duration::from_secs(60), control_socket.next()).await;
        assert_eq!(stop_request, Ok(Control::Cancel { force: true }));
        let answers = calling.await.unwrap();
        assert_eq!(
            answers,
            [CONTROL_ACCEPTED, CONTROL_REFUSED, CONTROL_REFUSED]
        );
    }
}
