//! Encryption of request secrets at rest.
//!
//! A queued deployment, and one whose node restarts, needs its secrets again. So they are stored, sealed with
//! XChaCha20-Poly1305. The id of the deployment is associated data: sealed secrets that are moved to another row cannot
//! be opened. They are deleted when the deployment ends.

mod check;
mod key;

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use iac_runner::session::request::RequestSecrets;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::store::DeploymentId;
pub use check::{CheckError, open_sealer, replace_key};
pub use key::{KeyError, KeyOrigin, SealingKey};

/// First byte of sealed data: its format.
const VERSION: u8 = 1;
/// Long enough to be random for each seal and never repeat.
const NONCE_BYTES: usize = 24;
/// Purpose of the seal, so that data sealed for another purpose is not accepted.
const PURPOSE: &[u8] = b"iac-backend request-secrets 1\0";
/// Purpose of the check value of the key.
const CHECK_PURPOSE: &[u8] = b"iac-backend sealing-check 1\0";
/// Plain text of the check value.
const CHECK_TEXT: &[u8] = b"iac-backend";

/// Why data could not be sealed or opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The system has no random bytes.
    #[error("the system has no random bytes")]
    NoRandomness(#[source] getrandom::Error),
    /// The secrets could not be sealed.
    #[error("the secrets could not be sealed")]
    NotSealed,
    /// Sealed with another key or for another deployment, or changed since.
    #[error(
        "the secrets of the deployment cannot be opened: they were sealed with another key, or changed"
    )]
    NotOpened,
    /// A later version of this program sealed them.
    #[error("the secrets of the deployment were sealed by another version")]
    Version,
}

/// Encrypts (seals) and decrypts (opens) the secrets of requests.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl Sealer {
    /// Creates a sealer with this key.
    pub fn new(key: &SealingKey) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(key.bytes().into()),
        }
    }

    /// Seals the secrets of a deployment's request; `None` if it has none.
    ///
    /// # Errors
    /// The system has no random bytes, or the secrets are too long for the cipher.
    pub fn seal(
        &self,
        deployment: DeploymentId,
        secrets: &RequestSecrets,
    ) -> Result<Option<Vec<u8>>, SealError> {
        if secrets.is_empty() {
            return Ok(None);
        }
        let by_field: BTreeMap<&str, &str> = secrets
            .iter()
            .map(|(field, value)| (field, value.expose_secret()))
            .collect();
        let plain = serde_json::to_vec(&by_field).map_err(|_| SealError::NotSealed)?;
        let plain = Zeroizing::new(plain);
        self.seal_bytes(&plain, &bound_to(deployment)).map(Some)
    }

    /// Opens the secrets sealed for this deployment.
    ///
    /// # Errors
    /// They were sealed with another key or for another deployment, or changed since.
    pub fn open(
        &self,
        deployment: DeploymentId,
        sealed: &[u8],
    ) -> Result<RequestSecrets, SealError> {
        let plain = self.open_bytes(sealed, &bound_to(deployment))?;
        let by_field: BTreeMap<String, SecretString> =
            serde_json::from_slice(&plain).map_err(|_| SealError::NotOpened)?;
        Ok(by_field.into_iter().collect())
    }

    /// Seals a known text, for [`Sealer::opens_check`].
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn seal_check(&self) -> Result<Vec<u8>, SealError> {
        self.seal_bytes(CHECK_TEXT, CHECK_PURPOSE)
    }

    /// Returns whether the known text was sealed with this key.
    pub fn opens_check(&self, sealed: &[u8]) -> bool {
        self.open_bytes(sealed, CHECK_PURPOSE)
            .is_ok_and(|text| *text == CHECK_TEXT)
    }

    fn seal_bytes(&self, plain: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(SealError::NoRandomness)?;
        let payload = Payload {
            msg: plain,
            aad: bound_to,
        };
        let text = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::NotSealed)?;
        Ok([&[VERSION], nonce.as_slice(), &text].concat())
    }

    fn open_bytes(&self, sealed: &[u8], bound_to: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::NotOpened)?;
        if *version != VERSION {
            return Err(SealError::Version);
        }
        let (nonce, text) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SealError::NotOpened)?;
        let payload = Payload {
            msg: text,
            aad: bound_to,
        };
        self.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::NotOpened)
    }
}

/// Returns the associated data of a deployment's secrets.
fn bound_to(deployment: DeploymentId) -> Vec<u8> {
    [PURPOSE, deployment.to_string().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(&SealingKey::generate().unwrap())
    }

    fn secrets() -> RequestSecrets {
        let pair = |field: &str, value: &str| (field.to_owned(), SecretString::from(value));
        [
            pair(
                "env_vars.AWS_SECRET_ACCESS_KEY",
                "hunter2-\"hunter2\u{1f511}",
            ),
            pair("git_auth.password", ""),
        ]
        .into_iter()
        .collect()
    }

    fn clear(secrets: &RequestSecrets) -> Vec<(String, String)> {
        secrets
            .iter()
            .map(|(field, value)| (field.to_owned(), value.expose_secret().to_owned()))
            .collect()
    }

    #[test]
    fn what_was_sealed_opens_and_says_nothing_by_itself() {
        let (sealer, id) = (sealer(), DeploymentId::new());
        let sealed = sealer.seal(id, &secrets()).unwrap().unwrap();
        let opened = sealer.open(id, &sealed).unwrap();
        assert_eq!(clear(&opened), clear(&secrets()));
        for part in [&b"hunter2"[..], b"AWS_SECRET", b"git_auth"] {
            assert!(!sealed.windows(part.len()).any(|window| window == part));
        }
        assert_ne!(sealed, sealer.seal(id, &secrets()).unwrap().unwrap());
        assert!(
            sealer
                .seal(id, &RequestSecrets::default())
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_wrong_key_and_a_swapped_row_do_not_open() {
        let (sealer, id) = (sealer(), DeploymentId::new());
        let sealed = sealer.seal(id, &secrets()).unwrap().unwrap();
        let other_key = self::sealer().open(id, &sealed);
        let other_row = sealer.open(DeploymentId::new(), &sealed);
        assert!(matches!(other_key, Err(SealError::NotOpened)));
        assert!(matches!(other_row, Err(SealError::NotOpened)));
    }

    #[test]
    fn a_check_opens_with_its_key_alone_and_is_no_secret_of_a_request() {
        let (sealer, id) = (sealer(), DeploymentId::new());
        let check = sealer.seal_check().unwrap();
        assert!(sealer.opens_check(&check));
        assert!(!self::sealer().opens_check(&check));
        assert!(!sealer.opens_check(&sealer.seal(id, &secrets()).unwrap().unwrap()));
        assert!(sealer.open(id, &check).is_err());
        assert!(!sealer.opens_check(b""));
    }

    #[test]
    fn what_is_cut_off_or_changed_does_not_open() {
        let (sealer, id) = (sealer(), DeploymentId::new());
        let sealed = sealer.seal(id, &secrets()).unwrap().unwrap();
        for len in 0..sealed.len() {
            assert!(sealer.open(id, &sealed[..len]).is_err(), "{len} bytes");
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open(id, &changed).is_err(), "byte {at}");
        }
    }
}
