//! Classifies failures by git's last output.

/// The kinds of failure that a caller can react to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GitFailure {
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
const WORDS: [(&str, GitFailure); 42] = [
    ("host key verification failed", GitFailure::HostKey),
    (
        "remote host identification has changed",
        GitFailure::HostKey,
    ),
    ("no matching host key type found", GitFailure::HostKey),
    ("permission denied (", GitFailure::Credentials),
    ("error in libcrypto", GitFailure::Credentials),
    ("invalid format", GitFailure::Credentials),
    ("too many authentication failures", GitFailure::Credentials),
    ("authentication failed", GitFailure::Credentials),
    ("could not read username", GitFailure::Credentials),
    ("could not read password", GitFailure::Credentials),
    ("http basic: access denied", GitFailure::Credentials),
    ("returned error: 301", GitFailure::Redirected),
    ("returned error: 302", GitFailure::Redirected),
    ("returned error: 303", GitFailure::Redirected),
    ("returned error: 307", GitFailure::Redirected),
    ("returned error: 308", GitFailure::Redirected),
    ("returned error: 401", GitFailure::Credentials),
    ("returned error: 403", GitFailure::Credentials),
    ("returned error: 407", GitFailure::Unreachable),
    ("could not resolve", GitFailure::Unreachable),
    ("couldn't resolve", GitFailure::Unreachable),
    ("failed to connect", GitFailure::Unreachable),
    ("couldn't connect", GitFailure::Unreachable),
    ("could not connect", GitFailure::Unreachable),
    ("connection refused", GitFailure::Unreachable),
    ("connection timed out", GitFailure::Unreachable),
    ("operation timed out", GitFailure::Unreachable),
    ("no route to host", GitFailure::Unreachable),
    ("network is unreachable", GitFailure::Unreachable),
    ("returned error: 502", GitFailure::Unreachable),
    ("returned error: 503", GitFailure::Unreachable),
    ("returned error: 504", GitFailure::Unreachable),
    ("unadvertised object", GitFailure::OnlyTips),
    ("mismatched algorithms", GitFailure::OtherFormat),
    ("not our ref", GitFailure::NoSuchObject),
    ("couldn't find remote ref", GitFailure::NoSuchObject),
    ("returned error: 404", GitFailure::NoSuchRepository),
    ("repository not found", GitFailure::NoSuchRepository),
    // The server answered with a login page in place of a repository.
    ("is this a git repository?", GitFailure::NoSuchRepository),
    (
        "does not appear to be a git repository",
        GitFailure::NoSuchRepository,
    ),
    ("repository does not exist", GitFailure::NoSuchRepository),
    (
        "the project you were looking for could not be found",
        GitFailure::NoSuchRepository,
    ),
];

/// Classifies a failure by the last lines of git.
///
/// Lines that a server may fill freely (`remote: …`) do not count.
pub(crate) fn failure<'a>(lines: impl Iterator<Item = &'a str>) -> GitFailure {
    let own: Vec<String> = lines
        .filter(|line| !line.starts_with("remote:"))
        .map(str::to_ascii_lowercase)
        .collect();
    let says = |words: &str| own.iter().any(|line| line.contains(words));
    let found = WORDS.iter().find(|(words, _)| says(words));
    match found {
        Some(&(_, meaning)) => meaning,
        // The URL is between the two phrases.
        None if own.iter().any(|line| is_absent_repository(line)) => GitFailure::NoSuchRepository,
        None => GitFailure::Other,
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
                GitFailure::Credentials,
            ),
            (
                "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
                GitFailure::Credentials,
            ),
            (
                "fatal: unable to access 'https://h/a/': The requested URL returned error: 403",
                GitFailure::Credentials,
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                GitFailure::Credentials,
            ),
            (
                "Load key \"/proc/7/fd/11\": error in libcrypto",
                GitFailure::Credentials,
            ),
            (
                "Host key verification failed.\nfatal: Could not read from remote repository.",
                GitFailure::HostKey,
            ),
            (
                "fatal: unable to access 'http://h/': Could not resolve host: h",
                GitFailure::Unreachable,
            ),
            (
                "fatal: unable to access 'http://127.0.0.1:1/': Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server",
                GitFailure::Unreachable,
            ),
            (
                "ssh: connect to host 127.0.0.1 port 1: Connection refused",
                GitFailure::Unreachable,
            ),
            (
                "fatal: repository 'http://127.0.0.1:1/a.git/' not found",
                GitFailure::NoSuchRepository,
            ),
            (
                "fatal: '/srv/a' does not appear to be a git repository\nfatal: Could not read from remote repository.",
                GitFailure::NoSuchRepository,
            ),
            ("ERROR: Repository not found.", GitFailure::NoSuchRepository),
            (
                "fatal: remote error: upload-pack: not our ref 1111",
                GitFailure::NoSuchObject,
            ),
            (
                "error: Server does not allow request for unadvertised object 1111",
                GitFailure::OnlyTips,
            ),
            (
                "fatal: unable to access 'https://h/': SSL certificate problem",
                GitFailure::Other,
            ),
            (
                "remote: Authentication failed\nfatal: the remote end hung up",
                GitFailure::Other,
            ),
            ("", GitFailure::Other),
        ];
        for (words, expected) in table {
            assert_eq!(failure(words.lines()), expected, "{words}");
        }
    }
}
