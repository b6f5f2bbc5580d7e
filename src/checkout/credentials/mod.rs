//! Passes credentials to git, and to no other process.

pub(super) mod offer;

use secrecy::{ExposeSecret, SecretString};

use self::offer::Offer;
use super::CheckoutError;
use super::source::Credentials;
use super::source::address::Scheme;
use crate::process::InheritedMemfd;

/// Credentials in memory, and how git accesses them.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) handed: Vec<InheritedMemfd>,
    pub(super) offer: Offer,
}

/// Puts credentials where a child can read them.
pub(super) fn login(credentials: &Credentials, scheme: Scheme) -> Result<Login, CheckoutError> {
    let unfit = |reason| Err(CheckoutError::UnfitCredentials { reason });
    match (scheme, credentials) {
        (Scheme::File, _) | (Scheme::Http | Scheme::Https, Credentials::None) => Ok(Login {
            handed: Vec::new(),
            offer: Offer::Nothing,
        }),
        (Scheme::Http | Scheme::Https, Credentials::Basic { username, password }) => {
            let Some(text) = helper_text(username, password) else {
                return unfit("a user name or password holds a line break or NUL");
            };
            let login = hand("git-login", text.expose_secret())?;
            Ok(Login {
                offer: Offer::Login {
                    login: login.number(),
                },
                handed: vec![login],
            })
        }
        (
            Scheme::Ssh,
            Credentials::Ssh {
                private_key,
                known_hosts,
            },
        ) => {
            let private_key = hand("git-key", key_text(private_key).expose_secret())?;
            let known_hosts = hand("git-known-hosts", known_hosts)?;
            Ok(Login {
                offer: Offer::Key {
                    private_key: private_key.number(),
                    known_hosts: known_hosts.number(),
                },
                handed: vec![private_key, known_hosts],
            })
        }
        (Scheme::Ssh, Credentials::None | Credentials::Basic { .. }) => {
            unfit("an ssh URL needs a private key and known hosts")
        }
        (Scheme::Http | Scheme::Https, Credentials::Ssh { .. }) => {
            unfit("an http or https URL needs a token, or user name and password")
        }
    }
}

/// Returns the text of a credential helper, or `None` if git would misread it.
fn helper_text(username: &str, password: &SecretString) -> Option<SecretString> {
    let password = password.expose_secret();
    let breaks = |text: &str| text.contains(['\n', '\r', '\0']);
    (!breaks(username) && !breaks(password))
        .then(|| format!("username={username}\npassword={password}\n").into())
}

/// Returns the key with the line ends that OpenSSH requires: one at the end, and no carriage returns.
pub(super) fn key_text(private_key: &SecretString) -> SecretString {
    let mut text = private_key.expose_secret().replace("\r\n", "\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.into()
}

fn hand(name: &str, text: &str) -> Result<InheritedMemfd, CheckoutError> {
    InheritedMemfd::new(name, text.as_bytes()).map_err(CheckoutError::Run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_fit_their_scheme_or_are_refused() {
        let basic = Credentials::token("hunter2".into());
        let ssh = Credentials::Ssh {
            private_key: "key".into(),
            known_hosts: String::new(),
        };
        let table = [
            (Scheme::Https, &basic, true),
            (Scheme::Https, &Credentials::None, true),
            (Scheme::Https, &ssh, false),
            (Scheme::Ssh, &ssh, true),
            (Scheme::Ssh, &basic, false),
            (Scheme::Ssh, &Credentials::None, false),
            (Scheme::File, &basic, true),
        ];
        for (scheme, credentials, fits) in table {
            assert_eq!(
                login(credentials, scheme).is_ok(),
                fits,
                "{scheme:?} {credentials:?}"
            );
        }
    }

    #[test]
    fn what_git_would_misread_is_refused() {
        for (username, password, fits) in [
            ("a", "b", true),
            ("a\nb", "c", false),
            ("a", "b\r", false),
            ("a", "\0", false),
        ] {
            assert_eq!(helper_text(username, &password.into()).is_some(), fits);
        }
    }

    #[test]
    fn a_key_ends_as_openssh_wants_it() {
        for given in ["a\nb", "a\nb\n", "a\r\nb\r\n"] {
            assert_eq!(key_text(&given.into()).expose_secret(), "a\nb\n");
        }
    }
}
