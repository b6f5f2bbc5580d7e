//! Extractor for complete request bodies.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use futures_util::StreamExt;
use iac_runner::session::request::MAX_BODY_BYTES;
use serde::de::DeserializeOwned;

use crate::http::app::App;
use crate::http::error::ApiError;
use crate::http::middleware::request_timeout::Deadline;

/// Bytes beyond the size limit that are read and discarded. A client that is still sending might never see the answer.
const MOST_FORGOTTEN_BYTES: usize = 4 * MAX_BODY_BYTES;

/// A complete request body.
#[derive(Debug)]
pub(crate) struct FullBody(pub(crate) Bytes);

impl FromRequest<App> for FullBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &App) -> Result<Self, ApiError> {
        let deadline = request.extensions().get::<Deadline>().copied();
        let reading = read(request.into_body());
        match deadline {
            Some(Deadline(at)) => tokio::time::timeout_at(at, reading)
                .await
                .unwrap_or(Err(ApiError::BodyNotInTime)),
            None => reading.await,
        }
    }
}

/// Parses a small optional body; an empty body and `null` count as absent.
///
/// # Errors
/// The body has another form. The error does not repeat the body: it may hold a secret.
pub(crate) fn optional<T: Default + DeserializeOwned>(
    body: &[u8],
    expected: &str,
) -> Result<T, ApiError> {
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    match serde_json::from_slice::<Option<T>>(body) {
        Ok(value) => Ok(value.unwrap_or_default()),
        Err(_) => Err(ApiError::BadRequest(format!(
            "expected nothing, or {expected}"
        ))),
    }
}

async fn read(body: Body) -> Result<FullBody, ApiError> {
    let mut pieces = body.into_data_stream();
    let (mut kept, mut forgotten) = (Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece =
            piece.map_err(|_| ApiError::BadRequest("the body could not be read".to_owned()))?;
        if forgotten == 0 && kept.len() + piece.len() <= MAX_BODY_BYTES {
            kept.extend_from_slice(&piece);
            continue;
        }
        kept = Vec::new();
        forgotten += piece.len();
        if forgotten > MOST_FORGOTTEN_BYTES {
            break;
        }
    }
    match forgotten {
        0 => Ok(FullBody(kept.into())),
        _ => Err(ApiError::TooLarge),
    }
}
