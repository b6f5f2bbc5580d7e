//! Connections: how many there are at a time, and how long one may be silent.

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

use super::silent::{Seat, Silent};
use crate::config;

/// Longest head of a call: far more than a key, a ticket and the cookies of a proxy.
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// Longest time for a head, which is one packet as a rule.
const LONGEST_HEAD: Duration = Duration::from_secs(10);

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// How many are open at a time; those beyond wait in the queue of the system until one ends.
    pub most: NonZeroU32,
    /// From the opening of a connection, or from the end of an answer, to the end of the next call's head. Who takes
    /// longer is cut off without an answer, and so is a connection that is kept and not used.
    pub head_timeout: Duration,
}

impl Connections {
    /// As it is configured. The head of a call may take as long as the rest of it may, and ten seconds at most.
    pub fn new(config: &config::Server) -> Self {
        Self {
            most: config.max_connections,
            head_timeout: config.request_timeout.min(LONGEST_HEAD),
        }
    }

    /// Serves until `stop` is ready. Then nothing more is accepted, connections that are not in use are closed, and
    /// the others when the answers under way are sent; it returns when all are closed.
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
            // Nobody closes the semaphore.
            while let Ok(place) = Arc::clone(&room).acquire_owned().await {
                let (stream, peer) = Listener::accept(&mut listener).await;
                // An event is small, and is not to wait until the one before it has arrived.
                let _ = stream.set_nodelay(true);
                let seat = silent.seat(peer.ip());
                let answers = answers(router.clone(), peer, Arc::clone(&seat));
                let connection = http.serve_connection(TokioIo::new(stream), answers);
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    tokio::select! {
                        // Whoever breaks off, or is cut off, has no answer to get.
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

/// The answers to the calls of one peer, which every call has with it.
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
