//! Masks secrets in git's output.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use crate::checkout::source::Credentials;
use crate::output::Matcher;

/// A shorter line of a key reveals nothing about it.
const MIN_KEY_LINE: usize = 16;

/// Masks the secrets of a checkout, with the same rules as the output of a tool.
///
/// Git itself prints none of them; a server or a proxy may send back what it received.
pub(crate) struct GitMask(Matcher);

impl GitMask {
    /// Masks these credentials, and the passwords in the URLs of proxies.
    pub(crate) fn of<'a>(
        credentials: &Credentials,
        proxies: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut secrets: Vec<&str> = proxies.filter_map(password_in).collect();
        let login;
        match credentials {
            Credentials::None => {}
            Credentials::Basic { username, password } => {
                let password = password.expose_secret();
                login = STANDARD.encode(format!("{username}:{password}"));
                secrets.extend([password, &login]);
            }
            Credentials::Ssh { private_key, .. } => {
                let lines = private_key.expose_secret().lines().map(str::trim);
                secrets.extend(
                    lines.filter(|line| line.len() >= MIN_KEY_LINE && !line.starts_with("-----")),
                );
            }
        }
        Self(Matcher::new(secrets.into_iter().map(str::as_bytes)))
    }

    pub(crate) fn apply(&self, text: &str) -> String {
        self.0.mask(text)
    }
}

impl fmt::Debug for GitMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GitMask(***)")
    }
}

/// Returns the password in a URL, unchanged.
fn password_in(url: &str) -> Option<&str> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let user_info = authority.rsplit_once('@')?.0;
    Some(user_info.split_once(':')?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(password: &str) -> GitMask {
        let credentials = Credentials::Basic {
            username: "me".to_owned(),
            password: password.into(),
        };
        GitMask::of(&credentials, std::iter::empty())
    }

    #[test]
    fn every_form_of_a_password_is_masked() {
        let mask = basic("s3cr/t+pä");
        for form in [
            "s3cr/t+pä",
            "s3cr%2Ft%2Bp%C3%A4",
            "s3cr%2ft%2bp%c3%a4",
            &STANDARD.encode("me:s3cr/t+pä"),
        ] {
            assert_eq!(mask.apply(&format!("a {form} b")), "a *** b", "{form}");
        }
        assert!(!format!("{mask:?}").contains("s3cr"));
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_masks_nothing() {
        assert_eq!(basic("abcde").apply("abcde"), "abcde");
    }

    #[test]
    fn lines_of_a_key_and_passwords_of_proxies_are_masked() {
        let credentials = Credentials::Ssh {
            private_key: "-----BEGIN X-----\nb3BlbnNzaC1rZXktdjEA\n-----END X-----\n".into(),
            known_hosts: String::new(),
        };
        let proxies = ["http://me:pr0xyp4ss@proxy:3128", "http://proxy:3128"];
        let mask = GitMask::of(&credentials, proxies.into_iter());
        assert_eq!(
            mask.apply("b3BlbnNzaC1rZXktdjEA pr0xyp4ss -----END X-----"),
            "*** *** -----END X-----"
        );
    }
}
