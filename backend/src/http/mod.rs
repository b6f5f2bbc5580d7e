//! The HTTP API. [`App::router`] puts it together.
//!
//! | file | holds |
//! |---|---|
//! | `connections` | limits on the number of connections and on idle time |
//! | `silent` | limit on idle connections per address |
//! | `caller` | authentication by API key, and a check of roles |
//! | `keyless` | who may call the service while no keys exist |
//! | `host` | check of the `Host` header |
//! | `origin` | allowed browser origins |
//! | `fault` | errors as JSON |
//! | `named` | extractor for the deployment in the path |
//! | `body` | extractor for complete bodies |
//! | `limit` | rate limit per caller |
//! | `deadline` | request timeout |
//! | `measure` | time until responses begin |
//! | `headers` | security headers, `Connection: close` |
//! | `health` | `GET /health` and probes |
//! | `page` | page size of lists |
//! | `start`, `list` | `POST /deploy`, `GET /deploy` |
//! | `status` | `GET /deploy/{id}/status`, `/plan`, `/outputs` |
//! | `logs` | `GET /deploy/{id}/logs`, `POST /deploy/{id}/ticket` |
//! | `log_text` | `GET /deploy/{id}/logs.txt` |
//! | `event` | encoding of server-sent events |
//! | `follow`, `telling` | events sent to one subscriber of a log |
//! | `decide` | `POST /deploy/{id}/approve`, `/reject`, `/cancel`, `/force-cancel` |
//! | `retry` | `POST /deploy/{id}/retry` |
//! | `audit` | `GET /audit` |
//! | `metrics` | `GET /metrics` |
//! | `openapi` | `GET /openapi.json`: the OpenAPI document |
//! | `docs` | `GET /docs`: a page that shows it |

#![expect(
    unused_qualifications,
    reason = "`utoipa::path` qualifies the names in its `params`"
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

/// State shared by the endpoints; clones share it.
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
    /// Creates the app for a service.
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

    /// Returns the router of the API.
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

/// Returns all endpoints; each declares its own path and responses.
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
