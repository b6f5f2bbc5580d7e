//! `GET /deploy/{id}/status`, `/plan`, `/outputs`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use iac_runner::plan::PlanSummary;
use iac_runner::protocol::Tool;
use iac_runner::session::{Operation, Phase, Reason, Status};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::Action;
use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::extract::authenticated::Authenticated;
use crate::http::extract::deployment_path::DeploymentPath;
use crate::http::openapi;
use crate::http::openapi::{Guarded, OfDeployment};
use crate::service::{DeploymentView, Reads};
use crate::store::DeploymentId;

/// State of a deployment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeploymentStatus {
    deployment_id: String,
    #[schema(value_type = openapi::Status)]
    status: Status,
    #[schema(value_type = openapi::Phase)]
    phase: Phase,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    /// One sentence about the failure; empty if there was none.
    error: String,
    /// Warnings of a deployment that may have succeeded, one sentence each.
    warnings: Vec<String>,
    #[schema(value_type = Option<openapi::Reason>)]
    reason: Option<Reason>,
    #[schema(value_type = openapi::Operation)]
    operation: Operation,
    #[schema(value_type = openapi::Tool)]
    tool: Tool,
    workspace: Option<String>,
    /// Position in the queue, from 1.
    position: Option<u64>,
    /// The deployment of the same workspace that this one waits for.
    waiting_for: Option<String>,
    /// Name of the API key that started it.
    started_by: String,
    /// The node that runs it.
    node: Option<String>,
    /// Time since when that node has sent no heartbeat.
    node_silent_since: Option<DateTime<Utc>>,
    /// The commit that was checked out.
    commit: Option<String>,
    /// Progress of the checkout, as reported by git; only while it runs.
    progress: Option<String>,
    /// Digest that an approval may name.
    plan_digest: Option<String>,
    /// Sandbox that the tools run in, such as `landlock-7`; null if there is none, and until `init` has completed.
    sandbox: Option<String>,
    /// Deadline for approving the plan.
    approval_deadline: Option<DateTime<Utc>>,
    #[serde(flatten)]
    texts: Texts,
}

/// Logs and outputs as text.
#[derive(Debug, Serialize, ToSchema)]
struct Texts {
    /// The log up to the end of `init`.
    init_log: String,
    plan_log: String,
    /// The summary of the plan.
    plan_output: String,
    apply_log: String,
    /// The outputs as JSON, with sensitive values masked.
    apply_output: String,
}

/// Returns the state of a deployment, with its logs and outputs as text.
#[utoipa::path(
    get,
    path = "/deploy/{id}/status",
    tag = "deployments",
    params(DeploymentPath),
    responses(
        (status = 200, description = "The status", body = DeploymentStatus),
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("viewer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn status(
    State(app): State<App>,
    caller: Authenticated,
    named: DeploymentPath,
) -> Result<Json<DeploymentStatus>, ApiError> {
    caller.may(Action::See)?;
    let id = named.id()?;
    let view = app
        .service
        .reads()
        .view(id)
        .await?
        .ok_or(ApiError::NotFound)?;
    let texts = texts(app.service.reads(), id).await?;
    Ok(Json(deployment_status(view, texts)))
}

/// Returns the summary of the plan, with sensitive values masked.
#[utoipa::path(
    get,
    path = "/deploy/{id}/plan",
    tag = "deployments",
    params(DeploymentPath),
    responses(
        (status = 200, description = "The summary", body = openapi::PlanSummary),
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("viewer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn plan(
    State(app): State<App>,
    caller: Authenticated,
    named: DeploymentPath,
) -> Result<Json<Value>, ApiError> {
    caller.may(Action::See)?;
    let plan = app.service.reads().plan(named.id()?).await?;
    plan.map(Json).ok_or(ApiError::NotFound)
}

/// An output of the configuration.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the store has as JSON")]
pub(crate) struct Output {
    /// Whether the value is masked.
    sensitive: bool,
    /// Type, as the tool writes it.
    r#type: Value,
    /// Value, or `(sensitive value)`.
    value: Value,
}

/// Returns the outputs by name, with sensitive values masked.
#[utoipa::path(
    get,
    path = "/deploy/{id}/outputs",
    tag = "deployments",
    params(DeploymentPath),
    responses(
        (status = 200, description = "The outputs", body = std::collections::BTreeMap<String, Output>),
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("viewer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn outputs(
    State(app): State<App>,
    caller: Authenticated,
    named: DeploymentPath,
) -> Result<Json<Value>, ApiError> {
    caller.may(Action::See)?;
    let outputs = app.service.reads().outputs(named.id()?).await?;
    outputs.map(Json).ok_or(ApiError::NotFound)
}

async fn texts(reads: &Reads, id: DeploymentId) -> Result<Texts, ApiError> {
    let before_plan = [Phase::Initializing, Phase::Cloning, Phase::Init];
    let outputs = reads.outputs(id).await?;
    Ok(Texts {
        init_log: reads.end_of_log(id, &before_plan).await?,
        plan_log: reads.end_of_log(id, &[Phase::Plan]).await?,
        plan_output: shown_plan(reads.plan(id).await?),
        apply_log: reads.end_of_log(id, &[Phase::Apply]).await?,
        apply_output: outputs.map(|it| it.to_string()).unwrap_or_default(),
    })
}

/// Merges the record with the live session; the session takes precedence.
fn deployment_status(view: DeploymentView, texts: Texts) -> DeploymentStatus {
    let status = view.status();
    let (deployment, now) = (view.deployment, view.snapshot.as_ref());
    let progress = deployment.progress;
    let digest = now.and_then(|now| now.plan_digest.as_ref());
    let commit = now.and_then(|now| now.commit.as_ref());
    DeploymentStatus {
        deployment_id: deployment.id.to_string(),
        status,
        phase: now.map_or(progress.phase, |now| now.phase),
        started_at: progress.started_at.unwrap_or(deployment.created_at),
        ended_at: deployment.ended_at.or(now.and_then(|now| now.ended_at)),
        error: now.map_or(progress.error, |now| now.error.clone()),
        warnings: now.map_or(progress.warnings, |now| now.warnings.clone()),
        reason: deployment.reason.or(now.and_then(|now| now.reason)),
        operation: deployment.operation,
        tool: deployment.tool,
        workspace: deployment.target.workspace,
        position: view.position,
        waiting_for: view.waiting_for.map(|id| id.to_string()),
        started_by: deployment.started_by,
        node: deployment.node,
        node_silent_since: view.node_silent_since,
        commit: commit.map(ToString::to_string).or(progress.commit),
        progress: view.progress,
        plan_digest: digest.map(ToString::to_string).or(progress.plan_digest),
        sandbox: now.and_then(|now| now.sandbox.clone()).or(progress.sandbox),
        approval_deadline: now.and_then(|now| now.approval_deadline),
        texts,
    }
}

/// Renders the plan for people.
fn shown_plan(plan: Option<Value>) -> String {
    let summary: Option<PlanSummary> = plan.and_then(|plan| serde_json::from_value(plan).ok());
    summary
        .map(|summary| summary.to_string())
        .unwrap_or_default()
}
