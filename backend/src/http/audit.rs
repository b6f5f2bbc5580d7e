//! `GET /audit`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Known;
use super::status::name;
use super::{App, Fault};
use crate::auth::Action;
use crate::store::AuditPage;

/// Entries of a page, when nothing else is asked for.
const DEFAULT_PAGE: u32 = 100;
/// Most entries of a page.
const MOST: u32 = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    deployment: Option<String>,
    /// The `next` of the page before.
    cursor: Option<u64>,
    limit: Option<u32>,
}

pub(super) async fn trail(
    State(app): State<App>,
    caller: Known,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Fault> {
    caller.may(Action::Audit)?;
    let Query(wanted) = wanted.map_err(|rejection| Fault::BadRequest(rejection.body_text()))?;
    let most = wanted.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MOST);
    let page = AuditPage {
        deployment: wanted.deployment.as_deref().map(name).transpose()?,
        before: wanted.cursor,
        most,
    };
    let found = app.service.store().audit_trail(&page).await?;
    let is_full = u32::try_from(found.len()) == Ok(most);
    let next = found.last().filter(|_| is_full).map(|last| last.seq);
    let entries: Vec<Value> = found
        .iter()
        .map(|it| {
            json!({
                "at": it.entry.at,
                "actor": it.entry.actor,
                "action": it.entry.action,
                "deployment_id": it.entry.deployment.map(|id| id.to_string()),
                "detail": it.entry.detail,
            })
        })
        .collect();
    Ok(Json(json!({"entries": entries, "next": next})))
}
