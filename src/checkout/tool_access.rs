//! Passes the credentials of a repository to a tool that fetches modules from the same host.
//!
//! Both tools run `git` for a module whose source is a repository. Git gets the credentials from variables: they
//! are in no argument and not on disk. Git sends a password only to the scheme, host and port of the repository,
//! and a key is used only for its host.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

use super::credentials::key_text;
use crate::checkout::git::ssh::options_text;
use crate::checkout::source::Credentials;
use crate::checkout::source::address::{Address, Scheme, parse};

const USERNAME: &str = "IAC_RUNNER_GIT_USERNAME";
const PASSWORD: &str = "IAC_RUNNER_GIT_PASSWORD";
const PRIVATE_KEY: &str = "IAC_RUNNER_GIT_PRIVATE_KEY";
/// Contains the script that calls ssh with the key.
const SSH_WITH_KEY: &str = "IAC_RUNNER_GIT_SSH_WITH_KEY";

/// Returns variables that give a tool's `git` access to repositories on the host of this one.
///
/// `first_setting` is the number of settings that `GIT_CONFIG_COUNT` already counts. `known_hosts` is a file with
/// host keys, which are not secret; required for ssh. Empty if there are no credentials to pass.
pub(crate) fn variables_for_tool(
    url: &str,
    credentials: &Credentials,
    first_setting: usize,
    known_hosts: &Path,
) -> BTreeMap<String, SecretString> {
    let Ok(address) = parse(url) else {
        return BTreeMap::new();
    };
    match (address.scheme, credentials) {
        (Scheme::Http | Scheme::Https, Credentials::Basic { username, password }) => {
            let Some(origin) = address.origin() else {
                return BTreeMap::new();
            };
            let named = |name: &str, value: String| (name.to_owned(), SecretString::from(value));
            BTreeMap::from([
                named(USERNAME, username.clone()),
                (PASSWORD.to_owned(), password.clone()),
                named("GIT_CONFIG_COUNT", (first_setting + 1).to_string()),
                named(
                    &format!("GIT_CONFIG_KEY_{first_setting}"),
                    format!("credential.{origin}.helper"),
                ),
                named(&format!("GIT_CONFIG_VALUE_{first_setting}"), helper()),
                // If the credentials are refused, no user can enter others.
                named("GIT_TERMINAL_PROMPT", "0".to_owned()),
            ])
        }
        (Scheme::Ssh, Credentials::Ssh { private_key, .. }) => BTreeMap::from([
            (PRIVATE_KEY.to_owned(), key_text(private_key)),
            (SSH_WITH_KEY.to_owned(), ssh_with_key().into()),
            (
                "GIT_SSH_COMMAND".to_owned(),
                ssh_command(known_hosts, &address).into(),
            ),
            ("GIT_SSH_VARIANT".to_owned(), "ssh".to_owned().into()),
        ]),
        (Scheme::Http | Scheme::Https | Scheme::Ssh | Scheme::File, _) => BTreeMap::new(),
    }
}

/// Returns a credential helper that prints the variables; `printf` is a shell builtin, so no process has them as
/// arguments.
fn helper() -> String {
    format!(
        "!f() {{ test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"${USERNAME}\" \"${PASSWORD}\"; }}; f"
    )
}

/// Returns a command that calls ssh with the key for the host of the repository, and calls it as usual for any
/// other host.
///
/// The last two arguments that git passes are the host, with or without a user, and a command.
fn ssh_command(known_hosts: &Path, address: &Address) -> String {
    let quoted = |text: &str| text.replace('\'', r"'\''");
    let hosts = quoted(&known_hosts.display().to_string());
    let host = quoted(address.host_name());
    let script = format!(
        r#"hosts=$1; host=$2; shift 2; to=; last=; for it; do to=$last; last=$it; done; case "$to" in "$host"|*@"$host") exec ssh-agent sh -c "${SSH_WITH_KEY}" sh "$hosts" "$@";; esac; unset {PRIVATE_KEY}; exec ssh "$@""#
    );
    format!("sh -c '{script}' sh '{hosts}' '{host}'")
}

