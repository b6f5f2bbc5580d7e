//! Checks the values of allowed flags: flags are stored on disk, and files must belong to the configuration.

use super::{Flag, FlagFault};
use crate::protocol::is_secret_name;

/// Returns what is wrong with the value of a flag.
pub(crate) fn fault(flag: &Flag<'_>) -> Option<FlagFault> {
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
