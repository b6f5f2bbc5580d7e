//! Decides which hosts repositories may be fetched from.
//!
//! A host is checked by its name in the URL, and by the addresses of that name. See `route` for how git is
//! restricted to those addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::{Address, Scheme, parse};

/// Allows every host with a public address.
const PUBLIC: &str = "public";
/// Addresses at which clouds provide a machine's secrets, besides link-local ones.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// The hosts from which repositories may be fetched; any by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Option<Vec<HostRule>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostRule {
    Public,
    /// Lower case; `*` matches any text, `?` any character.
    Glob(String),
}

/// Why a host is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostFault {
    /// No pattern matches its name.
    #[error("the host `{host}` is not allowed: `allowed_git_hosts` does not list it")]
    NotListed {
        /// The host in the URL.
        host: String,
    },
    /// The host is allowed only as a public host, and one of its addresses is not public.
    #[error(
        "the host `{host}` is not allowed: it is not a public host, and `allowed_git_hosts` does not list it"
    )]
    NotPublic {
        /// The host in the URL.
        host: String,
    },
    /// One of its addresses is link-local or a metadata address, and is not listed as an address.
    #[error(
        "the host `{host}` is not allowed: it has a link-local or metadata address, which `allowed_git_hosts` would \
         have to list as such"
    )]
    Metadata {
        /// The host in the URL.
        host: String,
    },
}

/// The addresses that a host may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    Any,
    /// Any except link-local and metadata addresses.
    Ordinary,
    Public,
}

impl AllowedHosts {
    /// Parses a list of patterns: globs such as `*.example.com`, addresses, and `public` for every host with a
    /// public address.
    ///
    /// A host that matches a glob may have private and loopback addresses. A link-local or metadata address is
    /// allowed only if the URL itself contains it and the list contains it without a glob.
    pub fn new(patterns: impl IntoIterator<Item = String>) -> Self {
        let rules = patterns.into_iter().map(|pattern| match pattern.as_str() {
            PUBLIC => HostRule::Public,
            _ => HostRule::Glob(pattern.to_ascii_lowercase()),
        });
        Self(Some(rules.collect()))
    }

    /// Returns whether all hosts are allowed, at any address.
    pub(crate) const fn is_any(&self) -> bool {
        self.0.is_none()
    }

    /// Checks what a URL alone shows; local repositories have no host.
    ///
    /// # Errors
    /// The host is not allowed. A URL that [`crate::checkout::validate_url`] refuses is not checked.
    ///
    /// # Examples
    /// ```
    /// use iac_runner::checkout::AllowedHosts;
    ///
    /// let hosts = AllowedHosts::new(["public".to_owned(), "git.internal".to_owned()]);
    /// assert!(hosts.check("https://example.com/a.git").is_ok() && hosts.check("git@git.internal:a").is_ok());
    /// assert!(hosts.check("http://169.254.169.254/a").is_err() && hosts.check("http://localhost/a").is_err());
    /// ```
    pub fn check(&self, url: &str) -> Result<(), HostFault> {
        match parse(url) {
            Ok(address) => self.rule_for(&address).map(drop),
            Err(_) => Ok(()),
        }
    }

    /// Returns which addresses the host may have, once its name and an address in the URL are allowed.
    pub(crate) fn rule_for(&self, address: &Address) -> Result<Addresses, HostFault> {
        let Some(rules) = &self.0 else {
            return Ok(Addresses::Any);
        };
        if address.scheme == Scheme::File {
            return Ok(Addresses::Any);
        }
        let host = address.host_name().to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let literal: Option<IpAddr> = host.parse().ok();
        let globs = rules.iter().filter_map(|rule| match rule {
            HostRule::Glob(glob) if fits(glob.as_bytes(), host.as_bytes()) => Some(glob),
            HostRule::Glob(_) | HostRule::Public => None,
        });
        let globs: Vec<_> = globs.collect();
        let is_listed_itself = literal.is_some() && globs.iter().any(|glob| *glob == host);
        let addresses = match (globs.is_empty(), is_listed_itself) {
            (false, true) => Addresses::Any,
            (false, false) => Addresses::Ordinary,
            (true, _) if rules.contains(&HostRule::Public) => Addresses::Public,
            (true, _) => {
                return Err(HostFault::NotListed {
                    host: host.to_owned(),
                });
            }
        };
        let is_local_name = host == "localhost" || host.ends_with(".localhost");
        if is_local_name && addresses == Addresses::Public {
            return Err(HostFault::NotPublic {
                host: host.to_owned(),
            });
        }
        addresses.check(host, literal.as_slice())?;
        Ok(addresses)
    }
}

impl Addresses {
    /// Checks all addresses of a host, since git could use any.
    pub(crate) fn check(self, host: &str, addresses: &[IpAddr]) -> Result<(), HostFault> {
        let host = || host.to_owned();
        for address in addresses {
            match self {
                Self::Any => {}
                Self::Ordinary if is_metadata(*address) => {
                    return Err(HostFault::Metadata { host: host() });
                }
                Self::Public if !is_public(*address) => {
                    return Err(HostFault::NotPublic { host: host() });
                }
                Self::Ordinary | Self::Public => {}
            }
        }
        Ok(())
    }
}

