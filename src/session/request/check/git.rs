//! Checks a git repository, its ref, and its credentials.

use secrecy::ExposeSecret;

use super::{Faults, RuleResult};
use crate::checkout::validate_url;
use crate::protocol::is_secret_name;
use crate::session::request::source::{Git, GitAuth, SshCredentials};

/// Longest URL, in bytes; servers accept no longer ones.
const MAX_URL_BYTES: usize = 2048;
/// Longest ref, in bytes: its parts become file names.
const MAX_REF_BYTES: usize = 1024;

/// The transport of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Http,
    Ssh,
    File,
}

pub(super) fn check(git: &Git, faults: &mut Faults) {
    let reach = reach(&git.url);
    if let Some(auth) = &git.auth {
        if !matches!(reach, Ok(Transport::Http) | Err(_)) {
            faults.add("git_auth", "is for http and https only");
        }
        of_auth(auth, faults);
    }
    if let Some(ssh) = &git.ssh {
        if !matches!(reach, Ok(Transport::Ssh) | Err(_)) {
            faults.add("ssh", "is for ssh only");
        }
        of_ssh(ssh, faults);
    } else if matches!(reach, Ok(Transport::Ssh)) && git.auth.is_none() {
        let problem =
            "is required for ssh: `private_key`, and `known_hosts` with the keys of the host";
        faults.add("ssh", problem);
    }
    faults.note("git_url", reach.map(|_| ()));
    faults.note("git_ref", git_ref(&git.git_ref));
}

fn reach(url: &str) -> Result<Transport, String> {
    let reach = reach_by_scheme(url)?;
    // Refuse now what the checkout would refuse later.
    validate_url(url).map_err(|fault| fault.to_string())?;
    Ok(reach)
}

fn reach_by_scheme(url: &str) -> Result<Transport, String> {
    let refused = |problem: &str| Err(problem.to_owned());
    if url.is_empty() {
        return refused("is empty");
    }
    if url.len() > MAX_URL_BYTES {
        return Err(format!("is longer than {MAX_URL_BYTES} bytes"));
    }
    if url.starts_with('-') {
        return refused("starts with a dash");
    }
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return refused("holds a space or a control character");
    }
    if url.starts_with('/') {
        return Ok(Transport::File);
    }
    match url.split_once("://") {
        Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => of_http(rest),
            "ssh" => of_ssh_url(rest),
            "file" if rest.starts_with('/') => Ok(Transport::File),
            "file" => refused("expected an absolute path after `file://`"),
            _ => refused(EXPECTED),
        },
        None => scp_like(url),
    }
}

const EXPECTED: &str =
    "expected `https://`, `http://`, `ssh://`, `user@host:path`, `file://` or an absolute path";

fn of_http(rest: &str) -> Result<Transport, String> {
    let authority = authority(rest);
    // A URL is shown and stored, so its query may not contain a token either.
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    if authority.contains('@') || is_secret_name(query) {
        return Err("holds credentials; give them in `git_auth`".to_owned());
    }
    host(authority).map(|()| Transport::Http)
}

fn of_ssh_url(rest: &str) -> Result<Transport, String> {
    let authority = authority(rest);
    let (user, named) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(':') {
        return Err("holds a password; give a key in `ssh`".to_owned());
    }
    if user.starts_with('-') {
        return Err("names a user that starts with a dash".to_owned());
    }
    host(named).map(|()| Transport::Ssh)
}

fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn host(host: &str) -> RuleResult {
    match host.chars().next() {
        None | Some(':') => Err("names no host".to_owned()),
        Some('-') => Err("names a host that starts with a dash".to_owned()),
        Some(_) => Ok(()),
    }
}

fn scp_like(url: &str) -> Result<Transport, String> {
    let is_transport = url.contains("::");
    match url.split_once(':') {
        Some((_, path)) if authority(path).contains('@') => {
            Err("holds a password; give a key in `ssh`".to_owned())
        }
        Some((host, path)) if !is_transport && !host.contains('/') && !path.is_empty() => {
            of_ssh_url(host)
        }
        _ => Err(EXPECTED.to_owned()),
    }
}

