//! Errors of registry access.

use std::error::Error;

use super::RegistryHostFault;

/// Why a registry cannot be used. No variant contains the token or an invalid answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The address is not usable.
    #[error("the address of the registry cannot be used")]
    Host(#[source] RegistryHostFault),
    /// The backend did not answer in time, or not at all.
    #[error("the backend of the registry `{host}` could not be asked for a token")]
    Unreachable {
        /// The host of the registry in module sources.
        host: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The backend answered with another status than 200. Redirects are not followed.
    #[error("the backend of the registry `{host}` answered {status} when asked for a token")]
    Status {
        /// The host of the registry in module sources.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The backend did not answer with `{"token": "…"}`.
    #[error(
        "the backend of the registry `{host}` did not answer with a JSON object that has a `token`"
    )]
    NotAToken {
        /// The host of the registry in module sources.
        host: String,
    },
    /// The token is empty.
    #[error("the token of the registry is empty")]
    TokenEmpty,
    /// The token has characters that HTTP headers do not allow.
    #[error(
        "the token of the registry holds a space, a control character or one that is not ASCII"
    )]
    TokenMalformed,
    /// This library was built without the feature `registry-token`.
    #[error("this build cannot ask for a token; set `REGISTRY_TOKEN`")]
    NotBuilt,
    /// The tokio runtime was shut down during the request for the token.
    #[error("the runtime was shut down while the backend was asked for a token")]
    RuntimeGone,
}
