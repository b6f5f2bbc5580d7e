//! `serve`.

use std::error::Error;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tracing::{info, warn};

use super::open_files;
use super::with_store::with_store;
use crate::config::{Config, LogFormat, Server};
use crate::http::{self, App, Connections, Exposure, opening};
use crate::sealing::open_sealer;
use crate::service::Service;
use crate::store::Store;

/// How long a shutdown waits for requests in progress.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Serves until SIGTERM or SIGINT.
pub(super) fn run(config: &Config) -> Result<(), Box<dyn Error>> {
    match config.log_format {
        LogFormat::Text => tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(std::io::stderr)
            .init(),
        LogFormat::Json => tracing_subscriber::fmt()
            .json()
            .with_writer(std::io::stderr)
            .init(),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let signals = {
        let _guard = runtime.enter();
        StopSignals::new()?
    };
    open_files::make_room(config.server.max_connections)?;
    with_store(runtime, &config.store, async |store| {
        serve(config, store, signals).await
    })
}

/// The signals that stop the service; registered before anything else, so that an early one is not missed.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Registers them; must be called in a runtime.
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn serve(
    config: &Config,
    store: Arc<dyn Store>,
    mut signals: StopSignals,
) -> Result<(), Box<dyn Error>> {
    let has_keys = !store.keys().await?.is_empty();
    refuse_to_be_open(&config.server, has_keys)?;
    let sealer = open_sealer(&config.sealing, store.as_ref()).await?;
    // May wait for the lease of a previous process.
    let service = tokio::select! {
        opened = Service::open(config, store, sealer) => opened?,
        () = signals.recv() => return Ok(()),
    };
    let listener = listen(config.server.listen).await?;
    let address = listener.local_addr()?;
    let router = http::router(App::new(config, service.clone()));

    let mut work = {
        let service = service.clone();
        tokio::spawn(async move { service.run().await })
    };
    let mut stopping = service.stopping();
    let connections = Connections::new(&config.server);
    let mut serving = tokio::spawn(connections.serve(listener, router, async move {
        // Fails only if the sender is gone, which means the same as a stop.
        let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
    }));
    // For a parent process that let the system choose the port.
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{address}").and_then(|()| stdout.flush())?;
    let sandbox = service.sandbox();
    info!(%address, has_keys, sandbox = sandbox.name.as_deref().unwrap_or("none"), "listening");
    if let Some(sentence) = &sandbox.warning {
        warn!("configurations can reach what this service can: {sentence}");
    }
    if !has_keys {
        warn!("no keys exist: anyone who can reach this address can do everything");
        if !config.auth.starter_may_approve {
            warn!(
                "auth.starter_may_approve is false and there are no keys: all callers are one person, so no plan can be \
                 approved; make keys with `iac-backend keys create`"
            );
        }
    }

    if let Some(limit) = config.work.drain {
        let longest = humantime::format_duration(service.longest_drain(limit));
        info!(%longest, "a stop waits for running deployments: allow it that long before the service is killed");
    }

    tokio::select! {
        () = signals.recv() => {}
        done = &mut work => done??,
        done = &mut serving => {
            done?;
            // Ends first only if the service stopped itself: `work` returns the reason.
            (&mut work).await??;
        }
    }
    info!("stopping; the next start recovers what is still running");
    service.stop();
    let calls = async {
        if !serving.is_finished() && timeout(STOP_WITHIN, serving).await.is_err() {
            warn!("requests did not end in time; closing their connections");
        }
    };
    let deployments = async {
        if let Some(limit) = config.work.drain {
            service.drain(limit).await;
        }
    };
    // Concurrently: the time until a SIGKILL counts from the first signal.
    tokio::join!(calls, deployments);
    // It would find the store closed.
    work.abort();
    service.leave().await;
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|fault| match fault.kind() {
        ErrorKind::AddrInUse => format!(
            "`{address}` is in use: stop the program that listens there, or choose another address with \
             `server.listen` (--listen)"
        ),
        _ => format!("cannot listen on `{address}`, set by `server.listen` (--listen): {fault}"),
    })
}

/// Refuses to expose a service without keys to other machines, unless the configuration explicitly allows it.
fn refuse_to_be_open(server: &Server, has_keys: bool) -> Result<(), String> {
    if has_keys || server.insecure {
        return Ok(());
    }
    let remedy = "make one with `iac-backend keys create`, or give `--insecure` to let everyone do everything";
    match opening(server) {
        None => Ok(()),
        Some(Exposure::Address(listen)) => Err(format!(
            "there are no keys, so only loopback is served and not `{listen}`: {remedy}"
        )),
        Some(Exposure::Origin(origin)) => Err(format!(
            "there are no keys, so pages of the origin `{origin}` (server.allowed_origins) could do everything: {remedy}, or \
             leave the origin out"
        )),
    }
}
