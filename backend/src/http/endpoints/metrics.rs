//! `GET /metrics`.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::auth::Action;
use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::extract::authenticated::Authenticated;
use crate::http::openapi::Guarded;
use crate::metrics;

/// Returns metrics in the OpenMetrics text format.
///
/// Requires the role `viewer`: the numbers of failed deployments are not public.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "operation",
    responses(
        (
            status = 200, description = "Counters, gauges and histograms",
            body = String, content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        Guarded,
    ),
    extensions(("x-role" = json!("viewer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn text(
    State(app): State<App>,
    caller: Authenticated,
) -> Result<impl IntoResponse, ApiError> {
    caller.may(Action::See)?;
    let waiting = app.service.store().waiting().await?;
    let text = app
        .service
        .metrics()
        .text(app.service.reads().active(), waiting);
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text))
}
