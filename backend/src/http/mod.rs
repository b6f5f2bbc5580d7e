//! The API over HTTP. The router is its map.
//!
//! | file | holds |
//! |---|---|
//! | `caller` | who asks, by key; and whether they may |
//! | `origin` | which pages of browsers are served |
//! | `fault` | errors as JSON |
//! | `body` | a body, as a whole or not at all |
//! | `headers` | what every answer says to browsers |
//! | `health` | `GET /health` and what tools of operation ask |
//! | `start`, `list` | `POST /deploy`, `GET /deploy` |
//! | `status` | `GET /deploy/{id}/status`, `/plan`, `/outputs` |
//! | `logs` | `GET /deploy/{id}/logs`, `/logs.txt`, `POST /deploy/{id}/ticket` |
//! | `event` | a server-sent event, as it goes over the wire |
//! | `follow` | what one subscriber of a log is sent |
//! | `decide` | `POST /deploy/{id}/approve`, `/reject`, `/cancel`, `/force-cancel` |
//! | `retry` | `POST /deploy/{id}/retry` |
//! | `audit` | `GET /audit` |

mod audit;
mod body;
mod caller;
mod decide;
mod event;
mod fault;
mod follow;
mod headers;
mod health;
mod list;
mod logs;
mod origin;
mod retry;
mod start;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};

use crate::auth::Tickets;
use crate::config::Config;
use crate::service::Service;
use fault::Fault;
use origin::Origins;

/// What the endpoints have in common; clones are handles of the same.
#[derive(Clone, Debug)]
pub struct App {
    service: Service,
    tickets: Arc<Tickets>,
    origins: Arc<Origins>,
    /// Serve without keys whatever name the host is called by.
    insecure: bool,
}

impl App {
    /// An app over a service.
    pub fn new(config: &Config, service: Service) -> Self {
        Self {
            service,
            tickets: Arc::new(Tickets::new(config.auth.ticket_lifetime)),
            origins: Arc::new(Origins::new(&config.server.allowed_origins)),
            insecure: config.server.insecure,
        }
    }

    /// The API.
    pub fn router(self) -> Router {
        let deployment = Router::new()
            .route("/status", get(status::status))
            .route("/plan", get(status::plan))
            .route("/outputs", get(status::outputs))
            .route("/logs", get(logs::follow))
            .route("/logs.txt", get(logs::text))
            .route("/ticket", post(logs::ticket))
            .route("/approve", post(decide::approve))
            .route("/reject", post(decide::reject))
            .route("/cancel", post(decide::cancel))
            .route("/force-cancel", post(decide::force_cancel))
            .route("/retry", post(retry::retry));
        Router::new()
            .route("/health", get(health::health))
            .route("/health/live", get(health::health))
            .route("/health/ready", get(health::ready))
            .route("/deploy", post(start::start).get(list::list))
            .route("/audit", get(audit::trail))
            .nest("/deploy/{id}", deployment)
            .fallback(async || Fault::NotFound)
            .method_not_allowed_fallback(async || Fault::MethodNotAllowed)
            .layer(from_fn_with_state(self.clone(), origin::check))
            .layer(self.origins.cors())
            .layer(map_response(headers::protect))
            .with_state(self)
    }
}
