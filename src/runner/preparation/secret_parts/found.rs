//! Collects the secrets of one value, each once, within bounds.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::{Scope, Secret};
use crate::output::Matcher;

/// Most secrets that are taken from one value.
pub(super) const MAX_SECRETS: usize = 10_000;
/// Most bytes of all secrets of a value, as a multiple of its length.
const MAX_STRETCH: usize = 8;
/// Most bytes of all texts in a value that are searched, as a multiple of its length: a string of a document is
/// searched again as a document.
const MAX_PASSES: usize = 32;
/// Added to the length of a value for both limits, in bytes.
const FREE_BYTES: usize = 1024;

/// The secrets of a value.
pub(super) struct Found {
    secrets: Vec<Secret<'static>>,
    /// The names of users in the value, in lower case.
    users: HashSet<String>,
    state: RandomState,
    /// Hashes of the secrets.
    known: HashSet<u64>,
    /// Hashes of the texts that were searched.
    searched: HashSet<u64>,
    /// How many more bytes the secrets may have.
    bytes_left: usize,
    /// How many more bytes may be searched.
    work_left: usize,
    is_full: bool,
}

impl Found {
    /// Starts a search of a value of this length, in bytes.
    pub(super) fn for_value_of(bytes: usize) -> Self {
        Self {
            users: HashSet::new(),
            secrets: Vec::new(),
            state: RandomState::new(),
            known: HashSet::new(),
            searched: HashSet::new(),
            bytes_left: MAX_STRETCH * (bytes + FREE_BYTES),
            work_left: MAX_PASSES * (bytes + FREE_BYTES),
            is_full: false,
        }
    }

    /// Takes the names of users, in lower case: a password that equals one is shown wherever the name is shown.
    pub(super) fn know_users(&mut self, users: HashSet<String>) {
        self.users = users;
    }

    /// Returns the number of secrets found so far.
    pub(super) const fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Returns the secrets from a position on.
    pub(super) fn since(&self, position: usize) -> &[Secret<'static>] {
        &self.secrets[position..]
    }

    /// Adds a secret unless it is known, or too short to be masked.
    pub(super) fn add(&mut self, mut secret: Secret<'_>) {
        if self.is_user(&secret.value) {
            secret.scope = Scope::Place;
        }
        let value = secret.value.as_ref();
        let hash = self.state.hash_one((value, secret.scope as u8));
        if !Matcher::masks(value) || self.known.contains(&hash) {
            return;
        }
        let bytes_left = self.bytes_left.checked_sub(value.len());
        match bytes_left.filter(|_| self.secrets.len() < MAX_SECRETS) {
            Some(bytes_left) => {
                self.bytes_left = bytes_left;
                self.known.insert(hash);
                self.secrets.push(secret.into_owned());
            }
            None => self.is_full = true,
        }
    }

    fn is_user(&self, value: &[u8]) -> bool {
        let name = str::from_utf8(value).unwrap_or_default();
        !self.users.is_empty() && self.users.contains(&name.to_ascii_lowercase())
    }

    pub(super) fn add_all<'a>(&mut self, secrets: impl IntoIterator<Item = Secret<'a>>) {
        secrets.into_iter().for_each(|secret| self.add(secret));
    }

    /// Returns whether a text is to be searched: it was not searched before, and the limit is not reached.
    pub(super) fn begins(&mut self, text: &str, is_secret: bool) -> bool {
        let hash = self.state.hash_one((text, is_secret));
        if !self.searched.insert(hash) {
            return false;
        }
        let work_left = self.work_left.checked_sub(text.len());
        self.is_full |= work_left.is_none();
        self.work_left = work_left.unwrap_or(self.work_left);
        work_left.is_some()
    }

    /// Returns the secrets. If they are not all secrets of the value, the value itself is one of them.
    pub(super) fn of(mut self, value: &[u8]) -> Vec<Secret<'static>> {
        if self.is_full {
            self.secrets.push(Secret::anywhere(value.to_vec()));
        }
        self.secrets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<'_> {
        Secret::anywhere(text.as_bytes())
    }

    #[test]
    fn beyond_its_limits_the_whole_value_is_secret() {
        let mut few = Found::for_value_of(10);
        few.add_all(["hunter22", "hunter22", "short", "hunter23"].map(secret));
        assert_eq!(few.of(b"the value").len(), 2);
        let mut many = Found::for_value_of(100 * MAX_SECRETS);
        many.add_all(
            (0..=MAX_SECRETS).map(|it| Secret::anywhere(format!("secret-{it}").into_bytes())),
        );
        let mut large = Found::for_value_of(10);
        large.add(secret(&"x".repeat(MAX_STRETCH * (10 + FREE_BYTES) + 1)));
        let mut work = Found::for_value_of(10);
        let text = "x".repeat(MAX_PASSES * (10 + FREE_BYTES));
        assert!(work.begins(&text, true));
        assert!(!work.begins("y", true));
        for found in [many, large, work] {
            let found = found.of(b"the value");
            assert_eq!(found.last().unwrap().value.as_ref(), b"the value");
        }
    }

    #[test]
    fn a_password_that_is_a_user_name_is_secret_in_urls_alone() {
        let mut found = Found::for_value_of(10);
        found.know_users(HashSet::from(["admin_user".to_owned()]));
        found.add_all(["Admin_User", "hunter22"].map(secret));
        let scopes: Vec<Scope> = found.of(b"").iter().map(|it| it.scope).collect();
        assert_eq!(scopes, [Scope::Place, Scope::Anywhere]);
    }

    #[test]
    fn a_text_is_searched_once() {
        let mut found = Found::for_value_of(10);
        assert!(found.begins("text", true));
        assert!(!found.begins("text", true));
        assert!(found.begins("text", false));
    }
}
