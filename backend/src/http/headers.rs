//! What every answer says to browsers, and to those who keep connections.

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::Response;

/// Answers are data: they are not kept, not guessed at, not shown as a page, and tell no other site their address,
/// which may hold a ticket.
pub(super) async fn protect(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        // A page has a policy of its own.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    answer
}

/// Says that the connection ends where a body was refused: what is left of the body would be in the way of the next
/// call, so it ends in any case, and whoever is not told would send that call into nowhere.
pub(super) async fn part(request: Request, next: Next) -> Response {
    let has_body = !request.body().is_end_stream();
    let mut answer = next.run(request).await;
    if has_body && answer.status().is_client_error() {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    answer
}
