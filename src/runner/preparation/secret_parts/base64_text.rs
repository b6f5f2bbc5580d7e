//! Texts in base64.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shortest text that is decoded as base64.
const MIN_BASE64_BYTES: usize = 12;

/// Decodes a base64 text.
pub(crate) fn from_base64(text: &str) -> Option<String> {
    let is_of_base64 = |it: u8| it.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(&it);
    if text.len() < MIN_BASE64_BYTES || !text.bytes().all(is_of_base64) {
        return None;
    }
    let text = text.replace(['\r', '\n'], "");
    let text = text.trim_end_matches('=');
    let decoded = STANDARD_NO_PAD
        .decode(text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(text))
        .ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let is_text = |it: char| !it.is_control() || matches!(it, '\t' | '\r' | '\n');
    decoded.chars().all(is_text).then_some(decoded)
}

/// Returns the password of `user:password` in base64 (RFC 7617), with or without a `Basic` prefix.
pub(crate) fn password_in_base64(value: &str) -> Option<String> {
    let decoded = from_base64(after_scheme(value).unwrap_or(value).trim())?;
    let (_, password) = decoded.split_once(':')?;
    Some(password.to_owned())
}

/// Returns the same for a value that may be something else: without the prefix, a text with white space behind a colon
/// is a sentence.
pub(crate) fn basic_password(value: &str) -> Option<String> {
    let is_marked = after_scheme(value).is_some();
    password_in_base64(value).filter(|it| is_marked || !it.contains(char::is_whitespace))
}

/// Returns what follows the `Basic` prefix.
fn after_scheme(value: &str) -> Option<&str> {
    let (scheme, encoded) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then_some(encoded)
}
