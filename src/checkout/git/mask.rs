//! Masks secrets in git's output.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use crate::checkout::source::Credentials;

/// Replaces a secret.
const MASK: &str = "***";
/// A shorter value is part of too many words to be masked, and too short to be a secret.
const MIN_CHARS: usize = 4;
/// A shorter line of a key reveals nothing about it.
const MIN_KEY_LINE: usize = 16;
/// Characters that git does not escape when it writes a user name or password into a URL.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The forms in which the secrets of a checkout may appear.
///
/// Git itself prints none of them; a server or a proxy may send back what it received.
#[derive(Default)]
pub(crate) struct GitMask {
    /// Longest first, so that masking a short form does not leave the rest of a longer form.
    forms: Vec<SecretString>,
}

impl GitMask {
    /// Collects the forms of these credentials, and of passwords in the URLs of proxies.
    pub(crate) fn of<'a>(
        credentials: &Credentials,
        proxies: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut forms = Vec::new();
        match credentials {
            Credentials::None => {}
            Credentials::Basic { username, password } => {
                let password = password.expose_secret();
                forms.push(STANDARD.encode(format!("{username}:{password}")));
                forms.extend(forms_of(password));
            }
            Credentials::Ssh { private_key, .. } => {
                let lines = private_key.expose_secret().lines().map(str::trim);
                forms.extend(
                    lines
                        .filter(|line| line.len() >= MIN_KEY_LINE && !line.starts_with("-----"))
                        .map(str::to_owned),
                );
            }
        }
        for password in proxies.filter_map(password_in) {
            forms.extend(forms_of(password));
        }
        forms.retain(|form| form.chars().count() >= MIN_CHARS);
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self {
            forms: forms.into_iter().map(SecretString::from).collect(),
        }
    }

    pub(crate) fn apply(&self, text: &str) -> String {
        self.forms.iter().fold(text.to_owned(), |text, form| {
            text.replace(form.expose_secret(), MASK)
        })
    }
}

impl fmt::Debug for GitMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} forms)", self.forms.len())
    }
}

/// Returns the secret unchanged and as escaped in a URL: git writes `%2f`, others `%2F`.
fn forms_of(secret: &str) -> [String; 4] {
    let upper = utf8_percent_encode(secret, UNRESERVED).to_string();
    let mut lower = String::new();
    let mut pieces = upper.split('%');
    lower.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        lower.push('%');
        lower.push_str(&digits.to_ascii_lowercase());
        lower.push_str(rest);
    }
    [secret.to_owned(), upper, lower, STANDARD.encode(secret)]
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
        assert_eq!(basic("abc").apply("abc"), "abc");
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
