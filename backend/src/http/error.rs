//! Errors as JSON: `{"error", "code", "fields"?}`.

use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use iac_runner::session::request::FieldFault;
use iac_runner::session::{SessionError, Status};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::openapi::words;
use crate::causes::Causes;
use crate::service::{DecisionError, RequestError, RetryError};
use crate::store::StoreError;

/// `Retry-After` for requests that the store could not serve, in seconds.
const STORE_AGAIN_AFTER_SECONDS: u64 = 5;

/// An error response.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorAnswer {
    /// One sentence for people.
    error: String,
    /// Error code for programs.
    code: &'static str,
    /// Every invalid field of the body, or every missing secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    fields: Option<Vec<Field>>,
    /// Status of the deployment, if it does not allow the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<words::Status>)]
    status: Option<Status>,
    /// Identifier under which the service logged the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<String>,
}

/// An invalid field.
#[derive(Debug, Serialize, ToSchema)]
struct Field {
    field: String,
    problem: String,
}

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// Every invalid field of the body.
    Invalid(Vec<FieldFault>),
    /// An invalid query or small body.
    BadRequest(String),
    /// The key is unknown or missing.
    Unauthorized,
    /// The caller lacks permission.
    Forbidden(String),
    NotFound,
    MethodNotAllowed,
    /// The deployment's status does not allow the action.
    Conflict {
        status: Status,
        problem: String,
    },
    /// The deployment may have changed something, so it is not retried.
    NotRetryable {
        status: Status,
        problem: String,
    },
    /// Every secret that must be sent again.
    SecretsMissing(Vec<FieldFault>),
    TooLarge,
    /// The body did not arrive completely before the deadline.
    BodyNotInTime,
    /// The response was not ready before the deadline.
    NotInTime,
    /// The caller exceeded the rate limit.
    TooMany {
        again_after: Duration,
    },
    /// The content type is not JSON.
    UnsupportedMediaType,
    /// The store cannot be reached or written at the moment. The cause is logged.
    StoreUnavailable(Box<StoreError>),
    /// The session journal cannot be written at the moment, so nothing was done. The cause is logged.
    JournalUnavailable(Box<SessionError>),
    /// An internal error. The cause is logged under an identifier; the response contains only that identifier.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, error) = match &self {
            Self::Invalid(_) => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "the request is not valid".to_owned(),
            ),
            Self::BadRequest(problem) => {
                (StatusCode::BAD_REQUEST, "invalid_request", problem.clone())
            }
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "a good key is needed, as `Authorization: Bearer …` or `X-Api-Key`".to_owned(),
            ),
            Self::Forbidden(problem) => (StatusCode::FORBIDDEN, "forbidden", problem.clone()),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "not_found",
                "not found".to_owned(),
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this method does not go here".to_owned(),
            ),
            Self::Conflict { problem, .. } => (StatusCode::CONFLICT, "conflict", problem.clone()),
            Self::NotRetryable { problem, .. } => {
                (StatusCode::CONFLICT, "not_retryable", problem.clone())
            }
            Self::SecretsMissing(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "secrets_missing",
                RetryError::SecretsMissing(Vec::new()).to_string(),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the body is too large".to_owned(),
            ),
            Self::BodyNotInTime => (
                StatusCode::REQUEST_TIMEOUT,
                "timeout",
                "the body did not arrive in time".to_owned(),
            ),
            Self::NotInTime => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the service could not answer in time".to_owned(),
            ),
            Self::TooMany { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "too many calls: come again after the time in `Retry-After`".to_owned(),
            ),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body has to be JSON, with `Content-Type: application/json`".to_owned(),
            ),
            Self::StoreUnavailable(cause) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                unavailable_store(cause),
            ),
            Self::JournalUnavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the data directory can't be written, so nothing was done: try again later; the log of the service says why, \
                 under this id"
                    .to_owned(),
            ),
            Self::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "something went wrong here; the log of the service says what, under this id"
                    .to_owned(),
            ),
        };
        let mut body = ErrorAnswer {
            error,
            code,
            fields: None,
            status: None,
            id: None,
        };
        let mut headers = HeaderMap::new();
        match self {
            Self::Invalid(faults) | Self::SecretsMissing(faults) => {
                body.fields = Some(faults.into_iter().map(Field::from).collect());
            }
            Self::Conflict { status, .. } | Self::NotRetryable { status, .. } => {
                body.status = Some(status);
            }
            Self::Internal(cause) => body.id = Some(logged(cause.as_ref())),
            Self::StoreUnavailable(cause) => {
                body.id = Some(logged(cause.as_ref()));
                headers.insert(RETRY_AFTER, STORE_AGAIN_AFTER_SECONDS.into());
            }
            Self::JournalUnavailable(cause) => {
                body.id = Some(logged(cause.as_ref()));
                headers.insert(RETRY_AFTER, STORE_AGAIN_AFTER_SECONDS.into());
            }
            Self::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TooMany { again_after } => {
                headers.insert(RETRY_AFTER, (again_after.as_secs() + 1).into());
            }
            Self::BadRequest(_)
            | Self::Forbidden(_)
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::TooLarge
            | Self::BodyNotInTime
            | Self::NotInTime
            | Self::UnsupportedMediaType => {}
        }
        (status, headers, Json(body)).into_response()
    }
}

