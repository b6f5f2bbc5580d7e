//! The browser origins that may use the service.

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The origins whose pages may use the service.
#[derive(Debug)]
pub(crate) enum Origins {
    All,
    These(Vec<HeaderValue>),
}

impl Origins {
    pub(crate) fn new(allowed: &[String]) -> Self {
        if allowed.iter().any(|origin| origin == "*") {
            return Self::All;
        }
        Self::These(
            allowed
                .iter()
                .filter_map(|origin| origin.trim_end_matches('/').parse().ok())
                .collect(),
        )
    }

    /// Answers CORS preflight requests, with the one origin that matches.
    pub(crate) fn cors(&self) -> CorsLayer {
        let origins = match self {
            Self::All => AllowOrigin::any(),
            Self::These(origins) => AllowOrigin::list(origins.iter().cloned()),
        };
        let own = ["x-api-key", "last-event-id"].map(HeaderName::from_static);
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(
                [AUTHORIZATION, CONTENT_TYPE]
                    .into_iter()
                    .chain(own)
                    .collect::<Vec<_>>(),
            )
    }

    /// Returns whether to answer a request; one without an origin does not come from a web page.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::All => true,
            Self::These(origins) => {
                let mut said = headers.get_all(ORIGIN).iter();
                said.all(|origin| origins.contains(origin) || is_own(origin, headers))
            }
        }
    }
}

/// Returns whether an origin is this service itself.
fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let origin = origin.to_str().unwrap_or_default();
    ["http://", "https://"]
        .iter()
        .any(|scheme| origin.strip_prefix(scheme) == Some(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_served_when_its_origin_is_listed_or_ours() {
        let listed = Origins::new(&["https://a.example/".to_owned()]);
        let table = [
            (None, true),
            (Some("https://a.example"), true),
            (Some("https://b.example"), false),
            (Some("http://a.example"), false),
            (Some("http://127.0.0.1:8080"), true),
            (Some("null"), false),
        ];
        for (origin, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("127.0.0.1:8080"));
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(listed.admit(&headers), expected, "{origin:?}");
            headers.append(ORIGIN, HeaderValue::from_static("https://c.example"));
            assert!(!listed.admit(&headers), "{origin:?} and another one");
            assert!(Origins::new(&["*".to_owned()]).admit(&headers));
        }
    }
}
