//! Who may call the service while no keys exist.

use std::net::SocketAddr;

use crate::config;

/// Who may call the service while no keys exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyless {
    /// No client: the configuration exposes the service to others without `server.insecure`.
    Never,
    /// Clients that use a loopback name of this machine.
    Loopback,
    /// Everyone who can reach the service: `server.insecure`.
    Anyone,
}

/// What exposes the service beyond the users of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// The listen address is not a loopback address.
    Address(SocketAddr),
    /// Pages of an allowed origin that is not on this machine.
    Origin(String),
}

impl Keyless {
    /// Reads the policy from the configuration.
    pub fn of(server: &config::Server) -> Self {
        match (server.insecure, opening(server)) {
            (true, _) => Self::Anyone,
            (false, Some(_)) => Self::Never,
            (false, None) => Self::Loopback,
        }
    }
}

/// Returns what in the configuration exposes the service to others, if anything.
pub fn opening(server: &config::Server) -> Option<Exposure> {
    if !server.listen.ip().is_loopback() {
        return Some(Exposure::Address(server.listen));
    }
    let foreign = server
        .allowed_origins
        .iter()
        .find(|it| !is_of_this_machine(it));
    foreign.cloned().map(Exposure::Origin)
}

/// Returns whether an origin is on this machine.
fn is_of_this_machine(origin: &str) -> bool {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| origin.strip_prefix(scheme));
    host.is_some_and(|host| is_loopback(host.strip_suffix('/').unwrap_or(host)))
}

/// Returns whether a host, with or without a port, is a loopback name. Other names that resolve to loopback do not
/// count.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|it| name.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Layers};

    fn server(listen: &str, origins: &str, insecure: &str) -> config::Server {
        let flags = [
            ("server.listen", listen),
            ("server.allowed_origins", origins),
            ("server.insecure", insecure),
        ];
        let flags = flags.map(|(name, text)| (name, text.to_owned()));
        let layers = Layers::new().with_flags(flags.into());
        Config::of(&layers).unwrap().server
    }

    #[test]
    fn only_names_of_loopback_are_local() {
        let local = [
            "localhost",
            "LocalHost:8080",
            "127.0.0.1:1",
            "[::1]:8080",
            "[::1]",
        ];
        let other = [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil",
            "user@localhost",
            "localhost@evil.example",
        ];
        for host in local {
            assert!(is_loopback(host), "{host}");
        }
        for host in other {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn without_keys_others_are_served_only_if_that_is_asked_for() {
        use Keyless::{Anyone, Loopback, Never};
        let here = "127.0.0.1:8080";
        let table = [
            // listen, origins, without --insecure
            (here, "", Loopback),
            ("[::1]:8080", "", Loopback),
            (
                here,
                "http://localhost:3000,https://127.0.0.1,http://[::1]:1/",
                Loopback,
            ),
            ("0.0.0.0:8080", "", Never),
            ("[::]:8080", "", Never),
            ("192.0.2.1:8080", "", Never),
            (here, "*", Never),
            (here, "https://a.example", Never),
            (here, "http://localhost:3000,https://a.example", Never),
            (here, "null", Never),
            (here, "http://localhost.evil.example", Never),
            (here, "http://localhost@evil.example", Never),
            (here, "ftp://localhost", Never),
        ];
        for (listen, origins, expected) in table {
            let keyless = |insecure| Keyless::of(&server(listen, origins, insecure));
            assert_eq!(keyless("false"), expected, "{listen} {origins}");
            assert_eq!(keyless("true"), Anyone, "{listen} {origins}");
        }
    }
}
