//! The two tools that can be run.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The tool that a request runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// HashiCorp Terraform, the program `terraform`.
    Terraform,
    /// OpenTofu, the program `tofu`.
    Tofu,
}

impl Tool {
    /// Both tools, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Terraform, Self::Tofu];

    /// Returns the name of the program, which is also the word on the wire.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::Tofu => "tofu",
        }
    }

    /// Returns the name of the product, for use in sentences.
    pub const fn product(self) -> &'static str {
        match self {
            Self::Terraform => "Terraform",
            Self::Tofu => "OpenTofu",
        }
    }

    /// Returns the tool that a word on the wire names, or `None`.
    pub fn from_program(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.program() == word)
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}
