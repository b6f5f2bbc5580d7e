//! Validates URLs and extracts their relevant parts.

use std::path::Path;

/// Longest accepted URL, in bytes; git and servers have limits of about this size.
const MAX_URL_BYTES: usize = 4096;

/// Why a URL is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlFault {
    /// The URL is empty.
    #[error("the URL is empty")]
    Empty,
    /// Longer than 4096 bytes.
    #[error("the URL is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// A control character, or a space where none can be.
    #[error("the URL holds a space or a control character")]
    Unprintable,
    /// The URL, its host or its path begins with a dash and could be parsed as an option.
    #[error("the URL or a part of it begins with a dash")]
    LeadingDash,
    /// Another scheme, or a transport helper such as `ext::`.
    #[error(
        "the URL is none of `https://`, `http://`, `ssh://`, `user@host:path`, `file:///` or an absolute path"
    )]
    Scheme,
    /// A user name or password in the URL, where it would be visible.
    #[error("the URL holds a user name or password, give it as credentials")]
    UserInfo,
    /// A query or fragment: no repository has one, and tokens are put there.
    #[error("the URL holds a query or a fragment")]
    Query,
    /// No host, or one with characters that no host has.
    #[error("the URL has no valid host")]
    Host,
}

/// How git connects to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Https,
    Http,
    Ssh,
    File,
}

/// The parts of a URL that decide about protocols and credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: Scheme,
    /// Host, with its port if one is given; empty for a file.
    pub(crate) host: String,
}

impl Address {
    /// Returns the origin that git matches `credential.<origin>.helper` with: scheme, host and port, nothing else.
    pub(crate) fn origin(&self) -> Option<String> {
        match self.scheme {
            Scheme::Https => Some(format!("https://{}", self.host)),
            Scheme::Http => Some(format!("http://{}", self.host)),
            Scheme::Ssh | Scheme::File => None,
        }
    }

    /// Returns the host without its port and brackets, as ssh gets it; empty for a file.
    pub(crate) fn host_name(&self) -> &str {
        match self.host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self.host.split(':').next().unwrap_or(&self.host),
        }
    }

    /// Returns the port, or the default port.
    pub(crate) fn port(&self) -> u16 {
        let after_name = self
            .host
            .rsplit_once(']')
            .map_or(&*self.host, |(_, rest)| rest);
        let given = after_name
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        given.unwrap_or(match self.scheme {
            Scheme::Https => 443,
            Scheme::Http => 80,
            Scheme::Ssh => 22,
            Scheme::File => 0,
        })
    }

    /// Returns the name of the remote side for errors.
    pub(crate) fn other_side(&self) -> &str {
        match self.scheme {
            Scheme::File => "this machine",
            Scheme::Https | Scheme::Http | Scheme::Ssh => &self.host,
        }
    }
}

/// Checks that git may be given this URL.
///
/// Accepts `https://`, `http://`, `ssh://`, `user@host:path`, `file:///` and absolute paths. Rejects a password, a
/// user name for http, a query, and anything that could be an option or a transport helper.
///
/// # Errors
/// The first problem found; the text never repeats the URL.
pub fn validate_url(url: &str) -> Result<(), UrlFault> {
    parse(url).map(drop)
}

/// Returns whether a repository is on this machine, or its URL begins as if it were. Refusing these URLs refuses
/// all local repositories.
///
/// # Examples
/// ```
/// use iac_runner::checkout::is_local;
///
/// assert!(is_local("/srv/infra.git") && is_local("file:///srv/infra.git") && is_local("file:infra.git"));
/// assert!(!is_local("https://example.com/infra.git"));
/// ```
pub fn is_local(url: &str) -> bool {
    let begins = |scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    };
    begins("/") || begins("file:")
}

/// Returns the path of a repository on this machine; `None` for other repositories.
pub(crate) fn local_path(url: &str) -> Option<&Path> {
    is_local(url).then(|| Path::new(url.strip_prefix("file://").unwrap_or(url)))
}

