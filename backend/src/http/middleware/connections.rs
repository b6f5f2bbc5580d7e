//! Limits on the number of connections and on how long one may be idle.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::idle_connections::{Seat, Silent};
use crate::config;

/// Largest request head: far more than a key, a ticket and a proxy's cookies need.
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// Longest time to receive a request head, which usually fits in one packet.
const LONGEST_HEAD: Duration = Duration::from_secs(10);

/// Limits on connections.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Most open connections; more wait in the system's accept queue until one closes.
    pub most: NonZeroU32,
    /// Time from opening a connection, or from the end of a response, to the end of the next request head. A slower
    /// client is disconnected without a response, and so is an unused keep-alive connection.
    pub head_timeout: Duration,
}

impl Connections {
    /// Reads the limits from the configuration. The head timeout is the request timeout, but at most ten seconds.
    pub fn new(config: &config::Server) -> Self {
        Self {
            most: config.max_connections,
            head_timeout: config.request_timeout.min(LONGEST_HEAD),
        }
    }

    /// Serves requests until `stop` is ready. Then it stops accepting connections, closes idle ones, and closes the
    /// others once their responses are sent. Returns when all are closed.
    pub async fn serve(
        self,
        mut listener: TcpListener,
        router: Router,
        stop: impl Future<Output = ()>,
    ) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .max_header_size(MOST_HEAD_BYTES);
        let most = usize::try_from(self.most.get()).unwrap_or(usize::MAX);
        let room = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        let graceful = GracefulShutdown::new();
        let silent = Arc::new(Silent::default());
        let accept = async {
            // The semaphore is never closed.
            while let Ok(place) = Arc::clone(&room).acquire_owned().await {
                let (stream, peer) = Listener::accept(&mut listener).await;
                // Events are small; don't delay one until the previous one is acknowledged.
                let _ = stream.set_nodelay(true);
                let seat = silent.seat(peer.ip());
                let answers = answers(router.clone(), peer, Arc::clone(&seat));
                let connection = http.serve_connection(TokioIo::new(stream), answers);
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    tokio::select! {
                        // A client that disconnects or is cut off gets no response.
                        _ = connection => {}
                        () = seat.cut() => {}
                    }
                    drop(place);
                });
            }
        };
        tokio::select! {
            () = accept => {}
            () = stop => {}
        }
        drop(listener);
        graceful.shutdown().await;
    }
}

/// Returns the service for one peer; it adds the peer's address to every request.
fn answers(
    router: Router,
    peer: SocketAddr,
    seat: Arc<Seat>,
) -> impl Service<
    Request<Incoming>,
    Response = Response,
    Error = Infallible,
    Future = impl Future<Output = Result<Response, Infallible>> + Send,
> {
    let router = TowerToHyperService::new(router);
    service_fn(move |mut call: Request<Incoming>| {
        call.extensions_mut().insert(ConnectInfo(peer));
        let busy = seat.busy();
        let answer = router.call(call);
        async move {
            let answer: Response = answer.await?;
            Ok::<_, Infallible>(answer.map(|body| busy.until_sent(body)))
        }
    })
}