/// Returns whether a glob matches a whole text.
fn fits(glob: &[u8], text: &[u8]) -> bool {
    match (glob.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', glob_rest)), _) => {
            fits(glob_rest, text) || text.split_first().is_some_and(|(_, rest)| fits(glob, rest))
        }
        (Some((b'?', glob)), Some((_, text))) => fits(glob, text),
        (Some((wanted, glob)), Some((found, text))) => wanted == found && fits(glob, text),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn is_metadata(address: IpAddr) -> bool {
    let address = embedded(address);
    METADATA.contains(&address)
        || match address {
            IpAddr::V4(it) => it.is_link_local(),
            IpAddr::V6(it) => it.is_unicast_link_local(),
        }
}

/// Returns whether an address is reachable on the internet, by IANA's special-purpose registries.
fn is_public(address: IpAddr) -> bool {
    let address = embedded(address);
    if is_metadata(address) {
        return false;
    }
    match address {
        IpAddr::V4(it) => {
            let [a, b, c, _] = it.octets();
            let is_special = matches!(
                (a, b, c),
                (0 | 10 | 127 | 224..=255, _, _)
                    | (100, 64..=127, _)
                    | (172, 16..=31, _)
                    | (192, 168, _)
                    | (192, 0, 0 | 2)
                    | (192, 88, 99)
                    | (198, 18 | 19, _)
                    | (198, 51, 100)
                    | (203, 0, 113)
            );
            !is_special
        }
        IpAddr::V6(it) => {
            let [a, b, ..] = it.segments();
            let is_documentation = (a, b) == (0x2001, 0xdb8) || a == 0x3fff;
            // 2001::/23 is reserved for protocols, such as Teredo, and contains no hosts.
            let is_protocol = a == 0x2001 && b < 0x200;
            (0x2000..0x4000).contains(&a) && !is_documentation && !is_protocol
        }
    }
}

/// Returns the IPv4 address embedded in an IPv6 address, in any of the known formats.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(it) = address else {
        return address;
    };
    let [a, b, c, d, e, f, g, h] = it.segments();
    let of = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        // The loopback and the unspecified address have this form too.
        [0, 0, 0, 0, 0, 0] if g != 0 || h > 1 => of(g, h),
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => of(g, h),
        [0x2002, ..] => of(b, c),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(patterns: &[&str]) -> AllowedHosts {
        AllowedHosts::new(patterns.iter().map(|&it| it.to_owned()))
    }

    #[test]
    fn by_default_a_service_takes_public_hosts_only() {
        let public = hosts(&["public"]);
        for url in [
            "https://github.com/a/b",
            "git@github.com:a/b",
            "ssh://git@example.com:2222/a",
            "https://140.82.121.4/a",
            "https://[2606:50c0:8000::153]/a",
            "/srv/a",
            "file:///srv/a",
            "no url",
        ] {
            assert_eq!(public.check(url), Ok(()), "{url}");
        }
        for url in [
            "http://localhost/a",
            "http://LOCALHOST./a",
            "http://a.localhost/a",
            "http://127.0.0.1:8080/a",
            "git@127.0.0.1:a",
            "ssh://git@[::1]/a",
            "http://0.0.0.0/a",
            "http://10.0.0.1/a",
            "http://172.31.0.1/a",
            "http://192.168.0.1/a",
            "http://100.64.0.1/a",
            "http://169.254.169.254/latest",
            "http://168.63.129.16/a",
            "http://[::]/a",
            "http://[fe80::1]/a",
            "http://[fd00::1]/a",
            "http://[::ffff:127.0.0.1]/a",
            "http://[::ffff:a9fe:a9fe]/a",
            "http://[64:ff9b::169.254.169.254]/a",
            "http://[2002:7f00:1::]/a",
            "http://[::127.0.0.1]/a",
            "http://[2001:db8::1]/a",
        ] {
            assert!(
                matches!(public.check(url), Err(HostFault::NotPublic { .. })),
                "{url}"
            );
        }
    }

    #[test]
    fn listed_hosts_may_have_private_addresses() {
        let listed = hosts(&["*.Example.com", "git.internal", "127.0.0.1", "10.*"]);
        for url in [
            "https://a.b.example.com/a",
            "git@GIT.internal:a",
            "http://127.0.0.1:80/a",
            "http://10.1.2.3/a",
        ] {
            assert_eq!(listed.check(url), Ok(()), "{url}");
        }
        for url in [
            "https://example.com/a",
            "https://git.internal.example.org/a",
            "http://127.0.0.2/a",
            "https://github.com/a",
        ] {
            assert!(
                matches!(listed.check(url), Err(HostFault::NotListed { .. })),
                "{url}"
            );
        }
        assert_eq!(AllowedHosts::default().check("http://127.0.0.1/a"), Ok(()));
    }

    #[test]
    fn a_metadata_address_is_listed_as_such_or_refused() {
        let url = "http://169.254.169.254/a";
        for globs in [["*"], ["169.254.*"]] {
            let fault = hosts(&globs).check(url);
            assert!(
                matches!(fault, Err(HostFault::Metadata { .. })),
                "{globs:?}"
            );
        }
        assert_eq!(hosts(&["169.254.169.254"]).check(url), Ok(()));
        let address = parse("https://a.example.com/a").unwrap();
        let rule = hosts(&["*.example.com"]).rule_for(&address).unwrap();
        assert!(rule.check("a", &["10.0.0.1".parse().unwrap()]).is_ok());
        assert!(
            rule.check("a", &["169.254.169.254".parse().unwrap()])
                .is_err()
        );
        let rule = hosts(&["public"]).rule_for(&address).unwrap();
        let mixed = ["140.82.121.4", "10.0.0.1"].map(|it| it.parse().unwrap());
        assert!(rule.check("a", &mixed).is_err());
    }
}