pub(crate) fn parse(url: &str) -> Result<Address, UrlFault> {
    if url.is_empty() {
        return Err(UrlFault::Empty);
    }
    if url.len() > MAX_URL_BYTES {
        return Err(UrlFault::TooLong);
    }
    if url.chars().any(char::is_control) {
        return Err(UrlFault::Unprintable);
    }
    if url.starts_with('-') {
        return Err(UrlFault::LeadingDash);
    }
    if url.starts_with('/') {
        return Ok(file());
    }
    match url.split_once("://") {
        Some(("https", rest)) => web(Scheme::Https, rest),
        Some(("http", rest)) => web(Scheme::Http, rest),
        Some(("ssh", rest)) => ssh(rest),
        Some(("file", rest)) if rest.starts_with('/') => Ok(file()),
        Some(("file", _)) => Err(UrlFault::Host),
        Some(_) => Err(UrlFault::Scheme),
        None => scp_like(url),
    }
}

const fn file() -> Address {
    Address {
        scheme: Scheme::File,
        host: String::new(),
    }
}

fn web(scheme: Scheme, rest: &str) -> Result<Address, UrlFault> {
    if rest.contains(' ') {
        return Err(UrlFault::Unprintable);
    }
    if rest.contains(['?', '#']) {
        return Err(UrlFault::Query);
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err(UrlFault::UserInfo);
    }
    address(scheme, authority)
}

fn ssh(rest: &str) -> Result<Address, UrlFault> {
    let (authority, path) = rest.split_once('/').ok_or(UrlFault::Host)?;
    let host = without_user(authority)?;
    if path.starts_with('-') {
        return Err(UrlFault::LeadingDash);
    }
    address(Scheme::Ssh, host)
}

/// Parses `user@host:path`, or `user@[address]:path`.
fn scp_like(url: &str) -> Result<Address, UrlFault> {
    let (user, rest) = url
        .split_once('@')
        .filter(|(user, _)| !user.contains(['/', ':']))
        .map_or((None, url), |(user, rest)| (Some(user), rest));
    let end = if rest.starts_with('[') {
        rest.find("]:").map(|bracket| bracket + 1)
    } else {
        rest.find(':')
    };
    let (host, path) = end
        .map(|end| (&rest[..end], &rest[end + 1..]))
        .ok_or(UrlFault::Scheme)?;
    // `user:password@host:path`: git would use `user` as the host and show the rest.
    let first = path.split('/').next().unwrap_or_default();
    if host.contains('@') || (user.is_none() && first.contains('@')) {
        return Err(UrlFault::UserInfo);
    }
    if host.contains('/') || path.is_empty() || path.starts_with(':') {
        return Err(UrlFault::Scheme);
    }
    if path.starts_with('-') || user.is_some_and(|user| user.starts_with('-')) {
        return Err(UrlFault::LeadingDash);
    }
    if user.is_some_and(str::is_empty) {
        return Err(UrlFault::Host);
    }
    address(Scheme::Ssh, host)
}

fn without_user(authority: &str) -> Result<&str, UrlFault> {
    match authority.rsplit_once('@') {
        None => Ok(authority),
        Some((user, _)) if user.contains([':', '@']) => Err(UrlFault::UserInfo),
        Some(("", _)) => Err(UrlFault::Host),
        // Git decodes a URL before it checks for dashes.
        Some((user, _)) if user.starts_with('-') || user.starts_with("%2") => {
            Err(UrlFault::LeadingDash)
        }
        Some((_, host)) => Ok(host),
    }
}

