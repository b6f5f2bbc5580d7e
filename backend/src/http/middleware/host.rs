//! Checks that a request names one host, and the same one everywhere.

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;

/// What is wrong with a request's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostHeaderFault {
    Missing,
    Repeated,
    NotText,
    Disagrees,
}

/// Refuses a request that names no host, several hosts, or two different ones: a proxy, this service and a browser
/// could each use a different one.
pub(crate) async fn check(request: Request, next: Next) -> Response {
    match fault_of(request.version(), request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(fault) => ApiError::BadRequest(text(fault).to_owned()).into_response(),
    }
}

fn fault_of(version: Version, uri: &Uri, headers: &HeaderMap) -> Option<HostHeaderFault> {
    let mut hosts = headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        // HTTP/1.0 does not require this header.
        return (version >= Version::HTTP_11).then_some(HostHeaderFault::Missing);
    };
    if hosts.next().is_some() {
        return Some(HostHeaderFault::Repeated);
    }
    let Ok(host) = host.to_str() else {
        return Some(HostHeaderFault::NotText);
    };
    let authority = uri.authority()?.as_str();
    (!authority.eq_ignore_ascii_case(host)).then_some(HostHeaderFault::Disagrees)
}

const fn text(fault: HostHeaderFault) -> &'static str {
    match fault {
        HostHeaderFault::Missing => "the `Host` header is missing: send it once",
        HostHeaderFault::Repeated => "the `Host` header is there more than once: send it once",
        HostHeaderFault::NotText => "the `Host` header is not printable ASCII",
        HostHeaderFault::Disagrees => {
            "the `Host` header disagrees with the host of the request target: send the same in both, or a path alone"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_one_host() {
        use HostHeaderFault::{Disagrees, Missing, NotText, Repeated};
        let (v0, v1) = (Version::HTTP_10, Version::HTTP_11);
        type Row = (
            Version,
            &'static str,
            &'static [&'static [u8]],
            Option<HostHeaderFault>,
        );
        let table: [Row; 11] = [
            (v1, "/deploy", &[b"localhost:1"], None),
            (v1, "/deploy", &[b""], None),
            (v1, "/deploy", &[], Some(Missing)),
            (v0, "/deploy", &[], None),
            (v1, "/deploy", &[b"a", b"a"], Some(Repeated)),
            (v0, "/deploy", &[b"localhost", b"evil"], Some(Repeated)),
            (v1, "/deploy", &[b"\xff"], Some(NotText)),
            (v1, "http://localhost:1/deploy", &[b"LOCALHOST:1"], None),
            (v1, "http://evil/deploy", &[b"localhost"], Some(Disagrees)),
            (v1, "http://u@localhost/", &[b"localhost"], Some(Disagrees)),
            (v1, "http://localhost/deploy", &[], Some(Missing)),
        ];
        for (version, target, hosts, expected) in table {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, axum::http::HeaderValue::from_bytes(host).unwrap());
            }
            let fault = fault_of(version, &target.parse().unwrap(), &headers);
            assert_eq!(fault, expected, "{target} {hosts:?}");
        }
    }
}
