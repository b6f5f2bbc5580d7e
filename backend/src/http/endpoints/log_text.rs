//! `GET /deploy/{id}/logs.txt`.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use futures_util::stream;
use iac_runner::session::Phase;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::Action;
use crate::causes::Causes;
use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::extract::authenticated::Authenticated;
use crate::http::extract::deployment_path::DeploymentPath;
use crate::http::openapi;
use crate::http::openapi::{Guarded, OfDeployment, OfQuery};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogTextQuery {
    /// Return only lines of this phase.
    #[param(nullable = false, value_type = Option<openapi::Phase>)]
    phase: Option<Phase>,
}

/// Returns the whole log of a deployment so far, as text.
#[utoipa::path(
    get,
    path = "/deploy/{id}/logs.txt",
    operation_id = "log_text",
    tag = "deployments",
    params(DeploymentPath, LogTextQuery),
    responses(
        (status = 200, description = "The log", body = String, content_type = "text/plain; charset=utf-8"),
        OfQuery,
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("viewer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn text(
    State(app): State<App>,
    caller: Authenticated,
    named: DeploymentPath,
    wanted: Result<Query<LogTextQuery>, QueryRejection>,
) -> Result<impl IntoResponse, ApiError> {
    caller.may(Action::See)?;
    let Query(wanted) = wanted.map_err(|rejection| ApiError::BadRequest(rejection.body_text()))?;
    let id = named.id()?;
    let store = app.service.store();
    store.deployment(id).await?.ok_or(ApiError::NotFound)?;
    let log = app.service.reads().log_text(id, wanted.phase);
    // A read error aborts the response, so that a client cannot mistake a partial log for the whole.
    let pieces = stream::try_unfold(log, async |mut log| {
        let piece = log.next_piece().await.inspect_err(|fault| {
            tracing::error!(error = %Causes(fault), "log not readable");
        })?;
        Ok::<_, crate::store::StoreError>(piece.map(|piece| (piece, log)))
    });
    let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, Body::from_stream(pieces)))
}
