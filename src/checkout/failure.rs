//! Classifies failures by git's last output.

/// The kinds of failure that a caller can react to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    HostKey,
    Credentials,
    Unreachable,
    NoSuchRepository,
    /// The server has no such object, or does not provide it.
    NoSuchObject,
    /// The server provides only the commits that refs point to.
    OnlyTips,
    /// The server redirects, and git does not follow.
    Redirected,
    /// The repository uses another object hash than the checkout.
    OtherFormat,
    Other,
}

/// Messages of git, curl, ssh and servers, with their meaning; the first match counts.
///
/// All are compared in lower case. Those of ssh come first: git adds its own guess to each of them.
const WORDS: [(&str, Failure); 42] = [
    ("host key verification failed", Failure::HostKey),
    ("remote host identification has changed", Failure::HostKey),
    ("no matching host key type found", Failure::HostKey),
    ("permission denied (", Failure::Credentials),
    ("error in libcrypto", Failure::Credentials),
    ("invalid format", Failure::Credentials),
    ("too many authentication failures", Failure::Credentials),
    ("authentication failed", Failure::Credentials),
    ("could not read username", Failure::Credentials),
    ("could not read password", Failure::Credentials),
    ("http basic: access denied", Failure::Credentials),
    ("returned error: 301", Failure::Redirected),
    ("returned error: 302", Failure::Redirected),
    ("returned error: 303", Failure::Redirected),
    ("returned error: 307", Failure::Redirected),
    ("returned error: 308", Failure::Redirected),
    ("returned error: 401", Failure::Credentials),
    ("returned error: 403", Failure::Credentials),
    ("returned error: 407", Failure::Unreachable),
    ("could not resolve", Failure::Unreachable),
    ("couldn't resolve", Failure::Unreachable),
    ("failed to connect", Failure::Unreachable),
    ("couldn't connect", Failure::Unreachable),
    ("could not connect", Failure::Unreachable),
    ("connection refused", Failure::Unreachable),
    ("connection timed out", Failure::Unreachable),
    ("operation timed out", Failure::Unreachable),
    ("no route to host", Failure::Unreachable),
    ("network is unreachable", Failure::Unreachable),
    ("returned error: 502", Failure::Unreachable),
    ("returned error: 503", Failure::Unreachable),
    ("returned error: 504", Failure::Unreachable),
    ("unadvertised object", Failure::OnlyTips),
    ("mismatched algorithms", Failure::OtherFormat),
    ("not our ref", Failure::NoSuchObject),
    ("couldn't find remote ref", Failure::NoSuchObject),
    ("returned error: 404", Failure::NoSuchRepository),
    ("repository not found", Failure::NoSuchRepository),
    // The server answered with a login page in place of a repository.
    ("is this a git repository?", Failure::NoSuchRepository),
    (
        "does not appear to be a git repository",
        Failure::NoSuchRepository,
    ),
    ("repository does not exist", Failure::NoSuchRepository),
    (
        "the project you were looking for could not be found",
        Failure::NoSuchRepository,
    ),
];

/// Classifies a failure by the last lines of git.
///
/// Lines that a server may fill freely (`remote: …`) do not count.
pub(super) fn failure<'a>(lines: impl Iterator<Item = &'a str>) -> Failure {
    let own: Vec<String> = lines
        .filter(|line| !line.starts_with("remote:"))
        .map(str::to_ascii_lowercase)
        .collect();
    let says = |words: &str| own.iter().any(|line| line.contains(words));
    let found = WORDS.iter().find(|(words, _)| says(words));
    match found {
        Some(&(_, meaning)) => meaning,
        // The URL is between the two phrases.
        None if own.iter().any(|line| is_absent_repository(line)) => Failure::NoSuchRepository,
        None => Failure::Other,
    }
}

fn is_absent_repository(line: &str) -> bool {
    let names_repository = line.contains("repository '") || line.contains("'/");
    names_repository && (line.ends_with("not found") || line.ends_with("does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_words_are_understood() {
        let table = [
            (
                "fatal: Authentication failed for 'http://127.0.0.1:1/a.git/'",
                Failure::Credentials,
            ),
            (
                "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
                Failure::Credentials,
            ),
            (
                "fatal: unable to access 'https://h/a/': The requested URL returned error: 403",
                Failure::Credentials,
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                Failure::Credentials,
            ),
            (
                "Load key \"/proc/7/fd/11\": error in libcrypto",
                Failure::Credentials,
            ),
            (
                "Host key verification failed.\nfatal: Could not read from remote repository.",
                Failure::HostKey,
            ),
            (
                "fatal: unable to access 'http://h/': Could not resolve host: h",
                Failure::Unreachable,
            ),
            (
                "fatal: unable to access 'http://127.0.0.1:1/': Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server",
                Failure::Unreachable,
            ),
            (
                "ssh: connect to host 127.0.0.1 port 1: Connection refused",
                Failure::Unreachable,
            ),
            (
                "fatal: repository 'http://127.0.0.1:1/a.git/' not found",
                Failure::NoSuchRepository,
            ),
            (
                "fatal: '/srv/a' does not appear to be a git repository\nfatal: Could not read from remote repository.",
                Failure::NoSuchRepository,
            ),
            ("ERROR: Repository not found.", Failure::NoSuchRepository),
            (
                "fatal: remote error: upload-pack: not our ref 1111",
                Failure::NoSuchObject,
            ),
            (
                "error: Server does not allow request for unadvertised object 1111",
                Failure::OnlyTips,
            ),
            (
                "fatal: unable to access 'https://h/': SSL certificate problem",
                Failure::Other,
            ),
            (
                "remote: Authentication failed\nfatal: the remote end hung up",
                Failure::Other,
            ),
            ("", Failure::Other),
        ];
        for (words, expected) in table {
            assert_eq!(failure(words.lines()), expected, "{words}");
        }
    }
}
