//! The id of a commit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The full id of a commit: 40 hexadecimal digits, or 64 in a SHA-256 repository.
///
/// Always lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

/// A text that is not the full id of a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not 40 or 64 hexadecimal digits")]
pub struct NotACommitSha(String);

impl CommitSha {
    /// Returns the hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the object format of repositories with such ids, as in `git init --object-format`.
    pub(crate) fn object_format(&self) -> &'static str {
        if self.0.len() == 64 { "sha256" } else { "sha1" }
    }
}

impl FromStr for CommitSha {
    type Err = NotACommitSha;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex && matches!(text.len(), 40 | 64) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(NotACommitSha(text.chars().take(100).collect()))
        }
    }
}

impl TryFrom<String> for CommitSha {
    type Error = NotACommitSha;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CommitSha> for String {
    fn from(sha: CommitSha) -> Self {
        sha.0
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_names_are_commits() {
        let table = [
            ("a".repeat(40), true),
            ("A0".repeat(20), true),
            ("0".repeat(64), true),
            ("a".repeat(39), false),
            ("a".repeat(41), false),
            ("g".repeat(40), false),
            (String::new(), false),
        ];
        for (text, valid) in table {
            assert_eq!(text.parse::<CommitSha>().is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn it_is_lower_case_and_goes_through_json() {
        let sha: CommitSha = "AB".repeat(20).parse().unwrap();
        assert_eq!(sha.to_string(), "ab".repeat(20));
        let json = serde_json::to_string(&sha).unwrap();
        assert_eq!(serde_json::from_str::<CommitSha>(&json).unwrap(), sha);
        assert!(serde_json::from_str::<CommitSha>("\"main\"").is_err());
    }
}
