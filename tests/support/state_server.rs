//! A state server over HTTP with locking, for the `http` backend of both tools.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use serde_json::Value;

use super::served_router::ServedRouter;
use super::waiting::WITHIN_A_TEST;

/// How the server handles a state write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Writes {
    Instant,
    /// Accepts the state after this delay, if the client is still waiting then.
    Slow(Duration),
    /// Accepts no state until this is changed, then follows the new value.
    Held,
    /// Responds with 403, which the tools do not retry.
    Refused,
}

/// How the server handles a request to release the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unlocks {
    Instant,
    /// Responds with 403, and keeps the lock.
    Refused,
    /// Releases the lock, and closes the connection without a response.
    NotAnswered,
}

/// How the server handles a read of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Instant,
    /// Delays the response for longer than any test lasts.
    Never,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) method: String,
}

/// The server, in a separate thread, on a free port of loopback.
pub(crate) struct StateServer {
    server: ServedRouter,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    arrived: Condvar,
}

#[derive(Debug)]
struct Kept {
    reads: Reads,
    writes: Writes,
    unlocks: Unlocks,
    state: Option<Value>,
    lock: Option<Value>,
    arrivals: Vec<Arrival>,
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no holder of the lock panicked")
    }
}

impl StateServer {
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared {
            kept: Mutex::new(Kept {
                reads: Reads::Instant,
                writes: Writes::Instant,
                unlocks: Unlocks::Instant,
                state: None,
                lock: None,
                arrivals: Vec::new(),
            }),
            arrived: Condvar::new(),
        });
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        Self {
            server: ServedRouter::start(router),
            shared,
        }
    }

    /// Returns the URL of the state.
    pub(crate) fn url(&self) -> String {
        format!("{}/state", self.server.url())
    }

    /// Returns the backend block of a configuration that keeps its state here.
    pub(crate) fn backend_block(&self) -> String {
        let url = self.url();
        format!(
            "  backend \"http\" {{\n    address = \"{url}\"\n    lock_address = \"{url}\"\n    \
             unlock_address = \"{url}\"\n    retry_max = 0\n  }}\n"
        )
    }

    /// Changes how later state writes are handled.
    pub(crate) fn take_writes(&self, writes: Writes) {
        self.shared.kept().writes = writes;
    }

    /// Changes how later requests to release the lock are handled.
    #[allow(dead_code, reason = "tests/faults alone needs it")]
    pub(crate) fn take_unlocks(&self, unlocks: Unlocks) {
        self.shared.kept().unlocks = unlocks;
    }

    /// Changes how later reads are handled.
    pub(crate) fn take_reads(&self, reads: Reads) {
        self.shared.kept().reads = reads;
    }

    /// Gives the lock to another holder.
    pub(crate) fn lock_for_another(&self, info: Value) {
        self.shared.kept().lock = Some(info);
    }

    /// Releases the lock, regardless of its holder.
    #[allow(dead_code, reason = "tests/faults alone needs it")]
    pub(crate) fn release(&self) {
        self.shared.kept().lock = None;
    }

    /// Returns the state as last written.
    pub(crate) fn state(&self) -> Option<Value> {
        self.shared.kept().state.clone()
    }

    /// Returns the lock info of the holder of the lock.
    pub(crate) fn lock_holder(&self) -> Option<Value> {
        self.shared.kept().lock.clone()
    }

    /// Returns how many requests with this method were received.
    pub(crate) fn count(&self, method: &str) -> usize {
        count(&self.shared.kept().arrivals, method)
    }

    /// Waits until more than `seen` requests with this method were received.
    #[track_caller]
    pub(crate) fn wait_for_more(&self, method: &str, seen: usize, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut kept = self.shared.kept();
        while count(&kept.arrivals, method) <= seen {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited {limit:?} in vain for {method} number {} among {:?}",
                seen + 1,
                kept.arrivals
            );
            (kept, _) = self
                .shared
                .arrived
                .wait_timeout(kept, left)
                .expect("no holder of the lock panicked");
        }
    }
}

fn count(arrivals: &[Arrival], method: &str) -> usize {
    arrivals
        .iter()
        .filter(|arrival| arrival.method == method)
        .count()
}

/// Responds to every request; all paths have the same state.
async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, String) {
    let (reads, writes) = {
        let mut kept = shared.kept();
        kept.arrivals.push(Arrival {
            method: method.to_string(),
        });
        shared.arrived.notify_all();
        (kept.reads, kept.writes)
    };
    match method.as_str() {
        "GET" if reads == Reads::Never => {
            tokio::time::sleep(2 * WITHIN_A_TEST).await;
            (StatusCode::GATEWAY_TIMEOUT, String::new())
        }
        "GET" => match &shared.kept().state {
            Some(state) => (StatusCode::OK, state.to_string()),
            None => (StatusCode::NOT_FOUND, String::new()),
        },
        "POST" => write(&shared, writes, &uri, &body).await,
        "DELETE" => {
            shared.kept().state = None;
            (StatusCode::OK, String::new())
        }
        "LOCK" => lock(&shared, &body),
        "UNLOCK" => unlock(&shared, &body),
        _ => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
    }
}

async fn write(
    shared: &Shared,
    mut writes: Writes,
    uri: &Uri,
    body: &Bytes,
) -> (StatusCode, String) {
    while matches!(writes, Writes::Held) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        writes = shared.kept().writes;
    }
    match writes {
        Writes::Instant | Writes::Held => {}
        Writes::Slow(delay) => tokio::time::sleep(delay).await,
        Writes::Refused => return (StatusCode::FORBIDDEN, "no room\n".to_owned()),
    }
    let Ok(state) = serde_json::from_slice(body) else {
        return (StatusCode::BAD_REQUEST, "not JSON\n".to_owned());
    };
    let mut kept = shared.kept();
    if let Some(lock) = &kept.lock
        && uri.query() != Some(&format!("ID={}", id(lock)))
    {
        return (StatusCode::LOCKED, lock.to_string());
    }
    kept.state = Some(state);
    (StatusCode::OK, String::new())
}

fn lock(shared: &Shared, body: &Bytes) -> (StatusCode, String) {
    let Ok(info) = serde_json::from_slice(body) else {
        return (StatusCode::BAD_REQUEST, "not JSON\n".to_owned());
    };
    let mut kept = shared.kept();
    if let Some(holder) = &kept.lock {
        return (StatusCode::LOCKED, holder.to_string());
    }
    kept.lock = Some(info);
    (StatusCode::OK, String::new())
}

/// Releases the lock for its holder, and for `force-unlock`, which sends the id in a bare info.
fn unlock(shared: &Shared, body: &Bytes) -> (StatusCode, String) {
    let wanted: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut kept = shared.kept();
    if kept.unlocks == Unlocks::Refused {
        return (StatusCode::FORBIDDEN, "no\n".to_owned());
    }
    match &kept.lock {
        Some(holder) if id(holder) != id(&wanted) => (StatusCode::CONFLICT, holder.to_string()),
        Some(_) | None => {
            kept.lock = None;
            let is_answered = kept.unlocks != Unlocks::NotAnswered;
            drop(kept);
            assert!(
                is_answered,
                "the connection is closed by this panic, as the test wants it"
            );
            (StatusCode::OK, String::new())
        }
    }
}

fn id(lock: &Value) -> &str {
    lock["ID"].as_str().unwrap_or_default()
}
