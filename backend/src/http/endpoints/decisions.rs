//! `POST /deploy/{id}/approve`, `/reject`, `/cancel`, `/force-cancel`.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{Action, Caller};
use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::extract::authenticated::Authenticated;
use crate::http::extract::body::{FullBody, optional};
use crate::http::extract::deployment_path::DeploymentPath;
use crate::http::middleware::request_timeout::to_the_end;
use crate::http::openapi::{Guarded, OfBody, OfDeployment, OfState};
use crate::service::Decision;

/// Optional body of a decision; every field is optional too.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Remarks {
    /// Recorded in the audit trail.
    #[serde(default)]
    #[schema(max_length = 4096)]
    comment: String,
    /// Digest of the plan that was reviewed; no other plan is approved.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    plan_digest: Option<String>,
}

/// Confirms that something was done or will be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Confirmation {
    message: &'static str,
}

/// Longest comment, in bytes.
const MAX_COMMENT_BYTES: usize = 4096;

/// Approves a plan, which is then applied.
#[utoipa::path(
    post,
    path = "/deploy/{id}/approve",
    tag = "deployments",
    params(DeploymentPath),
    request_body = Option<Remarks>,
    responses(
        (status = 200, description = "It is going to be applied", body = Confirmation),
        OfBody,
        OfState,
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("approver"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn approve(
    State(app): State<App>,
    caller: Authenticated,
    named: DeploymentPath,
    FullBody(body): FullBody,
) -> Result<Json<Confirmation>, ApiError> {
    let caller = caller.may(Action::Decide)?;
    let remarks = remarks(&body)?;
    let digest = remarks.plan_digest.map(|digest| digest.parse()).transpose();
    let bad = |_| ApiError::BadRequest("`plan_digest`: expected 64 hexadecimal digits".to_owned());
    let decision = Decision::Approve {
        comment: remarks.comment,
        plan_digest: digest.map_err(bad)?,
    };
    decide(&app, named, decision, caller).await?;
    Ok(message("Deployment approved"))
}

/// Rejects a plan, which ends the deployment.
#[utoipa::path(
    post,
    path = "/deploy/{id}/reject",
    tag = "deployments",
    params(DeploymentPath),
    request_body = Option<Remarks>,
    responses(
        (status = 200, description = "It is not going to be applied", body = Confirmation),
        OfBody,
        OfState,
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("approver"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn reject(
    State(app): State<App>,
    caller: Authenticated,
    named: DeploymentPath,
    FullBody(body): FullBody,
) -> Result<Json<Confirmation>, ApiError> {
    let caller = caller.may(Action::Decide)?;
    let comment = remarks(&body)?.comment;
    let decision = Decision::Reject { comment };
    decide(&app, named, decision, caller).await?;
    Ok(message("Deployment rejected"))
}

/// Cancels a deployment: at once if it is waiting, gracefully if it is running.
#[utoipa::path(
    post,
    path = "/deploy/{id}/cancel",
    tag = "deployments",
    params(DeploymentPath),
    responses(
        (status = 200, description = "It is going to end", body = Confirmation),
        OfBody,
        OfState,
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("deployer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Authenticated,
    named: DeploymentPath,
    _forgotten: FullBody,
) -> Result<Json<Confirmation>, ApiError> {
    let caller = caller.may(Action::Cancel)?;
    decide(&app, named, Decision::Cancel, caller).await?;
    Ok(message("Cancellation requested"))
}

/// Cancels a deployment at once. A running tool is killed: its state may be lost and its lock may stay held.
#[utoipa::path(
    post,
    path = "/deploy/{id}/force-cancel",
    tag = "deployments",
    params(DeploymentPath),
    responses(
        (status = 200, description = "It is going to end", body = Confirmation),
        OfBody,
        OfState,
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("admin"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn force_cancel(
    State(app): State<App>,
    caller: Authenticated,
    named: DeploymentPath,
    _forgotten: FullBody,
) -> Result<Json<Confirmation>, ApiError> {
    let caller = caller.may(Action::ForceCancel)?;
    decide(&app, named, Decision::ForceCancel, caller).await?;
    Ok(message("Cancellation by force requested"))
}

/// Makes a decision and records who made it: both or neither.
async fn decide(
    app: &App,
    named: DeploymentPath,
    decision: Decision,
    caller: &Caller,
) -> Result<(), ApiError> {
    let (id, service, caller) = (named.id()?, app.service.clone(), caller.clone());
    to_the_end(async move { Ok(service.decisions().decide(id, decision, &caller).await?) }).await
}

fn remarks(body: &[u8]) -> Result<Remarks, ApiError> {
    let remarks: Remarks = optional(body, "an object with `comment` and `plan_digest`")?;
    if remarks.comment.len() > MAX_COMMENT_BYTES {
        let problem = format!("`comment`: expected {MAX_COMMENT_BYTES} bytes at most");
        return Err(ApiError::BadRequest(problem));
    }
    Ok(remarks)
}

const fn message(message: &'static str) -> Json<Confirmation> {
    Json(Confirmation { message })
}
