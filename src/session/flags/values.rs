//! The values of flags that are allowed: flags are kept on disk, and files are those of the configuration.

use super::{Flag, FlagFault};
use crate::protocol::is_secret_name;

/// Settings of backends whose name says that they are secret, beside the usual words.
const OF_BACKENDS: [&str; 3] = ["conn_str", "encryption_key", "sse_customer_key"];

/// What is wrong with the value of a flag.
pub(super) fn fault(flag: &Flag<'_>) -> Option<FlagFault> {
    let value = flag.value?;
    let name = || format!("-{}", flag.name);
    match flag.name {
        "var" | "backend-config" if value.contains('=') => {
            let (key, _) = value.split_once('=')?;
            says_secret(key).then(|| FlagFault::Secret { flag: name() })
        }
        "var-file" | "backend-config" | "target-file" | "exclude-file" => {
            let outside = value.starts_with('/') || value.split('/').any(|part| part == "..");
            outside.then(|| FlagFault::Outside { flag: name() })
        }
        _ => None,
    }
}

/// Whether a setting's name says that it is secret; a backend has some that no variable has.
pub(in crate::session) fn says_secret(key: &str) -> bool {
    let key = key.trim();
    is_secret_name(key)
        || OF_BACKENDS
            .iter()
            .any(|name| key.eq_ignore_ascii_case(name))
}
