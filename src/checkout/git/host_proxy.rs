//! A proxy on loopback that connects only to allowed hosts.
//!
//! git-lfs resolves names itself, follows redirects, and fetches files from the addresses that a server answers. So it
//! gets this proxy, which checks each of them like the host of a repository and connects to the checked addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use uuid::Uuid;

use super::route::checked_addresses;
use crate::checkout::CheckoutError;
use crate::checkout::source::address::{Address, UrlFault, parse};
use crate::checkout::source::hosts::AllowedHosts;

/// Name for the login to the proxy.
const USER: &str = "checkout";
/// Most bytes of the head of a request.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Most connections at the same time; git-lfs makes eight.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may take for the head of a request, and a server to accept a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// Status of the answer if no address of a host accepts a connection.
const UNREACHABLE: &str = "502 Bad Gateway";
/// Headers that concern only the connection to the proxy.
const OF_THE_CONNECTION: [&str; 5] = [
    "connection",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
];

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct HostProxy {
    port: u16,
    password: String,
    refused: mpsc::Receiver<CheckoutError>,
    task: JoinHandle<()>,
}

impl HostProxy {
    pub(crate) async fn start(hosts: AllowedHosts) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let password = Uuid::new_v4().simple().to_string();
        let (refuse, refused) = mpsc::channel(1);
        let rules = Rules {
            hosts,
            authorization: format!("Basic {}", STANDARD.encode(format!("{USER}:{password}"))),
            refuse,
        };
        let task = tokio::spawn(accept(listener, Arc::new(rules)));
        Ok(Self {
            port,
            password,
            refused,
            task,
        })
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL of the proxy, with the password that keeps other processes of this machine out.
    pub(crate) fn url(&self) -> String {
        format!("http://{USER}:{}@127.0.0.1:{}", self.password, self.port)
    }

    /// Waits until a host is refused, and returns why.
    pub(crate) async fn refusal(&mut self) -> CheckoutError {
        match self.refused.recv().await {
            Some(fault) => fault,
            None => std::future::pending().await,
        }
    }
}

impl Drop for HostProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all connections share.
#[derive(Debug)]
struct Rules {
    hosts: AllowedHosts,
    /// The header that a client has to send.
    authorization: String,
    refuse: mpsc::Sender<CheckoutError>,
}

async fn accept(listener: TcpListener, rules: Arc<Rules>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // No descriptor is left, for example.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(client, Arc::clone(&rules)));
    }
}

/// Serves one request; the connection is not used for a second one.
async fn serve(mut client: TcpStream, rules: Arc<Rules>) {
    let Ok(Ok((head, rest))) = timeout(PATIENCE, read_head(&mut client)).await else {
        return;
    };
    if !has_authorization(&head, &rules.authorization) {
        return refuse(client, "407 Proxy Authentication Required").await;
    }
    let opened = match ProxyRequest::parse(&head) {
        Ok(request) => checked_addresses(&request.address, &rules.hosts)
            .await
            .map(|addresses| (request, addresses)),
        Err(fault) => Err(fault.into()),
    };
    let status = match opened {
        Ok((request, addresses)) => match connect(&addresses, request.address.port()).await {
            Some(server) => {
                // Either side may disconnect at any time.
                let _ = relay(client, server, &request, &rest).await;
                return;
            }
            None => UNREACHABLE,
        },
        Err(CheckoutError::Unreachable { .. }) => UNREACHABLE,
        Err(fault) => {
            // The first refusal is the one that is reported.
            let _ = rules.refuse.try_send(fault);
            "403 Forbidden"
        }
    };
    refuse(client, status).await;
}

/// Answers with a status and closes the connection.
async fn refuse(mut client: TcpStream, status: &str) {
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    // The client may be gone.
    let _ = client.write_all(answer.as_bytes()).await;
}