fn address(scheme: Scheme, host: &str) -> Result<Address, UrlFault> {
    if host.starts_with('-') {
        return Err(UrlFault::LeadingDash);
    }
    let (name, port) = if let Some(end) = host.find(']').filter(|_| host.starts_with('[')) {
        let (name, port) = host.split_at(end + 1);
        let inner = &name[1..name.len() - 1];
        let is_address = inner
            .chars()
            .all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
        (is_address && !inner.is_empty())
            .then_some((name, port))
            .ok_or(UrlFault::Host)?
    } else {
        let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
        let is_name = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        (is_name && !name.is_empty())
            .then_some((name, port))
            .ok_or(UrlFault::Host)?
    };
    let digits = port.strip_prefix(':');
    let port_is_valid =
        port.is_empty() || digits.is_some_and(|digits| digits.parse::<u16>().is_ok());
    (!name.is_empty() && port_is_valid)
        .then(|| Address {
            scheme,
            host: host.to_owned(),
        })
        .ok_or(UrlFault::Host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn these_are_taken() {
        let table = [
            ("https://example.com/a/b.git", Scheme::Https, "example.com"),
            (
                "https://example.com:8443/a",
                Scheme::Https,
                "example.com:8443",
            ),
            ("http://127.0.0.1:80/a", Scheme::Http, "127.0.0.1:80"),
            ("https://[::1]:443/a", Scheme::Https, "[::1]:443"),
            ("ssh://git@example.com/a", Scheme::Ssh, "example.com"),
            ("ssh://example.com:2222/a", Scheme::Ssh, "example.com:2222"),
            ("git@example.com:a/b.git", Scheme::Ssh, "example.com"),
            ("example.com:a", Scheme::Ssh, "example.com"),
            ("git@[::1]:a", Scheme::Ssh, "[::1]"),
            ("file:///srv/a b", Scheme::File, ""),
            ("/srv/a", Scheme::File, ""),
            ("/srv/ext::x", Scheme::File, ""),
        ];
        for (url, scheme, host) in table {
            let host = host.to_owned();
            assert_eq!(parse(url), Ok(Address { scheme, host }), "{url}");
        }
    }

    #[test]
    fn a_port_is_given_or_that_of_the_scheme() {
        for (url, port) in [
            ("https://example.com/a", 443),
            ("http://example.com:8080/a", 8080),
            ("https://[::1]/a", 443),
            ("https://[::1]:8443/a", 8443),
            ("ssh://git@example.com/a", 22),
        ] {
            assert_eq!(parse(url).unwrap().port(), port, "{url}");
        }
    }

    #[test]
    fn these_are_refused() {
        let table = [
            ("", UrlFault::Empty),
            ("--upload-pack=x", UrlFault::LeadingDash),
            ("ext::sh -c x", UrlFault::Scheme),
            ("fd::17", UrlFault::Scheme),
            ("ext://x", UrlFault::Scheme),
            ("git://example.com/a", UrlFault::Scheme),
            ("ftp://example.com/a", UrlFault::Scheme),
            ("HTTPS://example.com/a", UrlFault::Scheme),
            ("relative/path", UrlFault::Scheme),
            ("./x:y", UrlFault::Scheme),
            ("file://host/a", UrlFault::Host),
            ("https:///a", UrlFault::Host),
            ("https://*/a", UrlFault::Host),
            ("https://a:b/c", UrlFault::Host),
            ("https://[::1/c", UrlFault::Host),
            ("https://token@example.com/a", UrlFault::UserInfo),
            ("https://u:p@example.com/a", UrlFault::UserInfo),
            ("ssh://u:p@example.com/a", UrlFault::UserInfo),
            ("u:p@example.com:a", UrlFault::UserInfo),
            ("ssh://-oProxyCommand=x/a", UrlFault::LeadingDash),
            ("ssh://-u@example.com/a", UrlFault::LeadingDash),
            ("ssh://example.com/-a", UrlFault::LeadingDash),
            ("-u@example.com:a", UrlFault::LeadingDash),
            ("git@-oProxyCommand=x:a", UrlFault::LeadingDash),
            ("git@example.com:-a", UrlFault::LeadingDash),
            ("https://example.com/a?private_token=x", UrlFault::Query),
            ("https://example.com/a\nb", UrlFault::Unprintable),
            ("https://example.com/a b", UrlFault::Unprintable),
        ];
        for (url, fault) in table {
            assert_eq!(parse(url), Err(fault), "{url}");
        }
        assert_eq!(parse(&"/a".repeat(4000)), Err(UrlFault::TooLong));
    }
}
