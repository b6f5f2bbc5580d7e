//! Routes requests through the middleware to the endpoints.

use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::{Extension, Router};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::endpoints::{
    audit, decisions, docs, health, list, log_text, logs, metrics, retry, start, status,
};
use super::error::ApiError;
use super::middleware::{host, origin, request_timeout, response_time, security_headers};
use super::openapi;

/// Returns the router of the API.
pub fn router(app: App) -> Router {
    let (router, document) = endpoints().split_for_parts();
    router
        .layer(Extension(openapi::Document::new(document)))
        .merge(docs::page())
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(from_fn_with_state(app.clone(), request_timeout::set))
        .layer(from_fn_with_state(app.clone(), origin::check))
        .layer(app.origins.cors())
        .layer(from_fn(host::check))
        .layer(map_response(security_headers::add_security_headers))
        .layer(from_fn(security_headers::close_connection))
        .layer(from_fn_with_state(app.clone(), response_time::answer))
        .with_state(app)
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
        .routes(routes!(decisions::approve))
        .routes(routes!(decisions::reject))
        .routes(routes!(decisions::cancel))
        .routes(routes!(decisions::force_cancel))
        .routes(routes!(retry::retry))
        .routes(routes!(audit::trail))
        .routes(routes!(metrics::text))
        .routes(routes!(openapi::document))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn references_in_the_document_resolve() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(reference)) = members.get("$ref") {
                        found.push(reference);
                    }
                    members.values().for_each(|it| references(it, found));
                }
                Value::Array(values) => values.iter().for_each(|it| references(it, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let document = openapi::Document::new(endpoints().into_openapi());
        let document: Value = serde_json::from_str(&document.0).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50, "{}", found.len());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
