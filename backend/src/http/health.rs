//! `GET /health`, `/health/live`, `/health/ready`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::openapi::OfOrigin;
use crate::store::DeploymentId;

/// How long the store may take to answer before the service is not ready.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `healthy`, `ready` or `unready`.
    status: &'static str,
}

/// Whether the service is there.
#[utoipa::path(
    get,
    path = "/health",
    tag = "operation",
    responses((status = 200, description = "It is", body = Health), OfOrigin),
    extensions(("x-role" = json!("none"))),
    security(()),
)]
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "healthy" })
}

/// Whether the service is there, for those who restart it when it is not.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "operation",
    responses((status = 200, description = "It is", body = Health), OfOrigin),
    extensions(("x-role" = json!("none"))),
    security(()),
)]
pub(super) async fn live() -> Json<Health> {
    health().await
}

/// Whether the store answers and deployments are begun.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operation",
    responses(
        (status = 200, description = "Both", body = Health),
        (status = 503, description = "Not both", body = Health),
        OfOrigin,
    ),
    extensions(("x-role" = json!("none"))),
    security(()),
)]
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let asked = app.service.store().deployment(DeploymentId::new());
    let answers = tokio::time::timeout(READY_WITHIN, asked).await;
    let is_stopping = *app.service.stopping().borrow();
    if matches!(answers, Ok(Ok(_))) && !is_stopping {
        (StatusCode::OK, Json(Health { status: "ready" }))
    } else {
        let unready = Health { status: "unready" };
        (StatusCode::SERVICE_UNAVAILABLE, Json(unready))
    }
}
