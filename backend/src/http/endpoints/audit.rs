//! `GET /audit`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Action;
use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::extract::authenticated::Authenticated;
use crate::http::extract::page::page_size;
use crate::http::openapi::{Guarded, OfQuery};
use crate::store::{self, AuditPage};

/// Default page size, in entries.
const DEFAULT_PAGE: u32 = 100;
/// Largest page size, in entries.
const MOST: u32 = 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Return only entries about this deployment.
    #[param(nullable = false, format = "uuid")]
    deployment: Option<String>,
    /// The `next` value of the previous page.
    #[param(nullable = false, format = "uint64")]
    cursor: Option<u64>,
    /// Largest number of entries to return.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// A page of audit entries, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditTrail {
    entries: Vec<AuditEntry>,
    /// The `cursor` of the next page, if there is one.
    next: Option<u64>,
}

/// One recorded action.
#[derive(Debug, Serialize, ToSchema)]
struct AuditEntry {
    /// When the action was recorded.
    at: DateTime<Utc>,
    /// Name of the API key that acted.
    actor: String,
    /// The action, for example `approve`.
    action: String,
    /// The deployment that the action concerned.
    deployment_id: Option<String>,
    /// Further details, for people.
    detail: String,
    /// Whether this is an approval by the person who started the deployment; `auto_approve` counts as one.
    by_starter: bool,
    /// `pending` from just before the action until its outcome is known, then `done`; `unknown` if work on the
    /// deployment was lost in between.
    outcome: &'static str,
}

impl From<store::AuditEntry> for AuditEntry {
    fn from(kept: store::AuditEntry) -> Self {
        let entry = kept.entry;
        Self {
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            deployment_id: entry.deployment.map(|id| id.to_string()),
            detail: entry.detail,
            by_starter: entry.by_starter,
            outcome: kept.outcome.word(),
        }
    }
}

/// Returns the audit trail.
#[utoipa::path(
    get,
    path = "/audit",
    operation_id = "audit",
    tag = "operation",
    params(AuditQuery),
    responses(
        (status = 200, description = "A page of the trail", body = AuditTrail),
        OfQuery,
        Guarded,
    ),
    extensions(("x-role" = json!("admin"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn trail(
    State(app): State<App>,
    caller: Authenticated,
    wanted: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Json<AuditTrail>, ApiError> {
    caller.may(Action::Audit)?;
    let Query(wanted) = wanted.map_err(|rejection| ApiError::BadRequest(rejection.body_text()))?;
    let most = page_size(wanted.limit, DEFAULT_PAGE, MOST)?;
    let deployment = wanted.deployment.map(|name| name.parse()).transpose();
    let bad = |_| ApiError::BadRequest("`deployment`: expected the name of one".to_owned());
    let page = AuditPage {
        deployment: deployment.map_err(bad)?,
        before: wanted.cursor,
        most,
    };
    let found = app.service.store().audit_trail(&page).await?;
    let is_full = u32::try_from(found.len()) == Ok(most);
    let next = found.last().filter(|_| is_full).map(|last| last.seq);
    let entries = found.into_iter().map(AuditEntry::from).collect();
    Ok(Json(AuditTrail { entries, next }))
}