/// Returns the head of a request, with the empty line at its end, and what follows it.
async fn read_head(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    const END: &[u8] = b"\r\n\r\n";
    let mut text = Vec::new();
    loop {
        if let Some(end) = text.windows(END.len()).position(|it| it == END) {
            let rest = text.split_off(end + END.len());
            let head = String::from_utf8(text).map_err(io::Error::other)?;
            return Ok((head, rest));
        }
        if text.len() > MAX_HEAD_BYTES || client.read_buf(&mut text).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

fn has_authorization(head: &str, wanted: &str) -> bool {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| {
            name.eq_ignore_ascii_case("proxy-authorization") && value.trim() == wanted
        })
}

async fn connect(addresses: &[IpAddr], port: u16) -> Option<TcpStream> {
    for address in addresses {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        if let Ok(Ok(server)) = timeout(PATIENCE, connecting).await {
            return Some(server);
        }
    }
    None
}

async fn relay(
    mut client: TcpStream,
    mut server: TcpStream,
    request: &ProxyRequest,
    rest: &[u8],
) -> io::Result<()> {
    match &request.head {
        None => {
            let answer = b"HTTP/1.1 200 Connection established\r\n\r\n";
            client.write_all(answer).await?;
        }
        Some(head) => server.write_all(head.as_bytes()).await?,
    }
    server.write_all(rest).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// A request to a proxy.
#[derive(Debug, PartialEq, Eq)]
struct ProxyRequest {
    address: Address,
    /// The head for the server; `None` for a tunnel.
    head: Option<String>,
}

impl ProxyRequest {
    fn parse(head: &str) -> Result<Self, UrlFault> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(UrlFault::Scheme);
        };
        if method == "CONNECT" {
            return Ok(Self {
                address: parse(&format!("https://{target}/"))?,
                head: None,
            });
        }
        let rest = target.strip_prefix("http://").ok_or(UrlFault::Scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let address = parse(&format!("http://{authority}/"))?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        let host = without_last_dot(&address);
        let mut head = format!("{method} {slash}{path} {version}\r\nHost: {host}\r\n");
        for line in lines.filter(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default();
            if !OF_THE_CONNECTION.contains(&&*name.to_ascii_lowercase()) {
                head.push_str(line);
                head.push_str("\r\n");
            }
        }
        head.push_str("Connection: close\r\n\r\n");
        Ok(Self {
            address,
            head: Some(head),
        })
    }
}

/// Returns host and port as a server knows them.
fn without_last_dot(address: &Address) -> String {
    let name = address.host_name();
    match name.strip_suffix('.') {
        Some(short) => address.host.replacen(name, short, 1),
        None => address.host.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_host_that_is_checked() {
        let table = [
            ("CONNECT a.b:443 HTTP/1.1\r\n\r\n", Some(("a.b:443", None))),
            (
                "GET http://a.b/c?d HTTP/1.1\r\nHost: other\r\nProxy-Connection: x\r\nAccept: y\r\n\r\n",
                Some((
                    "a.b",
                    Some(
                        "GET /c?d HTTP/1.1\r\nHost: a.b\r\nAccept: y\r\nConnection: close\r\n\r\n",
                    ),
                )),
            ),
            (
                "GET http://127.0.0.1.:80?d HTTP/1.1\r\n\r\n",
                Some((
                    "127.0.0.1.:80",
                    Some("GET /?d HTTP/1.1\r\nHost: 127.0.0.1:80\r\nConnection: close\r\n\r\n"),
                )),
            ),
            ("CONNECT me@a.b:443 HTTP/1.1\r\n\r\n", None),
            ("GET http://me@a.b/ HTTP/1.1\r\n\r\n", None),
            ("GET https://a.b/ HTTP/1.1\r\n\r\n", None),
            ("GET /a HTTP/1.1\r\nHost: a.b\r\n\r\n", None),
            ("GET http://a.b/ x HTTP/1.1\r\n\r\n", None),
            ("\r\n\r\n", None),
        ];
        for (head, expected) in table {
            let found = ProxyRequest::parse(head).ok();
            let found = found.as_ref();
            let found = found.map(|it| (&*it.address.host, it.head.as_deref()));
            assert_eq!(found, expected, "{head:?}");
        }
    }

    #[test]
    fn only_allowed_hosts_are_connected_to() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = server.local_addr().unwrap().port();
            let hosts = AllowedHosts::new(["127.0.0.1".to_owned()]);
            for (host, has_login, expected) in [
                ("127.0.0.1", true, "200"),
                ("127.0.0.1.", true, "200"),
                ("127.0.0.2", true, "403"),
                ("localhost", true, "403"),
                ("127.0.0.1", false, "407"),
                ("127.0.0.2", false, "407"),
            ] {
                let mut proxy = HostProxy::start(hosts.clone()).await.unwrap();
                let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))
                    .await
                    .unwrap();
                let login = match has_login {
                    true => STANDARD.encode(format!("{USER}:{}", proxy.password)),
                    false => String::new(),
                };
                let request = format!(
                    "CONNECT {host}:{port} HTTP/1.1\r\nproxy-authorization: Basic {login}\r\n\r\n"
                );
                client.write_all(request.as_bytes()).await.unwrap();
                let mut start = [0; 12];
                client.read_exact(&mut start).await.unwrap();
                let status = std::str::from_utf8(&start).unwrap();
                assert!(status.ends_with(expected), "{host}: {status}");
                match expected {
                    "200" => drop(server.accept().await.unwrap()),
                    "403" => {
                        let fault = proxy.refusal().await;
                        assert!(matches!(fault, CheckoutError::Host(_)), "{host}: {fault}");
                    }
                    _ => assert!(proxy.refused.try_recv().is_err(), "{host}"),
                }
            }
        });
    }
}
