//! `GET /audit`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Known;
use super::openapi::{Guarded, OfQuery};
use super::page::page_size;
use super::{App, Fault};
use crate::auth::Action;
use crate::store::{self, AuditPage};

/// Entries of a page, when nothing else is asked for.
const DEFAULT_PAGE: u32 = 100;
/// Most entries of a page.
const MOST: u32 = 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Entries about this deployment alone.
    #[param(nullable = false, format = "uuid")]
    deployment: Option<String>,
    /// The `next` of the page before.
    #[param(nullable = false, format = "uint64")]
    cursor: Option<u64>,
    /// Entries of a page, at most.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Who did what, the latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditTrail {
    entries: Vec<AuditEntry>,
    /// The `cursor` of the next page, if there is one.
    next: Option<u64>,
}

/// Something that somebody did.
#[derive(Debug, Serialize, ToSchema)]
struct AuditEntry {
    /// When.
    at: DateTime<Utc>,
    /// Who: the name of a key.
    actor: String,
    /// What, in a word such as `approve`.
    action: String,
    /// About which deployment.
    deployment_id: Option<String>,
    /// The rest, for a person to read.
    detail: String,
    /// Whether it is an approval by the person who started the deployment, as `auto_approve` is.
    by_starter: bool,
    /// `done`; `pending` from the moment before it is done until that is settled; `unknown` where the work on the
    /// deployment was lost meanwhile.
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

/// Who did what.
#[utoipa::path(
    get,
    path = "/audit",
    operation_id = "audit",
    tag = "operation",
    params(Wanted),
    responses(
        (status = 200, description = "A page of the trail", body = AuditTrail),
        OfQuery,
        Guarded,
    ),
    extensions(("x-role" = json!("admin"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(super) async fn trail(
    State(app): State<App>,
    caller: Known,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<AuditTrail>, Fault> {
    caller.may(Action::Audit)?;
    let Query(wanted) = wanted.map_err(|rejection| Fault::BadRequest(rejection.body_text()))?;
    let most = page_size(wanted.limit, DEFAULT_PAGE, MOST)?;
    let deployment = wanted.deployment.map(|name| name.parse()).transpose();
    let bad = |_| Fault::BadRequest("`deployment`: expected the name of one".to_owned());
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
