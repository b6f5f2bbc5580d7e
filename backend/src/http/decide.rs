//! `POST /deploy/{id}/approve`, `/reject`, `/cancel`, `/force-cancel`.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Whole;
use super::caller::Known;
use super::status::name;
use super::{App, Fault};
use crate::auth::Action;
use crate::service::Decision;

/// What may come with a decision; all of it may be left out, the body too.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remarks {
    #[serde(default)]
    comment: String,
    /// The plan that was looked at: another one is not approved.
    plan_digest: Option<String>,
}

/// Longest comment, in bytes.
const MAX_COMMENT_BYTES: usize = 4096;

pub(super) async fn approve(
    State(app): State<App>,
    caller: Known,
    Path(id): Path<String>,
    Whole(body): Whole,
) -> Result<Json<Value>, Fault> {
    let caller = caller.may(Action::Decide)?;
    let remarks = remarks(&body)?;
    let digest = remarks.plan_digest.map(|digest| digest.parse()).transpose();
    let bad = |_| Fault::BadRequest("`plan_digest`: expected 64 hexadecimal digits".to_owned());
    let decision = Decision::Approve {
        comment: remarks.comment,
        plan_digest: digest.map_err(bad)?,
    };
    app.service.decide(name(&id)?, decision, caller).await?;
    Ok(message("Deployment approved"))
}

pub(super) async fn reject(
    State(app): State<App>,
    caller: Known,
    Path(id): Path<String>,
    Whole(body): Whole,
) -> Result<Json<Value>, Fault> {
    let caller = caller.may(Action::Decide)?;
    let comment = remarks(&body)?.comment;
    let decision = Decision::Reject { comment };
    app.service.decide(name(&id)?, decision, caller).await?;
    Ok(message("Deployment rejected"))
}

pub(super) async fn cancel(
    State(app): State<App>,
    caller: Known,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fault> {
    let caller = caller.may(Action::Cancel)?;
    app.service
        .decide(name(&id)?, Decision::Cancel, caller)
        .await?;
    Ok(message("Cancellation requested"))
}

pub(super) async fn force_cancel(
    State(app): State<App>,
    caller: Known,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fault> {
    let caller = caller.may(Action::ForceCancel)?;
    app.service
        .decide(name(&id)?, Decision::ForceCancel, caller)
        .await?;
    Ok(message("Cancellation by force requested"))
}

fn remarks(body: &[u8]) -> Result<Remarks, Fault> {
    if body.trim_ascii().is_empty() {
        return Ok(Remarks::default());
    }
    let remarks: Remarks = serde_json::from_slice(body).map_err(|_| {
        Fault::BadRequest(
            "expected nothing, or an object with `comment` and `plan_digest`".to_owned(),
        )
    })?;
    if remarks.comment.len() > MAX_COMMENT_BYTES {
        let problem = format!("`comment`: expected {MAX_COMMENT_BYTES} bytes at most");
        return Err(Fault::BadRequest(problem));
    }
    Ok(remarks)
}

fn message(text: &str) -> Json<Value> {
    Json(json!({"message": text}))
}
