//! Refuses requests from pages of other origins.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::app::App;
use crate::http::error::ApiError;

/// Refuses requests from pages of other origins.
///
/// Browsers send some requests without a preflight; where no key is needed, these alone could do harm.
pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.origins.admit(request.headers()) {
        next.run(request).await
    } else {
        ApiError::Forbidden("pages of this origin are not served".to_owned()).into_response()
    }
}