impl From<FieldFault> for Field {
    fn from(fault: FieldFault) -> Self {
        Self {
            field: fault.field,
            problem: fault.problem,
        }
    }
}

/// Returns the sentence about a store that is not available.
fn unavailable_store(cause: &StoreError) -> String {
    match cause {
        StoreError::Replaced { path } => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            format!(
                "the file `{name}` of the database was removed or replaced while the service was running, so nothing was \
                 done: the operator has to stop the service and restore the file"
            )
        }
        _ => "the database can't be reached or can't be written: try again later; the log of the service says why, under \
              this id"
            .to_owned(),
    }
}

/// Logs a cause and returns the identifier it is logged under.
fn logged(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let id = Uuid::new_v4().to_string();
    tracing::error!(id, error = %Causes(cause), "request failed");
    id
}

impl From<StoreError> for ApiError {
    fn from(fault: StoreError) -> Self {
        if fault.is_unavailable() {
            Self::StoreUnavailable(Box::new(fault))
        } else {
            Self::Internal(Box::new(fault))
        }
    }
}

impl From<RequestError> for ApiError {
    fn from(fault: RequestError) -> Self {
        match fault {
            RequestError::Invalid(faults) => Self::Invalid(faults),
            RequestError::Refused(refusal) => Self::Forbidden(refusal.to_string()),
            RequestError::Store(fault) => fault.into(),
            fault @ RequestError::Seal(_) => Self::Internal(Box::new(fault)),
        }
    }
}

impl From<DecisionError> for ApiError {
    fn from(fault: DecisionError) -> Self {
        match fault {
            DecisionError::NotFound => Self::NotFound,
            DecisionError::Refused(refusal) => Self::Forbidden(refusal.to_string()),
            DecisionError::Conflict { status, problem } => Self::Conflict { status, problem },
            DecisionError::Store(fault) => fault.into(),
            DecisionError::Session(fault @ SessionError::Journal(_)) => {
                Self::JournalUnavailable(Box::new(fault))
            }
            fault => Self::Internal(Box::new(fault)),
        }
    }
}

impl From<RetryError> for ApiError {
    fn from(fault: RetryError) -> Self {
        let problem = fault.to_string();
        match fault {
            RetryError::NotFound => Self::NotFound,
            RetryError::NotOver { status } => Self::Conflict { status, problem },
            RetryError::MayChange { status, .. } => Self::NotRetryable { status, problem },
            RetryError::SecretsMissing(faults) => Self::SecretsMissing(faults),
            RetryError::Request(fault) => fault.into(),
            RetryError::Store(fault) => fault.into(),
            fault @ RetryError::Record(_) => Self::Internal(Box::new(fault)),
        }
    }
}
