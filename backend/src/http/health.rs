//! `GET /health`, `/health/live`, `/health/ready`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::App;
use crate::store::DeploymentId;

pub(super) async fn health() -> Json<Value> {
    Json(json!({"status": "healthy"}))
}

/// Whether the store answers and deployments are begun.
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let answers = app.service.store().deployment(DeploymentId::new()).await;
    let is_stopping = *app.service.stopping().borrow();
    if answers.is_ok() && !is_stopping {
        (StatusCode::OK, Json(json!({"status": "ready"})))
    } else {
        let unready = json!({"status": "unready"});
        (StatusCode::SERVICE_UNAVAILABLE, Json(unready))
    }
}
