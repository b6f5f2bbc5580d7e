//! What is wrong with a configuration.

use std::path::PathBuf;

use thiserror::Error;

use super::origin::Origin;

/// Why there is no configuration. No value of a secret is repeated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("the configuration file `{}` could not be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML.
    ///
    /// The parser's own message is left out but for its place: it quotes lines, and a line may hold a secret.
    #[error("the configuration file `{}` is not valid TOML, at line {line}: {problem}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says, without quoting.
        problem: String,
    },
    /// The file holds what is no setting.
    #[error("the configuration file has `{name}`, which is no setting")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A value cannot be.
    #[error("`{name}` ({origin}): {problem}")]
    Value {
        /// The setting.
        name: &'static str,
        /// Where its value comes from.
        origin: Origin,
        /// What is wrong with it.
        problem: String,
    },
}
