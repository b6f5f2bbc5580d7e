//! An API key, as stored.

use chrono::{DateTime, Utc};

use crate::auth::{Caller, KeyDigest, KeyId, KeyText, Roles};

/// An API key, without its secret.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// Public id.
    pub id: KeyId,
    /// Digest of its secret.
    pub digest: KeyDigest,
    /// Its roles.
    pub roles: Roles,
    /// Name of its owner, as given by its creator.
    pub name: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl StoredKey {
    /// Returns the caller that presents this key.
    pub fn caller(&self) -> Caller {
        Caller {
            name: self.name.clone(),
            roles: self.roles,
        }
    }

    /// Returns whether a presented key is this one and is not revoked.
    pub fn admits(&self, presented: &KeyText) -> bool {
        self.digest.matches(presented.digest()) && self.revoked_at.is_none()
    }
}
