//! How long a call may take.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, timeout_at};

use super::{App, Fault};

/// When the body of a call has to be there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(pub(super) Instant);

/// What is left beyond the deadline to say that a body was late, which whoever waits for the body does.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Gives each call its time, up to the beginning of its answer: the events of a log come for as long as they do.
pub(super) async fn set(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let deadline = Instant::now() + app.request_timeout;
    request.extensions_mut().insert(Deadline(deadline));
    match timeout_at(deadline + LAST_WORD, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => Fault::NotInTime.into_response(),
    }
}

/// Does what must not stop half-way, whether or not its caller is still there when it is done.
///
/// A call whose time is over, or whose connection breaks, is dropped where it stands.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Fault>> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(fault) => Err(Fault::Internal(Box::new(fault))),
    }
}
