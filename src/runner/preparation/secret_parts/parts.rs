//! Finds the secrets that a text contains in its own format, whether it is a whole value or a string in a document.

use super::{Secret, assignments, credential_files, keys, pairs, url};

/// Least number of pairs in a line of a text for the line to be a connection string.
const MIN_PAIRS: usize = 2;

/// Returns the secrets in URLs, connection strings, assignments, keys and tokens.
pub(crate) fn secrets_in(text: &str) -> Vec<Secret<'_>> {
    let mut found = of_bytes(text.as_bytes());
    found.extend(keys::secrets_in(text));
    found.extend(credential_files::secrets_in(text));
    found
}

/// Returns the same for a text that may not be UTF-8, except for keys, tokens and credential files.
pub(crate) fn of_bytes(text: &[u8]) -> Vec<Secret<'_>> {
    let mut found = url::secrets_in(text);
    found.extend(url::secrets_of_dsn(text));
    found.extend(assignments::secrets_in(text));
    let text = text.trim_ascii();
    if text.contains(&b'\n') {
        for line in text.split(|&byte| byte == b'\n') {
            found.extend(pairs::secrets_in(line, MIN_PAIRS));
        }
    } else {
        found.extend(pairs::secrets_in(text, 1));
    }
    found
}