/// Returns a script that runs ssh with its own agent, which ends with it: ssh accepts no key from a variable.
fn ssh_with_key() -> String {
    let options = options_text(&["IdentityAgent=none", "IdentitiesOnly=yes"]);
    format!(
        r#"printf "%s\n" "${PRIVATE_KEY}" | ssh-add -q - || exit 255; unset {PRIVATE_KEY}; hosts=$1; shift; ssh -F /dev/null -o IdentityFile=none -o "UserKnownHostsFile=\"$hosts\""{options} "$@"; code=$?; kill "$SSH_AGENT_PID"; exit $code"#
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use secrecy::ExposeSecret;

    use super::*;

    fn variables(url: &str, credentials: &Credentials) -> BTreeMap<String, String> {
        variables_for_tool(url, credentials, 2, Path::new("/s/known hosts"))
            .into_iter()
            .map(|(name, value)| (name, value.expose_secret().to_owned()))
            .collect()
    }

    #[test]
    fn a_login_is_for_the_origin_of_the_repository() {
        let given = variables(
            "https://git.example.com:8443/infra/a.git",
            &Credentials::token("hunter2hunter2".into()),
        );
        assert_eq!(given["GIT_CONFIG_COUNT"], "3");
        assert_eq!(
            given["GIT_CONFIG_KEY_2"],
            "credential.https://git.example.com:8443.helper"
        );
        assert_eq!(given[PASSWORD], "hunter2hunter2");
        assert!(!given["GIT_CONFIG_VALUE_2"].contains("hunter2"));
    }

    #[test]
    fn nothing_is_given_where_there_is_nothing_to_give() {
        let token = Credentials::token("hunter2hunter2".into());
        let key = Credentials::Ssh {
            private_key: "key".into(),
            known_hosts: String::new(),
        };
        for (url, credentials) in [
            ("https://h/a", &Credentials::None),
            ("https://h/a", &key),
            ("ssh://git@h/a", &token),
            ("/srv/a", &token),
            ("ext::sh", &token),
        ] {
            assert_eq!(variables(url, credentials), BTreeMap::new(), "{url}");
        }
    }

    #[test]
    fn a_key_is_in_its_variable_alone() {
        let key = Credentials::Ssh {
            private_key: "a\nkey".into(),
            known_hosts: String::new(),
        };
        let given = variables("git@h:a", &key);
        assert_eq!(given[PRIVATE_KEY], "a\nkey\n");
        let command = &given["GIT_SSH_COMMAND"];
        assert!(!command.contains("a\nkey"));
        assert!(command.ends_with(" sh '/s/known hosts' 'h'"), "{command}");
        let with_key = &given[SSH_WITH_KEY];
        assert!(!with_key.contains("a\nkey"));
        assert!(with_key.contains("StrictHostKeyChecking=yes"));
        assert!(!with_key.contains("IdentityAgent=none"));
    }

    #[test]
    fn a_key_is_used_for_the_host_of_the_repository_alone() {
        let dir = tempfile::tempdir().unwrap();
        for program in ["ssh", "ssh-agent"] {
            let path = dir.path().join(program);
            let script = format!("#!/bin/sh\necho {program} key=${{{PRIVATE_KEY}:-none}} \"$@\"\n");
            fs::write(&path, script).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let key = Credentials::Ssh {
            private_key: "key".into(),
            known_hosts: String::new(),
        };
        let path = format!("{}:/usr/bin:/bin", dir.path().display());
        let called_for = |url: &str, host: &str| {
            let output = Command::new("sh")
                .env_clear()
                .envs(variables(url, &key))
                .env("PATH", &path)
                .args([
                    "-c",
                    r#"eval "$GIT_SSH_COMMAND \"\$@\"""#,
                    "git",
                    "-p",
                    "22",
                    host,
                    "git-upload-pack '/a'",
                ])
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let own = [
            ("git@h:a", "git@h"),
            ("ssh://git@h:22/a", "git@h"),
            ("ssh://h/a", "h"),
            ("ssh://git@[::1]:22/a", "git@::1"),
        ];
        for (url, host) in own {
            let called = called_for(url, host);
            assert!(called.starts_with("ssh-agent key=key"), "{url}: {called}");
            let end = format!("/s/known hosts -p 22 {host} git-upload-pack '/a'\n");
            assert!(called.ends_with(&end), "{url}: {called}");
        }
        for host in ["git@other", "other", "git@h.example.com", "git@xh"] {
            let called = called_for("git@h:a", host);
            let expected = format!("ssh key=none -p 22 {host} git-upload-pack '/a'\n");
            assert_eq!(called, expected);
        }
    }
}
