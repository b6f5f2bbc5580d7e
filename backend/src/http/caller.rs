//! Who asks, by key; and whether they may.

use std::net::{Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;

use super::limit::Counted;
use super::{App, Fault};
use crate::auth::{Action, KeyId, KeyText, Role};
use crate::service::Caller;

/// Whoever asks without a key, where there are none.
const ANYBODY: &str = "anonymous";

/// Somebody who is known.
#[derive(Debug)]
pub(super) struct Known(pub(super) Caller);

impl Known {
    /// Refuses what the role is not enough for.
    pub(super) fn may(&self, action: Action) -> Result<&Caller, Fault> {
        let role = self.0.role;
        if role.may(action) {
            Ok(&self.0)
        } else {
            Err(Fault::Forbidden(format!(
                "the role `{role}` is not enough for this"
            )))
        }
    }
}

impl FromRequestParts<App> for Known {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        // Whoever has no good key is counted as well, and cannot try one after the other.
        let (counted, known) = match identify(parts, app).await {
            Ok((caller, Some(key))) => (Counted::Key(key), Ok(caller)),
            Ok((caller, None)) => (peer(parts), Ok(caller)),
            Err(fault) => (peer(parts), Err(fault)),
        };
        app.limits.admit(&counted)?;
        known.map(Self)
    }
}

/// Whoever calls, by the address.
pub(super) fn peer(parts: &Parts) -> Counted {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    Counted::peer(address.map_or(Ipv4Addr::UNSPECIFIED.into(), |it| it.0.ip()))
}

/// Who it is, and by which key.
async fn identify(parts: &Parts, app: &App) -> Result<(Caller, Option<KeyId>), Fault> {
    let store = app.service.store();
    let Some(text) = presented(&parts.headers)? else {
        // A service that has no keys is bound to loopback, or was told to serve everybody.
        let is_open = app.insecure || is_local(&parts.headers);
        if is_open && store.keys().await?.is_empty() {
            let anybody = Caller {
                name: ANYBODY.to_owned(),
                role: Role::Admin,
            };
            return Ok((anybody, None));
        }
        return Err(Fault::Unauthorized);
    };
    let key = KeyText::parse(text).map_err(|_| Fault::Unauthorized)?;
    match store.key(key.id()).await? {
        Some(kept) if kept.admits(&key) => {
            let caller = Caller {
                name: kept.name,
                role: kept.role,
            };
            Ok((caller, Some(kept.id)))
        }
        Some(_) | None => Err(Fault::Unauthorized),
    }
}

/// The key in the headers, if there is one.
fn presented(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let text = |name| match headers.get(name) {
        Some(value) => value.to_str().map(Some).map_err(|_| Fault::Unauthorized),
        None => Ok(None),
    };
    if let Some(text) = text("x-api-key")? {
        return Ok(Some(text));
    }
    let Some(text) = text(AUTHORIZATION.as_str())? else {
        return Ok(None);
    };
    let (scheme, key) = text.split_once(' ').ok_or(Fault::Unauthorized)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(key.trim()))
    } else {
        Err(Fault::Unauthorized)
    }
}

/// Whether the host was called by a name of loopback. A page that got its own name to point here was not.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        ["localhost", "127.0.0.1", "[::1]"].contains(&name)
    })
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
            let headers = headers(name, value);
            assert_eq!(presented(&headers).ok(), expected, "{name}: {value}");
        }
    }

    #[test]
    fn only_names_of_loopback_are_local() {
        let local = [
            "localhost",
            "localhost:8080",
            "127.0.0.1:1",
            "[::1]:8080",
            "[::1]",
        ];
        let other = [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil",
        ];
        for host in local {
            assert!(is_local(&headers("host", host)), "{host}");
        }
        for host in other {
            assert!(!is_local(&headers("host", host)), "{host}");
        }
        assert!(!is_local(&HeaderMap::new()));
    }
}
