//! The state of the service that endpoints and middleware use.

use std::sync::Arc;
use std::time::Duration;

use super::extract::keyless::Keyless;
use super::middleware::rate_limit::RateLimits;
use super::origins::Origins;
use crate::auth::Tickets;
use crate::config::Config;
use crate::service::Service;

/// State shared by the endpoints; clones share it.
#[derive(Clone, Debug)]
pub struct App {
    pub(super) service: Service,
    pub(super) tickets: Arc<Tickets>,
    pub(super) origins: Arc<Origins>,
    pub(super) limits: Arc<RateLimits>,
    pub(super) request_timeout: Duration,
    pub(super) keyless: Keyless,
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
}
