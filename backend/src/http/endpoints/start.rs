//! `POST /deploy`.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use iac_runner::session::Status;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Action;
use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::error::ErrorAnswer;
use crate::http::extract::authenticated::Authenticated;
use crate::http::extract::body::FullBody;
use crate::http::middleware::request_timeout::to_the_end;
use crate::http::openapi;
use crate::http::openapi::{Guarded, OfBody};
use crate::store::DeploymentId;

/// A deployment in the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueuedDeployment {
    /// Id of the deployment.
    deployment_id: String,
    /// `running` until the deployment ends.
    #[schema(value_type = openapi::Status)]
    status: Status,
    message: &'static str,
    /// Position in the queue, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
}

/// Starts a deployment.
#[utoipa::path(
    post,
    path = "/deploy",
    tag = "deployments",
    request_body = openapi::DeployRequest,
    responses(
        (status = 202, description = "It waits its turn", body = QueuedDeployment),
        (status = 415, description = "The body is not said to be JSON", body = ErrorAnswer),
        OfBody,
        Guarded,
    ),
    extensions(("x-role" = json!("deployer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn start(
    State(app): State<App>,
    caller: Authenticated,
    headers: HeaderMap,
    FullBody(body): FullBody,
) -> Result<(StatusCode, Json<QueuedDeployment>), ApiError> {
    let caller = caller.may(Action::Start)?;
    if !is_json(&headers) {
        return Err(ApiError::UnsupportedMediaType);
    }
    let (service, caller) = (app.service.clone(), caller.clone());
    let id = to_the_end(async move { Ok(service.queue().start(&body, &caller).await?) }).await?;
    started(&app, id).await
}

/// Returns the response for a deployment in the queue.
pub(crate) async fn started(
    app: &App,
    id: DeploymentId,
) -> Result<(StatusCode, Json<QueuedDeployment>), ApiError> {
    let started = QueuedDeployment {
        deployment_id: id.to_string(),
        status: Status::Running,
        message: "Deployment started",
        position: app.service.store().position(id).await?,
    };
    Ok((StatusCode::ACCEPTED, Json(started)))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}
