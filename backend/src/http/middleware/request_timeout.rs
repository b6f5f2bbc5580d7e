//! Request timeout.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, timeout_at};

use crate::http::app::App;
use crate::http::error::ApiError;

/// Time by which the request body must have arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Instant);

/// Time left after the deadline for the body extractor to report that the body was late.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Limits the time until the response begins; the events of a log may last longer.
pub(crate) async fn set(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let deadline = Instant::now() + app.request_timeout;
    request.extensions_mut().insert(Deadline(deadline));
    match timeout_at(deadline + LAST_WORD, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => ApiError::NotInTime.into_response(),
    }
}

/// Runs work that must not stop half-way, even if the client has gone when it completes.
///
/// When a request times out or its connection breaks, its handler is dropped where it is.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(fault) => Err(ApiError::Internal(Box::new(fault))),
    }
}
