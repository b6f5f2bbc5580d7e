//! `POST /deploy/{id}/retry`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::body::{Whole, optional};
use super::caller::Known;
use super::deadline::to_the_end;
use super::fault::ErrorAnswer;
use super::named::Named;
use super::openapi::{Guarded, OfBody, OfDeployment, OfState};
use super::start::{Started, started};
use super::{App, Fault};
use crate::auth::Action;
use crate::service::Supplied;

/// Starts an ended plan, drift detection or validation again, under a new id.
///
/// Its secrets are deleted when it ends, so the request must supply them again.
#[utoipa::path(
    post,
    path = "/deploy/{id}/retry",
    tag = "deployments",
    params(Named),
    request_body = Option<Supplied>,
    responses(
        (status = 202, description = "It waits its turn", body = Started),
        (status = 422, description = "Secrets are missing; `fields` names them", body = ErrorAnswer),
        OfBody,
        OfState,
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("deployer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(super) async fn retry(
    State(app): State<App>,
    caller: Known,
    named: Named,
    Whole(body): Whole,
) -> Result<(StatusCode, Json<Started>), Fault> {
    let caller = caller.may(Action::Start)?;
    let supplied: Supplied = optional(&body, "an object with the secrets of the deployment")?;
    let (id, service, caller) = (named.id()?, app.service.clone(), caller.clone());
    let new = to_the_end(async move { Ok(service.retry(id, &supplied, &caller).await?) }).await?;
    started(&app, new).await
}
