//! `GET /deploy`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use iac_runner::protocol::Tool;
use iac_runner::session::{Operation, Phase, Reason, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Action;
use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::extract::authenticated::Authenticated;
use crate::http::extract::page::page_size;
use crate::http::openapi;
use crate::http::openapi::{Guarded, OfQuery};
use crate::store::{Deployment, DeploymentFilter};

/// Default page size, in deployments.
const DEFAULT_PAGE: u32 = 50;
/// Largest page size, in deployments.
const MOST: u32 = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Return only deployments with this status.
    #[param(nullable = false, value_type = Option<openapi::Status>)]
    status: Option<Status>,
    /// Return only deployments of this repository.
    #[param(nullable = false)]
    repository: Option<String>,
    /// Return only deployments created at this time or later.
    #[param(nullable = false)]
    since: Option<DateTime<Utc>>,
    /// Return only deployments created before this time.
    #[param(nullable = false)]
    until: Option<DateTime<Utc>>,
    /// The `next` value of the previous page.
    #[param(nullable = false, format = "uint64")]
    cursor: Option<u64>,
    /// Largest number of deployments to return.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A page of deployments, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeploymentList {
    deployments: Vec<DeploymentLine>,
    /// The `cursor` of the next page, if there is one.
    next: Option<u64>,
}

/// One deployment in a list.
#[derive(Debug, Serialize, ToSchema)]
struct DeploymentLine {
    deployment_id: String,
    #[schema(value_type = openapi::Status)]
    status: Status,
    #[schema(value_type = openapi::Phase)]
    phase: Phase,
    #[schema(value_type = Option<openapi::Reason>)]
    reason: Option<Reason>,
    #[schema(value_type = openapi::Operation)]
    operation: Operation,
    #[schema(value_type = openapi::Tool)]
    tool: Tool,
    /// URL of the repository, or a placeholder for another source.
    repository: String,
    /// Directory of the root module in the repository.
    path: String,
    workspace: Option<String>,
    /// Name of the API key that started it.
    started_by: String,
    created_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

/// Lists current and past deployments.
#[utoipa::path(
    get,
    path = "/deploy",
    tag = "deployments",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of them", body = DeploymentList),
        OfQuery,
        Guarded,
    ),
    extensions(("x-role" = json!("viewer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Authenticated,
    wanted: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<DeploymentList>, ApiError> {
    caller.may(Action::See)?;
    let Query(wanted) = wanted.map_err(|rejection| ApiError::BadRequest(rejection.body_text()))?;
    let most = page_size(wanted.limit, DEFAULT_PAGE, MOST)?;
    let filter = DeploymentFilter {
        status: wanted.status,
        repository: wanted.repository,
        since: wanted.since,
        until: wanted.until,
        before: wanted.cursor,
        most,
    };
    let found = app.service.store().deployments(&filter).await?;
    let is_full = u32::try_from(found.len()) == Ok(most);
    let next = found.last().filter(|_| is_full).map(|last| last.seq);
    let deployments = found.into_iter().map(DeploymentLine::from).collect();
    Ok(Json(DeploymentList { deployments, next }))
}

impl From<Deployment> for DeploymentLine {
    fn from(deployment: Deployment) -> Self {
        Self {
            deployment_id: deployment.id.to_string(),
            status: deployment.progress.status,
            phase: deployment.progress.phase,
            reason: deployment.reason,
            operation: deployment.operation,
            tool: deployment.tool,
            repository: deployment.target.repository,
            path: deployment.target.path,
            workspace: deployment.target.workspace,
            started_by: deployment.started_by,
            created_at: deployment.created_at,
            ended_at: deployment.ended_at,
        }
    }
}
