//! A key of the API, as it is kept.

use chrono::{DateTime, Utc};

use crate::auth::{KeyDigest, KeyId, KeyText, Roles};

/// A key of the API, without its secret.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// Its public name.
    pub id: KeyId,
    /// The digest of its secret.
    pub digest: KeyDigest,
    /// What it is for.
    pub roles: Roles,
    /// Whose it is, in the words of who made it.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl StoredKey {
    /// Whether what was presented is this key, and it is good.
    pub fn admits(&self, presented: &KeyText) -> bool {
        self.digest.matches(presented.digest()) && self.revoked_at.is_none()
    }
}
