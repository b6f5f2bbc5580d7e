//! `GET /openapi.json`: the OpenAPI document, generated from the endpoints.

mod refusals;
mod request;
pub(super) mod words;

use std::sync::Arc;

use axum::Extension;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::error::ErrorAnswer;
pub(super) use refusals::{Guarded, OfBody, OfDeployment, OfOrigin, OfQuery, OfState};
pub(super) use request::DeployRequest;
pub(super) use words::{Operation, Phase, PlanSummary, Reason, Status, Tool};

/// The document, as JSON; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Document(pub(super) Arc<str>);

impl Document {
    /// Adds the library's own schemas to the document that was generated from the endpoints.
    pub(super) fn new(generated: utoipa::openapi::OpenApi) -> Self {
        let mut document = serde_json::to_value(generated).unwrap_or_default();
        if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
            schemas.extend(words::schemas());
        }
        Self(document.to_string().into())
    }
}

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
pub(super) async fn document(Extension(document): Extension<Document>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document.0.to_string())
}
