//! A private registry of modules and providers: its address and its credentials.
//!
//! Imports nothing else of this crate.
//!
//! ```no_run
//! use iac_runner::registry::Registry;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! if let Some(registry) = Registry::from_env() {
//!     let access = registry?.access().await?;
//!     let config = access.write_cli_config("/srv/session".as_ref())?;
//!     println!("TF_CLI_CONFIG_FILE={}", config.display());
//!     for (name, _token) in access.env_vars() {
//!         println!("{name}=***");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The file contains the service URLs of the registry for both tools, which saves a discovery request, and no
//! secrets. The token is passed only by the environment: in the file it would stay on disk, and escaping in HCL can
//! change it.

mod access;
mod error;
mod host;
mod token;

use std::env;

use secrecy::SecretString;

pub use access::Access;
pub use error::RegistryError;
pub use host::{RegistryHost, RegistryHostFault};

/// The variable with the address of the registry.
pub const HOST_VARIABLE: &str = "REGISTRY_HOST";
/// The variable with the token; without it, the backend provides the token.
pub const TOKEN_VARIABLE: &str = "REGISTRY_TOKEN";

/// Where the token comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// `GET {REGISTRY_HOST}/api/internal/registry-token`, which answers `{"token": "…"}`.
    ///
    /// Requested again for every [`Access`], so that a token may be short-lived. Uses the proxy in `HTTP_PROXY` or
    /// `HTTPS_PROXY`, unless `NO_PROXY` contains the host. Certificates are verified against those that the system
    /// trusts, or those in `SSL_CERT_FILE`.
    Backend,
    /// This token.
    Given(SecretString),
}

/// A private registry.
#[derive(Clone, Debug)]
pub struct Registry {
    host: RegistryHost,
    source: TokenSource,
}

impl Registry {
    /// Creates a registry with the source of its token.
    pub const fn new(host: RegistryHost, source: TokenSource) -> Self {
        Self { host, source }
    }

    /// Returns the registry in `REGISTRY_HOST`, with the token in `REGISTRY_TOKEN` or, without that, the backend's;
    /// `None` if `REGISTRY_HOST` is unset or empty.
    pub fn from_env() -> Option<Result<Self, RegistryError>> {
        Self::from_variables(set(HOST_VARIABLE), set(TOKEN_VARIABLE))
    }

    fn from_variables(
        host: Option<String>,
        token: Option<String>,
    ) -> Option<Result<Self, RegistryError>> {
        let host = host.filter(|host| !host.is_empty())?;
        let token = token.filter(|token| !token.is_empty());
        let source = token.map_or(TokenSource::Backend, |token| {
            TokenSource::Given(token.into())
        });
        let registry = RegistryHost::parse(&host)
            .map(|host| Self::new(host, source))
            .map_err(RegistryError::Host);
        Some(registry)
    }

    /// Returns the address.
    pub const fn host(&self) -> &RegistryHost {
        &self.host
    }

    /// Gets the token, within ten seconds.
    ///
    /// Must be called within a tokio runtime: a thread of its pool waits for the answer.
    ///
    /// # Errors
    /// The backend does not answer, or its answer is not a token that can be sent in a header.
    pub async fn access(&self) -> Result<Access, RegistryError> {
        let token = match &self.source {
            TokenSource::Given(token) => token.clone(),
            TokenSource::Backend => token::of_backend(&self.host).await?,
        };
        token::check(&token)?;
        Ok(Access::new(self.host.clone(), token))
    }
}

/// Returns a variable of this process's environment.
///
/// A value that is not UTF-8 is neither an address nor a token, and is refused later.
fn set(name: &str) -> Option<String> {
    Some(env::var_os(name)?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_are_empty_count_as_not_set() {
        let from = |host: Option<&str>, token: Option<&str>| {
            Registry::from_variables(host.map(str::to_owned), token.map(str::to_owned))
        };
        assert!(from(None, Some("t")).is_none());
        assert!(from(Some(""), Some("t")).is_none());
        let address = Some("http://r.example.com:9080");
        for (token, is_given) in [(None, false), (Some(""), false), (Some("hunter2"), true)] {
            let registry = from(address, token).expect("set").expect("a registry");
            assert_eq!(registry.host().module_host(), "r.example.com:9080");
            let given = matches!(registry.source, TokenSource::Given(_));
            assert_eq!(given, is_given, "{registry:?}");
            assert!(!format!("{registry:?}").contains("hunter2"));
        }
        let refused = from(Some("http://localhost:9080"), None).expect("set");
        assert!(matches!(
            refused,
            Err(RegistryError::Host(RegistryHostFault::NoDot))
        ));
    }
}
