//! Restricts git to the checked addresses of a host.
//!
//! The name is resolved here and each address is checked. Git then gets these addresses (`http.curloptResolve`,
//! ssh's `HostName`), so that it can't get others by resolving again. It follows no redirect. If there is a proxy,
//! the proxy resolves names: then a name that can't be resolved here is left to it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use crate::checkout::CheckoutError;
use crate::checkout::source::address::{Address, Scheme};
use crate::checkout::source::hosts::{Addresses, AllowedHosts};

/// Where git may connect, as settings of git and ssh; empty if every host is allowed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    /// Settings of git: name and value.
    pub(crate) settings: Vec<(String, String)>,
    /// Options for ssh, quoted for a shell.
    pub(crate) ssh_options: String,
    /// The only way for http, in place of the proxies of this process.
    pub(crate) proxy: Option<ProxyRoute>,
}

/// The proxy that git-lfs gets.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxyRoute {
    /// Its URL, with the password for it.
    pub(crate) url: String,
    /// The TCP ports to which the call may connect directly: this proxy, and ssh.
    pub(crate) connect_ports: Vec<u16>,
    /// Origin that is replaced by another spelling, since git-lfs uses no proxy for loopback addresses.
    pub(crate) respelled: Option<(String, String)>,
}

impl ProxyRoute {
    /// Returns the settings that lead git-lfs to the proxy.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let mut settings = vec![("http.proxy".to_owned(), self.url.clone())];
        if let Some((given, other)) = &self.respelled {
            settings.push((format!("url.{other}/.insteadOf"), format!("{given}/")));
            settings.push((
                "lfs.transfer.enablehrefrewrite".to_owned(),
                "true".to_owned(),
            ));
        }
        settings
    }
}

impl Route {
    /// Resolves the host of an address, and checks the resolved addresses.
    pub(crate) async fn to(
        address: &Address,
        hosts: &AllowedHosts,
        own: &BTreeMap<OsString, OsString>,
    ) -> Result<Self, CheckoutError> {
        let rule = hosts.rule_for(address)?;
        if hosts.is_any() || address.scheme == Scheme::File {
            return Ok(Self::default());
        }
        let mut route = Self {
            settings: vec![("http.followRedirects".to_owned(), "false".to_owned())],
            ..Self::default()
        };
        let name = address.host_name();
        if rule == Addresses::Any || name.parse::<IpAddr>().is_ok() {
            // Already checked, and nothing to resolve.
            return Ok(route);
        }
        let port = address.port();
        let found = match resolve(name.to_owned(), port).await {
            Ok(found) => found,
            Err(_) if has_proxy(address.scheme, own) => return Ok(route),
            Err(fault) => return Err(unresolved(address, &fault)),
        };
        rule.check(name, &found)?;
        match address.scheme {
            Scheme::Http | Scheme::Https => {
                let pin = curl_pin(name, port, &found);
                route.settings.push(("http.curloptResolve".to_owned(), pin));
            }
            Scheme::Ssh => route.ssh_options = ssh_pin(name, port, &found),
            Scheme::File => {}
        }
        Ok(route)
    }

    /// Resolves the hosts of several addresses, and checks the resolved addresses.
    ///
    /// Ssh can be directed to one host only; if there are more, it resolves their names again.
    pub(crate) async fn to_all(
        addresses: &[Address],
        hosts: &AllowedHosts,
        own: &BTreeMap<OsString, OsString>,
    ) -> Result<Self, CheckoutError> {
        let mut all = Self::default();
        let mut ssh_hosts = 0;
        for address in addresses {
            let route = Self::to(address, hosts, own).await?;
            for setting in route.settings {
                if !all.settings.contains(&setting) {
                    all.settings.push(setting);
                }
            }
            if address.scheme == Scheme::Ssh {
                ssh_hosts += 1;
                all.ssh_options = route.ssh_options;
            }
        }
        if ssh_hosts > 1 {
            all.ssh_options.clear();
        }
        Ok(all)
    }
}

/// Resolves the host of an address, and returns its addresses if all of them are allowed.
pub(crate) async fn checked_addresses(
    address: &Address,
    hosts: &AllowedHosts,
) -> Result<Vec<IpAddr>, CheckoutError> {
    let rule = hosts.rule_for(address)?;
    let name = address.host_name();
    let name = name.strip_suffix('.').unwrap_or(name);
    if let Ok(literal) = name.parse() {
        // Already checked.
        return Ok(vec![literal]);
    }
    let found = resolve(name.to_owned(), address.port());
    let found = found.await.map_err(|fault| unresolved(address, &fault))?;
    rule.check(name, &found)?;
    Ok(found)
}

fn unresolved(address: &Address, fault: &io::Error) -> CheckoutError {
    CheckoutError::Unreachable {
        host: address.host.clone(),
        said: format!("its name was not resolved: {fault}"),
    }
}

