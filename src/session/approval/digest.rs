//! The digest by which an approval identifies a plan.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::hash::Hash;

/// The digest of everything that an approval is bound to: 64 hexadecimal digits, a SHA-256.
///
/// It covers the bytes of the plan file, of its summary and of the dependency lock file, the commit and the files
/// of the configuration with its modules, path and version of the tool, variables, environment, workspace and the
/// tool's CLI configuration. Two plans of the same session have different digests even if they would do the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PlanDigest(String);

/// A string that is not the digest of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the digest of a plan has 64 hexadecimal digits")]
pub struct NotADigest;

impl PlanDigest {
    /// Returns the digest of all hashed parts.
    pub(crate) fn of(hash: Hash) -> Self {
        Self(hash.finish())
    }
}

impl FromStr for PlanDigest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.len() == 64 && is_hex {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(NotADigest)
        }
    }
}

impl TryFrom<String> for PlanDigest {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, NotADigest> {
        text.parse()
    }
}

impl From<PlanDigest> for String {
    fn from(digest: PlanDigest) -> Self {
        digest.0
    }
}

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_back_and_nothing_else_is_taken_for_one() {
        let text = "Ab".repeat(32);
        let digest: PlanDigest = text.parse().unwrap();
        assert_eq!(digest.to_string(), "ab".repeat(32));
        for wrong in ["", "ab", &"g".repeat(64), &"a".repeat(65)] {
            assert_eq!(wrong.parse::<PlanDigest>(), Err(NotADigest));
        }
    }
}
