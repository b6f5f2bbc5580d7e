//! `GET /deploy/{id}/status`, `/plan`, `/outputs`.

use axum::Json;
use axum::extract::{Path, State};
use iac_runner::plan::PlanSummary;
use iac_runner::session::Phase;
use serde_json::{Value, json};

use super::caller::Known;
use super::{App, Fault};
use crate::auth::Action;
use crate::service::View;
use crate::store::DeploymentId;

pub(super) async fn status(
    State(app): State<App>,
    caller: Known,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fault> {
    caller.may(Action::See)?;
    let id = name(&id)?;
    let service = &app.service;
    let view = service.view(id).await?.ok_or(Fault::NotFound)?;
    let before_plan = [Phase::Initializing, Phase::Cloning, Phase::Init];
    let mut answer = standing(&view);
    answer["init_log"] = service.log_text(id, &before_plan).await?.into();
    answer["plan_log"] = service.log_text(id, &[Phase::Plan]).await?.into();
    answer["plan_output"] = shown_plan(service.store().plan(id).await?).into();
    answer["apply_log"] = service.log_text(id, &[Phase::Apply]).await?.into();
    let outputs = service.store().outputs(id).await?;
    answer["apply_output"] = outputs
        .map(|outputs| outputs.to_string())
        .unwrap_or_default()
        .into();
    Ok(Json(answer))
}

pub(super) async fn plan(
    State(app): State<App>,
    caller: Known,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fault> {
    caller.may(Action::See)?;
    let plan = app.service.store().plan(name(&id)?).await?;
    plan.map(Json).ok_or(Fault::NotFound)
}

pub(super) async fn outputs(
    State(app): State<App>,
    caller: Known,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fault> {
    caller.may(Action::See)?;
    let outputs = app.service.store().outputs(name(&id)?).await?;
    outputs.map(Json).ok_or(Fault::NotFound)
}

/// The name of a deployment in a path; what is none names nothing.
pub(super) fn name(text: &str) -> Result<DeploymentId, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}

fn standing(view: &View) -> Value {
    let (deployment, now) = (&view.deployment, view.snapshot.as_ref());
    let progress = &deployment.progress;
    let started_at = progress.started_at.unwrap_or(deployment.created_at);
    let digest = now.and_then(|now| now.plan_digest.as_ref());
    let commit = now.and_then(|now| now.commit.as_ref());
    json!({
        "deployment_id": deployment.id.to_string(),
        "status": now.map_or(progress.status, |now| now.status),
        "phase": now.map_or(progress.phase, |now| now.phase),
        "started_at": started_at,
        "ended_at": deployment.ended_at.or(now.and_then(|now| now.ended_at)),
        "error": now.map_or(progress.error.as_str(), |now| now.error.as_str()),
        "reason": deployment.reason.or(now.and_then(|now| now.reason)),
        "operation": deployment.operation,
        "tool": deployment.tool,
        "workspace": deployment.target.workspace,
        "position": view.position,
        "started_by": deployment.started_by,
        "node": deployment.node,
        "node_silent_since": view.node_silent_since,
        "commit": commit.map(ToString::to_string).or_else(|| progress.commit.clone()),
        "plan_digest": digest.map(ToString::to_string).or_else(|| progress.plan_digest.clone()),
        "approval_deadline": now.and_then(|now| now.approval_deadline),
    })
}

/// The plan as a person reads it.
fn shown_plan(plan: Option<Value>) -> String {
    let summary: Option<PlanSummary> = plan.and_then(|plan| serde_json::from_value(plan).ok());
    summary
        .map(|summary| summary.to_string())
        .unwrap_or_default()
}
