//! Reads what identifies a version of a local state.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::read_file::open;

/// Both tools write the members of the head first, in fewer bytes.
const MAX_HEAD_BYTES: u64 = 1024;

/// The identity of a state file, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StateHead {
    /// A state.
    State {
        /// Grows with each change.
        serial: u64,
        /// The same for all versions of a state.
        lineage: String,
    },
    /// A document that is no state.
    NoState,
    /// It does not exist, is encrypted, or could not be read.
    Unknown,
}

#[derive(Deserialize)]
struct Document {
    version: Option<IgnoredAny>,
    serial: Option<u64>,
    lineage: Option<String>,
    encrypted_data: Option<IgnoredAny>,
}

impl StateHead {
    /// Takes the content as it was read; `None` if the file is too long.
    pub(super) fn with_content(path: &Path, content: Option<&str>) -> Self {
        let Some(text) =
            content.map_or_else(|| beginning(path).map(Cow::Owned), |it| Some(it.into()))
        else {
            return Self::Unknown;
        };
        match serde_json::from_str(&text) {
            Ok(Document {
                encrypted_data: Some(_),
                ..
            })
            | Err(_) => Self::Unknown,
            Ok(Document {
                version: Some(_),
                serial: Some(serial),
                lineage: Some(lineage),
                ..
            }) => Self::State { serial, lineage },
            Ok(_) => Self::NoState,
        }
    }

    /// Returns whether this is not a later version of an earlier state; `false` if that is unknown.
    pub(super) fn is_not_after(&self, earlier: &Self) -> bool {
        match (earlier, self) {
            (_, Self::NoState) => true,
            (
                Self::State { serial, lineage },
                Self::State {
                    serial: now,
                    lineage: of_now,
                },
            ) => now <= serial || lineage != of_now,
            _ => false,
        }
    }
}

/// Returns the members at the beginning of a long document, as a document.
fn beginning(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let mut file = open(path)?.take(MAX_HEAD_BYTES);
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let end = text
        .find("\"outputs\"")
        .or_else(|| text.find("\"resources\""))?;
    let members = text[..end].trim_end().strip_suffix(',')?;
    Some(format!("{members}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::state_report::read_file::read;

    fn head_of(path: &Path) -> StateHead {
        StateHead::with_content(path, read(path).as_deref())
    }

    #[test]
    fn a_state_is_told_from_older_and_other_ones() {
        let folder = tempfile::tempdir().unwrap();
        let head = |text: &str| {
            let path = folder.path().join("terraform.tfstate");
            std::fs::write(&path, text).unwrap();
            head_of(&path)
        };
        let state = |serial: u64, lineage: &str, rest: &str| {
            head(&format!(
                "{{\n  \"version\": 4,\n  \"terraform_version\": \"1.11.4\",\n  \"serial\": {serial},\n  \
                 \"lineage\": \"{lineage}\",\n  \"outputs\": {{}},\n  \"resources\": [{rest}]\n}}\n"
            ))
        };
        let long = format!("\"{}\"", "x".repeat(2 * 1024 * 1024));
        let before = state(7, "a", "");
        assert_eq!(before, state(7, "a", &long));
        assert!(!state(8, "a", &long).is_not_after(&before));
        for other in [
            state(7, "a", ""),
            state(6, "a", &long),
            state(99, "b", ""),
            head("{}"),
        ] {
            assert!(other.is_not_after(&before), "{other:?}");
        }
        for unknown in [
            head(""),
            head("{\"serial\":1,\"lineage\":\"a\",\"encrypted_data\":\"x\"}"),
            head_of(Path::new("/nothing")),
        ] {
            assert_eq!(unknown, StateHead::Unknown);
            assert!(!unknown.is_not_after(&before));
            assert!(!state(1, "a", "").is_not_after(&unknown));
        }
    }
}
