//! `GET /deploy`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use iac_runner::session::Status;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Known;
use super::{App, Fault};
use crate::auth::Action;
use crate::store::{Deployment, Filter};

/// Deployments of a page, when nothing else is asked for.
const DEFAULT_PAGE: u32 = 50;
/// Most deployments of a page.
const MOST: u32 = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    status: Option<Status>,
    repository: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// The `next` of the page before.
    cursor: Option<u64>,
    limit: Option<u32>,
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Known,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Fault> {
    caller.may(Action::See)?;
    let Query(wanted) = wanted.map_err(|rejection| Fault::BadRequest(rejection.body_text()))?;
    let most = wanted.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MOST);
    let filter = Filter {
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
    let deployments: Vec<Value> = found.iter().map(line).collect();
    Ok(Json(json!({"deployments": deployments, "next": next})))
}

fn line(deployment: &Deployment) -> Value {
    json!({
        "deployment_id": deployment.id.to_string(),
        "status": deployment.progress.status,
        "phase": deployment.progress.phase,
        "reason": deployment.reason,
        "operation": deployment.operation,
        "tool": deployment.tool,
        "repository": deployment.target.repository,
        "path": deployment.target.path,
        "workspace": deployment.target.workspace,
        "started_by": deployment.started_by,
        "created_at": deployment.created_at,
        "ended_at": deployment.ended_at,
    })
}
