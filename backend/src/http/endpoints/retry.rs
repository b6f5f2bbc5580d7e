//! `POST /deploy/{id}/retry`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::start::{QueuedDeployment, started};
use crate::auth::Action;
use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::error::ErrorAnswer;
use crate::http::extract::authenticated::Authenticated;
use crate::http::extract::body::{FullBody, optional};
use crate::http::extract::deployment_path::DeploymentPath;
use crate::http::middleware::request_timeout::to_the_end;
use crate::http::openapi::{Guarded, OfBody, OfDeployment, OfState};
use crate::service::Supplied;

/// Starts an ended plan, drift detection or validation again, under a new id.
///
/// Its secrets are deleted when it ends, so the request must supply them again.
#[utoipa::path(
    post,
    path = "/deploy/{id}/retry",
    tag = "deployments",
    params(DeploymentPath),
    request_body = Option<Supplied>,
    responses(
        (status = 202, description = "It waits its turn", body = QueuedDeployment),
        (status = 422, description = "Secrets are missing; `fields` names them", body = ErrorAnswer),
        OfBody,
        OfState,
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("deployer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn retry(
    State(app): State<App>,
    caller: Authenticated,
    named: DeploymentPath,
    FullBody(body): FullBody,
) -> Result<(StatusCode, Json<QueuedDeployment>), ApiError> {
    let caller = caller.may(Action::Start)?;
    let supplied: Supplied = optional(&body, "an object with the secrets of the deployment")?;
    let (id, service, caller) = (named.id()?, app.service.clone(), caller.clone());
    let new =
        to_the_end(async move { Ok(service.queue().retry(id, &supplied, &caller).await?) }).await?;
    started(&app, new).await
}
