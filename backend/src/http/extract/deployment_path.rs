//! Extractor for the deployment in the path.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use utoipa::IntoParams;

use crate::http::error::ApiError;
use crate::store::DeploymentId;

/// The deployment in the path. `None` if the path segment is not a valid id.
#[derive(Clone, Copy, Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct DeploymentPath {
    /// Id of the deployment.
    #[param(value_type = String, format = "uuid")]
    id: Option<DeploymentId>,
}

impl DeploymentPath {
    /// Returns the id.
    ///
    /// Fails only here, after the caller is authenticated: others don't learn whether an id is valid.
    pub(crate) fn id(self) -> Result<DeploymentId, ApiError> {
        self.id.ok_or(ApiError::NotFound)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DeploymentPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(text)| text.parse().ok());
        Ok(Self { id })
    }
}
