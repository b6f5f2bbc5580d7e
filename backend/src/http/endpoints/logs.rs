//! `GET /deploy/{id}/logs`, `POST /deploy/{id}/ticket`.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Action, KeyId, Ticket};
use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::extract::authenticated::{Authenticated, is_open, peer};
use crate::http::extract::body::FullBody;
use crate::http::extract::deployment_path::DeploymentPath;
use crate::http::log_stream::sse_event::KEEP_ALIVE;
use crate::http::log_stream::{END_ID, LogStream};
use crate::http::middleware::rate_limit::Counted;
use crate::http::openapi::{Guarded, OfBody, OfDeployment, OfQuery};
use crate::store::{DeploymentId, StoredKey};

/// Longest silence on a stream: proxies close connections that are silent for a minute.
const SILENCE: Duration = Duration::from_secs(15);
/// How often to re-check the key of a stream.
const CHECK_EVERY: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogsQuery {
    /// A ticket, instead of a key.
    #[param(nullable = false)]
    ticket: Option<String>,
}

/// One event of a log.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what goes over the wire line by line")]
struct LogEvent {
    /// `log`, `status` or `end`.
    event: String,
    /// Value for `Last-Event-ID` after this event.
    id: Option<String>,
    /// A line of the log, or JSON.
    data: String,
}

/// A ticket for the log of a deployment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketAnswer {
    /// Valid for `/logs?ticket=` of this deployment, for a short time.
    ticket: String,
}

/// Follows the log of a deployment as server-sent events: `log` with a line, `status` at each change, `end`.
#[utoipa::path(
    get,
    path = "/deploy/{id}/logs",
    tag = "deployments",
    params(DeploymentPath, LogsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")
    ),
    responses(
        (status = 200, description = "Events, until the end", body = LogEvent, content_type = "text/event-stream"),
        (status = 204, description = "`Last-Event-ID` was the end: there is nothing to come"),
        OfQuery,
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("viewer"))),
    security(("bearer" = []), ("key" = []), ("ticket" = [])),
)]
pub(crate) async fn follow(
    State(app): State<App>,
    named: DeploymentPath,
    wanted: Result<Query<LogsQuery>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let Query(wanted) = wanted.map_err(|rejection| ApiError::BadRequest(rejection.body_text()))?;
    let (mut parts, _) = request.into_parts();
    let key = match wanted.ticket {
        Some(ticket) => {
            let opened = open(&app, &parts, &ticket, named).await;
            // A valid ticket counts as its key; only invalid ones count against the address.
            let key = opened.as_ref().ok().cloned().flatten();
            app.limits
                .admit(&key.map_or_else(|| peer(&parts), Counted::Key))?;
            opened?
        }
        None => {
            let caller = Authenticated::from_request_parts(&mut parts, &app).await?;
            caller.may(Action::See)?;
            caller.key
        }
    };
    let id = named.id()?;
    if app.service.store().deployment(id).await?.is_none() {
        return Err(ApiError::NotFound);
    }
    let last = parts.headers.get("last-event-id");
    let last = last.and_then(|last| last.to_str().ok());
    if last == Some(END_ID) {
        // Tells `EventSource` not to reconnect.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let last: Option<u64> = last.and_then(|last| last.parse().ok());
    let from = last.map_or(0, |last| last.saturating_add(1));
    let follower = LogStream::new(app.service.clone(), id, from);
    let admission = Admission {
        app,
        key,
        checked: Instant::now(),
    };
    let events = stream::unfold(
        (follower, admission),
        async |(mut follower, mut admission)| {
            if !admission.lasts().await {
                return None;
            }
            let bytes = match tokio::time::timeout(SILENCE, follower.next_event()).await {
                Ok(event) => event?.encode(),
                Err(_) => KEEP_ALIVE,
            };
            Some((Ok::<_, Infallible>(bytes), (follower, admission)))
        },
    );
    let kind = [(CONTENT_TYPE, "text/event-stream")];
    Ok((kind, Body::from_stream(events)).into_response())
}

/// The credentials of a stream. The stream ends shortly after its key loses access.
struct Admission {
    app: App,
    /// `None` if no keys existed.
    key: Option<KeyId>,
    checked: Instant,
}

impl Admission {
    /// Returns whether the stream may continue. A store error does not end a stream.
    async fn lasts(&mut self) -> bool {
        if self.checked.elapsed() < CHECK_EVERY {
            return true;
        }
        self.checked = Instant::now();
        let store = self.app.service.store();
        match &self.key {
            Some(key) => store
                .key(key)
                .await
                .map_or(true, |kept| may_see(kept.as_ref())),
            None => store.keys().await.map_or(true, |keys| keys.is_empty()),
        }
    }
}

/// Returns whether a key, as now stored, may still read logs.
fn may_see(kept: Option<&StoredKey>) -> bool {
    kept.is_some_and(|key| key.revoked_at.is_none() && key.roles.may(Action::See))
}

/// Returns the key of a valid ticket for a deployment; `None` if no keys exist.
///
/// A ticket has the rights that its key has now: none once the key is revoked or deleted.
async fn open(
    app: &App,
    parts: &Parts,
    ticket: &str,
    named: DeploymentPath,
) -> Result<Option<KeyId>, ApiError> {
    let opens = |id: DeploymentId| app.tickets.check(ticket, &id.to_string(), Instant::now());
    let ticket = named
        .id()
        .ok()
        .and_then(opens)
        .ok_or(ApiError::Unauthorized)?;
    let is_good = match &ticket.key {
        Some(key) => may_see(app.service.store().key(key).await?.as_ref()),
        None => is_open(&parts.headers, app).await?,
    };
    if is_good {
        Ok(ticket.key)
    } else {
        Err(ApiError::Unauthorized)
    }
}

/// Issues a ticket for following the log in a browser, which cannot send a key there.
#[utoipa::path(
    post,
    path = "/deploy/{id}/ticket",
    tag = "deployments",
    params(DeploymentPath),
    responses(
        (status = 200, description = "The ticket", body = TicketAnswer),
        OfBody,
        OfDeployment,
        Guarded,
    ),
    extensions(("x-role" = json!("viewer"))),
    security(("bearer" = []), ("key" = [])),
)]
pub(crate) async fn ticket(
    State(app): State<App>,
    caller: Authenticated,
    named: DeploymentPath,
    _forgotten: FullBody,
) -> Result<Json<TicketAnswer>, ApiError> {
    caller.may(Action::See)?;
    let deployment = named.id()?.to_string();
    let ticket = Ticket {
        deployment,
        key: caller.key,
    };
    let text = app
        .tickets
        .issue(ticket, Instant::now())
        .map_err(|fault| ApiError::Internal(Box::new(fault)))?;
    let ticket = text.expose_secret().to_owned();
    Ok(Json(TicketAnswer { ticket }))
}
