//! The HTTP API. [`router`] puts it together.

#![expect(
    unused_qualifications,
    reason = "`utoipa::path` qualifies the names in its `params`"
)]

mod app;
mod endpoints;
mod error;
mod extract;
mod log_stream;
mod middleware;
mod openapi;
mod origins;
mod router;

pub use self::app::App;
pub use self::extract::keyless::{Exposure, Keyless, opening};
pub use self::middleware::connections::Connections;
pub use self::router::router;
