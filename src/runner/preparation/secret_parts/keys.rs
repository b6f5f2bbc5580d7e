//! Finds private keys and tokens by their format, under any name.

use super::Secret;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// Documented prefixes of tokens of well-known services.
const PREFIXES: [&str; 24] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glrt-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "sk_live_",
    "rk_live_",
    "hvs.",
    "hvb.",
    "hvr.",
    "npm_",
    "dop_v1_",
    "SG.",
    "AIza",
    "ATATT",
    "tfp_",
    "pul-",
];
/// What is in the middle of a token of HCP Terraform.
const OF_HCP_TERRAFORM: &str = ".atlasv1.";
/// Shortest token without a digit behind `Bearer`; a shorter one may be a word of a sentence.
const MIN_BEARER_BYTES: usize = 16;
/// Shortest token; a shorter text with such a beginning may be a name.
const MIN_TOKEN_BYTES: usize = 20;

/// Returns the PEM private keys in a text, without their first and last lines, which all keys share, and the
/// tokens.
pub(crate) fn secrets_in(text: &str) -> Vec<Secret<'_>> {
    let mut found = private_keys(text);
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let words = text.split(|c| !is_of_token(c));
    found.extend(
        words
            .filter(|word| word.len() >= MIN_TOKEN_BYTES && is_token(word))
            .map(|word| Secret::anywhere(word.as_bytes())),
    );
    found.extend(bearer_tokens(text).map(|token| Secret::anywhere(token.as_bytes())));
    found
}

/// Returns the bodies of PEM private keys. A key without an end goes on until the next one begins.
fn private_keys(text: &str) -> Vec<Secret<'_>> {
    let keys = text.split(BEGIN).skip(1).filter_map(|after| {
        let (label, body) = after.split_once(DASHES)?;
        let is_private = label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK");
        let body = body.split_once(END).map_or(body, |(body, _)| body);
        is_private.then(|| Secret::anywhere(trimmed(body).as_bytes()))
    });
    keys.collect()
}

/// Removes line ends at both ends of a text, including those written as `\n`.
fn trimmed(mut text: &str) -> &str {
    loop {
        let shorter = text.trim();
        let shorter = shorter.strip_prefix("\\r").unwrap_or(shorter);
        let shorter = shorter.strip_prefix("\\n").unwrap_or(shorter);
        let shorter = shorter.strip_suffix("\\n").unwrap_or(shorter);
        let shorter = shorter.strip_suffix("\\r").unwrap_or(shorter);
        if shorter.len() == text.len() {
            return text;
        }
        text = shorter;
    }
}

fn is_token(word: &str) -> bool {
    has_prefix(word) || is_signed(word) || word.contains(OF_HCP_TERRAFORM)
}

/// What follows `Bearer` in a header (RFC 6750).
fn bearer_tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    text.split("Bearer ").skip(1).filter_map(move |after| {
        let token = after.trim_start();
        let token = &token[..token.find(|c| !is_of_token(c)).unwrap_or(token.len())];
        let is_word =
            token.len() < MIN_BEARER_BYTES && !token.contains(|c: char| c.is_ascii_digit());
        (!is_word && !is_token(token)).then_some(token)
    })
}

fn has_prefix(word: &str) -> bool {
    PREFIXES.iter().any(|prefix| word.starts_with(prefix))
}

/// Returns whether this is a JSON Web Token (RFC 7519): three parts, of which the first two are JSON objects in
/// base64.
fn is_signed(word: &str) -> bool {
    let parts: Vec<_> = word.split('.').collect();
    parts.len() == 3 && parts[..2].iter().all(|part| part.starts_with("eyJ"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::preparation::secret_parts::texts;

    #[test]
    fn keys_and_tokens_are_recognised_by_their_form() {
        let table: [(&str, &[&str]); 12] = [
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQ\nBKcwgg\n-----END RSA PRIVATE KEY-----\n",
                &["MIIEvQ\nBKcwgg"],
            ),
            (
                "-----BEGIN PRIVATE KEY-----\\nMIIEvQ\\n-----END PRIVATE KEY-----\\n",
                &["MIIEvQ"],
            ),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz",
                &["b3BlbnNz"],
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nb3BlbnNz\n-----BEGIN PRIVATE KEY-----\nMIIEvQ\n",
                &["b3BlbnNz", "MIIEvQ"],
            ),
            (
                "-----BEGIN CERTIFICATE-----\nMIIEvQ\n-----END CERTIFICATE-----\n\
                 -----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----",
                &["MHcCAQ"],
            ),
            (
                "Authorization: Bearer ghp_0123456789abcdefghijABCDEFGHIJ",
                &["ghp_0123456789abcdefghijABCDEFGHIJ"],
            ),
            (
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
                &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"],
            ),
            (
                "Authorization: Bearer 0123456789abcdefghij==, or Bearer of a message",
                &["0123456789abcdefghij=="],
            ),
            (
                "token = aBcDeFgHiJkLmN.atlasv1.0123456789-abcdefghij",
                &["aBcDeFgHiJkLmN.atlasv1.0123456789-abcdefghij"],
            ),
            ("npm_config_registry", &[]),
            (
                "-----BEGIN PUBLIC KEY-----\nMIIEvQ\n-----END PUBLIC KEY-----",
                &[],
            ),
            ("example.com.eyJ.eyJ", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(texts(&secrets_in(text)), expected, "{text}");
        }
    }
}
