//! `POST /deploy/{id}/retry`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::body::Whole;
use super::caller::Known;
use super::start::started;
use super::status::name;
use super::{App, Fault};
use crate::auth::Action;
use crate::service::Supplied;

pub(super) async fn retry(
    State(app): State<App>,
    caller: Known,
    Path(id): Path<String>,
    Whole(body): Whole,
) -> Result<(StatusCode, Json<Value>), Fault> {
    let caller = caller.may(Action::Start)?;
    let supplied = supplied(&body)?;
    let new = app.service.retry(name(&id)?, &supplied, caller).await?;
    started(&app, new).await
}

/// What came with the call; nothing at all is as good as an empty object.
fn supplied(body: &[u8]) -> Result<Supplied, Fault> {
    if body.trim_ascii().is_empty() {
        return Ok(Supplied::default());
    }
    serde_json::from_slice(body).map_err(|_| {
        Fault::BadRequest(
            "expected nothing, or an object with `env_vars`, `git_auth` and `ssh`, which hold \
             the secrets of the deployment"
                .to_owned(),
        )
    })
}
