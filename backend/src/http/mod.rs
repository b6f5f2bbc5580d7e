//! The HTTP API. [`App::router`] puts it together.

#![expect(
    unused_qualifications,
    reason = "`utoipa::path` qualifies the names in its `params`"
)]

mod endpoints;
mod error;
mod extract;
mod log_stream;
mod middleware;
mod openapi;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::error::ApiError;
pub use self::extract::keyless::{Exposure, Keyless, opening};
pub use self::middleware::connections::Connections;
use self::middleware::origin::Origins;
use self::middleware::rate_limit::RateLimits;
use crate::auth::Tickets;
use crate::config::Config;
use crate::service::Service;

/// State shared by the endpoints; clones share it.
#[derive(Clone, Debug)]
pub struct App {
    service: Service,
    tickets: Arc<Tickets>,
    origins: Arc<Origins>,
    limits: Arc<RateLimits>,
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
            limits: Arc::new(RateLimits::new(config.server.rate_limit)),
            request_timeout: config.server.request_timeout,
            keyless: Keyless::of(&config.server),
        }
    }

    /// Returns the router of the API.
    pub fn router(self) -> Router {
        let (router, _) = endpoints().split_for_parts();
        router
            .merge(endpoints::docs::page())
            .fallback(async || ApiError::NotFound)
            .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
            .layer(from_fn_with_state(
                self.clone(),
                middleware::request_timeout::set,
            ))
            .layer(from_fn_with_state(self.clone(), middleware::origin::check))
            .layer(self.origins.cors())
            .layer(from_fn(middleware::host::check))
            .layer(map_response(
                middleware::security_headers::add_security_headers,
            ))
            .layer(from_fn(middleware::security_headers::close_connection))
            .layer(from_fn_with_state(
                self.clone(),
                middleware::response_time::answer,
            ))
            .with_state(self)
    }
}

/// Returns all endpoints; each declares its own path and responses.
fn endpoints() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::Api::openapi())
        .routes(routes!(endpoints::health::health))
        .routes(routes!(endpoints::health::live))
        .routes(routes!(endpoints::health::ready))
        .routes(routes!(endpoints::start::start, endpoints::list::list))
        .routes(routes!(endpoints::status::status))
        .routes(routes!(endpoints::status::plan))
        .routes(routes!(endpoints::status::outputs))
        .routes(routes!(endpoints::logs::follow))
        .routes(routes!(endpoints::log_text::text))
        .routes(routes!(endpoints::logs::ticket))
        .routes(routes!(endpoints::decisions::approve))
        .routes(routes!(endpoints::decisions::reject))
        .routes(routes!(endpoints::decisions::cancel))
        .routes(routes!(endpoints::decisions::force_cancel))
        .routes(routes!(endpoints::retry::retry))
        .routes(routes!(endpoints::audit::trail))
        .routes(routes!(endpoints::metrics::text))
        .routes(routes!(openapi::document))
}
