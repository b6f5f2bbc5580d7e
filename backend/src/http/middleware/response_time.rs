//! Measures the time until responses begin.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use crate::http::app::App;

/// Route label for unmatched requests: the client chooses their paths freely.
const NO_ROUTE: &str = "none";

/// Measures from the end of the request head to the beginning of the response; the events of a log may last longer.
pub(crate) async fn answer(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answer = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let (metrics, took) = (app.service.metrics(), begun.elapsed());
    metrics.answered(method.as_str(), route, answer.status().as_u16(), took);
    answer
}
