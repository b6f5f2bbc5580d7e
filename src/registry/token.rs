//! Validates a token, and requests it from a backend.

use secrecy::{ExposeSecret, SecretString};

use super::{RegistryError, RegistryHost};

/// Checks that a token can be sent in a header, as both tools send it.
pub(super) fn check(token: &SecretString) -> Result<(), RegistryError> {
    let token = token.expose_secret();
    if token.is_empty() {
        Err(RegistryError::TokenEmpty)
    } else if token.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(RegistryError::TokenMalformed)
    }
}

/// Requests the token from the backend.
#[cfg(not(feature = "registry-token"))]
#[expect(
    clippy::unused_async,
    reason = "the same function with the feature waits"
)]
pub(super) async fn of_backend(_host: &RegistryHost) -> Result<SecretString, RegistryError> {
    Err(RegistryError::NotBuilt)
}

#[cfg(feature = "registry-token")]
pub(super) use asking::of_backend;

#[cfg(feature = "registry-token")]
mod asking {
    use std::time::Duration;

    use secrecy::SecretString;
    use secrecy::zeroize::Zeroizing;
    use serde::Deserialize;
    use ureq::tls::{RootCerts, TlsConfig};
    use ureq::{Agent, Error};

    use super::{RegistryError, RegistryHost};

    /// Path at which a backend provides the token.
    const PATH: &str = "/api/internal/registry-token";
    /// Time limit for the whole request, from name resolution to the end of the answer.
    const TIMEOUT: Duration = Duration::from_secs(10);
    /// Longest accepted answer, in bytes.
    const MAX_ANSWER_BYTES: u64 = 64 * 1024;
    /// Status of an accepted answer.
    const OK: u16 = 200;

    #[derive(Deserialize)]
    struct TokenResponse {
        token: String,
    }

    /// Requests the token from the backend.
    pub(crate) async fn of_backend(host: &RegistryHost) -> Result<SecretString, RegistryError> {
        let host = host.clone();
        tokio::task::spawn_blocking(move || request_token(&host))
            .await
            .map_err(|_| RegistryError::RuntimeGone)?
    }

    fn request_token(host: &RegistryHost) -> Result<SecretString, RegistryError> {
        let named = || host.module_host();
        let unreachable = |error: Error| RegistryError::Unreachable {
            host: named(),
            source: Box::new(error),
        };
        let mut answer = agent()
            .get(format!("{host}{PATH}"))
            .call()
            .map_err(unreachable)?;
        let status = answer.status().as_u16();
        if status != OK {
            return Err(RegistryError::Status {
                host: named(),
                status,
            });
        }
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER_BYTES)
            .read_to_vec();
        let body = match body {
            Ok(body) => Zeroizing::new(body),
            Err(Error::BodyExceedsLimit(_)) => {
                return Err(RegistryError::NotAToken { host: named() });
            }
            Err(error) => return Err(unreachable(error)),
        };
        // The parser's own message may repeat the token.
        serde_json::from_slice(&body)
            .map(|answer: TokenResponse| answer.token.into())
            .map_err(|_| RegistryError::NotAToken { host: named() })
    }

    /// Follows no redirects: the token is requested only from the registry itself.
    fn agent() -> Agent {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .tls_config(tls)
            .build()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_a_header_takes() {
        for token in ["x", "a\"${b}\\%{c}", "ey.J-_0="] {
            assert!(check(&token.to_owned().into()).is_ok(), "{token}");
        }
        let empty = check(&String::new().into());
        assert!(matches!(empty, Err(RegistryError::TokenEmpty)));
        for token in [" ", "a b", "a\n", "a\0", "é"] {
            let malformed = check(&token.to_owned().into());
            assert!(
                matches!(malformed, Err(RegistryError::TokenMalformed)),
                "{token:?}"
            );
        }
    }
}
