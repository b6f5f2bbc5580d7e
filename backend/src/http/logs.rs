//! `GET /deploy/{id}/logs`, `/logs.txt`, `POST /deploy/{id}/ticket`.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use iac_runner::session::Phase;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Known;
use super::event::KEEP_ALIVE;
use super::follow::{END_ID, Follower};
use super::status::name;
use super::{App, Fault};
use crate::auth::{Action, Ticket};

/// How long nothing is sent: proxies give up on what is silent for a minute.
const SILENCE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    ticket: Option<String>,
}

pub(super) async fn follow(
    State(app): State<App>,
    Path(id): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    request: Request,
) -> Result<Response, Fault> {
    let Query(wanted) = wanted.map_err(|rejection| Fault::BadRequest(rejection.body_text()))?;
    let (mut parts, _) = request.into_parts();
    match wanted.ticket {
        Some(ticket) => {
            let good = app.tickets.check(&ticket, &id, Instant::now());
            good.ok_or(Fault::Unauthorized)?;
        }
        None => {
            let caller = Known::from_request_parts(&mut parts, &app).await?;
            caller.may(Action::See)?;
        }
    }
    let id = name(&id)?;
    if app.service.store().deployment(id).await?.is_none() {
        return Err(Fault::NotFound);
    }
    let last = parts.headers.get("last-event-id");
    let last = last.and_then(|last| last.to_str().ok());
    if last == Some(END_ID) {
        // Tells an EventSource that there is nothing to come back for.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let last: Option<u64> = last.and_then(|last| last.parse().ok());
    let from = last.map_or(0, |last| last.saturating_add(1));
    let follower = Follower::new(app.service.clone(), id, from);
    let events = stream::unfold(follower, async |mut follower| {
        let bytes = match tokio::time::timeout(SILENCE, follower.next_event()).await {
            Ok(event) => event?.encode(),
            Err(_) => KEEP_ALIVE,
        };
        Some((Ok::<_, Infallible>(bytes), follower))
    });
    let kind = [(CONTENT_TYPE, "text/event-stream")];
    Ok((kind, Body::from_stream(events)).into_response())
}

pub(super) async fn text(
    State(app): State<App>,
    caller: Known,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Fault> {
    caller.may(Action::See)?;
    let id = name(&id)?;
    app.service
        .store()
        .deployment(id)
        .await?
        .ok_or(Fault::NotFound)?;
    let all = [
        Phase::Initializing,
        Phase::Cloning,
        Phase::Init,
        Phase::Plan,
        Phase::Apply,
        Phase::Completed,
    ];
    let text = app.service.log_text(id, &all).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text))
}

pub(super) async fn ticket(
    State(app): State<App>,
    caller: Known,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fault> {
    let caller = caller.may(Action::See)?;
    let deployment = name(&id)?.to_string();
    let ticket = Ticket {
        deployment,
        actor: caller.name.clone(),
    };
    let text = app
        .tickets
        .issue(ticket, Instant::now())
        .map_err(|fault| Fault::Internal(Box::new(fault)))?;
    Ok(Json(json!({"ticket": text.expose_secret()})))
}
