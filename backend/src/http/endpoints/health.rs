//! `GET /health`, `/health/live`, `/health/ready`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::app::App;
use crate::http::openapi::OfOrigin;

/// Health of the service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `healthy`, `ready` or `unready`.
    status: &'static str,
}

/// Returns whether the service is up.
#[utoipa::path(
    get,
    path = "/health",
    tag = "operation",
    responses((status = 200, description = "It is", body = Health), OfOrigin),
    extensions(("x-role" = json!("none"))),
    security(()),
)]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "healthy" })
}

/// Liveness probe: returns whether the service is up.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "operation",
    responses((status = 200, description = "It is", body = Health), OfOrigin),
    extensions(("x-role" = json!("none"))),
    security(()),
)]
pub(crate) async fn live() -> Json<Health> {
    health().await
}

/// Readiness probe: returns whether the store and the data directory can be read and written, and the service starts
/// deployments.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operation",
    responses(
        (status = 200, description = "All of it", body = Health),
        (status = 503, description = "Not all of it", body = Health),
        OfOrigin,
    ),
    extensions(("x-role" = json!("none"))),
    security(()),
)]
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, Json<Health>) {
    if app.service.readiness().is_ready().await {
        (StatusCode::OK, Json(Health { status: "ready" }))
    } else {
        let unready = Health { status: "unready" };
        (StatusCode::SERVICE_UNAVAILABLE, Json(unready))
    }
}
