//! How long answers take to begin.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use super::App;

/// What stands for the route of a call that goes nowhere: its path is the caller's own invention.
const NO_ROUTE: &str = "none";

/// Measures from the end of a call's head to the beginning of its answer: the events of a log come for as long as they
/// do.
pub(super) async fn answer(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answer = next.run(request).await;
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let (metrics, took) = (app.service.metrics(), begun.elapsed());
    metrics.answered(method.as_str(), route, answer.status().as_u16(), took);
    answer
}
