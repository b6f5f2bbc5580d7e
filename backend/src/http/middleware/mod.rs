//! What applies to every request and connection.

pub(super) mod connections;
pub(super) mod host;
pub(super) mod idle_connections;
pub(super) mod origin;
pub(super) mod rate_limit;
pub(super) mod request_timeout;
pub(super) mod response_time;
pub(super) mod security_headers;
