//! `git http-backend` behind a server on loopback, which can require a login, delay responses, and count requests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use base64::Engine;
use tokio::sync::watch;

use crate::bounded::in_time;
use crate::served_router::ServedRouter;
use crate::waiting::{WITHIN_A_TEST, wait_for};

/// How the server differs from an open one that responds at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// User name and password that it requires.
    pub(crate) login: Option<(String, String)>,
    /// Supports only version 0 of the protocol.
    pub(crate) is_old: bool,
    /// Redirects every request to this server.
    pub(crate) leads_to: Option<String>,
    /// Redirects requests without `.git` in the path to the same path with it.
    pub(crate) wants_dot_git: bool,
    /// Answers every request with this status and text.
    pub(crate) refusal: Option<(u16, String)>,
    /// Answers requests for LFS: files are at this server, or at this one itself if that is empty.
    pub(crate) lfs: Option<String>,
    /// Delays the responses to fetches until [`HttpServer::let_go`].
    pub(crate) holds_fetches: bool,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) authorization: Option<String>,
    pub(crate) bytes: usize,
    /// Whether it requests objects rather than refs.
    pub(crate) is_fetch: bool,
}

pub(crate) struct HttpServer {
    server: ServedRouter,
    shared: Arc<Shared>,
    let_go: watch::Sender<bool>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    manner: Manner,
    seen: Mutex<Vec<Seen>>,
    held: Mutex<usize>,
    may_go: watch::Receiver<bool>,
}

