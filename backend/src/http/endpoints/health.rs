//! `GET /health`, `/health/live`, `/health/ready`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::app::App;
use crate::http::openapi::OfOrigin;
use crate::store::DeploymentId;

/// Longest time to read from the store; if it takes longer, the service is not ready.
const READ_WITHIN: Duration = Duration::from_secs(5);

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
    let asked = app.service.store().deployment(DeploymentId::new());
    let read = tokio::time::timeout(READ_WITHIN, asked).await;
    let can_read = matches!(read, Ok(Ok(_)));
    let is_stopping = *app.service.stopping().borrow();
    let can_store = app.service.can_store_deployments();
    if can_read && !is_stopping && can_store && app.service.can_write().await {
        (StatusCode::OK, Json(Health { status: "ready" }))
    } else {
        let unready = Health { status: "unready" };
        (StatusCode::SERVICE_UNAVAILABLE, Json(unready))
    }
}
