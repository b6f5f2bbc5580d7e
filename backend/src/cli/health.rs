//! `health`.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::Config;

/// Longest wait for the connection, and for each part of the response: the service allows its store five seconds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(8);
/// Path of the readiness probe.
const PATH: &str = "/health/ready";
/// Longer than any status line.
const STATUS_LINE_BYTES: usize = 256;

/// Asks the service at the configured address whether it is ready; the error says why it is not.
pub(super) fn run(config: &Config) -> Result<(), Box<dyn Error>> {
    let address = reachable(config.server.listen)?;
    let url = format!("http://{address}{PATH}");
    let status_line = request_health(address).map_err(|fault| match fault.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("{url} did not answer within {} s", ANSWERS_WITHIN.as_secs())
        }
        _ => format!("{url} did not answer: {fault}"),
    })?;
    if is_ok(&status_line) {
        println!("{url} is ready");
        return Ok(());
    }
    Err(format!(
        "{url} is not ready: it answered `{}`",
        status_line.trim_end()
    )
    .into())
}

/// Returns the address at which this machine reaches a service that listens on `listen`.
fn reachable(listen: SocketAddr) -> Result<SocketAddr, String> {
    if listen.port() == 0 {
        return Err(format!(
            "the address `{listen}` has no port to ask: the system chooses one; set `server.listen` (--listen)"
        ));
    }
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, listen.port()))
}

/// Sends one request; returns the status line of the response, or what was received of it.
fn request_health(address: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&address, ANSWERS_WITHIN)?;
    connection.set_read_timeout(Some(ANSWERS_WITHIN))?;
    connection.set_write_timeout(Some(ANSWERS_WITHIN))?;
    write!(
        connection,
        "GET {PATH} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut head = Vec::new();
    let mut part = [0; STATUS_LINE_BYTES];
    while !head.contains(&b'\n') && head.len() < STATUS_LINE_BYTES {
        match connection.read(&mut part)? {
            0 => break,
            read => head.extend_from_slice(&part[..read]),
        }
    }
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}

fn is_ok(status_line: &str) -> bool {
    let mut words = status_line.split(' ');
    words.next().is_some_and(|word| word.starts_with("HTTP/1.")) && words.next() == Some("200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_is_asked_on_loopback() {
        let table = [
            ("127.0.0.1:8080", Some("127.0.0.1:8080")),
            ("0.0.0.0:8080", Some("127.0.0.1:8080")),
            ("[::]:8080", Some("[::1]:8080")),
            ("192.0.2.1:80", Some("192.0.2.1:80")),
            ("127.0.0.1:0", None),
        ];
        for (listen, expected) in table {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(
                reachable(listen.parse().unwrap()).ok(),
                expected,
                "{listen}"
            );
        }
    }

    #[test]
    fn only_status_200_is_ready() {
        let table = [
            ("HTTP/1.1 200 OK\r", true),
            ("HTTP/1.0 200", true),
            ("HTTP/1.1 503 Service Unavailable\r", false),
            ("HTTP/1.1 2000", false),
            ("SSH-2.0-OpenSSH 200", false),
            ("", false),
        ];
        for (line, expected) in table {
            assert_eq!(is_ok(line), expected, "{line}");
        }
    }
}
