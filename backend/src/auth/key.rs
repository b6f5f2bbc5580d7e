//! API keys: generation, parsing and comparison.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

/// Prefix of every key, for scanners that look for leaked secrets.
const PREFIX: &str = "iac_";
/// Bytes of a key id: enough to distinguish all keys that will ever exist.
const ID_BYTES: usize = 6;
/// Bytes of a key's secret. So many random bytes need no slow hash: they cannot be guessed.
const SECRET_BYTES: usize = 32;

/// Public id of a key, for lookup and revocation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

/// A key as its owner has it: `iac_<id>_<secret>`. It is shown once and never stored.
#[derive(Clone, Debug)]
pub struct KeyText {
    id: KeyId,
    /// The whole text.
    text: SecretString,
    digest: KeyDigest,
}

/// SHA-256 of a key's secret; only this is stored.
#[derive(Clone, Debug)]
pub struct KeyDigest([u8; 32]);

/// The text does not have the form of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this has not the form of a key")]
pub struct NotAKey;

impl KeyText {
    /// Generates a random key.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut name = [0; ID_BYTES];
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        getrandom::fill(&mut name)?;
        getrandom::fill(secret.as_mut())?;
        let id = KeyId(hex(&name));
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_ref()));
        let text = format!("{PREFIX}{id}_{}", encoded.as_str());
        Ok(Self {
            digest: KeyDigest::of(secret.as_ref()),
            text: text.into(),
            id,
        })
    }

    /// Parses a presented key.
    ///
    /// # Errors
    /// It does not have the form of a key.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let (id, encoded) = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'))
            .ok_or(NotAKey)?;
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).map_err(|_| NotAKey)?);
        if secret.len() != SECRET_BYTES {
            return Err(NotAKey);
        }
        Ok(Self {
            id: id.parse()?,
            text: text.into(),
            digest: KeyDigest::of(&secret),
        })
    }

    /// Returns the public id.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// Returns the digest of the secret, to be stored.
    pub const fn digest(&self) -> &KeyDigest {
        &self.digest
    }

    /// Returns the whole text, for its owner.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

impl KeyDigest {
    fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Reads a stored digest; `None` if its length is wrong.
    pub fn kept(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the bytes to store.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns whether both digests are equal, in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 2 * ID_BYTES && text.bytes().all(is_hex))
            .then(|| Self(text.to_owned()))
            .ok_or(NotAKey)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_written_and_read_is_the_same() {
        let made = KeyText::generate().unwrap();
        let read = KeyText::parse(made.expose()).unwrap();
        assert_eq!(made.id(), read.id());
        assert!(made.digest().matches(read.digest()));
        let kept = KeyDigest::kept(made.digest().bytes()).unwrap();
        assert!(kept.matches(read.digest()));
    }

    #[test]
    fn two_keys_differ_and_so_do_their_digests() {
        let (one, other) = (KeyText::generate().unwrap(), KeyText::generate().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert!(!one.digest().matches(other.digest()));
        assert!(KeyDigest::kept(&[0; 31]).is_none());
    }

    #[test]
    fn what_has_not_the_form_of_a_key_is_none() {
        let good = KeyText::generate().unwrap().expose().to_owned();
        let short = &good[..good.len() - 1];
        let table = [
            "",
            "iac_",
            "iac__",
            short,
            &format!("{good}A"),
            &good.replace("iac_", "key_"),
            "iac_ABCDEFABCDEF_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "iac_abcdefabcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\u{e9}",
        ];
        for text in table {
            assert!(KeyText::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = KeyText::generate().unwrap();
        // The secret may contain a `_` too.
        let secret = key.expose().splitn(3, '_').nth(2).unwrap().to_owned();
        assert!(!format!("{key:?}").contains(&secret));
    }
}
