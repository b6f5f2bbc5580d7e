//! `POST /deploy`.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use iac_runner::session::Status;
use serde_json::{Value, json};

use super::body::Whole;
use super::caller::Known;
use super::{App, Fault};
use crate::auth::Action;
use crate::store::DeploymentId;

pub(super) async fn start(
    State(app): State<App>,
    caller: Known,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let caller = caller.may(Action::Start)?;
    if !is_json(&headers) {
        return Err(Fault::UnsupportedMediaType);
    }
    let id = app.service.start(&body, caller).await?;
    started(&app, id).await
}

/// The answer that a deployment waits its turn.
pub(super) async fn started(
    app: &App,
    id: DeploymentId,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let mut answer = json!({
        "deployment_id": id.to_string(),
        "status": Status::Running,
        "message": "Deployment started",
    });
    if let Some(position) = app.service.store().position(id).await? {
        answer["position"] = position.into();
    }
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}
