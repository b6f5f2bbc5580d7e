//! Builds the complete environment of git and its configuration, from nothing.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::path::Path;

use super::ssh::ssh_command;
use crate::checkout::credentials::offer::Offer;
use crate::checkout::git::route::Route;
use crate::checkout::source::address::{Address, Scheme};

/// Variables passed on from this process: proxies, and the certificates to trust.
const PASSED_ON: [&str; 14] = [
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "TMPDIR",
    "PATH",
    // git reads only the lower-case form, but ssh's proxy programs do not.
    "HTTP_PROXY",
];

/// Search path when this process has no `PATH`.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Protocols that git may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AllowedProtocols {
    /// Those of the source.
    Source,
    /// Those of the source, and https for its submodules.
    Submodules,
    /// Files: the mirror on this machine.
    Mirror,
}

/// Builds the environment of one git call from that of this process.
///
/// `ceiling` is the directory above which git does not look for a repository.
pub(crate) fn environment(
    own: &BTreeMap<OsString, OsString>,
    address: &Address,
    offer: Offer,
    reach: AllowedProtocols,
    route: &Route,
    ceiling: &Path,
) -> BTreeMap<OsString, OsString> {
    let mut built: BTreeMap<OsString, OsString> = PASSED_ON
        .iter()
        .filter_map(|&name| Some((name.into(), own.get(&OsString::from(name))?.clone())))
        .collect();
    built
        .entry("PATH".into())
        .or_insert_with(|| DEFAULT_PATH.into());
    if let Some(file) = own.get(&OsString::from("SSL_CERT_FILE")) {
        // Of the two names, git only knows its own.
        built
            .entry("GIT_SSL_CAINFO".into())
            .or_insert_with(|| file.clone());
    }
    built.insert("GIT_CEILING_DIRECTORIES".into(), ceiling.into());
    for (name, value) in [
        // Nothing can be below this path.
        ("HOME", "/dev/null"),
        ("LANG", "C"),
        ("LC_ALL", "C"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_ATTR_NOSYSTEM", "1"),
        ("GIT_SSH_VARIANT", "ssh"),
    ] {
        built.insert(name.into(), value.into());
    }
    built.insert(
        "GIT_SSH_COMMAND".into(),
        ssh_command(offer, &route.ssh_options).into(),
    );
    let mut settings = configuration(address, offer, reach);
    settings.extend_from_slice(&route.settings);
    if let Some(proxy) = &route.proxy {
        built.retain(|name, _| !is_proxy_variable(name));
        settings.extend(proxy.settings());
        if let (Offer::Login { login }, Some((given, other))) = (offer, &proxy.respelled)
            && address.origin().as_ref() == Some(given)
        {
            settings.push((format!("credential.{other}.helper"), helper(login)));
        }
    }
    built.insert("GIT_CONFIG_COUNT".into(), settings.len().to_string().into());
    for (number, (key, value)) in settings.into_iter().enumerate() {
        built.insert(format!("GIT_CONFIG_KEY_{number}").into(), key.into());
        built.insert(format!("GIT_CONFIG_VALUE_{number}").into(), value.into());
    }
    built
}

/// Returns whether a variable names a proxy, or hosts without one.
pub(crate) fn is_proxy_variable(name: &OsStr) -> bool {
    let name = name.to_str().map(str::to_ascii_lowercase);
    name.is_some_and(|name| name.ends_with("_proxy"))
}

/// Returns git's configuration, which submodules inherit.
fn configuration(
    address: &Address,
    offer: Offer,
    reach: AllowedProtocols,
) -> Vec<(String, String)> {
    let mut settings: Vec<(String, String)> = [
        // Run nothing that the repository or this machine provides.
        ("core.hooksPath", "/dev/null"),
        ("core.fsmonitor", "false"),
        ("core.askPass", ""),
        ("credential.helper", ""),
        // Leave nothing running in the background.
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("submodule.recurse", "false"),
        ("fetch.recurseSubmodules", "false"),
        ("advice.detachedHead", "false"),
        ("init.defaultBranch", "main"),
        ("transfer.credentialsInUrl", "die"),
        ("protocol.version", "2"),
        // For a git that outlives this process: five minutes without a byte. A working server sends some every few
        // seconds.
        ("http.lowSpeedLimit", "1"),
        ("http.lowSpeedTime", "300"),
        ("protocol.allow", "never"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec();
    for protocol in protocols(address.scheme, reach) {
        settings.push((format!("protocol.{protocol}.allow"), "always".to_owned()));
    }
    if let (Offer::Login { login }, Some(origin)) = (offer, address.origin()) {
        settings.push((format!("credential.{origin}.helper"), helper(login)));
    }
    settings
}

/// A server may redirect from http to https, never the other way.
const fn protocols(scheme: Scheme, reach: AllowedProtocols) -> &'static [&'static str] {
    match (reach, scheme) {
        (AllowedProtocols::Mirror, _) | (AllowedProtocols::Source, Scheme::File) => &["file"],
        (AllowedProtocols::Source | AllowedProtocols::Submodules, Scheme::Https) => &["https"],
        (AllowedProtocols::Source | AllowedProtocols::Submodules, Scheme::Http) => {
            &["http", "https"]
        }
        (AllowedProtocols::Source, Scheme::Ssh) => &["ssh"],
        (AllowedProtocols::Submodules, Scheme::Ssh) => &["ssh", "https"],
        (AllowedProtocols::Submodules, Scheme::File) => &["file", "https"],
    }
}

/// Returns a credential helper that prints the contents of the descriptor.
///
/// Git runs it only for the scheme, host and port for which it is configured, so a redirect or a submodule
/// elsewhere gets nothing. It replaces an askpass program, which would be an executable file and would have to
/// parse the host from a prompt.
/// executed and would have to read the host out of a prompt.
fn helper(login: RawFd) -> String {
    format!("!f() {{ test \"$1\" = get && cat /proc/self/fd/{login}; }}; f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkout::git::route::ProxyRoute;
    use crate::checkout::source::address;

    fn built(url: &str, offer: Offer, reach: AllowedProtocols) -> BTreeMap<String, String> {
        built_with(url, offer, reach, &Route::default())
    }

    fn built_with(
        url: &str,
        offer: Offer,
        reach: AllowedProtocols,
        route: &Route,
    ) -> BTreeMap<String, String> {
        let own = [
            ("PATH", "/opt/bin"),
            ("HOME", "/root"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("GIT_DIR", "/elsewhere"),
            ("GIT_TRACE_CURL", "1"),
            ("SSH_AUTH_SOCK", "/run/agent"),
            ("https_proxy", "http://proxy:3128"),
            ("SSL_CERT_FILE", "/etc/ca.pem"),
        ]
        .map(|(name, value)| (name.into(), value.into()));
        let address = address::parse(url).unwrap();
        environment(
            &own.into(),
            &address,
            offer,
            reach,
            route,
            Path::new("/work"),
        )
        .into_iter()
        .map(|(name, value)| (name.into_string().unwrap(), value.into_string().unwrap()))
        .collect()
    }

    fn settings(built: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
        let count: usize = built["GIT_CONFIG_COUNT"].parse().unwrap();
        (0..count)
            .map(|number| {
                (
                    built[&format!("GIT_CONFIG_KEY_{number}")].as_str(),
                    built[&format!("GIT_CONFIG_VALUE_{number}")].as_str(),
                )
            })
            .collect()
    }

    #[test]
    fn nothing_of_the_host_is_passed_on_but_path_proxies_and_trust() {
        let built = built(
            "https://example.com/a",
            Offer::Nothing,
            AllowedProtocols::Source,
        );
        let kept: Vec<_> = built
            .keys()
            .filter(|name| !name.starts_with("GIT_CONFIG_"))
            .map(String::as_str)
            .collect();
        assert_eq!(
            kept,
            [
                "GIT_ATTR_NOSYSTEM",
                "GIT_CEILING_DIRECTORIES",
                "GIT_SSH_COMMAND",
                "GIT_SSH_VARIANT",
                "GIT_SSL_CAINFO",
                "GIT_TERMINAL_PROMPT",
                "HOME",
                "LANG",
                "LC_ALL",
                "PATH",
                "SSL_CERT_FILE",
                "https_proxy",
            ]
        );
        assert_eq!(built["PATH"], "/opt/bin");
        assert_eq!(built["HOME"], "/dev/null");
        assert_eq!(built["GIT_SSL_CAINFO"], "/etc/ca.pem");
        assert_eq!(built["GIT_CONFIG_GLOBAL"], "/dev/null");
        assert_eq!(built["GIT_CONFIG_NOSYSTEM"], "1");
    }

    #[test]
    fn only_the_wanted_protocols_are_open() {
        let table: [(&str, AllowedProtocols, &[&str]); 7] = [
            ("https://h/a", AllowedProtocols::Source, &["https"]),
            ("https://h/a", AllowedProtocols::Submodules, &["https"]),
            ("http://h/a", AllowedProtocols::Source, &["http", "https"]),
            ("git@h:a", AllowedProtocols::Source, &["ssh"]),
            ("git@h:a", AllowedProtocols::Submodules, &["ssh", "https"]),
            ("/a", AllowedProtocols::Submodules, &["file", "https"]),
            ("https://h/a", AllowedProtocols::Mirror, &["file"]),
        ];
        for (url, reach, expected) in table {
            let built = built(url, Offer::Nothing, reach);
            let settings = settings(&built);
            assert!(settings.contains(&("protocol.allow", "never")));
            let open: Vec<_> = settings
                .iter()
                .filter(|(key, value)| key.starts_with("protocol.") && *value == "always")
                .map(|(key, _)| key.split('.').nth(1).unwrap())
                .collect();
            assert_eq!(open, expected, "{url} {reach:?}");
        }
    }

    #[test]
    fn a_login_is_for_one_origin_after_all_helpers_are_cleared() {
        let built = built(
            "https://example.com:8443/a/b",
            Offer::Login { login: 17 },
            AllowedProtocols::Source,
        );
        let settings = settings(&built);
        let place = |wanted| settings.iter().position(|(key, _)| *key == wanted).unwrap();
        let scoped = place("credential.https://example.com:8443.helper");
        assert!(place("credential.helper") < scoped);
        assert!(settings[scoped].1.contains("cat /proc/self/fd/17;"));
    }

    #[test]
    fn a_proxy_of_the_checkout_replaces_those_of_this_process() {
        let respelled = ("http://127.0.0.1:8080", "http://127.0.0.1.:8080");
        let route = Route {
            proxy: Some(ProxyRoute {
                url: "http://127.0.0.1:9".to_owned(),
                connect_ports: vec![9],
                respelled: Some((respelled.0.to_owned(), respelled.1.to_owned())),
            }),
            ..Route::default()
        };
        let table = [
            ("http://127.0.0.1:8080/a", true),
            ("http://127.0.0.1:8081/a", false),
        ];
        for (url, has_login) in table {
            let offer = Offer::Login { login: 17 };
            let built = built_with(url, offer, AllowedProtocols::Source, &route);
            assert!(!built.contains_key("https_proxy"), "{url}");
            let settings = settings(&built);
            for setting in [
                ("http.proxy", "http://127.0.0.1:9"),
                (
                    "url.http://127.0.0.1.:8080/.insteadOf",
                    "http://127.0.0.1:8080/",
                ),
                ("lfs.transfer.enablehrefrewrite", "true"),
            ] {
                assert!(settings.contains(&setting), "{url}: {setting:?}");
            }
            let wanted = "credential.http://127.0.0.1.:8080.helper";
            let found = settings.iter().any(|(name, _)| *name == wanted);
            assert_eq!(found, has_login, "{url}");
        }
    }
}
