//! A module registry and the backend that issues its token, on a free port of loopback.

use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, HOST, LOCATION};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use serde_json::json;

use crate::support::bounded::output_of;
use crate::support::served_router::ServedRouter;

/// Path of the backend's token endpoint.
pub(crate) const TOKEN_PATH: &str = "/api/internal/registry-token";
/// Path of the module's archive. Neither tool sends the token there, so only a client that knows the path gets it.
const ARCHIVE_PATH: &str = "/archive/9f2d0c5e7b/module.tar.gz";

/// How the backend answers a request for the token.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Token,
    Status(u16),
    /// Redirects to this address, where the token would be issued.
    RedirectTo(String),
    Body(String),
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) path: String,
    /// Requested host: the name of the registry, not of the machine.
    pub(crate) host: String,
    pub(crate) authorization: Option<String>,
}

/// The server, in a separate thread.
pub(crate) struct RegistryServer {
    server: ServedRouter,
    shared: Arc<Shared>,
}

struct Shared {
    token: String,
    answer: Answer,
    /// The module archive that both tools download.
    archive: Vec<u8>,
    arrivals: Mutex<Vec<Arrival>>,
}

impl Shared {
    fn arrivals(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.arrivals
            .lock()
            .expect("no holder of the lock panicked")
    }
}

impl RegistryServer {
    pub(crate) fn start(token: &str, answer: Answer) -> Self {
        let shared = Arc::new(Shared {
            token: token.to_owned(),
            answer,
            archive: archive(),
            arrivals: Mutex::default(),
        });
        let router = Router::new()
            .fallback(serve_one)
            .with_state(Arc::clone(&shared));
        Self {
            server: ServedRouter::start(router),
            shared,
        }
    }

    /// Returns its URL, which is also that of a proxy that directs every name here.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.shared.arrivals().clone()
    }

    /// Returns the requests to the registry itself.
    pub(crate) fn asked_of_registry(&self) -> Vec<Arrival> {
        let mut arrivals = self.arrivals();
        arrivals.retain(|arrival| arrival.path.starts_with("/v1/"));
        arrivals
    }
}

/// Returns a module with one output, packed by the system's `tar`.
fn archive() -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "output \"greeting\" {\n  value = \"from the registry\"\n}\n";
    std::fs::write(dir.path().join("main.tf"), text).expect("written");
    let packed = output_of(
        Command::new("tar")
            .args(["-czf", "-", "main.tf"])
            .current_dir(dir.path()),
    );
    assert!(packed.status.success(), "{packed:?}");
    packed.stdout
}

async fn serve_one(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let header = |name| {
        let value = headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let host = header(HOST).unwrap_or_default();
    let authorization = header(AUTHORIZATION);
    shared.arrivals().push(Arrival {
        path: uri.path().to_owned(),
        host: host.clone(),
        authorization: authorization.clone(),
    });
    let is_open = authorization == Some(format!("Bearer {}", shared.token));
    match uri.path() {
        TOKEN_PATH => token(&shared),
        ARCHIVE_PATH => with(StatusCode::OK, shared.archive.clone()),
        path if path.starts_with("/v1/") && !is_open => with(StatusCode::UNAUTHORIZED, ""),
        "/v1/modules/acme/greeting/local/versions" => {
            let versions = json!({"modules": [{"versions": [{"version": "1.0.0"}]}]});
            with_json(versions.to_string())
        }
        "/v1/modules/acme/greeting/local/1.0.0/download" => Response::builder()
            .status(StatusCode::NO_CONTENT)
            .header("X-Terraform-Get", format!("http://{host}{ARCHIVE_PATH}"))
            .body(Body::empty())
            .expect("a response"),
        "/v1/providers/acme/greeting/versions" => with_json(json!({"versions": []}).to_string()),
        _ => with(StatusCode::NOT_FOUND, ""),
    }
}

fn token(shared: &Shared) -> Response<Body> {
    match &shared.answer {
        Answer::Token => with_json(json!({"token": shared.token}).to_string()),
        Answer::Status(status) => with(
            StatusCode::from_u16(*status).expect("a status"),
            json!({"token": shared.token}).to_string(),
        ),
        Answer::RedirectTo(address) => Response::builder()
            .status(StatusCode::FOUND)
            .header(LOCATION, address)
            .body(Body::empty())
            .expect("a response"),
        Answer::Body(text) => with(StatusCode::OK, text.clone()),
    }
}

fn with(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}

fn with_json(body: String) -> Response<Body> {
    Response::builder()
        .header("Content-Type", "application/json")
        .body(body.into())
        .expect("a response")
}
