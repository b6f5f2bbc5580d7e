//! The deployment that an address names.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use utoipa::IntoParams;

use super::Fault;
use crate::store::DeploymentId;

/// The deployment that an address names. What is no name of a deployment names nothing.
#[derive(Clone, Copy, Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Named {
    /// The deployment.
    #[param(value_type = String, format = "uuid")]
    id: Option<DeploymentId>,
}

impl Named {
    /// Its name.
    ///
    /// Not refused before the caller is: whether a name is one is told to those who may know.
    pub(super) fn id(self) -> Result<DeploymentId, Fault> {
        self.id.ok_or(Fault::NotFound)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(text)| text.parse().ok());
        Ok(Self { id })
    }
}