/// Applies the rules of `git check-ref-format`, and refuses options.
fn git_ref(name: &str) -> RuleResult {
    let refused = |problem: &str| Err(problem.to_owned());
    if name.is_empty() {
        return refused("is empty");
    }
    if name.len() > MAX_REF_BYTES {
        return Err(format!("is longer than {MAX_REF_BYTES} bytes"));
    }
    if name.starts_with('-') {
        return refused("starts with a dash");
    }
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    let is_no_ref = name.chars().any(is_odd)
        || name.contains("..")
        || name.contains("@{")
        || name == "@"
        || name.ends_with('.')
        || name
            .split('/')
            .any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"));
    if is_no_ref {
        return refused("expected a branch, a tag or a full commit id");
    }
    Ok(())
}

/// Both are passed to git as one line each.
fn of_auth(auth: &GitAuth, faults: &mut Faults) {
    let password = auth.password.expose_secret();
    if password.is_empty() {
        faults.add("git_auth.password", "is empty");
    }
    for (field, value) in [("username", auth.username.as_str()), ("password", password)] {
        if value.chars().any(char::is_control) {
            faults.add(format!("git_auth.{field}"), "holds a control character");
        }
    }
}

fn of_ssh(ssh: &SshCredentials, faults: &mut Faults) {
    let key = ssh.private_key.expose_secret();
    if key.contains('\0') || !key.trim_start().starts_with("-----BEGIN ") {
        faults.add(
            "ssh.private_key",
            "expected a private key in PEM or OpenSSH form",
        );
    }
    if ssh.known_hosts.trim().is_empty() {
        faults.add(
            "ssh.known_hosts",
            "is empty; a host that it does not name is not spoken to",
        );
    } else if ssh.known_hosts.contains('\0') {
        faults.add("ssh.known_hosts", "holds a NUL byte");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_reached_in_one_of_three_ways_or_refused() {
        use Transport::{File, Http, Ssh};
        let table = [
            ("https://github.com/user/repo.git", Some(Http)),
            ("http://git.example.com:3000/a", Some(Http)),
            ("ssh://git@example.com:22/a.git", Some(Ssh)),
            ("ssh://example.com/a", Some(Ssh)),
            ("git@github.com:user/repo.git", Some(Ssh)),
            ("example.com:repo", Some(Ssh)),
            ("file:///srv/git/a.git", Some(File)),
            ("/srv/git/a.git", Some(File)),
            ("", None),
            ("https://user:pw@github.com/a", None),
            ("https://token@github.com/a", None),
            ("https://example.com/a?private_token=x", None),
            ("https://example.com/a?x=y", None),
            ("HTTPS://example.com/a", None),
            ("FILE:///srv/git/a.git", None),
            ("ssh://%2doProxyCommand=x/a", None),
            ("ssh://%2doProxyCommand=x@example.com/a", None),
            ("https://", None),
            ("https://:80/a", None),
            ("ssh://git:pw@example.com/a", None),
            ("ssh://-oProxyCommand=x/a", None),
            ("ssh://-l@example.com/a", None),
            ("-oProxyCommand=x:a", None),
            ("--upload-pack=x", None),
            ("ext::sh -c x", None),
            ("ext::sh", None),
            ("git://example.com/a", None),
            ("ftp://example.com/a", None),
            ("file://host/a", None),
            ("./a", None),
            ("../a", None),
            ("a/b:c", None),
            ("host:", None),
            ("https://example.com/a b", None),
            ("https://example.com/a\n", None),
            ("https://example.com/\0", None),
        ];
        for (url, expected) in table {
            assert_eq!(reach(url).ok(), expected, "{url:?}");
        }
        assert!(reach(&format!("https://a/{}", "x".repeat(MAX_URL_BYTES))).is_err());
    }

    #[test]
    fn a_ref_is_a_name_or_a_commit() {
        let table = [
            ("main", true),
            ("v1.2.3", true),
            ("feature/a-b_c", true),
            ("refs/heads/main", true),
            ("0123456789abcdef0123456789abcdef01234567", true),
            ("größe", true),
            ("HEAD", true),
            ("", false),
            ("-b", false),
            ("a b", false),
            ("a..b", false),
            ("main~1", false),
            ("main^", false),
            ("a:b", false),
            ("a*", false),
            ("@{u}", false),
            ("@", false),
            ("a/", false),
            ("/a", false),
            ("a//b", false),
            (".a", false),
            ("a.lock", false),
            ("a.", false),
            ("a\n", false),
            ("a\0", false),
        ];
        for (name, accepted) in table {
            assert_eq!(git_ref(name).is_ok(), accepted, "{name:?}");
        }
    }
}
