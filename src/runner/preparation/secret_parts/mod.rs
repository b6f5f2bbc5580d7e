//! Finds parts of a value that are secret by themselves, under any name of the value.
//!
//! A tool that gets a URL or a connection string shows it in parts, in its own spelling. So each part is a separate
//! secret, both as written and as decoded, with the [`Scope`] that its format requires.

mod assignments;
mod base64_text;
mod credential_files;
mod document;
mod found;
mod keys;
mod pairs;
mod parts;
mod references;
mod shell_line;
mod url;
mod user_names;

use percent_encoding::percent_decode;

use self::found::Found;
use self::shell_line::ShellText;
use crate::output::{Scope, Secret};

/// Longest value that may be a word or a name, in bytes. Longer ones do not appear in text by chance.
const LONGEST_WORD: usize = 16;

/// Default passwords, and words that tools print by themselves. In lower case.
///
/// Only words with six or more letters, since shorter values are not masked.
const COMMON_WORDS: [&str; 49] = [
    "admin123",
    "administrator",
    "authorized_user",
    "change",
    "changeme",
    "changes",
    "create",
    "default",
    "delete",
    "destroy",
    "development",
    "disabled",
    "docker",
    "enabled",
    "external_account",
    "forget",
    "github",
    "gitlab",
    "localhost",
    "latest",
    "managed",
    "minutes",
    "monthly",
    "module",
    "number",
    "oauth2",
    "object",
    "opentofu",
    "optional",
    "output",
    "password",
    "postgres",
    "postgresql",
    "production",
    "provider",
    "replace",
    "required",
    "resource",
    "seconds",
    "secret",
    "service_account",
    "staging",
    "standard",
    "string",
    "terraform",
    "update",
    "values",
    "variable",
    "weekly",
];

/// Returns the secrets in a value: private keys, tokens with a known format, user info of URLs, values with a
/// secret name in a query or in a connection string, passwords in credentials files, and the strings in a document;
/// if the document is not secret as a whole, only those with a secret name, and the secrets within the strings.
///
/// The work and the result are bounded by the length of the value. If a value contains more, all of it is secret.
pub(crate) fn of(value: &[u8], is_secret: bool) -> Vec<Secret<'static>> {
    match std::str::from_utf8(value) {
        Ok(text) => document::secrets_in(text, is_secret),
        Err(_) => {
            let mut found = Found::for_value_of(value.len());
            found.add_all(parts::of_bytes(value));
            found.add_all(ShellText::of(value).secrets);
            found.of(value)
        }
    }
}

/// Returns a value that is secret as a whole.
pub(crate) fn whole(value: &[u8]) -> Secret<'_> {
    let scope = if document::is_document(value) {
        Scope::Whole
    } else {
        Scope::Anywhere
    };
    Secret {
        value: value.into(),
        scope,
    }
}

/// Adds a password, both as written and percent-decoded.
///
/// A password that equals its user's name is not secret elsewhere: the name is shown.
fn add<'a>(written: &'a [u8], user: &[u8], to: &mut Vec<Secret<'a>>) {
    let scope = scope_of(written, user);
    for value in [written.into(), percent_decode(written).into()] {
        to.push(Secret { value, scope });
    }
}

/// Adds the pieces of a value between separators, since a tool that fails at a separator shows the text beside it.
fn add_pieces<'a>(value: &'a [u8], separators: &[u8], to: &mut Vec<Secret<'a>>) {
    for piece in value.split(|byte| separators.contains(byte)) {
        add(piece, b"", to);
    }
}

fn scope_of(value: &[u8], user: &[u8]) -> Scope {
    let is_all = |is_right: fn(&u8) -> bool| value.iter().all(is_right);
    if value.len() > LONGEST_WORD || !is_all(|it| it.is_ascii_alphanumeric() || b"_-".contains(it))
    {
        Scope::Anywhere
    } else if value.eq_ignore_ascii_case(user) || is_common(value) {
        Scope::Place
    } else if is_all(|it| !it.is_ascii_digit()) || is_all(u8::is_ascii_digit) {
        Scope::Word
    } else {
        Scope::Anywhere
    }
}

fn is_common(value: &[u8]) -> bool {
    COMMON_WORDS
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Returns the values of secrets, for comparison in tests.
#[cfg(test)]
fn texts(secrets: &[Secret<'_>]) -> Vec<String> {
    secrets
        .iter()
        .map(|it| String::from_utf8_lossy(&it.value).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_password_says_where_it_counts() {
        let table = [
            ("hunter2s3", "admin", Scope::Anywhere),
            ("p@ssword", "admin", Scope::Anywhere),
            ("qjxkwzvb", "admin", Scope::Word),
            ("correct-horse", "admin", Scope::Word),
            ("12345678", "admin", Scope::Word),
            ("correcthorsebattery", "admin", Scope::Anywhere),
            ("app_user1", "app_user1", Scope::Place),
            ("Terraform", "terraform", Scope::Place),
            ("postgres", "admin", Scope::Place),
            ("Password", "admin", Scope::Place),
            // A token in both places is not a name.
            (
                "ghp_0123456789abcdef",
                "ghp_0123456789abcdef",
                Scope::Anywhere,
            ),
        ];
        for (password, user, scope) in table {
            let found = scope_of(password.as_bytes(), user.as_bytes());
            assert_eq!(found, scope, "{user}:{password}");
        }
    }
}
