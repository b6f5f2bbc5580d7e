//! `GET /openapi.json`: the OpenAPI document, generated from the endpoints.

mod refusals;
mod request;
pub(super) mod words;

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::error::ErrorAnswer;
pub(super) use refusals::{Guarded, OfBody, OfDeployment, OfOrigin, OfQuery, OfState};
pub(super) use request::DeployRequest;
pub(super) use words::{Operation, Phase, PlanSummary, Reason, Status, Tool};

/// The document, as JSON.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let document = super::endpoints().into_openapi();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        schemas.extend(words::schemas());
    }
    document.to_string()
});

/// Document-wide metadata.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "iac-backend",
        description = "Deployments of Terraform and OpenTofu: a queue, approval, live logs, history.",
        license(name = "Apache-2.0 OR MIT"),
    ),
    servers((url = "/", description = "This service")),
    components(schemas(ErrorAnswer, Operation, Phase, PlanSummary, Reason, Status, Tool)),
    modifiers(&Keys),
    tags(
        (name = "deployments", description = "Start, follow, decide, stop"),
        (name = "operation", description = "For those who run the service"),
    )
)]
pub(super) struct Api;

/// The ways to authenticate.
struct Keys;

impl Modify for Keys {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let header = ApiKeyValue::with_description("X-Api-Key", "A key");
        let ticket =
            ApiKeyValue::with_description("ticket", "A ticket for the log of a deployment");
        for (name, scheme) in [
            ("bearer", SecurityScheme::Http(bearer.build())),
            ("key", SecurityScheme::ApiKey(ApiKey::Header(header))),
            ("ticket", SecurityScheme::ApiKey(ApiKey::Query(ticket))),
        ] {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// Returns this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "operation",
    responses((status = 200, description = "The document", body = Object), OfOrigin),
    extensions(("x-role" = json!("none"))),
    security(()),
)]
pub(super) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_referred_to_that_is_not_there() {
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
        let document: Value = serde_json::from_str(&DOCUMENT).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50, "{}", found.len());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
