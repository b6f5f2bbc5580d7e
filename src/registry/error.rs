//! Why there is no access.

use std::error::Error;

use super::HostFault;

/// Why a registry cannot be used. None of these holds the token, or what came in its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The address is none that can be used.
    #[error("the address of the registry cannot be used")]
    Host(#[source] HostFault),
    /// The backend did not answer within the time, or not at all.
    #[error("the backend of the registry `{host}` could not be asked for a token")]
    Unreachable {
        /// The registry as modules name it.
        host: String,
        /// What stood in the way.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The backend answered with another status than 200. A redirection is not followed.
    #[error("the backend of the registry `{host}` answered {status} when asked for a token")]
    Status {
        /// The registry as modules name it.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The backend answered with something else than `{"token": "…"}`.
    #[error(
        "the backend of the registry `{host}` did not answer with a JSON object that has a `token`"
    )]
    NotAToken {
        /// The registry as modules name it.
        host: String,
    },
    /// The token is empty.
    #[error("the token of the registry is empty")]
    TokenEmpty,
    /// The token has characters that no HTTP header takes.
    #[error(
        "the token of the registry holds a space, a control character or one that is not ASCII"
    )]
    TokenMalformed,
    /// This library was built without the feature `registry-token`.
    #[error("this build cannot ask for a token; set `REGISTRY_TOKEN`")]
    NotBuilt,
    /// The tokio runtime was shut down while the backend was asked.
    #[error("the runtime was shut down while the backend was asked for a token")]
    RuntimeGone,
}
