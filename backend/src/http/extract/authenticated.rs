//! Authentication by API key, and a check of the caller's roles.

use std::net::{Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;

use super::keyless::{Keyless, is_loopback};
use crate::auth::{Action, Caller, KeyId, KeyText};
use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::middleware::rate_limit::Counted;

/// An authenticated caller.
#[derive(Debug)]
pub(crate) struct Authenticated {
    pub(crate) caller: Caller,
    /// The caller's key; `None` if the service has no keys.
    pub(crate) key: Option<KeyId>,
}

impl Authenticated {
    /// Checks the caller's roles before the request is examined any further. Whether the caller may start or decide a
    /// deployment is checked by the service, which knows the deployment.
    pub(crate) fn may(&self, action: Action) -> Result<&Caller, ApiError> {
        match self.caller.check(action) {
            Ok(()) => Ok(&self.caller),
            Err(refusal) => Err(ApiError::Forbidden(refusal.to_string())),
        }
    }
}

impl FromRequestParts<App> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        // Requests without a valid key count towards the rate limit too, which limits guessing.
        let known = identify(parts, app).await;
        let key = known.as_ref().ok().and_then(|known| known.key.clone());
        app.limits
            .admit(&key.map_or_else(|| peer(parts), Counted::Key))?;
        known
    }
}

/// Returns the rate-limit subject for the client's address.
pub(crate) fn peer(parts: &Parts) -> Counted {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    Counted::peer(address.map_or(Ipv4Addr::UNSPECIFIED.into(), |it| it.0.ip()))
}

/// Returns whether to answer requests without a key: no keys exist and the configuration allows it.
pub(crate) async fn is_open(headers: &HeaderMap, app: &App) -> Result<bool, ApiError> {
    let may_be_open = match app.keyless {
        Keyless::Never => false,
        Keyless::Loopback => is_local(headers),
        Keyless::Anyone => true,
    };
    Ok(may_be_open && app.service.store().keys().await?.is_empty())
}

/// Identifies the caller by the key in the headers.
async fn identify(parts: &Parts, app: &App) -> Result<Authenticated, ApiError> {
    let store = app.service.store();
    let Some(text) = presented(&parts.headers)? else {
        if is_open(&parts.headers, app).await? {
            return Ok(Authenticated {
                caller: Caller::anonymous(),
                key: None,
            });
        }
        return Err(ApiError::Unauthorized);
    };
    let key = KeyText::parse(text).map_err(|_| ApiError::Unauthorized)?;
    match store.key(key.id()).await? {
        Some(kept) if kept.admits(&key) => Ok(Authenticated {
            caller: kept.caller(),
            key: Some(kept.id),
        }),
        Some(_) | None => Err(ApiError::Unauthorized),
    }
}

/// Returns the key from the headers, if there is one.
fn presented(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let text = |name| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().map(Some).map_err(|_| ApiError::Unauthorized),
            // A proxy in front may have checked the other value.
            (Some(_), Some(_)) => Err(ApiError::Unauthorized),
            (None, _) => Ok(None),
        }
    };
    if let Some(text) = text("x-api-key")? {
        return Ok(Some(text));
    }
    let Some(text) = text(AUTHORIZATION.as_str())? else {
        return Ok(None);
    };
    let (scheme, key) = text.split_once(' ').ok_or(ApiError::Unauthorized)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(key.trim()))
    } else {
        Err(ApiError::Unauthorized)
    }
}

/// Returns whether the `Host` header is a loopback name. It is not if a web page had its own name resolve to this
/// machine.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_key_is_read_from_either_header() {
        let table = [
            ("authorization", "Bearer iac_x", Some(Some("iac_x"))),
            ("authorization", "bearer  iac_x", Some(Some("iac_x"))),
            ("authorization", "Basic aWFj", None),
            ("authorization", "iac_x", None),
            ("x-api-key", "iac_x", Some(Some("iac_x"))),
            ("accept", "*/*", Some(None)),
        ];
        for (name, value, expected) in table {
            let mut headers = headers(name, value);
            assert_eq!(presented(&headers).ok(), expected, "{name}: {value}");
            if name != "accept" {
                headers.append(name, "Bearer iac_y".parse().unwrap());
                assert!(presented(&headers).is_err(), "{name} twice");
            }
        }
    }
}
