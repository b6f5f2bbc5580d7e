//! Error responses that endpoints share: each status with its reason.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

/// Endpoints that need authentication.
pub(crate) struct Guarded;
/// Endpoints that need none, but still refuse pages of other origins.
pub(crate) struct OfOrigin;
/// Endpoints about one deployment.
pub(crate) struct OfDeployment;
/// Endpoints that accept a query string.
pub(crate) struct OfQuery;
/// Endpoints that read a body.
pub(crate) struct OfBody;
/// Endpoints that need the deployment to be in a certain state.
pub(crate) struct OfState;

const ORIGIN: (u16, &str) = (403, "Pages of this origin are not served");
const HOST: (u16, &str) = (
    400,
    "The `Host` header is missing, repeated, or disagrees with the request target",
);

impl IntoResponses for Guarded {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            (
                400,
                "The body, the query or the `Host` header is not valid; `fields` has every fault of a request",
            ),
            (401, "There is no good key"),
            (
                403,
                "The roles of the key are not enough, the starter may not approve, or pages of this origin are not served; \
                 `error` says which",
            ),
            (429, "Too many calls: come again later"),
            (
                500,
                "Something went wrong here; the log of the service says what, under `id`",
            ),
            (
                503,
                "The service could not answer in time, or its database can't be reached or written",
            ),
        ])
    }
}

impl IntoResponses for OfOrigin {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[HOST, ORIGIN])
    }
}

impl IntoResponses for OfDeployment {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[(
            404,
            "There is no such deployment, or it has nothing of that kind",
        )])
    }
}

impl IntoResponses for OfQuery {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[(400, "The query is not valid")])
    }
}

impl IntoResponses for OfBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            (
                400,
                "The body is not valid; `fields` has every fault of a request",
            ),
            (408, "The body did not arrive in time"),
            (413, "The body is too large"),
        ])
    }
}

impl IntoResponses for OfState {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[(
            409,
            "The deployment is not where that can be done; `status` says where it is",
        )])
    }
}

fn refusals(reasons: &[(u16, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let refusal = |(status, description): &(u16, &str)| {
        let content = Content::new(Some(Ref::from_schema_name("ErrorAnswer")));
        let mut response = ResponseBuilder::new()
            .description(*description)
            .content("application/json", content);
        if *status == 429 {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
            let header = HeaderBuilder::new()
                .schema(Some(seconds))
                .description(Some("For how many seconds to stay away"))
                .build();
            response = response.header("Retry-After", header);
        }
        (status.to_string(), RefOr::T(response.build()))
    };
    reasons.iter().map(refusal).collect()
}
