//! The credentials of a repository for a tool that fetches modules from the same host.
//!
//! Both tools run `git` for a module whose source is a repository. It finds the credentials through variables: nothing
//! is in an argument or on disk, and git hands a password to the scheme, host and port of the repository alone.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

use super::address::{Scheme, parse};
use super::login::key_text;
use super::source::Credentials;
use super::ssh::options_text;

const USERNAME: &str = "IAC_RUNNER_GIT_USERNAME";
const PASSWORD: &str = "IAC_RUNNER_GIT_PASSWORD";
const PRIVATE_KEY: &str = "IAC_RUNNER_GIT_PRIVATE_KEY";

/// Variables with which a tool's `git` opens repositories on the host of this one.
///
/// `first_setting` is how many settings `GIT_CONFIG_COUNT` counts already. `known_hosts` is a file that holds the keys of
/// hosts, which are not secret; needed for ssh. Empty where there is nothing to give.
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
                // Where the credentials are refused, nobody is there to be asked for others.
                named("GIT_TERMINAL_PROMPT", "0".to_owned()),
            ])
        }
        (Scheme::Ssh, Credentials::Ssh { private_key, .. }) => BTreeMap::from([
            (PRIVATE_KEY.to_owned(), key_text(private_key)),
            (
                "GIT_SSH_COMMAND".to_owned(),
                ssh_command(known_hosts).into(),
            ),
            ("GIT_SSH_VARIANT".to_owned(), "ssh".to_owned().into()),
        ]),
        (Scheme::Http | Scheme::Https | Scheme::Ssh | Scheme::File, _) => BTreeMap::new(),
    }
}

/// A credential helper that says what the variables hold; `printf` is part of the shell, so no process has it as an
/// argument.
fn helper() -> String {
    format!(
        "!f() {{ test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"${USERNAME}\" \"${PASSWORD}\"; }}; f"
    )
}

/// An ssh with an agent of its own, which is ended with it: ssh takes no key from a variable.
fn ssh_command(known_hosts: &Path) -> String {
    let options = options_text(&["IdentityAgent=none", "IdentitiesOnly=yes"]);
    let hosts = known_hosts.display().to_string().replace('\'', r"'\''");
    // The quotes around the path are those of the inner shell, which gets it as an argument.
    let script = format!(
        r#"printf "%s\n" "${PRIVATE_KEY}" | ssh-add -q - || exit 255; unset {PRIVATE_KEY}; hosts=$1; shift; ssh -F /dev/null -o IdentityFile=none -o "UserKnownHostsFile=\"$hosts\""{options} "$@"; code=$?; kill "$SSH_AGENT_PID"; exit $code"#
    );
    format!("ssh-agent sh -c '{script}' sh '{hosts}'")
}

#[cfg(test)]
mod tests {
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
        assert!(command.ends_with(" sh '/s/known hosts'"), "{command}");
        assert!(command.contains("StrictHostKeyChecking=yes"));
        assert!(!command.contains("IdentityAgent=none"));
    }
}
