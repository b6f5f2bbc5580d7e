//! Errors of the configuration.

use std::path::PathBuf;

use thiserror::Error;

use super::origin::Origin;

/// Why the configuration could not be loaded. Errors never repeat the value of a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("the configuration file `{}` could not be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: std::io::Error,
    },
    /// The file is not valid TOML.
    ///
    /// Of the parser's message, quoted text is left out: it may contain a secret.
    #[error("the configuration file `{}` is not valid TOML, at line {line}: {problem}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The parser's message, without quoted text.
        problem: String,
    },
    /// The file has an unknown setting.
    #[error("the configuration file has `{name}`, which is no setting")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A value is not valid.
    #[error("`{name}` ({origin}): {problem}")]
    Value {
        /// The setting.
        name: &'static str,
        /// Where the value comes from.
        origin: Origin,
        /// What is wrong with it.
        problem: String,
    },
}
