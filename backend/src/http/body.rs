//! The body of a call, as a whole or not at all.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use futures_util::StreamExt;
use iac_runner::session::request::MAX_BODY_BYTES;

use super::{App, Fault};

/// What is read beyond the longest body, and forgotten. Who is answered while sending may never see the answer.
const MOST_FORGOTTEN_BYTES: usize = 4 * MAX_BODY_BYTES;
/// How long a body may take to arrive.
const WITHIN: Duration = Duration::from_secs(60);

/// A body that came as a whole.
#[derive(Debug)]
pub(super) struct Whole(pub(super) Bytes);

impl FromRequest<App> for Whole {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &App) -> Result<Self, Fault> {
        tokio::time::timeout(WITHIN, read(request.into_body()))
            .await
            .unwrap_or_else(|_| {
                Err(Fault::BadRequest(
                    "the body did not arrive in time".to_owned(),
                ))
            })
    }
}

async fn read(body: Body) -> Result<Whole, Fault> {
    let mut pieces = body.into_data_stream();
    let (mut kept, mut forgotten) = (Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece =
            piece.map_err(|_| Fault::BadRequest("the body could not be read".to_owned()))?;
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
        0 => Ok(Whole(kept.into())),
        _ => Err(Fault::TooLarge),
    }
}
