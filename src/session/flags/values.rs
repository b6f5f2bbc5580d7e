//! The values of flags that are allowed: flags are kept on disk, and files are those of the configuration.

use super::{Flag, FlagFault};
use crate::protocol::is_secret_name;

/// What is wrong with the value of a flag.
pub(super) fn fault(flag: &Flag<'_>) -> Option<FlagFault> {
    let value = flag.value?;
    let name = || format!("-{}", flag.name);
    match flag.name {
        "var" | "backend-config" if value.contains('=') => {
            let (key, _) = value.split_once('=')?;
            is_secret_name(key.trim()).then(|| FlagFault::Secret { flag: name() })
        }
        "var-file" | "backend-config" | "target-file" | "exclude-file" => {
            let outside = value.starts_with('/') || value.split('/').any(|part| part == "..");
            outside.then(|| FlagFault::Outside { flag: name() })
        }
        _ => None,
    }
}
