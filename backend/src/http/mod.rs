//! The API over HTTP. The router is its map.
//!
//! | file | holds |
//! |---|---|
//! | `connections` | how many there are at a time, and how long one may be silent |
//! | `silent` | how many connections of one address may say nothing |
//! | `caller` | who asks, by key; and whether they may |
//! | `keyless` | who is served while there are no keys |
//! | `host` | the host that a call names |
//! | `origin` | which pages of browsers are served |
//! | `fault` | errors as JSON |
//! | `named` | the deployment that an address names |
//! | `body` | a body, as a whole or not at all |
//! | `limit` | how many calls one caller may make |
//! | `deadline` | how long a call may take |
//! | `measure` | how long answers take to begin |
//! | `headers` | what every answer says to browsers, and to those who keep connections |
//! | `health` | `GET /health` and what tools of operation ask |
//! | `page` | how much of a list is answered at a time |
//! | `start`, `list` | `POST /deploy`, `GET /deploy` |
//! | `status` | `GET /deploy/{id}/status`, `/plan`, `/outputs` |
//! | `logs` | `GET /deploy/{id}/logs`, `POST /deploy/{id}/ticket` |
//! | `log_text` | `GET /deploy/{id}/logs.txt` |
//! | `event` | a server-sent event, as it goes over the wire |
//! | `follow`, `telling` | what one subscriber of a log is sent |
//! | `decide` | `POST /deploy/{id}/approve`, `/reject`, `/cancel`, `/force-cancel` |
//! | `retry` | `POST /deploy/{id}/retry` |
//! | `audit` | `GET /audit` |
//! | `metrics` | `GET /metrics` |
//! | `openapi` | `GET /openapi.json`: the API as a document |
//! | `docs` | `GET /docs`: a page that shows it |

#![expect(
    unused_qualifications,
    reason = "`utoipa::path` qualifies what stands in its `params`"
)]

mod audit;
mod body;
mod caller;
mod connections;
mod deadline;
mod decide;
mod docs;
mod event;
mod fault;
mod follow;
mod headers;
mod health;
mod host;
mod keyless;
mod limit;
mod list;
mod log_text;
mod logs;
mod measure;
mod metrics;
mod named;
mod openapi;
mod origin;
mod page;
mod retry;
mod silent;
mod start;
mod status;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Tickets;
use crate::config::Config;
use crate::service::Service;
pub use connections::Connections;
use fault::Fault;
pub use keyless::{Keyless, Opening, opening};
use limit::Limits;
use origin::Origins;

/// What the endpoints have in common; clones are handles of the same.
#[derive(Clone, Debug)]
pub struct App {
    service: Service,
    tickets: Arc<Tickets>,
    origins: Arc<Origins>,
    limits: Arc<Limits>,
    request_timeout: Duration,
    keyless: Keyless,
}

impl App {
    /// An app over a service.
    pub fn new(config: &Config, service: Service) -> Self {
        Self {
            service,
            tickets: Arc::new(Tickets::new(config.auth.ticket_lifetime)),
            origins: Arc::new(Origins::new(&config.server.allowed_origins)),
            limits: Arc::new(Limits::new(config.server.rate_limit)),
            request_timeout: config.server.request_timeout,
            keyless: Keyless::of(&config.server),
        }
    }

    /// The API.
    pub fn router(self) -> Router {
        let (router, _) = endpoints().split_for_parts();
        router
            .merge(docs::page())
            .fallback(async || Fault::NotFound)
            .method_not_allowed_fallback(async || Fault::MethodNotAllowed)
            .layer(from_fn_with_state(self.clone(), deadline::set))
            .layer(from_fn_with_state(self.clone(), origin::check))
            .layer(self.origins.cors())
            .layer(from_fn(host::check))
            .layer(map_response(headers::protect))
            .layer(from_fn(headers::part))
            .layer(from_fn_with_state(self.clone(), measure::answer))
            .with_state(self)
    }
}

/// Every endpoint; each says itself where it is, and what it may answer.
fn endpoints() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::Api::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(start::start, list::list))
        .routes(routes!(status::status))
        .routes(routes!(status::plan))
        .routes(routes!(status::outputs))
        .routes(routes!(logs::follow))
        .routes(routes!(log_text::text))
        .routes(routes!(logs::ticket))
        .routes(routes!(decide::approve))
        .routes(routes!(decide::reject))
        .routes(routes!(decide::cancel))
        .routes(routes!(decide::force_cancel))
        .routes(routes!(retry::retry))
        .routes(routes!(audit::trail))
        .routes(routes!(metrics::text))
        .routes(routes!(openapi::document))
}