async fn resolve(name: String, port: u16) -> io::Result<Vec<IpAddr>> {
    let looked_up = tokio::task::spawn_blocking(move || (name.as_str(), port).to_socket_addrs());
    let found = looked_up.await.map_err(io::Error::other)??;
    let found: Vec<_> = found.map(|it| it.ip()).collect();
    match found.is_empty() {
        true => Err(io::ErrorKind::NotFound.into()),
        false => Ok(found),
    }
}

fn has_proxy(scheme: Scheme, own: &BTreeMap<OsString, OsString>) -> bool {
    let names: &[&str] = match scheme {
        Scheme::Http => &["http_proxy", "all_proxy", "ALL_PROXY"],
        Scheme::Https => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        Scheme::Ssh | Scheme::File => &[],
    };
    names
        .iter()
        .any(|name| own.get(OsStr::new(name)).is_some_and(|it| !it.is_empty()))
}

/// Formats `HOST:PORT:ADDRESS,ADDRESS` for curl.
fn curl_pin(name: &str, port: u16, addresses: &[IpAddr]) -> String {
    let addresses: Vec<_> = addresses
        .iter()
        .map(|address| match address {
            IpAddr::V4(it) => it.to_string(),
            IpAddr::V6(it) => format!("[{it}]"),
        })
        .collect();
    format!(
        "{}:{port}:{}",
        name.to_ascii_lowercase(),
        addresses.join(",")
    )
}

/// Formats ssh options for the first address and the name under which its key is known.
fn ssh_pin(name: &str, port: u16, addresses: &[IpAddr]) -> String {
    let Some(address) = addresses.first() else {
        return String::new();
    };
    let known_as = match port {
        22 => name.to_ascii_lowercase(),
        _ => format!("[{}]:{port}", name.to_ascii_lowercase()),
    };
    format!(" -o HostName={address} -o 'HostKeyAlias={known_as}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkout::source::address::parse;
    use crate::checkout::source::hosts::HostFault;

    fn route(url: &str, hosts: &AllowedHosts) -> Result<Route, CheckoutError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let address = parse(url).unwrap();
        runtime.block_on(Route::to(&address, hosts, &BTreeMap::new()))
    }

    #[test]
    fn a_name_is_led_to_the_addresses_that_were_checked() {
        let localhost = AllowedHosts::new(["localhost".to_owned()]);
        let found = route("http://localhost:8080/a", &localhost).unwrap();
        let pin = &found.settings[1];
        assert_eq!(pin.0, "http.curloptResolve");
        assert!(pin.1.starts_with("localhost:8080:"), "{pin:?}");
        let found = route("ssh://git@localhost:2222/a", &localhost).unwrap();
        assert!(
            found
                .ssh_options
                .contains("'HostKeyAlias=[localhost]:2222'"),
            "{}",
            found.ssh_options
        );
        let found = route("http://localhost:8080/a", &AllowedHosts::default()).unwrap();
        assert!(found.settings.is_empty() && found.ssh_options.is_empty());
    }

    #[test]
    fn a_route_to_several_hosts_has_all_pins_and_at_most_one_for_ssh() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let localhost = AllowedHosts::new(["localhost".to_owned()]);
        let table: [(&[&str], usize, bool); 4] = [
            (&[], 0, false),
            (&["http://localhost/a", "https://localhost/a"], 2, false),
            (&["ssh://localhost/a", "https://localhost/a"], 1, true),
            (&["ssh://localhost/a", "ssh://localhost:2222/a"], 0, false),
        ];
        for (urls, pins, is_ssh_pinned) in table {
            let addresses: Vec<_> = urls.iter().map(|url| parse(url).unwrap()).collect();
            let own = BTreeMap::new();
            let route = runtime.block_on(Route::to_all(&addresses, &localhost, &own));
            let route = route.unwrap();
            let count = |wanted| route.settings.iter().filter(|it| it.0 == wanted).count();
            assert_eq!(count("http.curloptResolve"), pins, "{urls:?}");
            let redirects = usize::from(!urls.is_empty());
            assert_eq!(count("http.followRedirects"), redirects, "{urls:?}");
            assert_eq!(!route.ssh_options.is_empty(), is_ssh_pinned, "{urls:?}");
        }
    }

    #[test]
    fn other_ways_to_write_an_address_are_resolved_before_they_are_judged() {
        let public = AllowedHosts::new(["public".to_owned()]);
        for host in ["127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1"] {
            let refused = route(&format!("http://{host}/a"), &public);
            assert!(
                matches!(
                    refused,
                    Err(CheckoutError::Host(HostFault::NotPublic { .. })
                        | CheckoutError::Unreachable { .. })
                ),
                "{host}: {refused:?}"
            );
        }
    }

    #[test]
    fn the_pins_have_the_form_that_curl_and_ssh_take() {
        let addresses = ["1.2.3.4", "2001:db8::1"].map(|it| it.parse().unwrap());
        assert_eq!(
            curl_pin("Example.com", 443, &addresses),
            "example.com:443:1.2.3.4,[2001:db8::1]"
        );
        assert_eq!(
            ssh_pin("example.com", 22, &addresses),
            " -o HostName=1.2.3.4 -o 'HostKeyAlias=example.com'"
        );
    }
}
