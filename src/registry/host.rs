//! The address of a registry, and its host name in module sources.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Longest host name, in bytes (RFC 1035).
const MAX_NAME_BYTES: usize = 253;
/// Longest label of it, in bytes (RFC 1035).
const MAX_LABEL_BYTES: usize = 63;
/// The port that both tools leave out of a host name, with any scheme.
const UNNAMED_PORT: u16 = 443;

/// Why an address is not valid for a registry. No variant repeats it: it may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegistryHostFault {
    /// The address begins with neither `http://` nor `https://`.
    #[error(
        "expected an address such as `https://registry.example.com`, with `http://` or `https://`"
    )]
    Scheme,
    /// The address contains a user or a password.
    #[error("the address holds credentials; the token comes from `REGISTRY_TOKEN` or the backend")]
    Credentials,
    /// The address has more than a host and a port.
    #[error("the address has a path, a query or a fragment; expected a host and a port")]
    Path,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The host name is not valid.
    #[error(
        "the host is not a name of letters, digits, `-` and `.`; write an international one as `xn--…`"
    )]
    Name,
    /// The host name has no dot.
    #[error(
        "the host has no dot, and terraform takes a module's source for a registry only when it has: \
         use a name such as `localhost.localdomain` or `registry.internal` that leads there"
    )]
    NoDot,
}

/// The address of a registry: scheme, host and an optional port.
///
/// ```
/// use iac_runner::registry::RegistryHost;
///
/// let host: RegistryHost = "http://registry.example.com:9080".parse().unwrap();
/// assert_eq!(host.module_host(), "registry.example.com:9080");
/// assert!("http://localhost:9080".parse::<RegistryHost>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryHost {
    scheme: &'static str,
    /// In lower case, at least one dot.
    name: String,
    port: Option<u16>,
}

impl RegistryHost {
    /// Parses an address. A `/` at its end is allowed.
    ///
    /// # Errors
    /// It is not an http or https address, or its host cannot appear in module sources.
    pub fn parse(address: &str) -> Result<Self, RegistryHostFault> {
        let (scheme, rest) = address.split_once("://").ok_or(RegistryHostFault::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => "http",
            "https" => "https",
            _ => return Err(RegistryHostFault::Scheme),
        };
        if rest.contains('@') {
            return Err(RegistryHostFault::Credentials);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '\\']) {
            return Err(RegistryHostFault::Path);
        }
        let (name, port) = match authority.split_once(':') {
            Some((name, port)) => (name, Some(port_of(port)?)),
            None => (authority, None),
        };
        let name = name.to_ascii_lowercase();
        if name.len() > MAX_NAME_BYTES || !name.split('.').all(is_label) {
            return Err(RegistryHostFault::Name);
        }
        if !name.contains('.') {
            return Err(RegistryHostFault::NoDot);
        }
        Ok(Self { scheme, name, port })
    }

    /// Returns the host as module sources name it: in lower case, with its port.
    ///
    /// Both tools leave out port 443 for any scheme (`svchost.ForComparison`).
    pub fn module_host(&self) -> String {
        match self.port {
            Some(port) if port != UNNAMED_PORT => format!("{}:{port}", self.name),
            Some(_) | None => self.name.clone(),
        }
    }

    /// Returns the name of the variable from which both tools read the token.
    ///
    /// Dots are `_`, dashes are `__`, and the port is unchanged: no other spelling exists.
    pub fn token_variable(&self) -> String {
        let host = self.module_host().replace('-', "__").replace('.', "_");
        format!("TF_TOKEN_{host}")
    }
}

impl fmt::Display for RegistryHost {
    /// Writes the address without a `/` at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.name)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for RegistryHost {
    type Err = RegistryHostFault;

    fn from_str(address: &str) -> Result<Self, RegistryHostFault> {
        Self::parse(address)
    }
}

fn port_of(text: &str) -> Result<u16, RegistryHostFault> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    match text.parse() {
        Ok(port) if is_number => Ok(port),
        _ => Err(RegistryHostFault::Port),
    }
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_modules_and_the_variable_of_the_token() {
        // Address, displayed address, host in module sources, variable.
        let table = [
            (
                "http://registry.example.com:9080",
                "http://registry.example.com:9080",
                "registry.example.com:9080",
                "TF_TOKEN_registry_example_com:9080",
            ),
            (
                "https://My-Registry.Example.com/",
                "https://my-registry.example.com",
                "my-registry.example.com",
                "TF_TOKEN_my__registry_example_com",
            ),
            (
                "HTTPS://r.example.com:443",
                "https://r.example.com:443",
                "r.example.com",
                "TF_TOKEN_r_example_com",
            ),
            (
                "http://r.example.com:80",
                "http://r.example.com:80",
                "r.example.com:80",
                "TF_TOKEN_r_example_com:80",
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080",
                "127.0.0.1:8080",
                "TF_TOKEN_127_0_0_1:8080",
            ),
            (
                "https://xn--bcher-kva.example",
                "https://xn--bcher-kva.example",
                "xn--bcher-kva.example",
                "TF_TOKEN_xn____bcher__kva_example",
            ),
        ];
        for (address, shown, module_host, variable) in table {
            let host = RegistryHost::parse(address).expect(address);
            assert_eq!(host.to_string(), shown, "{address}");
            assert_eq!(host.module_host(), module_host, "{address}");
            assert_eq!(host.token_variable(), variable, "{address}");
        }
    }

    #[test]
    fn what_is_no_registry_is_refused_with_the_reason() {
        use RegistryHostFault::{Credentials, Name, NoDot, Path, Port, Scheme};
        let table = [
            ("", Scheme),
            ("registry.example.com", Scheme),
            ("ftp://r.example.com", Scheme),
            ("http://user:hunter2@r.example.com", Credentials),
            ("http://hunter2@r.example.com", Credentials),
            ("http://r.example.com/v1", Path),
            ("http://r.example.com//", Path),
            ("http://r.example.com?x", Path),
            ("http://r.example.com#x", Path),
            ("http://r.example.com:", Port),
            ("http://r.example.com:0", Port),
            ("http://r.example.com:080", Port),
            ("http://r.example.com:65536", Port),
            ("http://r.example.com:+80", Port),
            ("http://r.example.com:80:80", Port),
            ("http://", Name),
            ("http://:80", Name),
            ("http://r..com", Name),
            ("http://r.example.com.", Name),
            ("http://-r.example.com", Name),
            ("http://r-.example.com", Name),
            ("http://my_registry.example.com", Name),
            ("http://bücher.example", Name),
            ("http://r.example.com\n", Name),
            ("http://r example.com", Name),
            ("http://localhost:9080", NoDot),
            ("https://registry", NoDot),
        ];
        for (address, fault) in table {
            assert_eq!(RegistryHost::parse(address), Err(fault), "{address:?}");
            assert!(!fault.to_string().contains("hunter2"));
        }
    }
}
