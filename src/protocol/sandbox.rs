//! What the tool and all processes that it starts may access.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::shapes;

/// Smallest memory limit: neither tool starts with less.
pub const MIN_MEMORY_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// The `sandbox` of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct SandboxRequest {
    /// Whether the tool is confined.
    #[schemars(default, with = "Option<SandboxMode>")]
    pub mode: SandboxMode,
    /// Files and directories that it may read besides those that every tool needs; missing ones are ignored.
    #[schemars(default, with = "Option<Vec<shapes::AbsolutePath>>")]
    pub read: Vec<PathBuf>,
    /// Files and directories that it may change besides `work_dir`, the data directory and its own temporary
    /// directory; missing ones are ignored.
    #[schemars(default, with = "Option<Vec<shapes::AbsolutePath>>")]
    pub write: Vec<PathBuf>,
    /// Most bytes of private memory that the tool, and each process that it starts, may have, in every mode
    /// (`RLIMIT_DATA`); without a limit if omitted.
    #[schemars(default, with = "Option<u64>", range(min = 67_108_864_u64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<u64>,
}

/// Whether a tool is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum SandboxMode {
    /// It can access everything that the runner can access.
    #[default]
    Off,
    /// It is confined as far as the kernel supports it; the result says how far.
    Auto,
    /// It does not run if the kernel can't confine it.
    Required,
}

impl SandboxMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Off, Self::Auto, Self::Required];

    /// Returns the word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Auto => "auto",
            Self::Required => "required",
        }
    }

    /// Returns the mode that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

impl fmt::Display for SandboxMode {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.word())
    }
}