impl HttpServer {
    pub(crate) fn start(root: &Path, manner: Manner) -> Self {
        let (let_go, may_go) = watch::channel(false);
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            manner,
            seen: Mutex::default(),
            held: Mutex::default(),
            may_go,
        });
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        Self {
            server: ServedRouter::start(router),
            shared,
            let_go,
        }
    }

    /// Starts a server that requires this login.
    pub(crate) fn with_login(root: &Path, username: &str, password: &str) -> Self {
        let manner = Manner {
            login: Some((username.to_owned(), password.to_owned())),
            ..Manner::default()
        };
        Self::start(root, manner)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.server.url())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().expect("no panic").clone()
    }

    /// Returns the bytes sent in responses to fetches.
    pub(crate) fn fetched_bytes(&self) -> usize {
        let seen = self.seen();
        seen.iter()
            .filter(|seen| seen.is_fetch)
            .map(|seen| seen.bytes)
            .sum()
    }

    #[track_caller]
    pub(crate) fn wait_for_a_held_fetch(&self) {
        wait_for("a fetch to be held", WITHIN_A_TEST, || {
            (*self.shared.held.lock().expect("no panic") > 0).then_some(())
        });
    }

    pub(crate) fn let_go(&self) {
        self.let_go.send_replace(true);
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.let_go();
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let header = |name: &str| {
        headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let authorization = header("authorization");
    let is_fetch = method == Method::POST && memmem(&body, b"command=ls-refs").is_none();
    let response = if let Some(other) = shared.manner.lfs.as_ref().filter(|_| is_of_lfs(&uri)) {
        let own = format!("http://{}", header("host").unwrap_or_default());
        let server = if other.is_empty() { &own } else { other };
        from_lfs(server, &body)
    } else if let Some(other) = &shared.manner.leads_to {
        let location = format!("{other}{uri}");
        plain(StatusCode::FOUND, "").map_header("location", &location)
    } else if shared.manner.wants_dot_git && !uri.path().contains(".git/") {
        let location = uri.to_string().replacen("/info/", ".git/info/", 1);
        plain(StatusCode::MOVED_PERMANENTLY, "").map_header("location", &location)
    } else if let Some((status, text)) = &shared.manner.refusal {
        plain(StatusCode::from_u16(*status).expect("a status"), text)
    } else if !is_let_in(&shared.manner, authorization.as_deref()) {
        plain(StatusCode::UNAUTHORIZED, "").map_header("www-authenticate", "Basic realm=\"git\"")
    } else {
        if is_fetch && shared.manner.holds_fetches {
            *shared.held.lock().expect("no panic") += 1;
            let _ = shared.may_go.clone().wait_for(|may| *may).await;
        }
        let environment = [
            ("GIT_PROJECT_ROOT", shared.root.display().to_string()),
            ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
            ("REQUEST_METHOD", method.to_string()),
            ("PATH_INFO", uri.path().to_owned()),
            ("QUERY_STRING", uri.query().unwrap_or_default().to_owned()),
            ("CONTENT_TYPE", header("content-type").unwrap_or_default()),
            (
                "HTTP_CONTENT_ENCODING",
                header("content-encoding").unwrap_or_default(),
            ),
            (
                "HTTP_GIT_PROTOCOL",
                if shared.manner.is_old {
                    String::new()
                } else {
                    header("git-protocol").unwrap_or_default()
                },
            ),
            ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
        ];
        let printed = tokio::task::spawn_blocking(move || backend(&environment, &body))
            .await
            .expect("the backend ends");
        from_cgi(&printed)
    };
    let (response, bytes) = response;
    shared.seen.lock().expect("no panic").push(Seen {
        authorization,
        bytes,
        is_fetch,
    });
    response
}

type Sized = (Response<Body>, usize);

trait MapHeader {
    fn map_header(self, name: &'static str, value: &str) -> Self;
}

impl MapHeader for Sized {
    fn map_header(mut self, name: &'static str, value: &str) -> Self {
        self.0
            .headers_mut()
            .insert(name, value.parse().expect("a header"));
        self
    }
}

fn plain(status: StatusCode, text: &str) -> Sized {
    let response = Response::builder()
        .status(status)
        .header("content-type", "text/plain")
        .body(Body::from(text.to_owned()))
        .expect("a response");
    (response, text.len())
}

fn is_of_lfs(uri: &Uri) -> bool {
    uri.path().ends_with("/objects/batch") || uri.path().starts_with("/blob/")
}

/// Contents of the file in LFS.
pub(crate) const LFS_CONTENTS: &str = "contents of a large file";

/// Answers that the requested file is at another server, or sends the file.
fn from_lfs(server: &str, body: &[u8]) -> Sized {
    let Ok(request) = serde_json::from_slice::<serde_json::Value>(body) else {
        return plain(StatusCode::OK, LFS_CONTENTS);
    };
    let object = &request["objects"][0];
    let oid = object["oid"].as_str().unwrap_or_default();
    let actions = serde_json::json!({"download": {"href": format!("{server}/blob/{oid}")}});
    let object = serde_json::json!({"oid": oid, "size": object["size"], "actions": actions});
    let answer = serde_json::json!({"transfer": "basic", "objects": [object]}).to_string();
    plain(StatusCode::OK, &answer).map_header("content-type", "application/vnd.git-lfs+json")
}

fn is_let_in(manner: &Manner, authorization: Option<&str>) -> bool {
    manner.login.as_ref().is_none_or(|(username, password)| {
        let encoded =
            base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
        authorization == Some(&format!("Basic {encoded}"))
    })
}

fn backend(environment: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .arg("http-backend")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git is on PATH");
    // The backend may end without reading everything.
    let _ = child.stdin.take().expect("a pipe").write_all(body);
    in_time("the end of git", || child.wait_with_output())
        .expect("our own child")
        .stdout
}

fn from_cgi(printed: &[u8]) -> Sized {
    let end = memmem(printed, b"\r\n\r\n").expect("headers");
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&printed[..end]).lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        response = if name == "Status" {
            let number: u16 = value[..3].parse().expect("a status");
            response.status(number)
        } else {
            response.header(name, value)
        };
    }
    let body = printed[end + 4..].to_vec();
    let bytes = body.len();
    (response.body(Body::from(body)).expect("a response"), bytes)
}

fn memmem(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}
