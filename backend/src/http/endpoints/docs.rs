//! `GET /docs`: a page that shows the API and lets users try it.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::middleware::map_response;
use axum::response::Response;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::app::App;

/// The page loads everything from this service. It uses inline styles, with images in them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Returns the page with its assets.
pub(crate) fn page() -> Router<App> {
    let page = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    Router::from(page).layer(map_response(permit))
}

async fn permit(mut answer: Response) -> Response {
    let policy = HeaderValue::from_static(POLICY);
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    answer
}
